//! Opens the folder. What it hands out is a directory handle that cannot be left: neither by `..` nor by a
//! symbolic link. It knows no scopes.

use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::config::{Config, Provisioning};
use crate::error::{Error, Result};

/// Whether missing folders are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// They stay missing.
    Leave,
    /// They are made, unless the configuration says that they must exist.
    Make,
}

/// The sink's folder; `None` where it does not exist and is not to be made.
///
/// # Errors
/// Where the folder that holds the root does not exist: that is a volume that is not mounted, and making it
/// would write somewhere else.
pub(super) fn open(config: &Config, missing: Missing) -> Result<Option<Dir>> {
    let make = missing == Missing::Make && config.provisioning == Provisioning::Ensure;
    let Some(root) = open_root(config, make)? else { return absent(config, missing) };
    if config.folder.is_empty() {
        return Ok(Some(root));
    }
    if make {
        make_dirs(&root, &config.folder).map_err(Error::io(format!("make the folder {config}")))?;
    }
    match root.open_dir(&config.folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => absent(config, missing),
        opened => opened.map(Some).map_err(Error::io(format!("open the folder {config}"))),
    }
}

fn absent(config: &Config, missing: Missing) -> Result<Option<Dir>> {
    if missing == Missing::Leave {
        return Ok(None);
    }
    let doing = format!("open the folder {config}, which `provisioning.mode: existing` expects");
    Err(Error::io(doing)(io::ErrorKind::NotFound.into()))
}

fn open_root(config: &Config, make: bool) -> Result<Option<Dir>> {
    let failed = |doing: &str| Error::io(format!("{doing} {config}"));
    // A validated root has both.
    let (Some(parent), Some(name)) = (config.root.parent(), config.root.file_name()) else {
        return Err(Error::config("root", "the root is an absolute path other than `/`"));
    };
    let parent = Dir::open_ambient_dir(parent, ambient_authority())
        .map_err(failed("open the folder that holds the root of"))?;
    let name = Path::new(name);
    match parent.symlink_metadata(name) {
        Ok(found) if found.is_symlink() => {
            Err(failed("follow the symbolic link at the root of")(io::ErrorKind::PermissionDenied.into()))
        }
        Ok(_) => parent.open_dir(name).map(Some).map_err(failed("open the root of")),
        Err(error) if error.kind() == io::ErrorKind::NotFound && make => {
            let made = match parent.create_dir(name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made.and_then(|()| sync(&parent, "")),
            };
            made.and_then(|()| parent.open_dir(name)).map(Some).map_err(failed("make the root of"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("open the root of")(error)),
    }
}

/// Makes `path` and what leads to it, each entry synced, so that a file in it survives a power cut.
pub(super) fn make_dirs(dir: &Dir, path: &str) -> io::Result<()> {
    if path.is_empty() || dir.is_dir(path) {
        return Ok(());
    }
    let parent = parent_of(path);
    make_dirs(dir, parent)?;
    match dir.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir(path) => Ok(()),
        made => made.and_then(|()| sync(dir, parent)),
    }
}

/// The folder that `path` stands in; empty for the one that paths start from.
pub(super) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Makes renames and new entries in the folder `path` durable.
pub(super) fn sync(dir: &Dir, path: &str) -> io::Result<()> {
    let folder = dir.open(if path.is_empty() { "." } else { path })?.into_std();
    match folder.sync_all() {
        // File systems that cannot sync folders make them durable by themselves, or not at all.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}
