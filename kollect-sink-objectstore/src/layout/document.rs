//! One document per export: its path and that of its manifest. It does not split documents.

use kollect_sink_core::Scope;

use super::template::{Field, RESERVED, Template, segment};
use crate::error::{Error, Result};
use crate::format::{Encoding, Format};

/// Length to which the parts of a manifest's path are cut, whatever the documents' limit is.
const MANIFEST_SEGMENT: usize = 200;

/// Where the document of an export stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    template: Template,
    extension: String,
    segment_limit: usize,
}

/// What becomes of the document before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// Each generation has a path of its own.
    Beside,
    /// The newest replaces the one before.
    InPlace,
}

impl Layout {
    /// The layout of `encoding`, at `template` or where that format's documents stand by default; values
    /// longer than `segment_limit` bytes are cut.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn new(encoding: impl Into<Encoding>, template: Option<&str>, segment_limit: usize) -> Result<Self> {
        let encoding = encoding.into();
        let default = match encoding.format() {
            // What readers of partitioned folders understand. No key may be a column's name: such readers put
            // the path's value in place of the column, and each object would seem to be named as its inventory.
            Format::Parquet => {
                "inventory/source={cluster}/ns={namespace}/inventory={name}/generation={generation}{extension}"
            }
            Format::Json | Format::Yaml | Format::Ndjson | Format::Csv => {
                "inventory/{cluster}/{namespace}/{name}{extension}"
            }
        };
        let template = Template::parse(template.unwrap_or(default))?;
        Ok(Self { template, extension: encoding.extension(), segment_limit })
    }

    /// The layout of an index of documents that stand for themselves.
    ///
    /// # Errors
    /// As [`Template::parse`], and for `{generation}`: what the index names has no earlier generations.
    pub fn of_index(encoding: Encoding, template: Option<&str>, segment_limit: usize) -> Result<Self> {
        const FIELD: &str = "layout.index.pathTemplate";
        let default = "inventory/{cluster}/{namespace}/{name}/index{extension}";
        let template = Template::of_documents(FIELD, template.unwrap_or(default))?;
        if template.mentions(Field::Generation) {
            let problem = "the index stands in place, as what it lists does; leave {generation} out";
            return Err(Error::config(FIELD, problem));
        }
        Ok(Self { template, extension: encoding.extension(), segment_limit })
    }

    /// The path template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// What becomes of the document before.
    pub fn succession(&self) -> Succession {
        if self.template.mentions(Field::Generation) { Succession::Beside } else { Succession::InPlace }
    }

    /// The path of one generation's document, relative to the destination's root.
    ///
    /// # Errors
    /// Where a part of it gets too long or reserved.
    pub fn path(&self, scope: &Scope, generation: u64) -> Result<String> {
        let safe = |value: &str| segment(value, self.segment_limit);
        self.template.render(|field| match field {
            Field::Cluster => safe(scope.cluster_segment()),
            Field::Namespace => safe(scope.namespace_segment()),
            Field::Name => safe(&scope.inventory_name),
            Field::Generation => generation.to_string(),
            Field::Extension => self.extension.clone(),
            // Parsing lets none of a row's fields in.
            _ => String::new(),
        })
    }
}

/// The folder of a scope's manifest, relative to the destination's root.
pub fn manifest_folder(scope: &Scope) -> String {
    let safe = |value: &str| segment(value, MANIFEST_SEGMENT);
    let (cluster, namespace) = (safe(scope.cluster_segment()), safe(scope.namespace_segment()));
    format!("{RESERVED}/{cluster}/{namespace}/{}", safe(&scope.inventory_name))
}

/// Where the manifests of the same inventory as seen from any cluster stand: the folder of the clusters, and
/// the rest of the path below each.
pub fn sibling_manifests(scope: &Scope) -> (&'static str, String) {
    let safe = |value: &str| segment(value, MANIFEST_SEGMENT);
    (RESERVED, format!("{}/{}", safe(scope.namespace_segment()), safe(&scope.inventory_name)))
}

#[cfg(test)]
mod tests {
    use kollect_sink_core::Scope;

    use super::{Layout, Succession, manifest_folder};
    use crate::format::Format;

    #[test]
    fn documents_stand_where_readers_look_for_them() {
        let scope = Scope::new("prod", "team-a", "apps");
        let parquet = Layout::new(Format::Parquet, None, 63).unwrap();
        let path = "inventory/source=prod/ns=team-a/inventory=apps/generation=12.parquet";
        assert_eq!(parquet.path(&scope, 12).unwrap(), path);
        assert_eq!(parquet.succession(), Succession::Beside);
        let json = Layout::new(Format::Json, None, 63).unwrap();
        assert_eq!(json.path(&scope, 12).unwrap(), "inventory/prod/team-a/apps.json");
        assert_eq!(json.succession(), Succession::InPlace);
        assert_eq!(manifest_folder(&scope), ".kollect/prod/team-a/apps");
    }

    #[test]
    fn scopes_without_names_have_paths() {
        let scope = Scope::new("", "", "all");
        let json = Layout::new(Format::Ndjson, None, 63).unwrap();
        assert_eq!(json.path(&scope, 1).unwrap(), "inventory/_/_cluster/all.ndjson");
        assert_eq!(manifest_folder(&scope), ".kollect/_/_cluster/all");
    }

    #[test]
    fn a_cluster_cannot_reach_the_manifests() {
        let template = Some("{cluster}/{namespace}/{name}{extension}");
        let layout = Layout::new(Format::Json, template, 63).unwrap();
        let path = layout.path(&Scope::new(".kollect", "a", "b"), 1).unwrap();
        assert!(path.starts_with("-kollect-"), "{path}");
    }
}
