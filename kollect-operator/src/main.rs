//! The binary `kollect`. All it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kollect_operator::cli::main()
}
