//! Where documents stand: paths relative to the destination's root. It does no I/O.

pub mod document;
pub mod template;
