//! Files of objects in a folder tree, in a stable order. It does not read what they hold.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;

/// What a path leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Files that may hold objects.
    pub files: Vec<PathBuf>,
    /// How many other files there are.
    pub others: u64,
    /// Folders that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Names of files that hold objects.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Finds the files below a folder, sorted; a file that is named itself is taken whatever it is called. Links to
/// folders and hidden folders are not followed.
///
/// # Errors
/// The path itself cannot be read.
pub fn find(path: &Path) -> Result<Found, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut found = Found::default();
    if fs::metadata(path).map_err(failed)?.is_file() {
        found.files.push(path.to_owned());
        return Ok(found);
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    walk(entries, &mut found);
    found.files.sort();
    Ok(found)
}

fn walk(entries: fs::ReadDir, found: &mut Found) {
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                if !hidden {
                    match fs::read_dir(&path) {
                        Ok(entries) => walk(entries, found),
                        Err(error) => found.unreadable.push((path, error.to_string())),
                    }
                }
            }
            Ok(_) => {
                let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
                let known = EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
                if known && path.is_file() {
                    found.files.push(path);
                } else {
                    found.others += 1;
                }
            }
            Err(error) => found.unreadable.push((path, error.to_string())),
        }
    }
}

/// Reads a file as text.
///
/// # Errors
/// It cannot be read, or is not UTF-8: then the message tells the line.
pub fn read_text(path: &Path) -> Result<String, String> {
    text_from(fs::read(path).map_err(|error| error.to_string())?)
}

/// Takes bytes as text.
///
/// # Errors
/// They are not UTF-8; the message tells the line.
pub fn text_from(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let end = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..end).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8 text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_gives_its_files_in_order_and_counts_the_others() {
        let root = tempfile::tempdir().unwrap();
        for file in ["b/pods.yaml", "a.json", "b/c/x.YML", "b/log.txt", ".git/config.yaml", "version"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = find(root.path()).unwrap();
        let files: Vec<_> = found.files.iter().map(|file| file.strip_prefix(root.path()).unwrap()).collect();
        assert_eq!(files, [Path::new("a.json"), Path::new("b/c/x.YML"), Path::new("b/pods.yaml")]);
        assert_eq!((found.others, found.unreadable.len()), (2, 0));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_above_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.yaml"), "").unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
        assert_eq!(find(root.path()).unwrap().files.len(), 1);
    }

    #[test]
    fn text_that_is_not_utf8_is_named_by_line() {
        assert_eq!(text_from(b"a\nb\n\xff".to_vec()).unwrap_err(), "line 3 is not UTF-8 text");
    }

    #[test]
    fn a_path_that_does_not_exist_is_an_error() {
        assert!(matches!(find(Path::new("/nonexistent/x")), Err(Error::Read { .. })));
    }
}
