//! Where documents stand: paths relative to the destination's root. It does no I/O.

pub mod document;
pub mod per_resource;
pub mod template;
