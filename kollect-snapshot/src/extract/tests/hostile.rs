//! Texts, paths and expressions that were written to hurt: they end in an error or a failure, soon. Time is not
//! measured; what has no bound does not end at all.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{context, spec};
use crate::extract::{Plan, Predicate};

fn failure(path: &str, object: &str) -> String {
    let plan = Plan::compile(&spec(&[path])).unwrap_or_else(|errors| panic!("{errors:?}"));
    let extraction = plan.extract(object, context());
    extraction.failures.last.map(|failure| failure.reason).unwrap_or_else(|| extraction.attributes)
}

#[test]
fn paths_that_multiply_their_results_are_stopped() {
    let mut nested = json!(1);
    for _ in 0..60 {
        nested = json!([nested]);
    }
    let object = json!({ "a": nested }).to_string();
    let doubling = format!("$.a{}", "[*,*]".repeat(60));
    let below = format!("$.a{}", "..*".repeat(30));
    let filtered = format!("$.a{}", "[?@[*,*][*,*][*,*][*,*][*,*][*,*],?@[*]]".repeat(40));
    for path in [doubling, below, filtered] {
        assert!(failure(&path, &object).contains("too much work"), "{path}");
    }
}

#[test]
fn expressions_that_grow_are_stopped() {
    let big = json!({"list": (0..2000).collect::<Vec<_>>(), "text": "x".repeat(100_000), "words": vec!["word"; 2000]});
    let object = json!({ "a": big }).to_string();
    let doubled =
        |seed: &str, with: &str| format!("cel:[{seed}]{}[0].size()", format!(".map(x, {with})").repeat(40));
    let sources = [
        doubled("object.a.text", "x + x"),
        doubled("'x'", "x + x"),
        doubled("[1]", "x + x"),
        doubled("1", "[x, x]"),
        doubled("1", "{'a': x, 'b': x}"),
        doubled("'x'", "x.replace('x', 'xx')"),
        doubled("'x'", "[x, x].join(x)"),
        doubled("'x'", "'%s%s'.format([x, x])"),
        "cel:object.a.list.map(x, object.a.list)".to_owned(),
        "cel:object.a.list.all(a, object.a.list.all(b, a <= b || a > b))".to_owned(),
        "cel:object.a.list.map(x, object.a.text)".to_owned(),
        "cel:object.a.text.replace('', object.a.text).size()".to_owned(),
        "cel:object.a.list.map(x, 'y').join(object.a.text).size()".to_owned(),
        "cel:lists.range(1000000).map(x, x)".to_owned(),
        "cel:lists.range(20000).distinct()".to_owned(),
        "cel:object.a.list.map(x, object.a.words.distinct())".to_owned(),
        "cel:object.a.list.filter(x, object.a.text.matches(string(x) + '(a|b)*c'))".to_owned(),
        "cel:object.a.words.map(w, object.a.text.indexOf(w))".to_owned(),
        "cel:object.a.words.map(w, object.a.text.split(w))".to_owned(),
        "cel:object.a.list.map(x, object.a.text == object.a.text + 'y')".to_owned(),
        "cel:object.a.list.exists(x, object.a.words == object.a.list)".to_owned(),
        "cel:object.a.list.map(x, object.a.list.sort())".to_owned(),
    ];
    for source in sources {
        let reason = failure(&source, &object);
        assert!(reason.contains("too much work"), "{source:.80}: {reason:.80}");
    }
}

#[test]
fn work_in_measure_is_done() {
    let object = json!({"list": (0..5000).collect::<Vec<_>>(), "text": "ab".repeat(1000)}).to_string();
    let table = [
        ("cel:object.list.map(x, x + 1).size()", "5000"),
        ("cel:object.list.filter(x, x % 2 == 0).size()", "2500"),
        ("cel:object.list.exists(x, x == 4999)", "true"),
        ("cel:object.text.replace('a', '').size()", "1000"),
        ("cel:object.text.split('').size()", "2000"),
    ];
    for (path, want) in table {
        assert_eq!(failure(path, &object), format!(r#"{{"a0":{want}}}"#), "{path}");
    }
}

#[test]
fn sources_that_nest_or_are_long_are_refused_without_harm() {
    let many = |part: &str| part.repeat(4000 / part.len());
    let sources = [
        many("("),
        many("["),
        many("{1:"),
        many("!"),
        many("-"),
        many("1+") + "1",
        many("1 ? ") + "1",
        many("true ? 1 : ") + "1",
        many("true || ") + "true",
        many("object.") + "a",
        many("[0]"),
        format!("object{}", many("[0]")),
        format!("object{}", many(".a")),
        format!("object{}", many(".a()")),
        format!("object{}", many(".trim()")),
        format!("'a'{}", many(" + 'a'")),
        many("[1].map(x,"),
        many("f("),
        many("a:"),
        many("\\"),
        many("'"),
        many("\u{1F600}"),
        "1".repeat(100_000),
    ];
    for source in sources {
        let error = Plan::compile(&spec(&[&format!("cel:{source}")])).map(|_| ());
        let condition = Predicate::compile(&source).map(|_| ());
        assert_eq!(error.is_err(), condition.is_err(), "{source:.40}");
    }
    for path in [
        "$".to_owned() + &"[?(".repeat(2000),
        "$".to_owned() + &"[?@".repeat(2000),
        "$[?".to_owned() + &"!".repeat(4000),
        "$".to_owned() + &"..a".repeat(2500),
        "{".repeat(4000),
        "{.a}".repeat(2000),
        "{.".to_owned() + &"a.".repeat(4000),
        "{.a[?(@".to_owned() + &"[?(@".repeat(1000),
        "$[99999999999999999999]".to_owned(),
        "$[-9223372036854775808]".to_owned(),
        "$[::-9223372036854775808]".to_owned(),
    ] {
        if let Ok(plan) = Plan::compile(&spec(&[&path])) {
            let _ = plan.extract(r#"{"a":[1,2,3]}"#, context());
        }
    }
}

#[test]
fn depth_is_bounded_where_it_is_read_and_free_where_it_is_not() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let object = format!(r#"{{"deep":{deep},"a":1}}"#);
    for path in ["{.deep}", "$..*", "{..a}", "cel:object.deep", "{.deep[*]}{.a}"] {
        let reason = failure(path, &object);
        let stopped =
            ["nested deeper", "too much work", "no such key"].iter().any(|why| reason.contains(why));
        assert!(stopped, "{path}: {reason:.80}");
    }
    assert_eq!(failure("{.a}", &object), r#"{"a0":1}"#);
    assert_eq!(failure("cel:object.a", &object), r#"{"a0":1}"#);
}

fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("."),
        Just(".."),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just("*"),
        Just("?("),
        Just(")"),
        Just("@"),
        Just("$"),
        Just("'a'"),
        Just("\"b\""),
        Just("a"),
        Just("value"),
        Just("0"),
        Just("-1"),
        Just(":"),
        Just(","),
        Just("=="),
        Just("<"),
        Just("&&"),
        Just("!"),
        Just("\\"),
        Just(" "),
        Just("cel:"),
        Just("object"),
        Just("é"),
        Just("true"),
        Just("1.5"),
        Just("has("),
        Just("size("),
        Just(".map(x,"),
        Just("+"),
        Just("?"),
        Just("[?@"),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_path_makes_it_panic(path in paths(), prefix in prop_oneof![Just("$"), Just("{."), Just("cel:object."), Just("")]) {
        let object = r#"{"a":[{"a":1,"b":"x","value":2,"name":"token"},-1.5,null],"object":{"a":{"a":true}},"é":[[[]]]}"#;
        if let Ok(plan) = Plan::compile(&spec(&[&format!("{prefix}{path}")])) {
            let extraction = plan.extract(object, context());
            prop_assert!(serde_json::from_str::<Value>(&extraction.attributes).is_ok());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\{?[{}\\[\\],:\"\\\\aspec0-9.e ]{0,60}\\}?", any in any::<String>()) {
        let paths = ["{.a}", "$..*", "{.spec.a[0]}", "cel:object", "cel:has(object.a.s)", "{.a.*}{.s}", "$[?@.a == 1]"];
        let plan = Plan::compile(&spec(&paths)).unwrap();
        for text in [text, any] {
            let extraction = plan.extract(&text, context());
            prop_assert!(serde_json::from_str::<Value>(&extraction.attributes).is_ok(), "{}", text);
        }
    }
}
