//! The list of fuzz targets: each is a file below `targets` and a folder of `fuzz/corpus`. How they are run is not
//! known here.

mod cel;
mod jsonpath;

/// Panics where the input shows a bug.
pub(crate) type Target = fn(&[u8]);

/// All targets by name.
pub(crate) const TARGETS: &[(&str, Target)] = &[("cel", cel::run), ("jsonpath", jsonpath::run)];
