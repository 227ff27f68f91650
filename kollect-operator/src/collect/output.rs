//! Where documents go, and writing them there. It does not show tables.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kollect_sink_core::{Scope, View};
use kollect_sink_objectstore::format::{Format, Header};
use kollect_sink_objectstore::{error, put};

use super::error::Error;
use super::pass::Gathered;

/// Where documents go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// `<folder>/<cluster>/<namespace>/<inventory>.<format>`, a file for each format.
    Folder(PathBuf, Vec<Format>),
    /// One file.
    File(PathBuf, Format),
    /// Standard output.
    Stdout(Format),
}

/// A document that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it is.
    pub place: String,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}

/// Extensions of files that look like documents and are none of ours.
const OTHERS: [&str; 6] = ["tsv", "yml", "xlsx", "gz", "zst", "txt"];

impl Output {
    /// Reads what the user gave as `--output` and `--format`: `-` is standard output, a name that ends in a
    /// format's extension is a file, anything else is a folder.
    ///
    /// # Errors
    /// The two contradict each other, or this build lacks the format.
    pub fn parse(output: &str, formats: &[Format]) -> Result<Self, Error> {
        formats.iter().try_for_each(|format| format.require().map_err(Error::Format))?;
        let path = Path::new(output);
        if output == "-" {
            let format = single(path, formats)?.unwrap_or(Format::Ndjson);
            if format == Format::Parquet && io::stdout().is_terminal() {
                return Err(Error::BinaryToTerminal);
            }
            return Ok(Self::Stdout(format));
        }
        let folder = output.ends_with(std::path::MAIN_SEPARATOR) || path.is_dir();
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
        let named = extension
            .as_deref()
            .and_then(|name| Format::ALL.into_iter().find(|format| format.as_str() == name));
        if let Some(format) = named.filter(|_| !folder) {
            format.require().map_err(Error::Format)?;
            return match single(path, formats)? {
                Some(other) if other != format => {
                    Err(Error::Contradiction { path: path.to_owned(), format: other.as_str() })
                }
                _ => Ok(Self::File(path.to_owned(), format)),
            };
        }
        if extension.as_deref().is_some_and(|extension| !folder && OTHERS.contains(&extension)) {
            return Err(Error::UnknownExtension { path: path.to_owned() });
        }
        let mut formats = formats.to_vec();
        formats.dedup();
        if formats.is_empty() {
            formats = [Format::Parquet, Format::Ndjson]
                .into_iter()
                .filter(|format| format.require().is_ok())
                .collect();
        }
        Ok(Self::Folder(path.to_owned(), formats))
    }

    /// Checks that so many inventories have a place here.
    ///
    /// # Errors
    /// There are several, and only one place.
    pub fn holds(&self, documents: usize) -> Result<(), Error> {
        match self {
            Self::File(path, _) if documents > 1 => Err(Error::OneFile { path: path.clone(), documents }),
            Self::Stdout(_) if documents > 1 => Err(Error::OneFile { path: PathBuf::from("-"), documents }),
            _ => Ok(()),
        }
    }

    /// Writes the inventories of a source. A file appears whole or not at all.
    ///
    /// # Errors
    /// The first document that cannot be written; those before it stay.
    pub async fn write(&self, gathered: &Gathered, at: Timestamp) -> Result<Vec<Document>, Failed> {
        let mut documents = Vec::new();
        for (id, view) in &gathered.inventories {
            let scope = Scope::new(&gathered.cluster, &id.namespace, &id.name);
            let head = view.head();
            let header = |scope: &Scope| Header {
                scope: scope.clone(),
                generation: 1,
                exported_at: at,
                unknown: head.unknown.clone(),
                schema: head.schema.clone(),
                hot_attributes: Vec::new(),
            };
            match self {
                Self::Folder(folder, formats) => {
                    for format in formats {
                        let name = format!("{}{}", scope.inventory_name, format.extension());
                        let path =
                            folder.join(scope.cluster_segment()).join(scope.namespace_segment()).join(name);
                        documents.push(file(&path, *format, header(&scope), view).await?);
                    }
                }
                Self::File(path, format) => documents.push(file(path, *format, header(&scope), view).await?),
                Self::Stdout(format) => {
                    let written = put::stream(io::stdout(), *format, header(&scope), view.rows()).await;
                    let written =
                        written.map_err(|source| Failed { place: "standard output".to_owned(), source })?;
                    documents.push(Document {
                        place: "standard output".to_owned(),
                        bytes: written.bytes,
                        rows: written.rows,
                    });
                }
            }
        }
        Ok(documents)
    }
}

/// A document that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {place}")]
pub struct Failed {
    /// Where it should be.
    pub place: String,
    /// Why.
    pub source: error::Error,
}

impl Failed {
    /// Whether nobody reads any more what was being written.
    pub fn is_broken_pipe(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&self.source);
        while let Some(error) = cause {
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

async fn file(path: &Path, format: Format, header: Header, view: &dyn View) -> Result<Document, Failed> {
    let place = path.display().to_string();
    match put::file(path, format, header, view.rows()).await {
        Ok(written) => Ok(Document { place, bytes: written.bytes, rows: written.rows }),
        Err(source) => Err(Failed { place, source }),
    }
}

/// The one format, if any is named.
fn single(path: &Path, formats: &[Format]) -> Result<Option<Format>, Error> {
    match formats {
        [] => Ok(None),
        [format] => Ok(Some(*format)),
        several => Err(Error::OneFile { path: path.to_owned(), documents: several.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_a_file_from_a_folder() {
        let both = vec![Format::Parquet, Format::Ndjson];
        for (output, formats, expected) in [
            ("out", vec![], Output::Folder("out".into(), both.clone())),
            ("out/", vec![Format::Json], Output::Folder("out/".into(), vec![Format::Json])),
            ("v1.2", vec![], Output::Folder("v1.2".into(), both)),
            ("a.ndjson", vec![], Output::File("a.ndjson".into(), Format::Ndjson)),
            ("x/a.PARQUET", vec![Format::Parquet], Output::File("x/a.PARQUET".into(), Format::Parquet)),
            ("-", vec![], Output::Stdout(Format::Ndjson)),
            ("-", vec![Format::Json], Output::Stdout(Format::Json)),
        ] {
            assert_eq!(Output::parse(output, &formats).unwrap(), expected, "{output}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let refused = |output, formats: &[Format]| Output::parse(output, formats).unwrap_err().to_string();
        assert!(refused("a.json", &[Format::Ndjson]).contains("a.json"));
        assert!(refused("-", &[Format::Ndjson, Format::Json]).contains("2 documents"));
        assert!(refused("rows.tsv", &[]).contains(".parquet, .ndjson, .json, .yaml or .csv"));
    }

    #[test]
    fn one_file_holds_one_document() {
        assert!(Output::File("a.json".into(), Format::Json).holds(2).is_err());
        assert!(Output::Folder("a".into(), vec![]).holds(2).is_ok());
    }
}
