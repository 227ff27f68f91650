//! One document per row: its path. It does not find out which rows meet in one path.

use kollect_sink_core::{Identity, Scope};
use serde::{Deserialize, Serialize};

use super::template::{Field, Template, segment};
use crate::error::{Error, Result};
use crate::format::{Encoding, Format};

/// What a configuration calls the template of rows.
const FIELD: &str = "layout.pathTemplate";

/// Where rows stand by default: a name within its kind and namespace is one object, so none meet.
const DEFAULT: &str = "inventory/{cluster}/{namespace}/{name}/{targetName}/{group}/{kind}/{sourceNamespace}/\
                       {sourceName}{extension}";

/// Stands for the namespace of what has none.
const NO_NAMESPACE: &str = "_cluster";

/// What the document of a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// The whole item.
    Item,
    /// Its attributes only.
    Attributes,
}

impl Content {
    /// The choice of that name.
    ///
    /// # Errors
    /// [`Error::Config`] where there is none, or where it is to come.
    pub fn parse(name: &str) -> Result<Self> {
        let problem = match name {
            "item" => return Ok(Self::Item),
            "attributes" => return Ok(Self::Attributes),
            "manifest" => {
                "`manifest` needs rows of profiles with `export.mode: Resource`, and comes with them; use item or \
                 attributes"
                    .to_owned()
            }
            other => format!("`{other}` is none of item, attributes, manifest"),
        };
        Err(Error::config("layout.content", problem))
    }

    /// The name, as configurations write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Attributes => "attributes",
        }
    }
}

/// Whether paths hold the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupInPath {
    /// Unless it is the core group.
    #[default]
    Auto,
    /// Always; the core group is `core`.
    Always,
    /// Never.
    Never,
}

impl GroupInPath {
    /// The choice of that name.
    ///
    /// # Errors
    /// [`Error::Config`] where there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            other => {
                let problem = format!("`{other}` is none of auto, always, never");
                Err(Error::config("layout.filename.groupInPath", problem))
            }
        }
    }
}

/// How parts of paths are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filename {
    /// What `{group}` stands for.
    pub group_in_path: GroupInPath,
    /// Whether `{kind}` is in lower case or as it is.
    pub kind: KindCase,
    /// Length to which values are cut, in bytes.
    pub segment_limit: usize,
}

/// How kinds are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindCase {
    /// `deployment`.
    Lower,
    /// `Deployment`.
    AsItIs,
}

/// Where the document of each row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    template: Template,
    extension: String,
    filename: Filename,
}

impl Layout {
    /// The layout of documents with one row each, at `template` or by default by target, kind and namespace.
    ///
    /// # Errors
    /// [`Error::Config`] for formats that are tables, and for templates that lead elsewhere or mention what
    /// rows do not have.
    pub fn new(encoding: Encoding, template: Option<&str>, filename: Filename) -> Result<Self> {
        if let table @ (Format::Parquet | Format::Csv) = encoding.format() {
            let problem = format!(
                "`{table}` is a table of many rows; use json, yaml or ndjson, or layout.mode: document"
            );
            return Err(Error::config("serialization.format", problem));
        }
        let template = Template::of_rows(FIELD, template.unwrap_or(DEFAULT))?;
        Ok(Self { template, extension: encoding.extension(), filename })
    }

    /// The path template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The path of a row's document, relative to the destination's root.
    ///
    /// # Errors
    /// Where a part of it gets too long or reserved.
    pub fn path(&self, scope: &Scope, identity: &Identity) -> Result<String> {
        let safe = |value: &str| segment(value, self.filename.segment_limit);
        let namespace = |value: &str| safe(if value.is_empty() { NO_NAMESPACE } else { value });
        let target = identity.target();
        self.template.render(|field| match field {
            Field::Cluster => safe(scope.cluster_segment()),
            Field::Namespace => safe(scope.namespace_segment()),
            Field::Name => safe(&scope.inventory_name),
            Field::Extension => self.extension.clone(),
            Field::TargetNamespace => namespace(&target.namespace),
            Field::TargetName => safe(&target.name),
            Field::SourceNamespace => namespace(identity.namespace()),
            Field::SourceName => safe(identity.name()),
            Field::Uid => safe(identity.uid()),
            Field::Kind => match self.filename.kind {
                KindCase::Lower => safe(&identity.kind().to_lowercase()),
                KindCase::AsItIs => safe(identity.kind()),
            },
            Field::Group => match (self.filename.group_in_path, &**identity.group()) {
                (GroupInPath::Never, _) | (GroupInPath::Auto, "") => String::new(),
                (GroupInPath::Always, "") => "core".to_owned(),
                (_, group) => safe(group),
            },
            // Parsing does not let it in.
            Field::Generation => String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kollect_sink_core::{Identity, Origin, Scope, Target};
    use proptest::prelude::{any, prop_assert, prop_assert_ne, proptest};

    use super::{Filename, GroupInPath, KindCase, Layout};
    use crate::format::{Encoding, Format};

    const FILENAME: Filename =
        Filename { group_in_path: GroupInPath::Auto, kind: KindCase::Lower, segment_limit: 63 };

    fn identity(group: &str, kind: &str, namespace: &str, name: &str, uid: &str) -> Identity {
        let target = Target::new("team-a", "workloads");
        let origin = Origin { target, group: group.into(), version: "v1".into(), kind: kind.into() };
        Identity::new(Arc::new(origin), namespace.into(), name, uid).unwrap()
    }

    fn path(template: Option<&str>, filename: Filename, identity: &Identity) -> Result<String, String> {
        let layout =
            Layout::new(Format::Yaml.into(), template, filename).map_err(|error| error.to_string())?;
        let scope = Scope::new("prod", "team-a", "apps");
        layout.path(&scope, identity).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_stand_by_target_kind_and_namespace() {
        let web = identity("apps", "Deployment", "shop", "web", "u1");
        let node = identity("", "Node", "", "n1", "u2");
        let base = "inventory/prod/team-a/apps/workloads";
        let at = |filename, identity| path(None, filename, identity).unwrap();
        assert_eq!(at(FILENAME, &web), format!("{base}/apps/deployment/shop/web.yaml"));
        assert_eq!(at(FILENAME, &node), format!("{base}/node/_cluster/n1.yaml"));
        let always = Filename { group_in_path: GroupInPath::Always, kind: KindCase::AsItIs, ..FILENAME };
        assert_eq!(at(always, &node), format!("{base}/core/Node/_cluster/n1.yaml"));
        let never = Filename { group_in_path: GroupInPath::Never, ..FILENAME };
        assert_eq!(at(never, &web), format!("{base}/deployment/shop/web.yaml"));
        let all = "{targetNamespace}.{targetName}/{group}-{kind}-{sourceNamespace}-{sourceName}-{uid}";
        assert_eq!(path(Some(all), FILENAME, &web).unwrap(), "team-a.workloads/apps-deployment-shop-web-u1");
    }

    #[test]
    fn what_cannot_name_rows_is_refused() {
        let web = identity("apps", "Deployment", "shop", "web", "u1");
        let refused = |template: &str| path(Some(template), FILENAME, &web).unwrap_err();
        assert!(refused("{uid}/{generation}").contains("write every row again"));
        assert!(refused("/{uid}").starts_with("layout.pathTemplate: `/{uid}` is absolute"));
        assert!(refused("{uid}/{colour}").contains("{colour} is none of {cluster}"));
        for table in [Format::Csv, Format::Parquet] {
            let layout = Layout::new(Encoding::from(table), None, FILENAME);
            assert!(layout.unwrap_err().to_string().contains("is a table of many rows"));
        }
    }

    proptest! {
        #[test]
        fn no_value_leads_elsewhere(name in "\\PC{0,80}", namespace in "\\PC{0,80}", uid in "[^\u{0}-\u{1f}]{0,300}") {
            let row = identity("apps", "Deployment", &namespace, &name, &uid);
            for template in [None, Some("{sourceNamespace}{sourceName}{uid}"), Some("a/.{uid}")] {
                if let Ok(path) = path(template, FILENAME, &row) {
                    prop_assert!(!path.starts_with('/'));
                    for segment in path.split('/') {
                        prop_assert!(!matches!(segment, "" | "." | ".."));
                        prop_assert!(!segment.eq_ignore_ascii_case(".kollect"));
                        prop_assert!(segment.len() <= 255);
                    }
                }
            }
        }

        #[test]
        fn different_objects_of_a_kind_never_meet(one in any::<(String, String)>(), other in any::<(String, String)>()) {
            let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
            let row = |(namespace, name): &(String, String)| {
                identity("apps", "Deployment", &plain(namespace), &plain(name), "u")
            };
            let (one, other) = (row(&one), row(&other));
            if (one.namespace(), one.name()) != (other.namespace(), other.name()) {
                prop_assert_ne!(path(None, FILENAME, &one), path(None, FILENAME, &other));
            }
        }
    }
}
