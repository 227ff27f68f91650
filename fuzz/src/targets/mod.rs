//! The list of fuzz targets: each is a file below `targets` and a folder of `fuzz/corpus`. How they are run is not
//! known here.

mod cel;
mod helm;
mod jsonpath;
mod manifest;
mod object;
mod prune;

/// Panics where the input shows a bug.
pub(crate) type Target = fn(&[u8]);

/// All targets by name.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("cel", cel::run),
    ("helm", helm::run),
    ("jsonpath", jsonpath::run),
    ("manifest", manifest::run),
    ("object", object::run),
    ("prune", prune::run),
];
