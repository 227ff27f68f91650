//! Cluster targets and cluster inventories, beside the kinds of namespaces. What scopes deny to them is told at the end;
//! what tenant mode does, in `tenants`.

use serde_json::{Value, json};

use self::play::{Play, ROWS, deployments, roles, same, walk};
use crate::manifests::{self, beside, kollect};
use crate::stage::LIMIT;

mod play;

#[test]
fn a_rollup_follows_namespaces_and_what_belongs_to_none() {
    let mut play = Play::begin("rollup");
    let root = play.stage.dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    play.stage.arg(format!("--local-root={}", root.display()));
    play.deployments(&["a", "b", "c"]);
    play.role("reader");
    play.target("apps", "deployments", json!({}));
    play.target("roles", "roles", json!({"labelSelector": {"matchLabels": {"story": play.stage.story}}}));
    let stage = &play.stage;
    let files = json!({"type": "local", "endpoint": "files", "serialization": {"format": "ndjson"}});
    stage.apply(&kollect("KollectSnapshotSink", &stage.platform, "files", files));
    // One sink where cluster inventories look for them, and one elsewhere.
    play.inventory(
        "all",
        json!({
            "databaseSinkRefs": [play.name("db")],
            "snapshotSinkRefs": [{"name": "files", "namespace": stage.platform}],
        }),
    );
    // What a namespace may not ask for, at the same time.
    stage.apply(&roles(&stage.platform));
    stage.apply(&kollect("KollectTarget", &stage.platform, "roles", json!({"profileRef": "roles"})));
    stage.paint("x", "red");
    play.stage.start();

    let all = [
        "apps Deployment a app",
        "apps Deployment b app",
        "apps Deployment c app",
        "roles ClusterRole reader",
    ];
    play.wait_rows(&all);
    play.wait("kollectclusterinventory", "all", "ExportSucceeded", "True");
    let inventory = play.wait("kollectclusterinventory", "all", "Ready", "True");
    assert_eq!(inventory["metadata"]["finalizers"], json!(["kollect.dev/cluster-inventory-cleanup"]));
    let status = &inventory["status"];
    assert_eq!((&status["targetCount"], &status["itemCount"]), (&json!(2), &json!(4)));
    let names: Vec<&Value> =
        status["sinkExports"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    let local = format!("snapshot/{}/files", play.stage.platform);
    assert_eq!(names, [&json!(local), &json!(format!("database/{}", play.name("db")))]);
    for target in ["apps", "roles"] {
        play.wait("kollectclustertarget", target, "Ready", "True");
    }
    let document =
        format!("{}/files/inventory/e2e/_cluster/{}.ndjson", play.stage.platform, play.name("all"));
    let text = std::fs::read_to_string(root.join(document)).unwrap();
    assert_eq!(text.lines().count(), 4);

    // The namespaced kinds go on as ever, and see nothing that belongs to no namespace.
    let stage = &play.stage;
    stage.wait_colors(&[("x", "red")]);
    let message = stage.wait_reason("kollecttarget", "roles", "Degraded", "InvalidSpec");
    assert!(message.contains("KollectClusterTarget"), "{message}");
    let roles = stage.kubectl.get(&["-n", &stage.platform, "kollecttarget", "roles"]).unwrap();
    assert_eq!(roles["status"]["collectedCount"], 0);

    // A namespace that is relabelled, and an object that comes and goes, and one that belongs to none.
    play.tier("c", "none");
    play.wait_rows(&[all[0], all[1], all[3]]);
    play.tier("c", "app");
    play.role("writer");
    play.wait_rows(&[all[0], all[1], all[2], all[3], "roles ClusterRole writer"]);
    play.stage.kubectl.delete(&["clusterrole", &play.name("writer")]).unwrap();
    play.stage.kubectl.delete(&["-n", &play.space("a"), "deployment", "app"]).unwrap();
    play.wait_rows(&all[1..]);
    // Nobody may see cluster roles any more, then somebody again.
    play.stage.kubectl.delete(&["kollectclustertarget", &play.name("roles")]).unwrap();
    play.wait_rows(&all[1..3]);
    play.target("roles", "roles", json!({"names": [play.name("reader")]}));
    play.wait_rows(&all[1..]);
    play.stage.wait_reason("kollecttarget", "roles", "Degraded", "InvalidSpec");
    play.wait("kollectclusterinventory", "all", "Synced", "True");
    let some = format!("resource_namespace = '{}' OR resource_name LIKE 'reader%'", play.space("c"));
    let before = play.stage.written("rollup", &some);
    assert_eq!(before.len(), 2);
    // A restart writes nothing.
    play.stage.stop();
    play.stage.start();
    play.deployment("b", "late");
    play.wait_rows(&[all[1], all[2], all[3], "apps Deployment b late"]);
    assert_eq!(play.stage.written("rollup", &some), before);

    play.verify("all");

    // What a deleted inventory leaves is nothing.
    play.stage.kubectl.delete(&["kollectclusterinventory", &play.name("all")]).unwrap();
    assert_eq!(play.stage.psql().rows(ROWS).unwrap().len(), 0);
    assert_eq!(walk(&root).iter().filter(|path| path.ends_with("ndjson")).count(), 0);
    play.stage.wait_colors(&[("x", "red")]);
}

#[test]
fn a_rollup_shows_what_it_names_and_selects_and_counts_it_by_namespace() {
    let mut play = Play::begin("shards");
    play.deployments(&["a", "b", "c", "d"]);
    play.tier("d", "none");
    play.target(
        "apps",
        "deployments",
        json!({"namespaceSelector": {"matchLabels": {"story": play.stage.story}}}),
    );
    let named: Vec<String> = ["a", "b", "d"].iter().map(|name| play.space(name)).collect();
    let tier = json!({"matchLabels": {"tier": "app"}});
    play.inventory(
        "some",
        json!({
            "databaseSinkRefs": [play.name("db")], "namespaces": named, "namespaceSelector": tier,
        }),
    );
    play.stage.start();
    let row = |name: &str| format!("apps Deployment {name} app");
    play.wait_rows(&[&row("a"), &row("b")]);
    // What is named and not selected, or selected and not named, is not shown; labels decide at once.
    play.tier("d", "app");
    play.wait_rows(&[&row("a"), &row("b"), &row("d")]);
    play.tier("a", "none");
    play.wait_rows(&[&row("b"), &row("d")]);
    for n in 0..3 {
        play.deployment("b", &format!("more-{n}"));
    }
    let counts =
        "SELECT resource_namespace AS namespace, count(*) AS rows FROM rollup GROUP BY 1 ORDER BY 2 DESC, 1";
    let counted = |rows: &[Value]| {
        let text = |row: &Value| (row["namespace"].clone(), row["rows"].clone());
        rows.iter().map(text).collect::<Vec<_>>()
    };
    let wanted = vec![(json!(play.space("b")), json!(4)), (json!(play.space("d")), json!(1))];
    play.stage.or_fail(play.stage.psql().wait_rows(counts, LIMIT, |rows| counted(rows) == wanted));
    let inventory = play.wait_for("kollectclusterinventory", "some", |object| {
        let shards = object["status"]["namespaceShards"].as_array().cloned().unwrap_or_default();
        let shard = |shard: &Value| (shard["namespace"].clone(), shard["itemCount"].clone());
        shards.iter().map(shard).collect::<Vec<_>>() == wanted
    });
    let status = &inventory["status"];
    assert_eq!((&status["namespaceShardCount"], &status["itemCount"]), (&json!(2), &json!(5)));
    assert!(status["namespaceShards"].as_array().unwrap().iter().all(|shard| shard["targetCount"] == 1));
    play.verify("some");
}

#[test]
fn of_an_object_that_several_targets_collect_one_row_is_kept_and_the_next_one_follows() {
    let mut play = Play::begin("dedupe");
    play.deployments(&["a", "b"]);
    play.target("first", "deployments", json!({"includedNamespaces": [play.space("a")]}));
    play.target("second", "deployments", json!({}));
    play.inventory("all", json!({"databaseSinkRefs": [play.name("db")], "dedupe": "byResourceUID"}));
    play.stage.start();
    play.wait_rows(&["first Deployment a app", "second Deployment b app"]);
    let patch = json!({"spec": {"includedNamespaces": [play.space("b")]}}).to_string();
    play.patch("kollectclustertarget", "first", &patch);
    play.wait_rows(&["first Deployment b app", "second Deployment a app"]);
    // The winner leaves: the runner-up's row is there in its place.
    play.stage.kubectl.delete(&["kollectclustertarget", &play.name("first")]).unwrap();
    play.wait_rows(&["second Deployment a app", "second Deployment b app"]);
    play.verify("all");
    play.patch("kollectclusterinventory", "all", r#"{"spec":{"dedupe":"keepAll"}}"#);
    play.target("first", "deployments", json!({}));
    play.wait_rows(&[
        "first Deployment a app",
        "first Deployment b app",
        "second Deployment a app",
        "second Deployment b app",
    ]);
    play.wait("kollectclusterinventory", "all", "Synced", "True");
}

#[test]
fn an_inventory_says_what_its_targets_lack_and_exports_the_rest() {
    let mut play = Play::begin("lacking");
    play.stage.arg("--no-targets-after=10");
    play.deployments(&["a"]);
    play.inventory(
        "all",
        json!({"databaseSinkRefs": [play.name("db")], "targetRefs": [play.name("good"), play.name("bad")]}),
    );
    play.stage.start();
    let (good, bad) = (play.name("good"), play.name("bad"));
    let none = format!(
        "no cluster target contributes: spec.targetRefs names {bad}, {good}; create it, or correct the name"
    );
    assert_eq!(play.reason("kollectclusterinventory", "all", "Ready", "Progressing"), none);
    let message = play.reason("kollectclusterinventory", "all", "ExportSucceeded", "NoTargets");
    assert_eq!(message, "there is no target yet");
    assert_eq!(play.reason("kollectclusterinventory", "all", "Degraded", "NoTargets"), none);
    play.target("good", "deployments", json!({}));
    play.wait_rows(&["good Deployment a app"]);
    play.wait("kollectclusterinventory", "all", "ExportSucceeded", "True");
    let message = play.reason("kollectclusterinventory", "all", "Ready", "Progressing");
    assert_eq!(message, format!("spec.targetRefs names {bad}, and there is none; the others are exported"));

    play.target("bad", "nowhere", json!({}));
    let message = play.reason("kollectclustertarget", "bad", "Degraded", "ProfileNotFound");
    let missing = format!(
        "profile {}/nowhere does not exist; create it, or correct spec.profileRef. Rows collected earlier stay",
        play.profiles
    );
    assert_eq!(message, missing);
    let message = play.reason("kollectclusterinventory", "all", "Degraded", "TargetDegraded");
    let wanted =
        format!("degraded: {bad} (ProfileNotFound: {missing}); what is known of the targets is exported");
    assert_eq!(message, wanted);
    // Which stops nothing.
    play.deployment("a", "late");
    play.wait_rows(&["good Deployment a app", "good Deployment a late"]);
    play.wait("kollectclusterinventory", "all", "ExportSucceeded", "True");
    let event = play.event("all", "TargetDegraded");
    assert!(event.contains("ProfileNotFound"), "{event}");

    play.stage.apply(&deployments(&play.profiles, "nowhere"));
    play.reason("kollectclusterinventory", "all", "Degraded", "Exported");
    play.wait("kollectclusterinventory", "all", "Ready", "True");
}

#[test]
fn a_cluster_scope_tells_where_cluster_kinds_may_refer_to() {
    let mut play = Play::begin("refer");
    play.deployments(&["a"]);
    play.target("apps", "deployments", json!({}));
    let stage = &play.stage;
    stage.apply(&manifests::sink(&stage.platform, "elsewhere", "elsewhere", None));
    play.inventory(
        "all",
        json!({
            "databaseSinkRefs": [play.name("db"), {"name": "elsewhere", "namespace": stage.platform}],
        }),
    );
    play.stage.start();
    let play = &play;
    let elsewhere = |wanted: &[&str]| {
        let query = ROWS.replace("rollup", "elsewhere");
        play.stage.or_fail(play.stage.psql().wait_rows(&query, LIMIT, |rows| same(play, rows, wanted)));
    };
    play.wait_rows(&["apps Deployment a app"]);
    elsewhere(&["apps Deployment a app"]);
    // Denied: nothing more is exported there, and nothing is taken back.
    let scope = |namespaces: &[&str]| {
        play.stage.apply(&beside(
            "KollectClusterScope",
            &play.name("limits"),
            json!({"allowedStaticRefNamespaces": namespaces}),
        ));
    };
    scope(&["kollect-system", &play.profiles]);
    let message = play.reason("kollectclusterinventory", "all", "Degraded", "SinkNamespaceDenied");
    let wanted = format!(
        "spec.databaseSinkRefs[1]: KollectClusterScope {} does not allow references into {}; name one of its \
         allowedStaticRefNamespaces. Nothing more is exported to it; what is there stays",
        play.name("limits"),
        play.stage.platform
    );
    assert_eq!(message, wanted);
    let message = play.reason("kollectclusterinventory", "all", "ExportSucceeded", "SinkNamespaceDenied");
    assert_eq!(message, wanted);
    play.deployment("a", "late");
    play.wait_rows(&["apps Deployment a app", "apps Deployment a late"]);
    elsewhere(&["apps Deployment a app"]);
    // A profile from where none may come: what was collected stays.
    scope(&["kollect-system", &play.stage.platform]);
    let message = play.reason("kollectclustertarget", "apps", "Degraded", "ProfileForbidden");
    let wanted = format!(
        "spec.profileRef.namespace: KollectClusterScope {} does not allow references into {}; name one of its \
         allowedStaticRefNamespaces. Nothing more is collected; rows exported earlier stay",
        play.name("limits"),
        play.profiles
    );
    assert_eq!(message, wanted);
    elsewhere(&["apps Deployment a app", "apps Deployment a late"]);
    play.deployment("a", "later");
    play.reason("kollectclusterinventory", "all", "Degraded", "TargetDegraded");
    play.stage.kubectl.delete(&["kollectclusterscope", &play.name("limits")]).unwrap();
    play.wait_rows(&["apps Deployment a app", "apps Deployment a late", "apps Deployment a later"]);
    play.wait("kollectclusterinventory", "all", "ExportSucceeded", "True");
    play.wait("kollectclusterinventory", "all", "Ready", "True");
}
