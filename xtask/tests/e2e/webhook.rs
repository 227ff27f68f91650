//! The webhook as an operator of little right serves it: with what the book says that it needs, and with a certificate that is
//! made anew while it runs. What it refuses is told in `verdicts`.

use serde_json::{Value, json};
use xtask::e2e::operator::own_rules;
use xtask::servers::Kube;
use xtask::{ports, wait};

use crate::manifests;
use crate::permissions::{binding, role};
use crate::stage::{LIMIT, Stage, shared_database, turn};

const CONFIGURATION: &str = "least";

#[test]
fn a_webhook_of_least_right_renews_certificate_and_authority_without_a_gap() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    let database = shared_database("webhook");
    let mut stage = Stage::on_kube("webhook", &kube, database.clone());
    let platform = stage.platform.clone();
    stage.operator_of(&kube.kubeconfig_of("kollect", None).unwrap());
    rights(&stage);
    let [port] = ports::free().unwrap();
    for arg in [
        "--validating-webhooks-enabled".to_string(),
        format!("--webhook-port={port}"),
        "--webhook-hosts=127.0.0.1".to_string(),
        format!("--webhook-configuration={CONFIGURATION}"),
        format!("--release={platform}/kollect"),
    ] {
        stage.arg(arg);
    }
    stage.apply(&configuration(port));
    stage.start();
    let trusted = wait::until("the webhook is trusted", LIMIT, || Ok(refusal(&stage).ok()));
    assert_eq!(stage.or_fail(trusted), WORDS);
    let before = certificate(&stage);
    assert!(!stage.log_text().contains("not as it should be"), "a right is missing:\n{}", stage.log_text());

    // As it stands a month before both ends: the operator goes by what it wrote down.
    let soon = jiff::Zoned::now().date().checked_add(jiff::Span::new().days(20)).unwrap().to_string();
    let patch = json!({"stringData": {"tls.ends": soon, "ca.ends": soon}}).to_string();
    stage
        .kubectl
        .run(&["-n", &platform, "patch", "secret", "kollect-webhook", "--type=merge", "-p", &patch])
        .unwrap();
    let mut asked = 0;
    let renewed = wait::until("the certificate is renewed and told", LIMIT, || {
        // Whoever writes meanwhile is answered, each time.
        assert_eq!(refusal(&stage)?, WORDS, "asked {asked} times");
        asked += 1;
        let now = certificate(&stage);
        let told = bundle(&stage);
        let whole =
            now["tls.crt"] != before["tls.crt"] && now["ca.crt"] != before["ca.crt"] && told == now["ca.crt"];
        Ok(whole.then_some(now))
    });
    let renewed = stage.or_fail(renewed);
    assert!(asked > 10, "{asked}");
    assert_ne!(renewed["ca.ends"], soon);
    let log = wait::until("the new one is shown", LIMIT, || {
        let log = stage.log_text();
        Ok((log.matches("the webhook shows a new certificate").count() == 2).then_some(log))
    });
    assert!(!stage.or_fail(log).contains("not as it should be"));
    for _ in 0..20 {
        assert_eq!(refusal(&stage).unwrap(), WORDS);
    }
    // What is right is taken.
    let right = manifests::profile(&stage.platform, "colors").to_string();
    stage.kubectl.run_with(&["create", "-f", "-"], &right).unwrap();
    stage.wait_condition("kollectprofile", "colors", "Ready", "True");
    drop(stage);
    database.drop().unwrap();
}

/// As `docs/validation.md` lists them, and what the operator needs without a webhook. The Secret can be made by whoever
/// may make any, since a name cannot limit that.
fn rights(stage: &Stage) {
    let secret = json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["kollect-webhook"], "verbs": ["get", "update"]},
    ]);
    let mut own = role("webhook", secret);
    own["kind"] = json!("Role");
    own["metadata"]["namespace"] = json!(stage.platform);
    stage.apply(&own);
    let mut bound = binding("RoleBinding", &stage.platform, "webhook");
    bound["roleRef"]["kind"] = json!("Role");
    stage.apply(&bound);
    let configurations = json!([{"apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["validatingwebhookconfigurations"], "resourceNames": [CONFIGURATION], "verbs": ["get", "patch"]}]);
    stage.apply(&role("configuration", configurations));
    stage.apply(&binding("ClusterRoleBinding", "", "configuration"));
    // Without the right to read Secrets at large.
    let rules: Vec<Value> = own_rules()
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["resources"] != json!(["secrets"]))
        .cloned()
        .collect();
    stage.apply(&role("kollect", json!(rules)));
    stage.apply(&binding("ClusterRoleBinding", "", "kollect"));
}

/// Fails without the webhook, so that silence is not taken for consent.
fn configuration(port: u16) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION},
        "webhooks": [{
            "name": "validate.kollect.dev",
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/validate")},
            "rules": [{"apiGroups": ["kollect.dev"], "apiVersions": ["v1alpha1"], "resources": ["*"],
                "operations": ["CREATE", "UPDATE"]}],
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        }],
    })
}

const WORDS: &str = "spec.attributes[0].path: attribute color: a bracket is not closed, before `[}`";

/// What the webhook says of a wrong profile; an error where it does not answer.
fn refusal(stage: &Stage) -> anyhow::Result<String> {
    let mut wrong = manifests::profile(&stage.platform, "wrong");
    wrong["spec"]["attributes"] = json!([{"name": "color", "path": "{.data[}"}]);
    let said = stage.kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &wrong.to_string());
    let said = format!("{:#}", said.err().ok_or_else(|| anyhow::anyhow!("a wrong profile was taken"))?);
    let words = said.split_once("denied the request: ").map(|(_, words)| words.trim().to_string());
    words.ok_or_else(|| anyhow::anyhow!("no answer of the webhook: {said}"))
}

fn certificate(stage: &Stage) -> Value {
    let secret = stage.kubectl.get(&["-n", &stage.platform, "secret", "kollect-webhook"]).unwrap();
    secret["data"].clone()
}

fn bundle(stage: &Stage) -> Value {
    let found = stage.kubectl.get(&["validatingwebhookconfiguration", CONFIGURATION]).unwrap();
    found["webhooks"][0]["clientConfig"]["caBundle"].clone()
}
