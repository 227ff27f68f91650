//! `tidy`: prints the findings of the library's rules. Has no rules itself.

use anyhow::{Result, bail};

pub(crate) fn run() -> Result<()> {
    let findings = xtask::tidy::check()?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("1 finding"),
        n => bail!("{n} findings"),
    }
}
