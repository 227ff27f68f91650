//! Presets: profiles and targets that come with the binary. They are manifests like any other, so that they
//! serve as examples too. It does not collect.

use super::error::Error;
use super::manifests::Manifests;
use super::pattern::nearest;

/// One preset.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name, which is its profile's and target's as well.
    pub name: &'static str,
    /// Its manifests.
    pub yaml: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        [$(Preset { name: $name, yaml: include_str!(concat!("../../presets/", $name, ".yaml")) }),*]
    };
}

/// All presets, by name.
pub const PRESETS: [Preset; 16] = presets![
    "autoscalers",
    "certificates",
    "configmaps",
    "cronjobs",
    "daemonsets",
    "deployments",
    "helm-releases",
    "images",
    "ingresses",
    "jobs",
    "networkpolicies",
    "pods",
    "rolebindings",
    "services",
    "statefulsets",
    "volumeclaims",
];

/// What is collected if nothing is named.
pub const DEFAULT: &str = "deployments";

impl Preset {
    /// What it collects, in one line.
    pub fn about(&self) -> &'static str {
        self.yaml.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// The preset of that name.
    ///
    /// # Errors
    /// There is none; the error tells the nearest name.
    pub fn find(name: &str) -> Result<Self, Error> {
        PRESETS.into_iter().find(|preset| preset.name == name).ok_or_else(|| Error::UnknownPreset {
            name: name.to_owned(),
            near: nearest(name, PRESETS.iter().map(|preset| preset.name)),
        })
    }
}

/// The manifests of the named presets.
///
/// # Errors
/// A name is none of the presets'.
pub fn manifests<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Manifests, Error> {
    let mut manifests = Manifests::default();
    for name in names {
        let preset = Preset::find(name)?;
        manifests.read(&format!("preset {name}"), preset.yaml);
    }
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::CollectionDefaults;
    use crate::index::{ResolvedTarget, Resolver};

    #[test]
    fn every_preset_compiles_and_says_what_it_is_about() {
        for preset in PRESETS {
            let manifests = manifests([preset.name]).unwrap();
            assert_eq!(manifests.problems, [], "{}", preset.name);
            let resolution = Resolver::new(CollectionDefaults::default()).resolve(&manifests.index);
            let targets: Vec<_> = resolution.targets.iter().collect();
            assert_eq!(targets.len(), 1, "{}", preset.name);
            assert_eq!((&*targets[0].0.namespace, &*targets[0].0.name), ("default", preset.name));
            assert!(
                matches!(targets[0].1, ResolvedTarget::Collecting(_)),
                "{}: {:?}",
                preset.name,
                targets[0].1
            );
            assert!(preset.about().ends_with('.') && preset.about().len() < 90, "{}", preset.name);
        }
    }

    #[test]
    fn presets_go_together_without_a_conflict_of_columns() {
        let manifests = manifests(PRESETS.iter().map(|preset| preset.name)).unwrap();
        let resolution = Resolver::new(CollectionDefaults::default()).resolve(&manifests.index);
        let columns =
            resolution.collected().into_values().flat_map(|target| target.columns().collect::<Vec<_>>());
        assert_eq!(kollect_sink_core::Schema::union(columns).1, []);
    }

    #[test]
    fn every_file_is_a_preset_and_they_are_sorted() {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        assert!(names.is_sorted());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".yaml", ""))
            .collect();
        assert_eq!(files, names.iter().map(|name| (*name).to_owned()).collect());
    }

    #[test]
    fn an_unknown_name_leads_to_the_nearest() {
        let error = manifests(["deploymnets"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no preset \"deploymnets\"; did you mean \"deployments\"? --list-presets shows all"
        );
        let error = manifests(["xyzzyxyzzy"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no preset \"xyzzyxyzzy\"; --list-presets shows all");
    }
}
