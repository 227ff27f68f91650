//! Which objects are collected, while labels change under the operator. Selectors by themselves are tested in its crate.

use crate::manifests;
use crate::stage::Stage;

#[test]
fn a_namespace_enters_and_leaves_a_selection_by_its_label() {
    let mut stage = Stage::set("relabel");
    stage.usual();
    let late = format!("{}-late", stage.story);
    stage.apply(&manifests::namespace(&late, "none"));
    stage.apply(&manifests::config_map(&late, "late", "blue"));
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    let label = |value: &str| {
        let value = format!("story={value}");
        stage.kubectl.run(&["label", "--overwrite", "namespace", &late, &value]).unwrap();
    };
    label(&stage.story);
    stage.wait_colors(&[("a", "red"), ("late", "blue")]);
    // From then on it is followed like any other.
    stage.apply(&manifests::config_map(&late, "late", "green"));
    stage.wait_colors(&[("a", "red"), ("late", "green")]);
    label("none");
    stage.wait_colors(&[("a", "red")]);
    label(&stage.story);
    stage.wait_colors(&[("a", "red"), ("late", "green")]);
    // The whole namespace goes, with all in it.
    stage.kubectl.delete(&["namespace", &late]).unwrap();
    stage.wait_colors(&[("a", "red")]);
}

#[test]
fn objects_and_namespaces_opt_out_and_in_by_label() {
    let mut stage = Stage::set("opt-out");
    stage.usual();
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    let label = |object: &[&str], value: &str| {
        let mut args = vec!["label", "--overwrite"];
        args.extend(object);
        args.push(value);
        stage.kubectl.run(&args).unwrap();
    };
    let b = ["-n", stage.apps.as_str(), "configmap", "b"];
    label(&b, "kollect.dev/watch=disabled");
    stage.wait_colors(&[("a", "red")]);
    label(&b, "kollect.dev/watch-");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    // A namespace opts out; the object that opts in stays.
    label(&b, "kollect.dev/watch=enabled");
    let namespace = ["namespace", stage.apps.as_str()];
    label(&namespace, "kollect.dev/watch=disabled");
    stage.wait_colors(&[("b", "blue")]);
    label(&namespace, "kollect.dev/watch-");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    // An object that loses the label of the target's selector leaves, too.
    label(&["-n", &stage.apps, "configmap", "a"], "collect=no");
    stage.wait_colors(&[("b", "blue")]);
}

#[test]
fn resource_rules_add_kinds_and_conditions() {
    let mut stage = Stage::set("rules");
    stage.usual();
    let rules = format!(
        r#"{{"spec":{{"labelSelector":null,"resourceRules":[
            {{"gvk":{{"version":"v1","kind":"ConfigMap"}},"matchPolicy":"object.data.color == 'red'"}},
            {{"gvk":{{"version":"v1","kind":"ConfigMap"}},"matchLabels":{{"collect":"yes","always":"{}"}}}}]}}}}"#,
        stage.story
    );
    stage.patch("kollecttarget", "colors", &rules);
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.paint("c", "blue");
    let always = format!("always={}", stage.story);
    stage.kubectl.run(&["-n", &stage.apps, "label", "configmap", "c", &always]).unwrap();
    stage.start();
    stage.wait_colors(&[("a", "red"), ("c", "blue")]);
    stage.paint("b", "red");
    stage.paint("a", "blue");
    stage.wait_colors(&[("b", "red"), ("c", "blue")]);
}
