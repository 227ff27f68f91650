//! kollect-operator.

fn main() {}
