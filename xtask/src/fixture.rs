//! Clusters with many objects, made once and kept in the cache: an etcd data folder to start an API server from a copy
//! of. Creating ten thousand Deployments through the API takes minutes; cloning one inside etcd takes seconds.

mod config_map;
mod deployment;
pub mod etcd;
mod served;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cache;
use crate::e2e::Kubectl;
use crate::servers::kube::{self, Kube};

use etcd::Store;

/// How many namespaces the Deployments are spread over: `load-00` to `load-19`.
pub const NAMESPACES: usize = 20;

/// Changes with what a fixture holds beside its Deployments.
const FORM: &[u8] = b"1: namespaces load-NN with label load=yes";

/// An etcd data folder with `count` Deployments of about 5.4 KB each in [`NAMESPACES`] namespaces. Made once, then found
/// in the cache.
///
/// # Errors
/// If the servers cannot be started or the cache not written.
pub fn deployments(count: usize) -> Result<PathBuf> {
    let kind = Kind {
        name: "deployments",
        source: deployment::SOURCE,
        template: deployment::template(),
        key: deployment::key,
        clone_of: deployment::clone_of,
    };
    kind.filled(count)
}

/// As [`deployments`], with ConfigMaps of about 700 bytes; the key of each is [`config_map_key`].
///
/// # Errors
/// As [`deployments`].
pub fn config_maps(count: usize) -> Result<PathBuf> {
    let kind = Kind {
        name: "configmaps",
        source: config_map::SOURCE,
        template: config_map::template(),
        key: config_map::key,
        clone_of: config_map::clone_of,
    };
    kind.filled(count)
}

/// Where etcd keeps a ConfigMap of such a cluster.
#[must_use]
pub fn config_map_key(number: usize) -> String {
    config_map::key(number)
}

/// A kind of objects that fixtures are full of.
struct Kind {
    name: &'static str,
    source: &'static str,
    template: Value,
    key: fn(usize) -> String,
    clone_of: fn(&Value, usize) -> Value,
}

impl Kind {
    fn filled(&self, count: usize) -> Result<PathBuf> {
        let template = self.template.to_string();
        let versions = [kube::PIN.install()?, crate::servers::etcd::PIN.install()?];
        let mut parts = vec![FORM, template.as_bytes(), self.source.as_bytes()];
        // Another API server may store defaults differently.
        // By the hash in the folder's name; where the cache is does not matter.
        let versions: Vec<String> = versions
            .iter()
            .filter_map(|bin| Some(bin.parent()?.file_name()?.to_string_lossy().into_owned()))
            .collect();
        parts.extend(versions.iter().map(String::as_bytes));
        let key = cache::key(parts);
        cache::install("fixtures", &format!("{}-{count}", self.name), &key, |staging| {
            eprintln!("fixture: writing {count} {} into an etcd of its own, once", self.name);
            let mut kube = Kube::start_with(storage())?;
            self.fill(&kube, count)?;
            kube.stop_apiserver()?;
            kube.etcd().stop()?;
            let status = Command::new("cp")
                .arg("-a")
                .args([kube.dir().join("etcd"), staging.join("etcd")])
                .status()?;
            ensure!(status.success(), "cp: {status}");
            Ok(())
        })
        .map(|home| home.join("etcd"))
    }

    fn fill(&self, kube: &Kube, count: usize) -> Result<()> {
        let kubectl = Kubectl::admin(kube);
        let namespaces: Vec<String> = (0..NAMESPACES).map(deployment::namespace).collect();
        kubectl.apply(&namespaces.concat())?;
        // The API server writes the first one: with its defaults, its managed fields, and the form that it stores.
        kubectl.apply(&self.template.to_string())?;
        let store = Store::at(&kube.etcd_url())?;
        let first = store.get(&(self.key)(0))?.context("the API server stored no object")?;
        let first: Value = serde_json::from_str(&first).context("the API server does not store JSON")?;
        let clones = (1..count).map(|number| {
            let clone = (self.clone_of)(&first, number);
            ((self.key)(number), clone.to_string())
        });
        store.put_all(clones)
    }
}

/// Options of an API server that starts from such a folder.
pub fn options(data: PathBuf) -> kube::Options {
    kube::Options { etcd_data: Some(data), ..storage() }
}

/// Stored as JSON, objects can be written by anyone who writes text.
fn storage() -> kube::Options {
    kube::Options {
        apiserver_flags: vec!["--storage-media-type=application/json".into()],
        ..kube::Options::default()
    }
}

/// A Deployment of such a cluster, as an API server sends it.
#[must_use]
pub fn served_deployment() -> Value {
    served::served(deployment::clone_of(&deployment::template(), 7))
}

/// Key in etcd, namespace and name of one Deployment.
#[must_use]
pub fn address(number: usize) -> (String, String, String) {
    (deployment::key(number), deployment::namespace_name(number), deployment::name(number))
}
