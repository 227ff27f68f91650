//! A document per row: what is written, what is left alone, and what is ours. What all destinations have to do is
//! asked by the conformance suite.

use std::collections::BTreeMap;
use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::channel::mpsc;
use futures::future::{self, Either};
use futures::stream::{self, StreamExt, TryStreamExt};
use kollect_sink_core::{
    Change, Checkpoint, Complete, DeleteReconcile, Delta, Digest, ErrorKind, Held, Listing, Pattern,
    Projection, Receipt, Result, Row, Schema, ScopeDigest, Sink, Target, Unknown,
};

use super::{Volume, batches, claim, row, rows};
use crate::local::config::Layout;
use crate::local::rows::Tree;
use crate::local::{Config, Settings};

const FOLDER: &str = "inventory/prod/team-a/apps/pods/pod/shop";

fn tree(settings: Settings) -> Tree {
    let config = Config::parse(settings).unwrap();
    let Layout::Rows(rows) = config.layout.clone() else { panic!("not a layout of rows") };
    Tree::new(Arc::new(config), rows)
}

fn settings(volume: &Volume, format: &str) -> Settings {
    Settings { layout_mode: Some("perResource".to_owned()), ..volume.settings(format) }
}

fn after(sink: &Tree, base: &Checkpoint, rows: &[Row]) -> Checkpoint {
    let mut digest = ScopeDigest::default();
    rows.iter().for_each(|row| digest.add(row.digest()));
    let (revision, generation) = (base.revision + 1, base.generation + 1);
    let (digest, rows, shape) = (Some(digest), rows.len() as u64, sink.shape());
    Checkpoint { revision, generation, digest, rows, shape, ..base.clone() }
}

async fn full(sink: &Tree, volume: &Volume, base: &Checkpoint, rows: &[Row]) -> Result<Receipt> {
    let target = after(sink, base, rows);
    let export = Complete::declare(volume.scope.clone(), target, Arc::new(Schema::default()));
    sink.reconcile(&export, batches(rows.to_vec())).await
}

/// Moves from `base`, which holds `old`, to `new`.
async fn delta(sink: &Tree, volume: &Volume, base: &Checkpoint, old: &[Row], new: &[Row]) -> Result<Receipt> {
    let keyed = |rows: &[Row]| -> BTreeMap<_, _> {
        rows.iter().map(|row| (row.identity().to_key(), row.clone())).collect()
    };
    let (old, new_rows) = (keyed(old), keyed(new));
    let mut changes = BTreeMap::new();
    for (key, row) in &old {
        if !new_rows.contains_key(key) {
            changes.insert(key.clone(), Change::Remove(row.identity().clone()));
        }
    }
    for (key, row) in &new_rows {
        if old.get(key).map(Row::digest) != Some(row.digest()) {
            changes.insert(key.clone(), Change::Upsert(row.clone()));
        }
    }
    let target = after(sink, base, new);
    let delta = Delta { scope: volume.scope.clone(), base: base.clone(), target };
    let batches: Vec<_> = changes.into_values().map(|change| Ok(vec![change])).collect();
    sink.apply(&delta, stream::iter(batches).boxed()).await
}

async fn started(volume: &Volume, sink: &Tree, rows: &[Row]) -> Checkpoint {
    let base = claim(sink, &volume.scope).await;
    full(sink, volume, &base, rows).await.unwrap().reached
}

async fn listed(sink: &Tree, volume: &Volume, how: Listing) -> Vec<Held> {
    let batches: Vec<Vec<Held>> = sink.list(&volume.scope, how).try_collect().await.unwrap();
    batches.concat()
}

/// Files with their times of change: a file that is written again has another.
fn times(volume: &Volume) -> BTreeMap<String, SystemTime> {
    let time = |name: &String| fs::metadata(volume.dir.path().join(name)).unwrap().modified().unwrap();
    volume.names().into_iter().map(|name| (name.clone(), time(&name))).collect()
}

fn documents(volume: &Volume) -> BTreeMap<String, Vec<u8>> {
    let mut files = volume.files();
    files.retain(|name, _| !name.contains("/.kollect/"));
    files
}

#[tokio::test]
async fn each_row_has_a_document() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "yaml"));
    let held = started(&volume, &sink, &rows(3)).await;
    let names: Vec<String> = documents(&volume).into_keys().collect();
    assert_eq!(names, [0, 1, 2].map(|index| format!("tenant/out/{FOLDER}/pod-{index}.yaml")));
    let document = fs::read_to_string(volume.path(&format!("{FOLDER}/pod-1.yaml"))).unwrap();
    assert_eq!(
        document,
        "targetNamespace: team-a\ntargetName: pods\nnamespace: shop\nname: pod-1\nversion: v1\nkind: Pod\n\
         uid: \"00001\"\nattributes: {}\n"
    );
    let manifest = volume.manifest();
    assert_eq!(manifest["current"]["itemCount"], 3);
    assert_eq!(manifest["current"]["content"], "item");
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap(), Some(held));
}

#[tokio::test]
async fn changes_touch_only_what_changes() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let old = rows(300);
    let base = started(&volume, &sink, &old).await;
    let before = times(&volume);
    let mut new = old.clone();
    new[7] = row(7, r#"{"changed":true}"#);
    new.remove(3);
    new.push(row(900, "{}"));
    let receipt = delta(&sink, &volume, &base, &old, &new).await.unwrap();
    assert_eq!((receipt.written, receipt.removed), (2, 1));
    let after = times(&volume);
    let changed: Vec<&String> =
        after.iter().filter(|(n, time)| before.get(*n) != Some(time)).map(|(n, _)| n).collect();
    let gone: Vec<&String> = before.keys().filter(|name| !after.contains_key(*name)).collect();
    let parts = |names: &[&String]| names.iter().filter(|name| name.contains("/rows/")).count();
    let at = |index: usize| format!("tenant/out/{FOLDER}/pod-{index}.json");
    assert!(changed.contains(&&at(7)) && changed.contains(&&at(900)) && gone.contains(&&at(3)));
    // Two documents, at most three parts, and the manifest.
    assert_eq!(changed.len(), 3 + parts(&changed), "{changed:?}");
    assert!(parts(&changed) <= 3, "{changed:?}");
    assert_eq!(gone.len(), 1 + parts(&gone), "{gone:?}");

    // A full pass over what is there writes the manifest, and nothing else.
    let receipt = full(&sink, &volume, &receipt.reached, &new).await.unwrap();
    assert_eq!((receipt.written, receipt.removed), (0, 0));
    let again = times(&volume);
    let written: Vec<&String> =
        again.iter().filter(|(n, time)| after.get(*n) != Some(time)).map(|(n, _)| n).collect();
    assert_eq!(written, ["tenant/out/.kollect/prod/team-a/apps/latest.json"]);
    let held: Vec<Held> = new.iter().map(Held::of).collect();
    for how in [Listing::Recorded, Listing::Recomputed] {
        assert_eq!(listed(&sink, &volume, how).await, held);
    }
}

#[tokio::test]
async fn every_way_to_write_a_row_is_read_back() {
    for format in ["json", "yaml", "ndjson"] {
        for compression in ["none", "gzip", "zstd"] {
            for content in ["item", "attributes"] {
                let volume = Volume::new();
                let sink = tree(Settings {
                    compression: Some(compression.to_owned()),
                    layout_content: Some(content.to_owned()),
                    ..settings(&volume, format)
                });
                let rows = [row(1, r#"{"a":"1e3","b":[null,0.1,{}]}"#), row(2, "{}")];
                started(&volume, &sink, &rows).await;
                let held: Vec<Held> = rows.iter().map(Held::of).collect();
                let found = listed(&sink, &volume, Listing::Recomputed).await;
                assert_eq!(found, held, "{format} {compression} {content}");
            }
        }
    }
}

#[tokio::test]
async fn edited_and_missing_documents_are_listed_and_mended() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let base = started(&volume, &sink, &rows(4)).await;
    let good = documents(&volume);
    fs::write(volume.path(&format!("{FOLDER}/pod-1.json")), "nonsense").unwrap();
    fs::remove_file(volume.path(&format!("{FOLDER}/pod-2.json"))).unwrap();
    assert_eq!(listed(&sink, &volume, Listing::Recorded).await.len(), 4);
    let found = listed(&sink, &volume, Listing::Recomputed).await;
    assert_eq!((found.len(), found[1].digest), (3, Digest([0; 16])));
    let receipt = full(&sink, &volume, &base, &rows(4)).await.unwrap();
    assert_eq!(receipt.written, 2);
    assert_eq!(documents(&volume), good);
}

#[tokio::test]
async fn an_object_made_anew_keeps_its_path() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let path = volume.path(&format!("{FOLDER}/pod-5.json"));
    // The same name with another uid, which sorts before and after.
    for (old, new) in [("a", "b"), ("b", "a")] {
        let named = |uid: &str| {
            let origin = row(5, "{}").identity().origin().clone();
            Row::new(kollect_sink_core::Identity::new(origin, "shop".into(), "pod-5", uid).unwrap(), "{}")
        };
        let (old, new) = ([named(old)], [named(new)]);
        let base = started(&volume, &sink, &old).await;
        let receipt = delta(&sink, &volume, &base, &old, &new).await.unwrap();
        assert_eq!((receipt.written, receipt.removed), (1, 1));
        assert!(
            fs::read_to_string(&path).unwrap().contains(&format!("\"uid\":\"{}\"", new[0].identity().uid()))
        );
        assert_eq!(listed(&sink, &volume, Listing::Recomputed).await, [Held::of(&new[0])]);
    }
}

#[tokio::test]
async fn rows_that_meet_are_an_error_that_names_both() {
    let volume = Volume::new();
    let template = Some("x/{namespace}/{name}/{kind}{extension}".to_owned());
    let sink = tree(Settings { layout_path_template: template, ..settings(&volume, "json") });
    let base = claim(&sink, &volume.scope).await;
    let error = full(&sink, &volume, &base, &rows(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let message = error.to_string();
    assert!(message.contains("shop/pod-0 (00000)") && message.contains("shop/pod-1 (00001)"), "{message}");
    assert!(message.contains("meet in x/team-a/apps/pod.json"), "{message}");

    // One at a time is fine; another one that comes as a change is not.
    let base = started(&volume, &sink, &rows(1)).await;
    let error = delta(&sink, &volume, &base, &rows(1), &rows(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    let document = fs::read_to_string(volume.path("x/team-a/apps/pod.json")).unwrap();
    assert!(document.contains("\"name\":\"pod-0\""), "{document}");
}

#[tokio::test]
async fn what_is_not_ours_is_neither_overwritten_nor_removed() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let base = started(&volume, &sink, &rows(2)).await;
    let foreign = volume.path(&format!("{FOLDER}/pod-2.json"));
    fs::write(&foreign, "somebody's").unwrap();
    fs::write(volume.path(".kollect/prod/team-a/apps/rows/README.md"), "a person's").unwrap();
    for result in
        [delta(&sink, &volume, &base, &rows(2), &rows(3)).await, full(&sink, &volume, &base, &rows(3)).await]
    {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(error.to_string().contains("pod-2.json stands there already"), "{error}");
    }
    let held = claim(&sink, &volume.scope).await;
    sink.retire(&volume.scope, &held).await.unwrap();
    sink.retire(&volume.scope, &held).await.unwrap();
    assert_eq!(
        volume.names(),
        [
            "tenant/out/.kollect/prod/team-a/apps/latest.json".to_owned(),
            "tenant/out/.kollect/prod/team-a/apps/rows/README.md".to_owned(),
            format!("tenant/out/{FOLDER}/pod-2.json"),
        ]
    );
    assert_eq!(fs::read(foreign).unwrap(), b"somebody's");
}

#[tokio::test]
async fn what_is_as_it_shall_be_is_taken_over_where_nothing_is_remembered() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let base = started(&volume, &sink, &rows(300)).await;
    let good = documents(&volume);
    let parts = volume.path(".kollect/prod/team-a/apps/rows");
    let part = fs::read_dir(&parts).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(part).unwrap();
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap().unwrap().digest, None);
    let error = full(&sink, &volume, &base, &rows(300)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("delete latest.json"), "{error}");
    fs::remove_dir_all(volume.path(".kollect")).unwrap();
    started(&volume, &sink, &rows(300)).await;
    assert_eq!(documents(&volume), good);
}

#[tokio::test]
async fn an_interrupted_write_is_known_and_mended() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let base = started(&volume, &sink, &rows(3)).await;
    let good = documents(&volume);
    // Two batches of a change, and then the source is lost.
    let changed = [Ok(vec![Change::Upsert(row(1, r#"{"a":1}"#))]), Ok(vec![Change::Upsert(row(8, "{}"))])];
    let lost = Err(kollect_sink_core::SourceError("gone".into()));
    let target = after(&sink, &base, &rows(4));
    let export = Delta { scope: volume.scope.clone(), base: base.clone(), target };
    let error =
        sink.apply(&export, stream::iter(changed.into_iter().chain([lost])).boxed()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert_ne!(documents(&volume), good);

    // Also a new process sees that, whatever the rows are by then.
    let sink = tree(settings(&volume, "json"));
    let found = sink.checkpoint(&volume.scope).await.unwrap().unwrap();
    assert_eq!(found, Checkpoint { digest: None, ..base.clone() });
    let error = delta(&sink, &volume, &base, &rows(3), &rows(4)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleBase);
    full(&sink, &volume, &base, &rows(3)).await.unwrap();
    assert_eq!(documents(&volume), good);
    assert!(sink.checkpoint(&volume.scope).await.unwrap().unwrap().digest.is_some());
}

#[tokio::test]
async fn a_write_that_was_fenced_meanwhile_writes_nothing_more() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let base = started(&volume, &sink, &rows(2)).await;
    let (sent, received) = mpsc::unbounded();
    let target = after(&sink, &base, &rows(4));
    let export = Delta { scope: volume.scope.clone(), base: base.clone(), target };
    let mut applying = sink.apply(&export, received.boxed());
    sent.unbounded_send(Ok(vec![Change::Upsert(row(2, "{}"))])).unwrap();
    while documents(&volume).len() < 3 {
        let pause = tokio::time::sleep(Duration::from_millis(1));
        assert!(matches!(future::select(&mut applying, pin!(pause)).await, Either::Right(_)));
    }
    // A successor takes the scope, and finds it in doubt.
    let successor = claim(&sink, &volume.scope).await;
    assert_eq!(successor.digest, None);
    sent.unbounded_send(Ok(vec![Change::Upsert(row(3, "{}"))])).unwrap();
    drop(sent);
    assert_eq!(applying.await.unwrap_err().kind(), ErrorKind::Fenced);
    assert_eq!(documents(&volume).len(), 3);
    let receipt = full(&sink, &volume, &successor, &rows(2)).await.unwrap();
    assert_eq!((receipt.written, documents(&volume).len()), (0, 2), "what the fenced one left is gone");
}

#[tokio::test]
async fn layouts_follow_each_other_and_clean_up() {
    let volume = Volume::new();
    let one = volume.open("json");
    let base = super::export(&one, &volume.scope, &rows(3)).await;
    let per_row = tree(settings(&volume, "json"));
    let base = full(&per_row, &volume, &base, &rows(3)).await.unwrap().reached;
    assert_eq!(documents(&volume).len(), 3);
    let other = Settings { format: Some("yaml".to_owned()), ..settings(&volume, "json") };
    let base = full(&tree(other), &volume, &base, &rows(3)).await.unwrap().reached;
    assert!(documents(&volume).len() == 3 && documents(&volume).keys().all(|name| name.ends_with(".yaml")));
    super::replace(&one, &volume.scope, &base, &rows(3)).await.unwrap();
    let names: Vec<String> = volume.names();
    assert_eq!(
        names,
        ["tenant/out/.kollect/prod/team-a/apps/latest.json", "tenant/out/inventory/prod/team-a/apps.json"]
    );
}

#[tokio::test]
async fn unknown_rows_stay_as_they_are_under_another_configuration() {
    let volume = Volume::new();
    let sink = tree(settings(&volume, "json"));
    let base = started(&volume, &sink, &rows(2)).await;
    let yaml = tree(settings(&volume, "yaml"));
    let mut target = after(&yaml, &base, &[]);
    let target_of_rows = Target::new("team-a", "pods");
    target.unknown = Unknown::from_iter([Pattern::new(target_of_rows, None, None)]);
    let export = Complete::declare(volume.scope.clone(), target, Arc::new(Schema::default()));
    let reached = yaml.reconcile(&export, batches(Vec::new())).await.unwrap().reached;
    let held: Vec<Held> = rows(2).iter().map(Held::of).collect();
    assert_eq!(listed(&yaml, &volume, Listing::Recomputed).await, held);
    let base = full(&yaml, &volume, &reached, &rows(2)).await.unwrap().reached;
    assert_eq!(base.rows, 2);
    assert!(documents(&volume).keys().all(|name| name.ends_with(".yaml")));
}

#[tokio::test]
async fn split_has_an_index_of_what_stands_where() {
    for format in ["json", "yaml", "ndjson"] {
        let volume = Volume::new();
        let sink = tree(Settings { layout_mode: Some("split".to_owned()), ..settings(&volume, format) });
        let base = started(&volume, &sink, &rows(3)).await;
        let path = volume.path(&format!("inventory/prod/team-a/apps/index.{format}"));
        let index = fs::read_to_string(&path).unwrap();
        for index_of in 0..3 {
            assert!(index.contains(&format!("{FOLDER}/pod-{index_of}.{format}")), "{index}");
        }
        if format == "json" {
            let index: serde_json::Value = serde_json::from_str(&index).unwrap();
            assert_eq!(index["itemCount"], 3);
            assert_eq!(index["items"][2]["uid"], "00002");
        }
        let base = delta(&sink, &volume, &base, &rows(3), &rows(1)).await.unwrap().reached;
        assert!(!fs::read_to_string(&path).unwrap().contains("pod-2"));
        fs::remove_file(&path).unwrap();
        assert_eq!(sink.checkpoint(&volume.scope).await.unwrap().unwrap().digest, None);
        full(&sink, &volume, &base, &rows(1)).await.unwrap();
        assert!(path.exists());
        let held = claim(&sink, &volume.scope).await;
        sink.retire(&volume.scope, &held).await.unwrap();
        assert!(!volume.path("inventory").exists());
    }
}
