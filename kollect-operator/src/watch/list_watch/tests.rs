//! Conversations with an API server, word for word: what is asked, and what the listener hears.

use std::sync::Arc;

use kube::discovery::ApiResource;
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::*;

/// What the server answers to one request: a status and a body; it closes the connection behind it.
type Answer = (u16, String);

/// What was asked, and what was heard; both in order.
struct Heard {
    asked: Vec<String>,
    heard: Vec<String>,
}

#[derive(Default)]
struct Notes(Vec<String>);

impl Listener for Notes {
    fn begin(&mut self) {
        self.0.push("begin".to_owned());
    }

    fn listed(&mut self, object: &RawObject) {
        self.0.push(format!("listed {}", object.name()));
    }

    fn whole(&mut self) {
        self.0.push("whole".to_owned());
    }

    fn applied(&mut self, object: &RawObject) {
        self.0.push(format!("applied {}", object.name()));
    }

    fn deleted(&mut self, object: &RawObject) {
        self.0.push(format!("deleted {}", object.name()));
    }

    fn resumed(&mut self) {
        self.0.push("resumed".to_owned());
    }

    fn failed(&mut self, why: &Interruption) -> Verdict {
        self.0.push(format!("failed: {}", crate::error::chain(why)));
        let forbidden = matches!(why, Interruption::Api(kube::Error::Api(status)) if status.code == 403);
        if forbidden { Verdict::Stop } else { Verdict::Retry }
    }
}

/// Follows a server that gives these answers, and then forbids everything.
async fn follow(answers: Vec<Answer>) -> Heard {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        for (status, body) in answers.into_iter().chain([refusal(403, "enough")]) {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(request).unwrap();
            asked.push(head.lines().next().unwrap().split(' ').nth(1).unwrap().to_owned());
            let head = format!(
                "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body.as_bytes()).await.unwrap();
        }
        asked
    });
    let client = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
    let resource = ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
    };
    let source = ListWatch {
        api: Api::all_with(client, &resource),
        group: "".into(),
        selectors: Selectors::default(),
        timeout: 30,
        refusals: Arc::default(),
        lists: Arc::new(Semaphore::new(1)),
    };
    let mut notes = Notes::default();
    source.follow(&mut notes).await;
    Heard { asked: server.await.unwrap(), heard: notes.0 }
}

fn refusal(code: u16, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Reason", "code": code});
    (code, status.to_string())
}

fn object(name: &str, version: u32) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": version.to_string()}})
}

/// With its type before its object, as API servers write it.
fn event(kind: &str, object: Value) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

fn bookmark(version: u32, annotations: Value) -> String {
    let metadata = json!({"resourceVersion": version.to_string(), "annotations": annotations});
    event("BOOKMARK", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
}

fn streamed(objects: &[(&str, u32)], version: u32) -> String {
    let mut all: String =
        objects.iter().map(|(name, version)| event("ADDED", object(name, *version))).collect();
    all.push_str(&bookmark(version, json!({"k8s.io/initial-events-end": "true"})));
    all
}

fn page(objects: &[(&str, u32)], token: &str) -> Answer {
    let items: Vec<Value> = objects.iter().map(|(name, version)| object(name, *version)).collect();
    let metadata = json!({"resourceVersion": "70", "continue": token, "remainingItemCount": 1});
    (
        200,
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items})
            .to_string(),
    )
}

#[tokio::test]
async fn a_list_is_streamed_as_it_is_stored_now_and_followed_in_the_same_breath() {
    let mut first = streamed(&[("a", 3), ("b", 5)], 9);
    first.push_str(&event("MODIFIED", object("a", 11)));
    let second = event("DELETED", object("b", 12)) + &bookmark(40, json!({}));
    let Heard { asked, heard } = follow(vec![(200, first), (200, second)]).await;
    assert!(asked[0].contains("sendInitialEvents=true"), "{asked:?}");
    assert!(asked[0].contains("resourceVersionMatch=NotOlderThan"), "{asked:?}");
    // Version 0 would be whatever the server remembers.
    assert!(asked[0].ends_with("resourceVersion="), "{asked:?}");
    assert!(
        asked[0].contains("timeoutSeconds=30") && asked[0].contains("allowWatchBookmarks=true"),
        "{asked:?}"
    );
    assert!(asked[1].ends_with("resourceVersion=11") && !asked[1].contains("sendInitialEvents"), "{asked:?}");
    assert!(asked[2].ends_with("resourceVersion=40"), "a bookmark tells where to go on: {asked:?}");
    let wanted = ["begin", "listed a", "listed b", "whole", "applied a", "resumed", "deleted b"];
    assert_eq!(heard[..wanted.len()], wanted);
}

#[tokio::test]
async fn a_server_that_does_not_stream_lists_is_asked_for_pages_and_not_asked_again() {
    let answers = vec![
        refusal(422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"),
        page(&[("a", 3)], "next"),
        page(&[("b", 5)], ""),
        refusal(410, "too old resource version"),
        page(&[("b", 5)], ""),
    ];
    let Heard { asked, heard } = follow(answers).await;
    assert!(asked[1].contains("limit=20") && !asked[1].contains("resourceVersion"), "{asked:?}");
    assert!(asked[2].contains("continue=next"), "{asked:?}");
    assert!(asked[3].contains("watch=true") && asked[3].ends_with("resourceVersion=70"), "{asked:?}");
    assert!(asked[4].contains("limit=20"), "{asked:?}");
    let wanted = ["begin", "listed a", "listed b", "whole", "begin", "listed b", "whole"];
    assert_eq!(heard[..wanted.len()], wanted, "what the server forgot is listed anew, without a failure");
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_list_and_the_next_one_is_read_by_pages() {
    let cut = event("ADDED", object("a", 3));
    let answers = vec![(200, cut), page(&[("a", 3), ("b", 5)], "")];
    let Heard { asked, heard } = follow(answers).await;
    assert!(asked[0].contains("sendInitialEvents") && asked[1].contains("limit=20"), "{asked:?}");
    let wanted = [
        "begin",
        "listed a",
        "failed: a streamed list did not come to its end",
        "begin",
        "listed a",
        "listed b",
        "whole",
    ];
    assert_eq!(heard[..wanted.len()], wanted);
}

#[tokio::test]
async fn a_watch_whose_version_is_forgotten_lists_again_and_one_that_fails_goes_on_where_it_was() {
    let gone: Value = serde_json::from_str(&refusal(410, "too old resource version").1).unwrap();
    let broken: Value = serde_json::from_str(&refusal(500, "etcd is away").1).unwrap();
    let answers = vec![
        (200, streamed(&[("a", 3)], 9)),
        (200, event("ADDED", object("b", 12)) + &event("ERROR", broken)),
        (200, event("ERROR", gone)),
        (200, streamed(&[("a", 3), ("b", 12)], 20)),
    ];
    let Heard { asked, heard } = follow(answers).await;
    assert!(asked[2].ends_with("resourceVersion=12"), "{asked:?}");
    assert!(asked[3].contains("sendInitialEvents=true"), "{asked:?}");
    let failed = heard.iter().filter(|line| line.starts_with("failed")).collect::<Vec<_>>();
    assert_eq!(failed.len(), 2, "the fault and the end: {heard:?}");
    assert!(failed[0].contains("etcd is away"), "{failed:?}");
    assert_eq!(heard.iter().filter(|line| *line == "whole").count(), 2);
}
