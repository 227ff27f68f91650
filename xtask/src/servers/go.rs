//! Programs built from Go modules: a pin is a folder with go.mod, go.sum and tools.go. Starts no server.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::tail;
use crate::{cache, workspace};

/// Programs of one pin.
#[derive(Debug)]
pub struct Pin {
    /// The folder below `xtask/servers`.
    pub name: &'static str,
    /// The module whose version in go.mod is the programs' version.
    pub module: &'static str,
    /// Variables that the linker sets, `{version}` being the module's version.
    pub variables: &'static [(&'static str, &'static str)],
    /// Each program and the package that it is built from.
    pub programs: &'static [(&'static str, &'static str)],
}

impl Pin {
    /// Whether the programs are there.
    pub fn installed(&self) -> bool {
        self.linker_flags().and_then(|flags| self.place(&flags)).is_ok_and(|dir| dir.is_dir())
    }

    /// The folder with the programs, built first if they are not there.
    ///
    /// # Errors
    /// If go is missing or the build fails.
    pub fn install(&self) -> Result<PathBuf> {
        let flags = self.linker_flags()?;
        let home = cache::install("servers", self.name, &self.key(&flags)?, |staging| {
            let log = cache::folder("log")?.join(format!("{}.log", self.name));
            eprintln!("servers: building {} (log: {})", self.name, log.display());
            let out = File::create(&log)?;
            for (program, package) in self.programs {
                self.build(&flags, package, &staging.join("bin").join(program), &out)
                    .with_context(|| format!("the end of {}:\n{}", log.display(), tail(&log, 20)))?;
            }
            Ok(())
        })?;
        Ok(home.join("bin"))
    }

    fn build(&self, flags: &str, package: &str, program: &Path, log: &File) -> Result<()> {
        let status = Command::new("nice")
            .args(["go", "build", "-mod=readonly", "-trimpath", "-p", "2"])
            .arg(format!("-ldflags={flags}"))
            .arg("-o")
            .args([program.as_os_str(), package.as_ref()])
            .current_dir(self.dir())
            .envs([("CGO_ENABLED", "0"), ("GOFLAGS", "-buildvcs=false"), ("GOWORK", "off")])
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .status()
            .context("cannot start go: `cargo xtask doctor` tells how to install it")?;
        if !status.success() {
            bail!("go build {package}: {status}");
        }
        Ok(())
    }

    fn dir(&self) -> PathBuf {
        workspace::root().join("xtask/servers").join(self.name)
    }

    fn place(&self, flags: &str) -> Result<PathBuf> {
        cache::place("servers", self.name, &self.key(flags)?)
    }

    fn key(&self, flags: &str) -> Result<String> {
        let mut parts = Vec::new();
        for file in ["go.mod", "go.sum", "tools.go"] {
            let path = self.dir().join(file);
            parts.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
        parts.push(flags.as_bytes().to_vec());
        Ok(cache::key(parts.iter().map(Vec::as_slice)))
    }

    fn linker_flags(&self) -> Result<String> {
        let manifest = fs::read_to_string(self.dir().join("go.mod"))?;
        let version = required(&manifest, self.module)
            .with_context(|| format!("{} does not require {}", self.name, self.module))?;
        let mut flags = String::from("-s -w");
        for (variable, value) in self.variables {
            flags.push_str(&format!(" -X {variable}={}", value.replace("{version}", version)));
        }
        Ok(flags)
    }
}

/// The version that a go.mod requires of a module.
fn required<'a>(manifest: &'a str, module: &str) -> Option<&'a str> {
    manifest.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("require ").unwrap_or(line);
        line.strip_prefix(module)?.strip_prefix(' ')?.split_whitespace().next().filter(|v| v.starts_with('v'))
    })
}

#[cfg(test)]
mod tests {
    use super::required;

    #[test]
    fn the_version_is_read_from_either_form_of_require() {
        let one = "module m\n\nrequire example.org/a v1.2.3\n";
        let many = "require (\n\texample.org/ab v9.9.9\n\texample.org/a v1.2.3 // indirect\n)\n";
        assert_eq!(required(one, "example.org/a"), Some("v1.2.3"));
        assert_eq!(required(many, "example.org/a"), Some("v1.2.3"));
        assert_eq!(required("replace example.org/a => example.org/b v1.0.0", "example.org/a"), None);
    }
}
