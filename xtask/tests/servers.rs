//! The servers of the table, started for real. What the product does on them is tested elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use xtask::e2e::{Kubectl, Psql};
use xtask::servers::{Kcm, Kube, Postgres};

/// Whether a process runs, asked of the kernel and not of what is tested.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

#[test]
fn an_api_server_keeps_its_objects_through_a_restart_and_ends_with_its_owner() {
    let mut kube = Kube::start().unwrap();
    let kubectl = Kubectl::admin(&kube);
    kubectl.apply(r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}"#).unwrap();
    let before = kube.apiserver().unwrap().pid();
    kube.restart_apiserver().unwrap();
    let after = kube.apiserver().unwrap().pid();
    assert_ne!(before, after);
    assert!(!alive(before));
    assert_eq!(kubectl.get(&["namespace", "kept"]).unwrap()["metadata"]["name"], "kept");

    let (etcd, dir) = (kube.etcd().pid(), kube.dir().to_path_buf());
    assert!(alive(etcd) && alive(after));
    drop(kube);
    assert!(!alive(etcd) && !alive(after));
    assert!(!dir.exists());
}

#[test]
fn an_api_server_serves_the_version_that_is_pinned_and_lets_a_stranger_do_nothing() {
    let kube = Kube::start().unwrap();
    let version = Kubectl::admin(&kube).run(&["get", "--raw", "/version"]).unwrap();
    assert!(version.contains(r#""gitVersion": "v1.34.4""#), "{version}");

    let stranger = Kubectl::new(kube.kubectl(), kube.kubeconfig_of("stranger", Some("nobodies")).unwrap());
    let refusal = stranger.get(&["namespaces"]).unwrap_err().to_string();
    assert!(refusal.contains(r#"User "stranger" cannot list resource "namespaces""#), "{refusal}");
}

#[test]
fn an_api_server_starts_from_a_copy_of_a_store() {
    let mut first = Kube::start().unwrap();
    let manifest =
        r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}"#;
    Kubectl::admin(&first).apply(manifest).unwrap();
    first.stop_apiserver().unwrap();
    first.etcd().stop().unwrap();
    let options = xtask::servers::kube::Options {
        etcd_data: Some(first.dir().join("etcd")),
        ..xtask::servers::kube::Options::default()
    };
    let second = Kube::start_with(options).unwrap();
    assert_eq!(Kubectl::admin(&second).get(&["configmap", "kept"]).unwrap()["data"]["a"], "b");
}

#[test]
fn controllers_make_pods_and_end_namespaces() {
    let kube = Kube::start().unwrap();
    let _kcm = Kcm::start(&kube).unwrap();
    let kubectl = Kubectl::admin(&kube);
    kubectl
        .apply(
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
             spec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    \
             metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n",
        )
        .unwrap();
    kubectl
        .wait_for(&["pods", "-n", "shop"], Duration::from_secs(120), |pods| {
            pods["items"].as_array().is_some_and(|items| items.len() == 2)
        })
        .unwrap();
    // Returns only when the namespace is gone: its controller has emptied it. Without a kubelet nobody else ends Pods.
    kubectl.run(&["delete", "deployment", "web", "-n", "shop"]).unwrap();
    kubectl.run(&["delete", "pods", "--all", "-n", "shop", "--force", "--grace-period=0"]).unwrap();
    kubectl.delete(&["namespace", "shop"]).unwrap();
}

#[test]
fn postgres_keeps_its_data_through_stop_and_crash_and_ends_with_its_owner() {
    let mut postgres = Postgres::start().unwrap();
    let psql = Psql::superuser(&postgres);
    psql.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1)").unwrap();
    let port = postgres.port();

    postgres.stop().unwrap();
    assert!(psql.run("SELECT 1").is_err());
    postgres.start_again().unwrap();
    psql.run("INSERT INTO t VALUES (2)").unwrap();
    postgres.kill().unwrap();
    postgres.start_again().unwrap();
    assert_eq!(psql.number("SELECT sum(a) FROM t").unwrap(), 3);
    assert_eq!(psql.rows("SELECT a FROM t ORDER BY a").unwrap().len(), 2);
    assert_eq!(postgres.port(), port);

    let (pid, dir) = (postgres.process().unwrap().pid(), postgres.dir().to_path_buf());
    drop(postgres);
    assert!(!alive(pid));
    assert!(!dir.exists());
}

#[test]
fn postgres_proves_who_it_is_and_asks_who_comes() {
    let postgres = Postgres::start().unwrap();
    let encrypted =
        Psql::superuser(&postgres).run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").unwrap();
    assert_eq!(encrypted, "t");

    let refusal = Psql::new(postgres.url_of("postgres", "guessed", "postgres")).run("SELECT 1").unwrap_err();
    assert!(refusal.to_string().contains("password authentication failed"), "{refusal}");

    let stranger: PathBuf = postgres.dir().join("stranger");
    let other = xtask::pki::Authority::create(&stranger).unwrap();
    let (ours, theirs) = (postgres.ca().display().to_string(), other.certificate().display().to_string());
    let refusal = Psql::new(postgres.url().replace(&ours, &theirs)).run("SELECT 1").unwrap_err();
    assert!(refusal.to_string().contains("certificate verify failed"), "{refusal}");
}
