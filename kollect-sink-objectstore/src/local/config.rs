//! The configuration of a folder, from plain values. It touches no file.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use kollect_sink_core::{Digest, Text};

use crate::error::{Error, Result};
use crate::format::{Compression, Encoding, Format};
use crate::layout::document::Layout;
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
    /// `serialization.format`: `parquet` (default), `json`, `yaml`, `ndjson` or `csv`.
    pub format: Option<String>,
    /// `serialization.compression`: `none`, `gzip`, `zstd`, and for Parquet `snappy`. The default is `zstd` for
    /// Parquet and `none` for the others.
    pub compression: Option<String>,
    /// `layout.mode`: `document`.
    pub layout_mode: Option<String>,
    /// `layout.content`: `item`.
    pub layout_content: Option<String>,
    /// `pathTemplate`.
    pub path_template: Option<String>,
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
    pub(super) hot_attributes: Vec<Text>,
    pub(super) retention: Retention,
    pub(super) provisioning: Provisioning,
    shape: Digest,
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
        let format = Format::parse(settings.format.as_deref().unwrap_or("parquet"))?;
        let compression = settings.compression.as_deref().map(Compression::parse).transpose()?;
        let encoding = Encoding::new(format, compression)?;
        only("layout.mode", settings.layout_mode.as_deref(), "document")?;
        only("layout.content", settings.layout_content.as_deref(), "item")?;
        let limit = segment_limit(settings.max_segment_length)?;
        let layout = Layout::new(encoding, settings.path_template.as_deref(), limit)?;
        let hot_attributes = hot_attributes(settings.hot_attributes)?;
        let retention = retention(settings.retention_generations, settings.retention_age)?;
        let provisioning = provisioning(settings.provisioning.as_deref())?;
        if let Some(option) = settings.options.keys().next() {
            return Err(Error::config("options", format!("`{option}`: type local has no options")));
        }
        let shape = shape(encoding, &layout, limit, &hot_attributes);
        Ok(Self {
            root: settings.root,
            folder,
            encoding,
            layout,
            hot_attributes,
            retention,
            provisioning,
            shape,
        })
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

/// Bumped when the same configuration begins to write other bytes or to other places.
const WRITER_VERSION: &[u8] = b"local/1";

fn shape(encoding: Encoding, layout: &Layout, limit: usize, hot_attributes: &[Text]) -> Digest {
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

/// Refuses every value but the one that this backend can honour.
fn only(field: &'static str, value: Option<&str>, supported: &str) -> Result<()> {
    match value {
        Some(value) if value != supported => {
            let problem = format!("`{value}` is not supported by type local here; use `{supported}`");
            Err(Error::config(field, problem))
        }
        _ => Ok(()),
    }
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
mod tests {
    use super::{Config, Settings};

    fn settings() -> Settings {
        Settings {
            root: "/srv/kollect/team-a".into(),
            format: Some("json".to_owned()),
            ..Settings::default()
        }
    }

    #[test]
    fn the_endpoint_is_shown_without_the_machines_path() {
        let config = Config::parse(Settings { endpoint: "./exports/".to_owned(), ..settings() }).unwrap();
        assert_eq!(config.to_string(), "local:team-a/exports");
        assert_eq!(Config::parse(settings()).unwrap().to_string(), "local:team-a");
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let text = |value: &str| Some(value.to_owned());
        let cases: Vec<(Settings, &str)> = vec![
            (Settings { root: "relative".into(), ..settings() }, "root: "),
            (Settings { root: "/".into(), ..settings() }, "root: "),
            (Settings { endpoint: "/etc".to_owned(), ..settings() }, "endpoint: `/etc` is not a relative"),
            (Settings { endpoint: "file:///etc".to_owned(), ..settings() }, "endpoint: "),
            (Settings { endpoint: "a/../b".to_owned(), ..settings() }, "endpoint: "),
            (Settings { endpoint: "a//b".to_owned(), ..settings() }, "endpoint: "),
            (Settings { endpoint: "a\0b".to_owned(), ..settings() }, "endpoint: "),
            (Settings { endpoint: ".kollect".to_owned(), ..settings() }, "endpoint: "),
            (Settings { format: text("xml"), ..settings() }, "serialization.format: "),
            (Settings { compression: text("lz4"), ..settings() }, "serialization.compression: `lz4`"),
            (Settings { compression: text("snappy"), ..settings() }, "serialization.compression: `snappy`"),
            (Settings { layout_mode: text("perResource"), ..settings() }, "layout.mode: "),
            (Settings { layout_content: text("manifest"), ..settings() }, "layout.content: "),
            (Settings { path_template: text("{name}"), ..settings() }, "pathTemplate: "),
            (Settings { max_segment_length: Some(3), ..settings() }, "layout.filename.maxSegmentLength: "),
            (Settings { hot_attributes: vec![String::new()], ..settings() }, "objectStore.hotAttributes: "),
            (
                Settings { retention_generations: Some(0), ..settings() },
                "objectStore.retention.generations: ",
            ),
            (Settings { provisioning: text("maybe"), ..settings() }, "provisioning.mode: `maybe`"),
            (Settings { options: [("a".to_owned(), "b".to_owned())].into(), ..settings() }, "options: `a`"),
        ];
        for (settings, expected) in cases {
            let error = Config::parse(settings.clone()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{settings:?}: {error}");
        }
    }

    #[test]
    fn the_shape_follows_what_decides_bytes_or_places() {
        let shape = |settings| Config::parse(settings).unwrap().shape();
        let base = shape(settings());
        assert_eq!(base, shape(settings()));
        assert_eq!(base, shape(Settings { retention_generations: Some(3), ..settings() }));
        assert_ne!(base, shape(Settings { format: Some("ndjson".to_owned()), ..settings() }));
        let template = Some("x/{namespace}/{name}".to_owned());
        assert_ne!(base, shape(Settings { path_template: template, ..settings() }));
        assert_ne!(base, shape(Settings { max_segment_length: Some(100), ..settings() }));
    }
}
