//! The configuration of a folder, from plain values. It touches no file.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use kollect_sink_core::{Digest, Text};

use crate::error::{Error, Result};
use crate::format::{Compression, Encoding, Format};
use crate::layout::document;
use crate::layout::per_resource::{self, Content, Filename, GroupInPath, KindCase};
use crate::layout::template::check_segment;
use crate::retention::Retention;

/// Length to which parts of paths are cut where nothing else is asked for, in bytes.
const SEGMENT_LIMIT: usize = 63;

/// Attributes that may have a column of text without a stated type.
const HOT_LIMIT: usize = 256;

/// Plain values, named as users write them; what is absent has the default of the same field of [`Config`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The folder that bounds all writing, as an absolute path. It is made if only its last part is missing.
    pub root: PathBuf,
    /// `endpoint`: where to write, relative to the root; empty for the root itself.
    pub endpoint: String,
    /// `serialization.format`: `parquet` (default), `json` (default with a document per row), `yaml`, `ndjson` or
    /// `csv`.
    pub format: Option<String>,
    /// `serialization.compression`: `none`, `gzip`, `zstd`, and for Parquet `snappy`. The default is `zstd` for
    /// Parquet and `none` for the others.
    pub compression: Option<String>,
    /// `layout.mode`: `document` (default), `perResource`, or `split`, which is the same with an index.
    pub layout_mode: Option<String>,
    /// `layout.content`: `item` (default) or, with a document per row, `attributes`.
    pub layout_content: Option<String>,
    /// `pathTemplate`: of the one document.
    pub path_template: Option<String>,
    /// `layout.pathTemplate`: of each row's document; in layout `document` the same as `pathTemplate`.
    pub layout_path_template: Option<String>,
    /// `layout.index.enabled`: by default in layout `split`.
    pub index_enabled: Option<bool>,
    /// `layout.index.pathTemplate`.
    pub index_path_template: Option<String>,
    /// `layout.filename.groupInPath`: `auto` (default), `always` or `never`.
    pub group_in_path: Option<String>,
    /// `layout.filename.lowercaseKind`: by default yes.
    pub lowercase_kind: Option<bool>,
    /// `layout.filename.maxSegmentLength`: 16 to 200, default 63.
    pub max_segment_length: Option<u32>,
    /// `objectStore.hotAttributes`.
    pub hot_attributes: Vec<String>,
    /// `objectStore.retention.generations`: at least 1, default 10.
    pub retention_generations: Option<u32>,
    /// `objectStore.retention.age`; absent: no limit.
    pub retention_age: Option<Duration>,
    /// `provisioning.mode`: `ensure` (default) or `existing`.
    pub provisioning: Option<String>,
    /// `options`: a folder knows none.
    pub options: BTreeMap<String, String>,
}

/// Whether folders may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provisioning {
    /// What is missing is made.
    Ensure,
    /// The endpoint must exist.
    Existing,
}

/// Validated configuration of a folder.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) root: PathBuf,
    /// Relative to the root; empty for the root itself.
    pub(super) folder: String,
    pub(super) encoding: Encoding,
    pub(super) layout: Layout,
    pub(super) provisioning: Provisioning,
    shape: Digest,
}

/// Which documents there are.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    Documents(Documents),
    Rows(Rows),
}

/// One document per export.
#[derive(Clone, Debug)]
pub(super) struct Documents {
    pub(super) layout: document::Layout,
    pub(super) hot_attributes: Vec<Text>,
    pub(super) retention: Retention,
}

/// A document per row.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) layout: per_resource::Layout,
    pub(super) content: Content,
    pub(super) index: Option<document::Layout>,
}

impl Config {
    /// Validates plain values; does no I/O.
    ///
    /// # Errors
    /// [`Error::Config`], naming the field as users write it. A format that this build lacks is refused with
    /// the feature that brings it.
    pub fn parse(settings: Settings) -> Result<Self> {
        if !settings.root.is_absolute() || settings.root.file_name().is_none() {
            return Err(Error::config("root", "the root is an absolute path other than `/`"));
        }
        let folder = folder(&settings.endpoint)?;
        let mode = Mode::parse(settings.layout_mode.as_deref().unwrap_or("document"))?;
        let default = if mode == Mode::Document { "parquet" } else { "json" };
        let format = Format::parse(settings.format.as_deref().unwrap_or(default))?;
        let compression = settings.compression.as_deref().map(Compression::parse).transpose()?;
        let encoding = Encoding::new(format, compression)?;
        let limit = segment_limit(settings.max_segment_length)?;
        let provisioning = provisioning(settings.provisioning.as_deref())?;
        if let Some(option) = settings.options.keys().next() {
            return Err(Error::config("options", format!("`{option}`: type local has no options")));
        }
        let root = settings.root.clone();
        let (layout, shape) = match mode {
            Mode::Document => documents(settings, encoding, limit)?,
            Mode::PerResource | Mode::Split => rows(settings, mode, encoding, limit)?,
        };
        Ok(Self { root, folder, encoding, layout, provisioning, shape })
    }

    /// Hash of all that decides bytes or places. Retention decides neither.
    pub fn shape(&self) -> Digest {
        self.shape
    }

    /// How documents are written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }
}

/// `local:` and the place relative to what bounds the root: no path of the machine.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.file_name().unwrap_or_default().to_string_lossy();
        let separator = if self.folder.is_empty() { "" } else { "/" };
        write!(f, "local:{root}{separator}{}", self.folder)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Document,
    PerResource,
    Split,
}

impl Mode {
    fn parse(name: &str) -> Result<Self> {
        match name {
            "document" => Ok(Self::Document),
            "perResource" => Ok(Self::PerResource),
            "split" => Ok(Self::Split),
            other => {
                let problem = format!("`{other}` is none of document, perResource, split");
                Err(Error::config("layout.mode", problem))
            }
        }
    }
}

fn documents(settings: Settings, encoding: Encoding, limit: usize) -> Result<(Layout, Digest)> {
    let content = settings.layout_content.as_deref().map_or(Ok(Content::Item), Content::parse)?;
    if content != Content::Item {
        let problem = format!("`{}` is for layout.mode perResource and split", content.as_str());
        return Err(Error::config("layout.content", problem));
    }
    if settings.index_enabled == Some(true) || settings.index_path_template.is_some() {
        return Err(Error::config("layout.index", "an index is for layout.mode split"));
    }
    let template = settings.layout_path_template.or(settings.path_template);
    let layout = document::Layout::new(encoding, template.as_deref(), limit)?;
    let hot_attributes = hot_attributes(settings.hot_attributes)?;
    let retention = retention(settings.retention_generations, settings.retention_age)?;
    let shape = shape(encoding, &layout, limit, &hot_attributes);
    Ok((Layout::Documents(Documents { layout, hot_attributes, retention }), shape))
}

fn rows(settings: Settings, mode: Mode, encoding: Encoding, limit: usize) -> Result<(Layout, Digest)> {
    if settings.retention_generations.is_some() || settings.retention_age.is_some() {
        let problem = "documents of single rows stand in place and have no earlier generations; remove it";
        return Err(Error::config("objectStore.retention", problem));
    }
    if settings.path_template.is_some() && settings.layout_path_template.is_none() {
        let problem = "it names one document; write layout.pathTemplate, such as \
                       {namespace}/{name}/{kind}/{sourceNamespace}/{sourceName}{extension}";
        return Err(Error::config("pathTemplate", problem));
    }
    let content = settings.layout_content.as_deref().map_or(Ok(Content::Item), Content::parse)?;
    let filename = Filename {
        group_in_path: settings.group_in_path.as_deref().map_or(Ok(GroupInPath::Auto), GroupInPath::parse)?,
        kind: if settings.lowercase_kind == Some(false) { KindCase::AsItIs } else { KindCase::Lower },
        segment_limit: limit,
    };
    let layout = per_resource::Layout::new(encoding, settings.layout_path_template.as_deref(), filename)?;
    let index = match settings.index_enabled.unwrap_or(mode == Mode::Split) {
        true => Some(document::Layout::of_index(encoding, settings.index_path_template.as_deref(), limit)?),
        false => None,
    };
    let texts = [
        encoding.to_string(),
        layout.template().to_string(),
        format!("{filename:?}"),
        content.as_str().to_owned(),
        index.as_ref().map(|index| index.template().to_string()).unwrap_or_default(),
    ];
    let parts: Vec<&[u8]> = [ROWS_VERSION].into_iter().chain(texts.iter().map(String::as_bytes)).collect();
    Ok((Layout::Rows(Rows { layout, content, index }), Digest::of(&parts)))
}

/// Bumped when the same configuration begins to write other bytes or to other places.
const WRITER_VERSION: &[u8] = b"local/1";

/// As `WRITER_VERSION`, with a document per row.
const ROWS_VERSION: &[u8] = b"local/rows/1";

fn shape(encoding: Encoding, layout: &document::Layout, limit: usize, hot_attributes: &[Text]) -> Digest {
    let template = layout.template().to_string();
    let limit = limit.to_string();
    let (format, compression) = (encoding.format(), encoding.compression());
    let mut parts: Vec<&[u8]> =
        vec![WRITER_VERSION, format.as_str().as_bytes(), template.as_bytes(), limit.as_bytes()];
    if compression != Encoding::from(format).compression() {
        parts.push(compression.as_str().as_bytes());
    }
    // Only formats with columns are changed by them.
    if matches!(format, Format::Parquet | Format::Csv) {
        parts.extend(hot_attributes.iter().map(|name| name.as_bytes()));
    }
    Digest::of(&parts)
}

fn folder(endpoint: &str) -> Result<String> {
    let refused = |problem: String| Error::config("endpoint", problem);
    if endpoint.is_empty() || endpoint == "." {
        return Ok(String::new());
    }
    if endpoint.starts_with('/') || endpoint.contains("://") {
        return Err(refused(format!("`{endpoint}` is not a relative path such as `exports/inventory`")));
    }
    if endpoint.chars().any(|character| character.is_control() || character == '\\') {
        return Err(refused("control characters and backslashes are not allowed".to_owned()));
    }
    let endpoint = endpoint.strip_prefix("./").unwrap_or(endpoint);
    let endpoint = endpoint.strip_suffix('/').unwrap_or(endpoint);
    endpoint.split('/').try_for_each(check_segment).map_err(refused)?;
    if endpoint.len() > 1024 {
        return Err(refused("it is longer than 1024 bytes".to_owned()));
    }
    Ok(endpoint.to_owned())
}

fn segment_limit(limit: Option<u32>) -> Result<usize> {
    let limit = limit.map_or(Ok(SEGMENT_LIMIT), usize::try_from).unwrap_or(usize::MAX);
    if (16..=200).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::config("layout.filename.maxSegmentLength", format!("{limit} is not between 16 and 200")))
}

fn hot_attributes(names: Vec<String>) -> Result<Vec<Text>> {
    let field = "objectStore.hotAttributes";
    if names.len() > HOT_LIMIT {
        return Err(Error::config(field, format!("{} are more than {HOT_LIMIT}", names.len())));
    }
    if names.iter().any(String::is_empty) {
        return Err(Error::config(field, "a name is empty"));
    }
    let mut names: Vec<Text> = names.into_iter().map(Text::from).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn retention(generations: Option<u32>, age: Option<Duration>) -> Result<Retention> {
    let mut retention = Retention { age, ..Retention::default() };
    if let Some(generations) = generations {
        retention.generations = NonZeroU32::new(generations).ok_or_else(|| {
            Error::config("objectStore.retention.generations", "0 would keep nothing; keep at least 1")
        })?;
    }
    Ok(retention)
}

fn provisioning(mode: Option<&str>) -> Result<Provisioning> {
    match mode {
        None | Some("ensure") => Ok(Provisioning::Ensure),
        Some("existing") => Ok(Provisioning::Existing),
        Some(other) => {
            Err(Error::config("provisioning.mode", format!("`{other}` is none of ensure, existing")))
        }
    }
}

#[cfg(test)]
mod tests;
