//! `demo`: the whole path on real servers, for a person to watch. Owns the story; the servers are in `demo/stage.rs`,
//! what is printed in `demo/screen.rs`. It proves nothing: the end-to-end tests do.

mod screen;
mod stage;

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use xtask::e2e::kubectl::condition;
use xtask::e2e::proxy::Sent;
use xtask::e2e::{Proxy, Stamps};

use screen::Screen;
use stage::Stage;

/// How long anything may take to become true before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the inventory's table is asked.
const ROWS: &str = "SELECT kind, resource_namespace AS namespace, resource_name AS name,
    payload->'attributes'->>'replicas' AS replicas, payload->'attributes'->>'tier' AS tier,
    coalesce(payload->'attributes'->>'images', payload->'attributes'->>'data') AS \"images or data\"
    FROM inventory ORDER BY kind DESC, namespace DESC, name";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave everything running, and say where it is
    #[arg(long)]
    keep: bool,
    /// End what `--keep` left running
    #[arg(long, conflicts_with = "keep")]
    end: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.end {
        return stage::end();
    }
    if args.keep {
        stage::only_one()?;
    }
    let screen = Screen::default();
    let mut stage = Stage::set(&screen)?;
    collect(&mut stage, &screen)?;
    follow(&mut stage, &screen)?;
    if args.keep { stage.keep(&screen) } else { stage.close(&screen) }
}

/// From manifests to rows.
fn collect(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.title("Apply the samples");
    stage.apply(screen, "dist/install-crds.yaml")?;
    let crds = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
    stage.kubectl.run(&crds)?;
    stage.apply(screen, "config/samples/demo")?;
    stage.kubectl.apply(&stage.database.secret("platform", "inventory-database").to_string())?;
    screen.note("Secret platform/inventory-database made: DSN and CA of the Postgres above");

    screen.title("Run the operator");
    stage.run_operator(screen)?;
    let sink = ["-n", "platform", "kollectdatabasesink", "portal"];
    let sink = stage.wait(|kubectl| kubectl.wait_condition(&sink, "ConnectionVerified", "True", PATIENCE))?;
    screen.note(&format!("sink portal: {}", said(&sink, "ConnectionVerified")));
    let inventory = ["-n", "platform", "kollectinventory", "workloads"];
    let inventory = stage.wait(|kubectl| kubectl.wait_condition(&inventory, "Synced", "True", PATIENCE))?;
    screen.note(&format!("inventory workloads: {}", said(&inventory, "Synced")));

    screen.shell("kubectl get kollect -A", &stage.kubectl.run(&["get", "kollect", "-A"])?);
    screen.shell("psql -c 'SELECT ... FROM inventory'", &stage.database.psql().table(ROWS)?);
    Ok(())
}

/// Changes, and how long each takes to arrive.
fn follow(stage: &mut Stage, screen: &Screen) -> Result<()> {
    let stamps = Stamps::install(stage.database.psql(), "inventory")?;
    let proxy = Proxy::start(&stage.kubectl, stage.kube.dir())?;
    screen.title("Change the cluster, and watch the rows follow");
    screen.text(
        "Both times count from the moment the request leaves: until the API server has answered, and until Postgres\n\
         has committed the row (stamped by a deferred trigger inside that transaction, so nobody polls).",
    );
    screen.columns(["change", "answered", "committed"]);
    let deployments = |namespace: &str| format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let web = format!("{}/web", deployments("shop"));
    let ledger = format!("{}/ledger", deployments("payments"));
    let features = "/api/v1/namespaces/shop/configmaps/features";
    let step = |what: &str, object: (&str, &str), sent: Sent| -> Result<()> {
        let (namespace, name) = object;
        let committed = stage.wait(|_| stamps.after(sent.at, namespace, name, PATIENCE))?;
        screen.row([what, &screen::millis(sent.answered), &screen::millis(committed)]);
        Ok(())
    };
    // The first of its kind pays for what is made lazily on either side: it is shown, like all others.
    for replicas in [5, 1, 4] {
        let what = format!("scale shop/web to {replicas}");
        step(
            &what,
            ("shop", "web"),
            proxy.patch(&web, &format!(r#"{{"spec":{{"replicas":{replicas}}}}}"#))?,
        )?;
    }
    let image = r#"{"spec":{"template":{"spec":{"containers":[{"name":"ledger","image":"registry.example.com/payments/ledger:7.2.0"}]}}}}"#;
    step("new image in payments/ledger", ("payments", "ledger"), proxy.patch(&ledger, image)?)?;
    let turned_on = r#"{"data":{"recommendations":"on"}}"#;
    step("edit ConfigMap shop/features", ("shop", "features"), proxy.patch(features, turned_on)?)?;
    step("create shop/wishlist", ("shop", "wishlist"), proxy.create(&deployments("shop"), WISHLIST)?)?;
    let search = format!("{}/search", deployments("shop"));
    step("delete shop/search", ("shop", "search"), proxy.delete(&search)?)?;
    let out = r#"{"metadata":{"labels":{"kollect.dev/watch":"disabled"}}}"#;
    let cart = format!("{}/cart", deployments("shop"));
    step("opt shop/cart out by label", ("shop", "cart"), proxy.patch(&cart, out)?)?;
    screen.shell("psql -c 'SELECT ... FROM inventory'", &stage.database.psql().table(ROWS)?);
    Ok(())
}

const WISHLIST: &str = r#"{"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "wishlist", "labels": {"app.kubernetes.io/version": "0.1.0"}},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "wishlist"}}, "template": {
        "metadata": {"labels": {"app": "wishlist"}},
        "spec": {"containers": [{"name": "wishlist", "image": "registry.example.com/shop/wishlist:0.1.0"}]}}}}"#;

fn said(object: &Value, kind: &str) -> String {
    let condition = condition(object, kind);
    let text = |field: &str| condition.and_then(|c| c.get(field)).and_then(Value::as_str).unwrap_or_default();
    format!("{kind}={}, {}: {}", text("status"), text("reason"), text("message"))
}
