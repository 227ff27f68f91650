//! Ways out of the folder of a tenant: by what it plants there, and by fields that admission would refuse.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use xtask::workspace;

use crate::manifests::{self, kollect};
use crate::snapshot::files;
use crate::stage::Stage;

#[test]
fn a_symbolic_link_leads_no_document_out_of_the_tenants_folder() {
    let mut stage = Stage::set("links");
    let (root, outside) = (stage.dir.path().join("root"), stage.dir.path().join("outside"));
    let own = root.join(&stage.platform);
    fs::create_dir_all(&own).unwrap();
    fs::create_dir_all(outside.join("deeper")).unwrap();
    fs::write(outside.join("note.json"), "theirs").unwrap();
    let neighbour = root.join(&stage.apps);
    fs::create_dir_all(&neighbour).unwrap();
    // The endpoint itself, a folder above it, a folder below it, a document, and the neighbour by a relative link.
    symlink(&outside, own.join("itself")).unwrap();
    fs::create_dir_all(own.join("below")).unwrap();
    symlink(&outside, own.join("below").join(&stage.platform)).unwrap();
    fs::create_dir_all(own.join("file").join(&stage.platform)).unwrap();
    symlink(outside.join("note.json"), own.join("file").join(&stage.platform).join("file.json")).unwrap();
    symlink(format!("../{}", stage.apps), own.join("neighbour")).unwrap();
    symlink("/proc/self/cwd", own.join("process")).unwrap();
    let endpoints = [
        ("itself", "itself"),
        ("above", "itself/deeper"),
        ("below", "below"),
        ("file", "file"),
        ("neighbour", "neighbour"),
        ("process", "process"),
    ];
    stage.arg(format!("--local-root={}", root.display()));
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    for (name, endpoint) in endpoints {
        let template = "{namespace}/{name}{extension}";
        let spec = json!({"type": "local", "endpoint": endpoint, "connectionTest": false, "pathTemplate": template,
            "serialization": {"format": "json"}});
        stage.apply(&kollect("KollectSnapshotSink", &stage.platform, name, spec));
        stage.apply(&kollect("KollectInventory", &stage.platform, name, json!({"snapshotSinkRefs": [name]})));
    }
    stage.paint("a", "red");
    stage.start();
    for (name, _) in endpoints {
        let said = stage.wait_reason("kollectinventory", name, "Degraded", "SinkForbidden");
        let why = "; the folder must be writable, and no symbolic link may lead out of it: a path led outside of the filesystem";
        assert!(
            said.starts_with(&format!("snapshot/{name}: cannot ")) && said.contains(why),
            "{name}: {said}"
        );
    }
    assert_eq!(fs::read_to_string(outside.join("note.json")).unwrap(), "theirs");
    assert_eq!(files(&outside).len(), 1, "{:?}", files(&outside));
    assert_eq!(files(&neighbour), []);
}

/// What leads out, were it taken as it stands.
const SPECS: [(&str, &str, &str); 7] = [
    ("/endpoint", "../../outside", "spec.endpoint"),
    ("/endpoint", "/tmp", "spec.endpoint"),
    ("/cluster", "../../../outside", "spec.cluster"),
    ("/cluster", "..", "spec.cluster"),
    ("/pathTemplate", "../../{namespace}/{name}", "spec.pathTemplate"),
    ("/pathTemplate", "{namespace}/../../../{name}", "spec.pathTemplate"),
    ("/layout/pathTemplate", "../{name}/{uid}", "spec.layout.pathTemplate"),
];

#[test]
fn a_path_that_climbs_is_refused_also_where_admission_took_it() {
    let mut stage = Stage::set("climbing");
    let root = stage.dir.path().join("root");
    fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    let made = |number: usize, (field, value, _): &(&str, &str, &str)| {
        let mut spec = json!({"type": "local", "connectionTest": false, "layout": {"mode": "document"}});
        if field.starts_with("/layout") {
            spec["layout"]["mode"] = json!("perResource");
        }
        let (parent, last) = field.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap()[last] = json!(value);
        kollect("KollectSnapshotSink", &stage.platform, &format!("climber-{number}"), spec)
    };
    let all: Vec<Value> = SPECS.iter().enumerate().map(|(number, spec)| made(number, spec)).collect();
    for sink in &all {
        let refused = stage.kubectl.run_with(&["create", "-f", "-"], &sink.to_string());
        assert!(refused.is_err(), "{sink}");
    }
    // An older version of the definition, or one that somebody opened.
    let definition = stage.kubectl.get(&["crd", "kollectsnapshotsinks.kollect.dev"]).unwrap();
    let mut versions = definition["spec"]["versions"].clone();
    open(&mut versions);
    let patch = stage.dir.path().join("patch.json");
    fs::write(&patch, json!({"spec": {"versions": versions}}).to_string()).unwrap();
    let args = [
        "patch",
        "crd",
        "kollectsnapshotsinks.kollect.dev",
        "--type=merge",
        "--patch-file",
        patch.to_str().unwrap(),
    ];
    stage.kubectl.run(&args).unwrap();
    let stored: Vec<_> = all
        .iter()
        .map(|sink| {
            xtask::wait::until("the open definition takes it", crate::stage::LIMIT, || {
                Ok(stage.kubectl.run_with(&["create", "-f", "-"], &sink.to_string()).ok())
            })
        })
        .collect();
    stage.kubectl.apply_file(&workspace::root().join("dist/install-crds.yaml")).unwrap();
    stored.into_iter().for_each(|stored| drop(stage.or_fail(stored)));
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    let names: Vec<String> = (0..SPECS.len()).map(|number| format!("climber-{number}")).collect();
    stage.apply(&kollect("KollectInventory", &stage.platform, "all", json!({"snapshotSinkRefs": names})));
    stage.paint("a", "red");
    stage.start();
    for (name, (_, value, path)) in names.iter().zip(SPECS) {
        let said = stage.wait_reason("kollectsnapshotsink", name, "Degraded", "InvalidSpec");
        assert!(said.starts_with(&format!("{path}: ")), "{value}: {said}");
    }
    stage.wait_reason("kollectinventory", "all", "Degraded", "InvalidSpec");
    assert_eq!(files(stage.dir.path()).iter().filter(|(path, _)| path.starts_with(&root)).count(), 0);
    assert!(!stage.dir.path().join("outside").exists());
}

/// Takes all rules out of a schema.
fn open(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for rule in ["x-kubernetes-validations", "pattern", "maxLength"] {
                // A property may have such a name, and is no rule.
                if fields.get(rule).is_some_and(|value| !value.is_object()) {
                    fields.remove(rule);
                }
            }
            fields.values_mut().for_each(open);
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        _ => {}
    }
}
