//! Documents, manifests, generations and what is deleted. Claims and races are in `writers`.

use std::fs;

use kollect_sink_core::{Checkpoint, Held, Scope, Sink, Snapshot};

use super::{Volume, claim, complete, export, listed, open, replace, row, rows};
use crate::local::Config;

const MANIFEST: &str = "tenant/out/.kollect/prod/team-a/apps/latest.json";
const DOCUMENT: &str = "tenant/out/inventory/prod/team-a/apps.json";

#[tokio::test]
async fn an_export_is_a_document_and_a_manifest() {
    let volume = Volume::new();
    let sink = volume.open("json");
    assert_eq!(sink.to_string(), "local:tenant/out");
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap(), None);
    assert_eq!(volume.names(), Vec::<String>::new(), "asking makes nothing");

    let base = claim(&sink, &volume.scope).await;
    let receipt = replace(&sink, &volume.scope, &base, &rows(5)).await.unwrap();
    assert_eq!((receipt.written, receipt.removed), (5, 0));
    assert_eq!(volume.names(), [MANIFEST, DOCUMENT]);

    let document = fs::read(volume.path("inventory/prod/team-a/apps.json")).unwrap();
    let parsed: serde_json::Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(parsed["items"].as_array().unwrap().len(), 5);
    let manifest = volume.manifest();
    assert_eq!(manifest["current"]["files"][0]["path"], "inventory/prod/team-a/apps.json");
    assert_eq!(manifest["current"]["files"][0]["bytes"], document.len());
    assert_eq!(manifest["current"]["checksum"], parsed["checksum"]);
    assert_eq!(manifest["current"]["itemCount"], 5);
    assert_eq!(manifest["inventory"], "apps");
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap(), Some(receipt.reached));
}

#[tokio::test]
async fn every_format_lists_what_it_holds() {
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        let volume = Volume::new();
        let sink = volume.open(format);
        assert_eq!(listed(&sink, &volume.scope).await, []);
        let rows: Vec<_> = (0..2500).map(|index| row(index, r#"{"a":"é","b":[1,2]}"#)).collect();
        export(&sink, &volume.scope, &rows).await;
        let expected: Vec<Held> = rows.iter().map(Held::of).collect();
        assert_eq!(listed(&sink, &volume.scope).await, expected, "{format}");
    }
}

#[tokio::test]
async fn equal_contents_are_not_written_again() {
    let volume = Volume::new();
    let sink = volume.open("parquet");
    let first = export(&sink, &volume.scope, &rows(5)).await;
    let before = volume.files();
    let receipt = replace(&sink, &volume.scope, &first, &rows(5)).await.unwrap();
    assert_eq!((receipt.written, receipt.bytes, receipt.reached), (0, 0, first));
    assert_eq!(volume.files(), before);
}

#[tokio::test]
async fn damaged_and_missing_documents_are_written_again_byte_for_byte() {
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        let volume = Volume::new();
        let sink = volume.open(format);
        let first = export(&sink, &volume.scope, &rows(5)).await;
        let document = volume.names().into_iter().find(|name| name != MANIFEST).unwrap();
        let path = volume.dir.path().join(&document);
        let before = fs::read(&path).unwrap();

        let mut edited = before.clone();
        edited[10] ^= 1;
        fs::write(&path, &edited).unwrap();
        // Of the same length: only a full pass finds it, which reads the contents.
        assert_eq!(sink.checkpoint(&volume.scope).await.unwrap().unwrap().digest, first.digest);
        replace(&sink, &volume.scope, &first, &rows(5)).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), before, "{format}");

        fs::remove_file(&path).unwrap();
        let found = sink.checkpoint(&volume.scope).await.unwrap().unwrap();
        assert_eq!(found, Checkpoint { digest: None, revision: found.revision, ..first.clone() });
        replace(&sink, &volume.scope, &first, &rows(5)).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), before, "{format}");
    }
}

#[tokio::test]
async fn ten_generations_are_kept() {
    let volume = Volume::new();
    let sink = volume.open("parquet");
    let folder = "inventory/source=prod/ns=team-a/inventory=apps";
    fs::create_dir_all(volume.path(folder)).unwrap();
    let foreign = volume.path(&format!("{folder}/generation=0.parquet"));
    fs::write(&foreign, "not ours").unwrap();
    let mut base = claim(&sink, &volume.scope).await;
    for count in 1..=13 {
        base = replace(&sink, &volume.scope, &base, &rows(count)).await.unwrap().reached;
    }
    let mut expected: Vec<String> =
        (4..=13).chain([0]).map(|generation| format!("generation={generation}.parquet")).collect();
    expected.sort();
    let mut found: Vec<String> = fs::read_dir(volume.path(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(fs::read(foreign).unwrap(), b"not ours");
    assert_eq!(volume.manifest()["history"].as_array().unwrap().len(), 9);
    assert_eq!(volume.manifest()["history"][0]["generation"], 12);
}

#[tokio::test]
async fn a_changed_layout_removes_what_the_old_one_wrote() {
    let volume = Volume::new();
    let parquet = volume.open("parquet");
    let mut base = claim(&parquet, &volume.scope).await;
    for count in 1..=3 {
        base = replace(&parquet, &volume.scope, &base, &rows(count)).await.unwrap().reached;
    }
    let json = volume.open("json");
    replace(&json, &volume.scope, &base, &rows(3)).await.unwrap();
    assert_eq!(volume.names(), [MANIFEST, DOCUMENT]);
    assert!(!volume.path("inventory/source=prod").exists(), "folders that got empty are gone");
}

#[tokio::test]
async fn removal_takes_our_files_only_and_keeps_the_epoch() {
    let volume = Volume::new();
    let sink = volume.open("parquet");
    let mut base = claim(&sink, &volume.scope).await;
    for count in 1..=3 {
        base = replace(&sink, &volume.scope, &base, &rows(count)).await.unwrap().reached;
    }
    let other = Scope::new("prod", "team-a", "other");
    export(&sink, &other, &rows(1)).await;
    fs::write(volume.path("inventory/note.txt"), "a person's").unwrap();

    let held = claim(&sink, &volume.scope).await;
    for _ in 0..2 {
        sink.remove(&volume.scope, &held).await.unwrap();
        assert_eq!(
            volume.names(),
            [
                MANIFEST,
                "tenant/out/.kollect/prod/team-a/other/latest.json",
                "tenant/out/inventory/note.txt",
                "tenant/out/inventory/source=prod/ns=team-a/inventory=other/generation=1.parquet",
            ]
        );
        let found = sink.checkpoint(&volume.scope).await.unwrap().unwrap();
        assert_eq!((found.writer.as_str(), found.rows, found.epoch, found.digest), ("", 0, held.epoch, None));
    }
    assert_eq!(listed(&sink, &volume.scope).await, []);
    assert_eq!(claim(&sink, &volume.scope).await.epoch, held.epoch + 1);
}

#[tokio::test]
async fn an_empty_inventory_is_a_document_without_rows() {
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        let volume = Volume::new();
        let sink = volume.open(format);
        let full = export(&sink, &volume.scope, &rows(4)).await;
        let empty = replace(&sink, &volume.scope, &full, &[]).await.unwrap().reached;
        assert_eq!((empty.rows, empty.generation), (0, 2));
        assert_eq!(listed(&sink, &volume.scope).await, [], "{format}");
        assert_eq!(volume.manifest()["current"]["itemCount"], 0);
    }
}

#[tokio::test]
async fn files_that_an_interrupted_deletion_left_go_with_the_next_write() {
    let volume = Volume::new();
    let mut settings = volume.settings("parquet");
    settings.retention_generations = Some(1);
    let sink = open(Config::parse(settings).unwrap());
    let first = export(&sink, &volume.scope, &rows(1)).await;
    let old = volume.path("inventory/source=prod/ns=team-a/inventory=apps/generation=1.parquet");
    let kept = fs::read(&old).unwrap();
    let second = replace(&sink, &volume.scope, &first, &rows(2)).await.unwrap().reached;
    assert!(!old.exists());

    // As if the process had been killed between the manifest and the deletion.
    fs::write(&old, &kept).unwrap();
    let third = replace(&sink, &volume.scope, &second, &rows(3)).await.unwrap().reached;
    assert!(!old.exists());

    // By now somebody else writes to a path that once was ours.
    let old = old.with_file_name("generation=2.parquet");
    fs::write(&old, "somebody's").unwrap();
    replace(&sink, &volume.scope, &third, &rows(4)).await.unwrap();
    assert_eq!(fs::read(&old).unwrap(), b"somebody's");
}

#[tokio::test]
async fn two_clusters_do_not_share_a_path() {
    let volume = Volume::new();
    let mut settings = volume.settings("json");
    settings.path_template = Some("{namespace}/{name}{extension}".to_owned());
    let sink = open(Config::parse(settings).unwrap());
    export(&sink, &volume.scope, &rows(3)).await;
    let before = volume.files();

    let other = Scope::new("staging", "team-a", "apps");
    let base = claim(&sink, &other).await;
    let error = replace(&sink, &other, &base, &rows(1)).await.unwrap_err();
    assert_eq!(error.kind(), kollect_sink_core::ErrorKind::ForeignWriter);
    assert!(error.to_string().contains("belongs to prod/team-a/apps; add {cluster}"), "{error}");
    for (name, contents) in before {
        assert_eq!(volume.files().get(&name), Some(&contents), "{name}");
    }
}

#[tokio::test]
async fn what_becomes_unknown_is_named_at_the_same_path() {
    let volume = Volume::new();
    let sink = volume.open("parquet");
    let first = export(&sink, &volume.scope, &rows(2)).await;
    let mut partial = complete(&sink, &volume.scope, &first, &rows(2)).target().clone();
    let target = kollect_sink_core::Target::new("team-a", "jobs");
    partial.unknown.insert(kollect_sink_core::Pattern::new(target, None, None));
    let header =
        kollect_sink_core::Complete::declare(volume.scope.clone(), partial, std::sync::Arc::default());
    sink.replace(&header, super::batches(rows(2))).await.unwrap();
    assert_eq!(volume.names().len(), 2);
    assert_eq!(volume.manifest()["current"]["unknown"][0]["target"]["name"], "jobs");
}

#[tokio::test]
async fn any_format_keeps_generations_by_number_and_age() {
    for (format, compression, ending) in
        [("yaml", "gzip", "yaml.gz"), ("csv", "zstd", "csv.zst"), ("json", "none", "json")]
    {
        // Exports of these tests are one second apart.
        for (generations, age, kept) in [(Some(3), None, 3), (None, Some(1), 2), (Some(9), Some(3), 4)] {
            let volume = Volume::new();
            let mut settings = volume.settings(format);
            settings.compression = Some(compression.to_owned());
            settings.path_template = Some("{namespace}/{name}/{generation}{extension}".to_owned());
            settings.retention_generations = generations;
            settings.retention_age = age.map(std::time::Duration::from_secs);
            let sink = open(Config::parse(settings).unwrap());
            let mut base = claim(&sink, &volume.scope).await;
            for count in 1..=6 {
                base = replace(&sink, &volume.scope, &base, &rows(count)).await.unwrap().reached;
            }
            let mut expected: Vec<String> = (7 - kept..=6)
                .map(|generation| format!("tenant/out/team-a/apps/{generation}.{ending}"))
                .collect();
            expected.insert(0, MANIFEST.to_owned());
            assert_eq!(volume.names(), expected, "{format} {generations:?} {age:?}");
            assert_eq!(listed(&sink, &volume.scope).await.len(), 6);
        }
    }
}
