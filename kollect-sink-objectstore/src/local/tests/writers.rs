//! Claims, races, interruptions. What documents look like is in `documents`.

use std::fs::{self, File};
use std::pin::pin;
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::{self, BoxFuture, Either};
use futures::stream::{self, StreamExt};
use kollect_sink_core::{
    ClaimMode, Complete, Error, ErrorKind, Receipt, Row, Scope, Sink, Snapshot, SourceError,
};

use super::{Volume, batches, claim, claim_as, complete, export, replace, rows};
use crate::local::sink::Folder;

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn an_older_claim_writes_nothing() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let old = claim(&sink, &volume.scope).await;
    export(&sink, &volume.scope, &rows(3)).await;
    let before = volume.files();
    assert_eq!(kind(replace(&sink, &volume.scope, &old, &rows(1)).await), ErrorKind::Fenced);
    assert_eq!(kind(sink.remove(&volume.scope, &old).await), ErrorKind::Fenced);
    assert_eq!(volume.files(), before);
}

#[tokio::test]
async fn another_writer_needs_to_take_over() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let ours = export(&sink, &volume.scope, &rows(3)).await;
    let refused = claim_as(&sink, &volume.scope, "them", ClaimMode::Own).await;
    assert_eq!(kind(refused), ErrorKind::ForeignWriter);
    let theirs = claim_as(&sink, &volume.scope, "them", ClaimMode::TakeOver).await.unwrap();
    assert_eq!((theirs.epoch, theirs.rows, theirs.digest), (ours.epoch + 1, 3, ours.digest));
    assert_eq!(kind(replace(&sink, &volume.scope, &ours, &rows(1)).await), ErrorKind::ForeignWriter);
    replace(&sink, &volume.scope, &theirs, &rows(2)).await.unwrap();
}

#[tokio::test]
async fn a_lost_manifest_is_found_out() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let held = export(&sink, &volume.scope, &rows(3)).await;
    fs::remove_dir_all(volume.path(".kollect")).unwrap();
    assert_eq!(kind(replace(&sink, &volume.scope, &held, &rows(2)).await), ErrorKind::StaleBase);
    sink.remove(&volume.scope, &held).await.unwrap();
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap(), None);
    export(&sink, &volume.scope, &rows(2)).await;
}

type Sent = mpsc::UnboundedSender<Result<Vec<Row>, SourceError>>;

/// Starts a replacement whose rows come when they are sent, and runs it until it waits for them.
async fn started<'a>(
    volume: &Volume,
    sink: &'a Folder,
    export: &'a Complete,
) -> (Sent, BoxFuture<'a, Result<Receipt, Error>>) {
    let (sent, receiver) = mpsc::unbounded();
    let mut replacing = sink.replace(export, receiver.boxed());
    while !volume.names().iter().any(|name| name.ends_with(".tmp")) {
        let pause = tokio::time::sleep(Duration::from_millis(1));
        assert!(matches!(future::select(&mut replacing, pin!(pause)).await, Either::Right(_)));
    }
    (sent, replacing)
}

#[tokio::test]
async fn of_two_writes_from_one_base_one_wins() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let base = claim(&sink, &volume.scope).await;
    let slow = complete(&sink, &volume.scope, &base, &rows(2));
    let (sent, slow) = started(&volume, &sink, &slow).await;

    let winner = replace(&sink, &volume.scope, &base, &rows(3)).await.unwrap().reached;
    let mut before = volume.files();
    before.retain(|name, _| !name.ends_with(".tmp"));
    sent.unbounded_send(Ok(rows(2))).unwrap();
    drop(sent);
    assert_eq!(kind(slow.await), ErrorKind::Conflict);
    assert_eq!(volume.files(), before);
    assert_eq!(sink.checkpoint(&volume.scope).await.unwrap(), Some(winner));
}

#[tokio::test]
async fn a_write_that_was_fenced_meanwhile_does_not_commit() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let base = claim(&sink, &volume.scope).await;
    let slow = complete(&sink, &volume.scope, &base, &rows(2));
    let (sent, slow) = started(&volume, &sink, &slow).await;
    claim(&sink, &volume.scope).await;
    sent.unbounded_send(Ok(rows(2))).unwrap();
    drop(sent);
    assert_eq!(kind(slow.await), ErrorKind::Fenced);
    assert_eq!(volume.names().len(), 1, "only the manifest: {:?}", volume.names());
}

#[tokio::test]
async fn a_dropped_write_leaves_the_old_state() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let base = export(&sink, &volume.scope, &rows(3)).await;
    let before = volume.files();
    let abandoned = complete(&sink, &volume.scope, &base, &rows(2));
    let (sent, dropped) = started(&volume, &sink, &abandoned).await;
    drop(dropped);
    assert!(sent.is_closed());
    // Its thread ends by itself; the next write works either way.
    while volume.files() != before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    replace(&sink, &volume.scope, &base, &rows(4)).await.unwrap();
}

#[tokio::test]
async fn a_failing_source_leaves_the_old_state() {
    let volume = Volume::new();
    let sink = volume.open("parquet");
    let base = export(&sink, &volume.scope, &rows(3)).await;
    let before = volume.files();
    let export = complete(&sink, &volume.scope, &base, &rows(6));
    let lost = SourceError("the store is gone".into());
    let failing = stream::iter([Ok(rows(3)), Err(lost)]).boxed();
    let error = sink.replace(&export, failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(error.chain().contains("the store is gone"), "{}", error.chain());
    // Rows that end early without an error do not add up, and must not count as deletions.
    for wrong in [rows(3), rows(7)] {
        assert_eq!(kind(sink.replace(&export, batches(wrong)).await), ErrorKind::Source);
    }
    let mut edited = rows(6);
    edited[2] = super::row(2, r#"{"a":1}"#);
    assert_eq!(kind(sink.replace(&export, batches(edited)).await), ErrorKind::Source);
    assert_eq!(volume.files(), before);
}

#[tokio::test]
async fn left_overs_of_killed_processes_are_swept() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let base = claim(&sink, &volume.scope).await;
    let folder = volume.path(".kollect/prod/team-a/apps");
    fs::write(folder.join("77-0.tmp"), "half a document").unwrap();
    let alive = File::create(folder.join("78-0.tmp")).unwrap();
    alive.lock().unwrap();
    let base = replace(&sink, &volume.scope, &base, &rows(1)).await.unwrap().reached;
    let temporary = || volume.names().into_iter().filter(|name| name.ends_with(".tmp")).count();
    assert_eq!(temporary(), 1, "what a living process writes stays");
    drop(alive);
    replace(&sink, &volume.scope, &base, &rows(2)).await.unwrap();
    assert_eq!(temporary(), 0);
}

#[tokio::test]
async fn a_held_lock_is_waited_for() {
    let volume = Volume::new();
    let sink = volume.open("json");
    let base = claim(&sink, &volume.scope).await;
    let path = volume.path(".kollect/prod/team-a/apps/lock");
    let held = File::options().write(true).open(&path).unwrap();
    held.lock().unwrap();
    let rows = rows(1);
    let mut writing = pin!(replace(&sink, &volume.scope, &base, &rows));
    let pause = tokio::time::sleep(Duration::from_millis(60));
    assert!(matches!(future::select(&mut writing, pin!(pause)).await, Either::Right(_)));
    // Somebody deletes the lock, too: whoever waits must not end with a lock that nobody else sees.
    fs::remove_file(&path).unwrap();
    drop(held);
    writing.await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn scopes_are_written_at_the_same_time() {
    let volume = Volume::new();
    let sink = volume.open("parquet");
    let scopes: Vec<Scope> =
        (0..8).map(|index| Scope::new("prod", "team-a", &format!("inv-{index}"))).collect();
    let exports = scopes.iter().map(|scope| {
        let sink = &sink;
        async move {
            for count in 1..=5 {
                export(sink, scope, &rows(count)).await;
            }
        }
    });
    future::join_all(exports).await;
    for scope in &scopes {
        assert_eq!(super::listed(&sink, scope).await.len(), 5);
    }
}
