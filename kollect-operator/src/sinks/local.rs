//! KollectSnapshotSink of type local. What the values mean is the backend's.

use std::path::PathBuf;
use std::sync::Arc;

use kollect_api::Violation;
use kollect_api::layout::{Content, FilenameSpec, GroupInPath, LayoutMode, ProvisioningMode};
use kollect_api::sink::SnapshotSinkSpec;
use kollect_sink_core::{Preview, Sample, Sink};
use kollect_sink_objectstore::Error;
use kollect_sink_objectstore::local::{self, Config, Settings};

use super::{BuildError, idle};
use crate::export::ExportSettings;
use crate::index::ObjectName;

pub(super) fn build(
    name: &ObjectName,
    spec: &SnapshotSinkSpec,
    settings: &ExportSettings,
) -> Result<Arc<dyn Sink>, BuildError> {
    let root = settings.local_root.as_ref().ok_or_else(|| {
        let message = "spec.type: local sinks need an operator that runs with --local-root";
        BuildError::Invalid(message.to_owned())
    })?;
    let config = config(root.join(&name.namespace), spec);
    Ok(local::open(config.map_err(|error| BuildError::Invalid(crate::error::chain(&error)))?))
}

/// What an export would do, wherever the folders are.
pub(super) fn preview(
    name: &ObjectName,
    spec: &SnapshotSinkSpec,
    sample: &Sample<'_>,
) -> Result<Preview, BuildError> {
    let config = config(PathBuf::from(SOMEWHERE).join(&name.namespace), spec);
    let config = config.map_err(|error| BuildError::Invalid(crate::error::chain(&error)))?;
    let preview = local::preview(&config, sample);
    let mut preview = preview.map_err(|error| BuildError::Invalid(error.chain()))?;
    let layout = spec.layout.clone().unwrap_or_default();
    let whole = matches!(layout.mode, None | Some(LayoutMode::Document));
    let usual = FilenameSpec { max_segment_length: layout.filename.max_segment_length, ..Default::default() };
    let region = spec.object_store.as_ref().is_some_and(|store| store.region.is_some());
    preview.warnings.extend(idle([
        ("spec.secretRef", spec.secret_ref.is_some(), "a folder needs no credentials"),
        ("spec.tls", spec.tls.is_some(), "a folder is not reached over a network"),
        ("spec.objectStore.region", region, "a folder is in none"),
        (
            "spec.pathTemplate",
            spec.path_template.is_some() && layout.path_template.is_some(),
            "spec.layout.pathTemplate stands in its place",
        ),
        (
            "spec.layout.filename",
            whole && layout.filename != usual,
            "one document has no part for a kind or group",
        ),
    ]));
    Ok(preview)
}

/// A folder that stands for any.
const SOMEWHERE: &str = "/local";

/// What the backend refuses, wherever the folders are.
pub(super) fn check(spec: &SnapshotSinkSpec) -> Vec<Violation> {
    match config(PathBuf::from(SOMEWHERE).join("namespace"), spec) {
        Ok(_) => Vec::new(),
        Err(Error::Config { field, problem }) => vec![Violation::new(format!("spec.{field}"), problem)],
        Err(error) => vec![Violation::new("spec", crate::error::chain(&error))],
    }
}

fn config(root: PathBuf, spec: &SnapshotSinkSpec) -> Result<Config, Error> {
    let serialization = spec.serialization.clone().unwrap_or_default();
    let layout = spec.layout.clone().unwrap_or_default();
    let store = spec.object_store.clone().unwrap_or_default();
    let format = serialization.format.or(store.format);
    let grouping = match layout.filename.group_in_path {
        GroupInPath::Auto => "auto",
        GroupInPath::Always => "always",
        GroupInPath::Never => "never",
    };
    let words = |mode: LayoutMode| match mode {
        LayoutMode::Document => "document",
        LayoutMode::PerResource => "perResource",
        LayoutMode::Split => "split",
    };
    let contents = |content: Content| match content {
        Content::Item => "item",
        Content::Attributes => "attributes",
        Content::Manifest => "manifest",
    };
    let provisioning = match spec.provisioning.mode {
        ProvisioningMode::Ensure => "ensure",
        ProvisioningMode::Existing => "existing",
    };
    Config::parse(Settings {
        root,
        endpoint: spec.endpoint.clone().unwrap_or_default(),
        format: format.map(|format| format.as_str().to_owned()),
        compression: serialization.compression.map(|compression| compression.as_str().to_owned()),
        layout_mode: layout.mode.map(|mode| words(mode).to_owned()),
        layout_content: layout.content.map(|content| contents(content).to_owned()),
        path_template: spec.path_template.clone(),
        layout_path_template: layout.path_template.clone(),
        index_enabled: layout.index.enabled,
        index_path_template: layout.index.path_template.clone(),
        group_in_path: Some(grouping.to_owned()),
        lowercase_kind: Some(layout.filename.lowercase_kind),
        max_segment_length: Some(u32::from(layout.filename.max_segment_length)),
        hot_attributes: store.hot_attributes.clone(),
        retention_generations: store.retention.as_ref().and_then(|one| one.generations),
        retention_age: store.retention.as_ref().and_then(|one| one.age).map(Into::into),
        provisioning: Some(provisioning.to_owned()),
        options: spec.options.clone(),
    })
}
