//! Paths that lead elsewhere, damaged manifests, missing volumes, connection tests.

use std::fs;
use std::os::unix::fs::symlink;

use futures::stream::TryStreamExt;
use kollect_sink_core::{ErrorKind, Held, Listing, ProbeDepth, Sink, SourceError};

use super::{Volume, claim, claim_as, export, listed, open, replace, rows};
use crate::local::Config;

#[tokio::test]
async fn no_symbolic_link_leads_out() {
    // What stands as a link, and what of the outside must stay as it is.
    for link in ["", "out", "out/.kollect", "out/inventory", "out/inventory/prod"] {
        let volume = Volume::new();
        let sink = volume.open("json");
        let outside = volume.dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        let link = volume.root().join(link);
        let parent = if link == volume.root().join("") { volume.dir.path() } else { link.parent().unwrap() };
        fs::create_dir_all(parent).unwrap();
        let link = if parent == volume.dir.path() { volume.root() } else { link.clone() };
        symlink(&outside, &link).unwrap();

        let error = match claim_as(&sink, &volume.scope, "us", kollect_sink_core::ClaimMode::Own).await {
            Ok(base) => replace(&sink, &volume.scope, &base, &rows(2)).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Permission, "{link:?}: {}", error.chain());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{link:?}");
    }
}

#[tokio::test]
async fn a_link_in_place_of_a_document_is_replaced_and_not_followed() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let base = export(&sink, &volume.scope, &rows(1)).await;
    let outside = volume.dir.path().join("passwd");
    fs::write(&outside, "secret").unwrap();
    let document = volume.path("inventory/prod/team-a/apps.json");
    fs::remove_file(&document).unwrap();
    symlink(&outside, &document).unwrap();
    replace(&sink, &volume.scope, &base, &rows(2)).await.unwrap();
    assert_eq!(fs::read(&outside).unwrap(), b"secret");
    assert!(!document.is_symlink());
}

#[tokio::test]
async fn a_garbled_manifest_is_named_and_can_be_deleted() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let held = export(&sink, &volume.scope, &rows(3)).await;
    let manifest = volume.path(".kollect/prod/team-a/apps/latest.json");
    fs::write(&manifest, "{\"schemaVersion\":").unwrap();
    let before = volume.files();
    let error = sink.checkpoint(&volume.scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().starts_with(".kollect/prod/team-a/apps/latest.json: "), "{error}");
    assert!(error.to_string().contains("delete it"), "{error}");
    let replaced = replace(&sink, &volume.scope, &held, &rows(2)).await;
    assert_eq!(replaced.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(volume.files(), before);

    fs::remove_file(&manifest).unwrap();
    export(&sink, &volume.scope, &rows(2)).await;
    assert_eq!(listed(&sink, &volume.scope).await.len(), 2);
}

#[tokio::test]
async fn a_damaged_document_is_named_by_a_listing() {
    let volume = Volume::new();
    let sink = volume.open("ndjson");
    export(&sink, &volume.scope, &rows(3)).await;
    let path = volume.path("inventory/prod/team-a/apps.ndjson");
    fs::write(&path, "nonsense").unwrap();
    let listed: Result<Vec<Vec<Held>>, SourceError> =
        sink.list(&volume.scope, Listing::Recomputed).try_collect().await;
    let error = listed.unwrap_err();
    let error = error.0.downcast_ref::<kollect_sink_core::Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("inventory/prod/team-a/apps.ndjson"), "{error}");
}

#[tokio::test]
async fn a_volume_that_is_not_there_is_not_made() {
    let volume = Volume::new();
    let mut settings = volume.settings("json");
    settings.root = volume.dir.path().join("missing/tenant");
    let sink = open(Config::parse(settings).unwrap());
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap_err().kind(), ErrorKind::NotFound);
    let claimed = claim_as(&sink, &volume.scope, "us", kollect_sink_core::ClaimMode::Own).await;
    assert_eq!(claimed.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(volume.names(), Vec::<String>::new());
}

#[tokio::test]
async fn an_endpoint_that_shall_exist_is_not_made() {
    let volume = Volume::new();
    let mut settings = volume.settings("json");
    settings.provisioning = Some("existing".to_owned());
    let sink = open(Config::parse(settings).unwrap());
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap(), None);
    let claimed = claim_as(&sink, &volume.scope, "us", kollect_sink_core::ClaimMode::Own).await;
    let error = claimed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("provisioning.mode: existing"), "{error}");
    assert!(!sink.probe(ProbeDepth::Write).await.ok());
    assert!(!volume.root().exists());

    fs::create_dir_all(volume.path("")).unwrap();
    assert!(sink.probe(ProbeDepth::Write).await.ok());
    claim(&sink, &volume.scope).await;
}

#[tokio::test]
async fn a_probe_proves_what_an_export_does_and_leaves_nothing() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let report = sink.probe(ProbeDepth::Read).await;
    assert!(report.ok() && report.steps.len() == 1, "{report:?}");
    assert!(!volume.root().exists());
    let report = sink.probe(ProbeDepth::Write).await;
    let names: Vec<&str> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["target", "authorise"]);
    assert!(report.ok(), "{report:?}");
    assert_eq!(volume.names(), Vec::<String>::new());

    fs::remove_dir(volume.path("")).unwrap();
    fs::write(volume.root().join("out"), "a file where the folder belongs").unwrap();
    let report = sink.probe(ProbeDepth::Write).await;
    let failure = report.failure().unwrap();
    assert_eq!(failure.name, "target");
    assert!(failure.message.contains("local:tenant/out"), "{}", failure.message);
}
