//! Objects in text, read as users write and dump them.

use super::*;

#[derive(Default)]
struct Seen {
    objects: Vec<String>,
    foreign: usize,
    problems: Vec<Problem>,
    stop_after: Option<usize>,
}

impl Receiver for Seen {
    fn wants(&mut self, kind: &Kind) -> bool {
        &*kind.kind != "Pod"
    }

    fn object(&mut self, kind: &Kind, object: RawObject) -> Next {
        self.objects.push(format!("{kind} {}/{}", object.namespace(), object.name()));
        if self.stop_after == Some(self.objects.len()) { Next::Stop } else { Next::Continue }
    }

    fn foreign(&mut self) {
        self.foreign += 1;
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

fn seen(text: &str) -> Seen {
    let mut seen = Seen::default();
    read(text, Syntax::of(text), &mut seen);
    seen
}

const LIST: &str = r#"{"apiVersion": "v1", "items": [
  {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "a"}},
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "a"}},
  {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "a"}}
], "kind": "List", "metadata": {"resourceVersion": ""}}"#;

#[test]
fn a_kubectl_dump_in_json_gives_its_items_and_copies_no_unwanted_one() {
    let seen = seen(LIST);
    assert_eq!(seen.objects, ["Service (v1) a/web", "Deployment (apps/v1) a/web"]);
    assert_eq!((seen.foreign, seen.problems), (0, vec![]));
}

#[test]
fn items_of_a_raw_list_take_their_kind_from_it() {
    let json = r#"{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"x","namespace":"ns"}}]}"#;
    assert_eq!(seen(json).objects, ["Deployment (apps/v1) ns/x"]);
    let yaml =
        "apiVersion: apps/v1\nitems:\n- metadata:\n    name: x\n    namespace: ns\nkind: DeploymentList\n";
    assert_eq!(seen(yaml).objects, ["Deployment (apps/v1) ns/x"]);
}

#[test]
fn json_values_may_follow_each_other_or_stand_in_an_array() {
    let one = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}"#;
    assert_eq!(seen(&format!("{one}\n{one}")).objects.len(), 2);
    assert_eq!(seen(&format!("[{one},{one},3]")).objects.len(), 2);
}

#[test]
fn yaml_documents_lists_and_flow_style_are_read() {
    let text = "# manifests\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: ns}\n---\n\
                # nothing here\n---\nreplicaCount: 3\n...\n%YAML 1.2\n---\n\
                apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: b}\n\
                ---\n{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Service, metadata: {name: c}}]}\n";
    let seen = seen(text);
    assert_eq!(seen.problems, []);
    assert_eq!(seen.objects, ["Service (v1) ns/a", "ConfigMap (v1) /b", "Service (v1) /c"]);
    assert_eq!(seen.foreign, 1, "the values file");
}

#[test]
fn a_document_mark_inside_a_block_scalar_cuts_nothing() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    ---\n    y: 1\n";
    assert_eq!(seen(text).objects, ["ConfigMap (v1) /a"]);
}

#[test]
fn a_broken_document_is_named_by_line_and_costs_itself_alone() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\nkind: Service\n  bad: [\n---\n\
                apiVersion: v1\nkind: Service\nmetadata: {name: c}\n";
    let seen = seen(text);
    assert_eq!(seen.objects, ["Service (v1) /a", "Service (v1) /c"]);
    assert_eq!(seen.problems.len(), 1);
    assert_eq!((seen.problems[0].document, seen.problems[0].line), (2, 6), "{:?}", seen.problems);
}

#[test]
fn a_key_that_stands_twice_is_refused_in_both_syntaxes() {
    let yaml = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: {}\nspec:\n  x: 1\n  x: 2\n";
    let problems = seen(yaml).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].line, 8, "{problems:?}");
    assert!(problems[0].message.contains("duplicate"), "{problems:?}");
    let json = "{\"apiVersion\":\"v1\",\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"},\n\
                \"spec\":{\"x\":1,\n\"\\u0078\":2}},\n{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"b\"}}],\
                \"kind\":\"List\"}";
    let seen = seen(json);
    assert_eq!(seen.objects, ["Service (v1) /b"]);
    assert_eq!(seen.problems, [Problem { line: 4, document: 1, message: "duplicate key \"x\"".into() }]);
}

#[test]
fn many_keys_are_compared_as_well() {
    let keys: Vec<String> = (0..40).map(|n| format!("\"k{n}\":{n}")).collect();
    for twice in ["k3", "k15", "k16", "k39"] {
        let json = format!(
            r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"a"}},"spec":{{{},"{twice}":0}}}}"#,
            keys.join(",")
        );
        assert_eq!(seen(&json).problems.len(), 1, "{twice}");
    }
}

#[test]
fn a_truncated_dump_names_where_it_ends() {
    let cut = &LIST[..200];
    let problems = seen(cut).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].document), (3, 1));
    assert!(problems[0].message.contains("EOF"), "{problems:?}");
}

#[test]
fn numbers_and_words_read_as_kubernetes_reads_them() {
    struct Spec(Vec<String>);
    impl Receiver for Spec {
        fn wants(&mut self, _: &Kind) -> bool {
            true
        }
        fn object(&mut self, _: &Kind, object: RawObject) -> Next {
            let value: serde_json::Value = serde_json::from_str(object.json()).unwrap();
            self.0.push(value["spec"].to_string());
            Next::Continue
        }
        fn foreign(&mut self) {}
        fn problem(&mut self, problem: Problem) {
            panic!("{problem:?}");
        }
    }
    let mut spec = Spec(Vec::new());
    let text = "apiVersion: v1\nkind: X\nmetadata: {name: a}\n\
                spec: {a: 0644, b: 1.50, c: '1', d: yes, e: ~, f: 18446744073709551615, g: 2024-01-01T00:00:00Z, h: 1.2.3, 80: x}\n";
    read(text, Syntax::Yaml, &mut spec);
    assert_eq!(
        spec.0,
        [
            r#"{"80":"x","a":420,"b":1.5,"c":"1","d":true,"e":null,"f":18446744073709551615,"g":"2024-01-01T00:00:00Z","h":"1.2.3"}"#
        ]
    );
}

#[test]
fn aliases_that_unfold_without_end_are_refused() {
    let mut text = String::from(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n",
    );
    for level in 1..12 {
        let before = level - 1;
        text.push_str(&format!("  a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 9].join(",")));
    }
    let seen_bomb = seen(&text);
    assert_eq!((seen_bomb.objects.len(), seen_bomb.problems.len()), (0, 1));
    let long = "y".repeat(1 << 20);
    let wide = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec:\n  a: &a {long}\n  b: [{}]\n",
        vec!["*a"; 5_000].join(",")
    );
    let seen_wide = seen(&wide);
    assert_eq!((seen_wide.objects.len(), seen_wide.problems.len()), (0, 1));
}

#[test]
fn deep_documents_are_refused_or_read_and_never_overflow() {
    for depth in [50, 150, 1_000, 100_000] {
        let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let json =
            format!(r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"a"}},"spec":{deep}}}"#);
        let seen_json = seen(&json);
        assert_eq!(seen_json.objects.len() + seen_json.problems.len(), 1);
        let mut receiver = Seen::default();
        read(&json, Syntax::Yaml, &mut receiver);
        assert_eq!(receiver.objects.len() + receiver.problems.len(), 1);
    }
}

#[test]
fn a_receiver_that_stops_gets_no_more() {
    for text in [LIST.to_owned(), "apiVersion: v1\nkind: X\nmetadata: {name: a}\n---\n".repeat(3)] {
        let mut receiver = Seen { stop_after: Some(1), ..Seen::default() };
        assert_eq!(read(&text, Syntax::of(&text), &mut receiver), Next::Stop);
        assert_eq!(receiver.objects.len(), 1);
    }
}
