//! What the store knows while targets, namespaces and permissions move, with lists that these stories run themselves: the
//! hub's own watches reach no API server here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kollect_api::KollectTarget;
use kollect_sink_core::{Target, Text};
use kollect_snapshot::{Contents, InventoryId, Store, Why};
use kube::api::PartialObjectMeta;
use kube::{Client, Config};
use serde_json::{Value, json};

use super::open_list::OpenList;
use super::partitions;
use super::reach::{Limit, Reach, Selectors};
use super::{Hub, Settings};
use crate::engine::{
    CollectionDefaults, CompiledProfile, CompiledTarget, Engine, Kind, RawObject, Via, Wanted,
};
use crate::reconcile::namespaces;

fn pods() -> Kind {
    Kind::new("", "v1", "Pod")
}

fn target(name: &str, spec: Value) -> Arc<CompiledTarget> {
    target_within(name, spec, &CollectionDefaults::default())
}

fn target_within(name: &str, mut spec: Value, defaults: &CollectionDefaults) -> Arc<CompiledTarget> {
    let head = |kind: &str, name: &str, spec: &Value| {
        json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "team"}, "spec": spec})
    };
    let attributes = json!([{"name": "node", "path": "{.spec.nodeName}"}]);
    let gvk = json!({"version": "v1", "kind": "Pod"});
    let profile = kollect_api::decode(&head(
        "KollectProfile",
        "p",
        &json!({"targetGVK": gvk, "attributes": attributes}),
    ));
    let profile = profile.unwrap();
    spec["profileRef"] = json!("p");
    let compiled = Arc::new(CompiledProfile::compile(&profile, defaults).unwrap());
    let target: KollectTarget = kollect_api::decode(&head("KollectTarget", name, &spec)).unwrap();
    Arc::new(
        CompiledTarget::compile(
            Wanted::unlimited(Target::new("team", name), target.spec.selection()),
            &profile,
            &compiled,
            defaults,
        )
        .unwrap(),
    )
}

struct World {
    engine: Arc<Engine>,
    hub: Hub,
}

impl World {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(Store::new()));
        // Nobody listens there.
        let client = Client::try_from(Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap();
        let settings =
            Settings { watch_timeout: 30, vanished_after: Duration::from_secs(600), one_by_one: false };
        Self { hub: Hub::new(engine.clone(), client, settings), engine }
    }

    fn namespace(&self, name: &str, labels: Value) {
        let namespace: PartialObjectMeta<Namespace> = serde_json::from_value(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}),
        )
        .unwrap();
        namespaces::applied(&self.engine, Some(&self.hub), &namespace);
    }

    fn collect(&mut self, targets: &[&Arc<CompiledTarget>]) {
        let desired: BTreeMap<Target, Arc<CompiledTarget>> =
            targets.iter().map(|target| (target.target.clone(), Arc::clone(target))).collect();
        self.hub.set(desired);
    }

    fn list(&self, target: &Arc<CompiledTarget>, namespace: Option<&str>) -> OpenList {
        let namespace = namespace.map(Text::from);
        OpenList::begin(&self.engine, &pods(), std::slice::from_ref(target), namespace.as_ref())
    }

    fn rows(&self, target: &CompiledTarget) -> u64 {
        self.engine.store().counts(&target.target).rows
    }

    /// The namespaces that are not known, `*` for the whole kind, each with `?` while it is under way.
    fn unknown(&self, target: &CompiledTarget) -> Vec<String> {
        let gaps = self.engine.store().gaps(&target.target).into_iter();
        gaps.map(|(pattern, why)| {
            let name = pattern.namespaces.one().map_or_else(|| "*".to_owned(), ToString::to_string);
            if why == Why::Pending { format!("{name}?") } else { name }
        })
        .collect()
    }
}

fn pod(namespace: &str, name: &str) -> RawObject {
    let pod = json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"),
        "resourceVersion": "5"}, "spec": {"nodeName": "n"}});
    RawObject::from_raw(serde_json::value::to_raw_value(&pod).unwrap())
}

#[tokio::test]
async fn a_namespace_that_is_labelled_in_during_a_list_is_not_known_before_its_own_list() {
    let mut world = World::new();
    let red = target("red", json!({"namespaceSelector": {"matchLabels": {"team": "red"}}}));
    world.namespace("a", json!({"team": "red"}));
    world.namespace("b", json!({}));
    world.collect(&[&red]);
    let wide = world.list(&red, None);
    wide.observe(&pod("a", "x"));
    // Skipped: not selected yet.
    wide.observe(&pod("b", "y"));
    world.namespace("b", json!({"team": "red"}));
    wide.end();
    // Or sinks would remove rows of `b` that they hold from before.
    assert_eq!(world.unknown(&red), ["b?"]);
    let own = world.list(&red, Some("b"));
    own.observe(&pod("b", "y"));
    own.end();
    assert!(world.unknown(&red).is_empty());
    assert_eq!(world.rows(&red), 2);
    // One that leaves is known at once, and empty.
    world.namespace("b", json!({}));
    assert!(world.unknown(&red).is_empty());
    assert_eq!(world.rows(&red), 1);
}

#[tokio::test]
async fn what_is_in_a_namespace_that_opted_out_is_never_collected_not_even_for_a_moment() {
    let mut world = World::new();
    let all = target("all", json!({}));
    world.collect(&[&all]);
    world.engine.namespaces.watched();
    world.engine.observe(&pods(), &pod("b", "y"), Via::Watch);
    assert_eq!(world.rows(&all), 0, "its namespace was not seen yet");
    world.namespace("b", json!({"kollect.dev/watch": "disabled"}));
    world.engine.observe(&pods(), &pod("b", "y"), Via::Watch);
    assert_eq!(world.rows(&all), 0);
    world.engine.observe(&pods(), &pod("c", "z"), Via::Watch);
    world.namespace("c", json!({}));
    assert!(world.unknown(&all).contains(&"c?".to_owned()), "it is listed for what was passed over");
    world.engine.observe(&pods(), &pod("c", "z"), Via::Watch);
    assert_eq!(world.rows(&all), 1);
}

#[tokio::test]
async fn a_target_that_stops_being_collected_during_a_list_keeps_its_rows() {
    let mut world = World::new();
    let all = target("all", json!({}));
    world.collect(&[&all]);
    let list = world.list(&all, None);
    list.observe(&pod("a", "x"));
    list.end();
    let again = world.list(&all, None);
    world.collect(&[]);
    // Nobody is interested, so that the list brings nothing.
    again.observe(&pod("a", "x"));
    again.end();
    assert_eq!(world.rows(&all), 1);
}

#[tokio::test]
async fn a_list_that_was_started_for_another_form_of_a_target_removes_nothing_of_it() {
    let mut world = World::new();
    let (old, new) = (target("t", json!({"names": ["x"]})), target("t", json!({})));
    world.collect(&[&new]);
    let list = world.list(&new, None);
    list.observe(&pod("a", "x"));
    list.observe(&pod("a", "y"));
    list.end();
    // A watch that still lists by the old form's selectors sees one of them only.
    let late = world.list(&old, None);
    late.observe(&pod("a", "x"));
    late.end();
    assert_eq!(world.rows(&new), 2);
}

#[tokio::test]
async fn a_list_that_is_dropped_leaves_everything_as_it_was() {
    let mut world = World::new();
    let all = target("all", json!({}));
    world.collect(&[&all]);
    let list = world.list(&all, None);
    list.observe(&pod("a", "x"));
    list.end();
    drop(world.list(&all, None));
    assert_eq!(world.rows(&all), 1);
    world.collect(&[&all]);
    assert!(world.unknown(&all).is_empty());
}

#[tokio::test]
async fn a_namespace_that_is_gone_takes_its_rows_along() {
    let mut world = World::new();
    let all = target("all", json!({}));
    world.namespace("a", json!({}));
    world.collect(&[&all]);
    let list = world.list(&all, None);
    list.observe(&pod("a", "x"));
    list.observe(&pod("b", "y"));
    list.end();
    let gone =
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}));
    namespaces::deleted(&world.engine, Some(&world.hub), &gone.unwrap());
    assert_eq!(world.rows(&all), 1);
}

#[tokio::test]
async fn what_is_not_known_moves_with_the_watches() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.namespace(name, json!({"team": name}));
    }
    let (all, one) = (target("all", json!({})), target("one", json!({"includedNamespaces": ["b"]})));
    world.collect(&[&all, &one]);
    let members = [all.clone(), one.clone()];
    let names = |all: &[&str]| all.iter().map(|name| Text::from(*name)).collect::<BTreeSet<Text>>();
    let divide = |watched: &[&str], denied: &'static [&'static str]| {
        let denied = |name: &Text| denied.contains(&&**name);
        partitions::divide(&world.engine, &members, &pods(), &names(watched), denied);
    };
    // Nothing was listed when the API server refused to list all namespaces at once.
    divide(&["a", "b", "c"], &["b"]);
    assert_eq!(world.unknown(&all), ["a?", "b", "c?"]);
    assert_eq!(world.unknown(&one), ["*"], "it looks into that namespace only, and is refused");
    world.list(&all, Some("a")).end();
    assert_eq!(world.unknown(&all), ["b", "c?"]);
    // What is known stays so.
    divide(&["a", "b", "c"], &["b"]);
    assert_eq!(world.unknown(&all), ["b", "c?"]);
    // One is allowed, one refused that was known.
    divide(&["a", "b", "c"], &["a"]);
    assert_eq!(world.unknown(&all), ["a", "b", "c?"]);
    assert_eq!(world.unknown(&one), ["b?"]);
    world.list(&one, Some("b")).end();
    assert!(world.unknown(&one).is_empty());
    // A namespace is gone: nothing is in it.
    divide(&["b", "c"], &[]);
    assert_eq!(world.unknown(&all), ["b", "c?"]);
    // All may be listed at once again.
    world.list(&all, None).end();
    assert!(world.unknown(&all).is_empty());
}

#[tokio::test]
async fn a_kind_that_vanished_keeps_its_rows_until_it_is_given_up() {
    let mut world = World::new();
    let all = target("all", json!({}));
    world.collect(&[&all]);
    let list = world.list(&all, None);
    list.observe(&pod("a", "x"));
    list.end();
    partitions::doubt(&world.engine, std::slice::from_ref(&all), &pods());
    assert_eq!((world.unknown(&all), world.rows(&all)), (vec!["*".to_owned()], 1));
    partitions::vanish(&world.engine, std::slice::from_ref(&all), &pods());
    assert_eq!((world.unknown(&all), world.rows(&all)), (Vec::new(), 0));
    let id = InventoryId::new("team", "all");
    world.engine.store().set_inventory(&id, Contents::of([all.target.clone()]), Arc::default());
    assert_eq!(world.engine.store().settled(&id), Some(true));
}

#[test]
fn a_kind_is_watched_where_its_targets_look() {
    let limited = CollectionDefaults {
        watch_namespaces: ["a".to_owned(), "b".to_owned()].into(),
        ..CollectionDefaults::default()
    };
    let many: Vec<String> = (0..11).map(|number| format!("n{number}")).collect();
    let all = || target("all", json!({}));
    let a = || target("a", json!({"includedNamespaces": ["a"]}));
    let b = || target("b", json!({"includedNamespaces": ["b", "x"], "excludedNamespaces": ["x"]}));
    let many = || target("many", json!({"includedNamespaces": many}));
    let red = || target("red", json!({"namespaceSelector": {"matchLabels": {"team": "red"}}}));
    let within = |spec: Value| target_within("within", spec, &limited);
    let namespaces = crate::engine::Namespaces::default();
    for (name, team) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        let labels = [("team".to_owned(), team.to_owned())].into();
        namespaces.set(name, crate::engine::NamespaceFacts::new(labels, &BTreeMap::new()));
    }
    let names = |all: &str| Reach::Namespaces(all.split_whitespace().map(Text::from).collect());
    let table = [
        (vec![all()], Limit::None, Reach::Everywhere),
        (vec![red()], Limit::None, Reach::Everywhere),
        (vec![a()], Limit::None, names("a")),
        (vec![a(), b()], Limit::None, names("a b")),
        (vec![a(), all()], Limit::None, Reach::Everywhere),
        (vec![many()], Limit::None, Reach::Everywhere),
        // Refused, or limited.
        (vec![all()], Limit::OneByOne, names("a b c")),
        (vec![red()], Limit::OneByOne, names("a c")),
        (vec![a(), red()], Limit::OneByOne, names("a c")),
        (vec![a(), b()], Limit::OneByOne, names("a b")),
        (vec![many()], Limit::OneByOne, names("n0 n1 n2 n3 n4 n5 n6 n7 n8 n9 n10")),
        (vec![within(json!({}))], Limit::OneByOne, names("a b")),
        (vec![within(json!({"includedNamespaces": ["b", "c"]}))], Limit::OneByOne, names("b")),
    ];
    for (targets, limit, wanted) in table {
        let story: Vec<String> = targets.iter().map(|target| format!("{:?}", target.target)).collect();
        assert_eq!(Reach::of(&targets, limit, &namespaces), wanted, "{story:?} {limit:?}");
    }
}

#[test]
fn selectors_go_to_the_server_where_all_targets_share_them() {
    let of = |specs: &[Value]| {
        let targets: Vec<_> = specs.iter().map(|spec| target("t", spec.clone())).collect();
        let params = Selectors::of(&targets, &pods()).list_params();
        (params.label_selector, params.field_selector)
    };
    let x = json!({"labelSelector": {"matchLabels": {"app": "x"}}});
    let x_here = json!({"labelSelector": {"matchLabels": {"app": "x"}}, "includedNamespaces": ["a"]});
    let y = json!({"labelSelector": {"matchLabels": {"app": "y"}}});
    let web = json!({"names": ["web"]});
    let web_x = json!({"names": ["web"], "labelSelector": {"matchLabels": {"app": "x"}}});
    let text = |value: &str| Some(value.to_owned());
    assert_eq!(of(std::slice::from_ref(&x)), (text("app=x"), None));
    assert_eq!(of(&[x.clone(), x_here]), (text("app=x"), None));
    assert_eq!(of(&[x.clone(), y]), (None, None));
    assert_eq!(of(&[x, json!({})]), (None, None));
    assert_eq!(of(&[web, web_x.clone()]), (None, text("metadata.name=web")));
    assert_eq!(of(&[web_x]), (text("app=x"), text("metadata.name=web")));
}
