//! Each function of our own over objects and patterns that are made to cost: it ends, with a value or without, and
//! what cannot end in measure fails. How long that takes is not measured.

use serde_json::{Value, json};

use super::{Outcome, evaluate};

/// A megabyte of text, and many elements.
fn object() -> String {
    let text = "a".repeat(1 << 20);
    let words: Vec<String> = (0..5000).map(|index| format!("w{index}")).collect();
    let numbers: Vec<i64> = (0..20_000).collect();
    let query = format!("https://a.b/c?{}", "a&".repeat(200_000));
    let version = format!("1.2.3-{}", "1.".repeat(100_000) + "1");
    let digits = "9".repeat(100_000);
    json!({"text": text, "words": words, "numbers": numbers, "query": query, "version": version, "digits": digits,
        "format": "%s".repeat(5000), "spaces": " ".repeat(100_000), "pattern": "(a*)*b"})
    .to_string()
}

#[test]
fn what_multiplies_is_stopped() {
    let object = object();
    let stopped = [
        // One text looked at for each of many.
        "object.numbers.map(n, object.text.find('b'))",
        "object.numbers.map(n, object.text.matches('(a|aa)+$'))",
        "object.numbers.map(n, object.text.indexOf('ab'))",
        "object.numbers.map(n, object.text.lastIndexOf('ab'))",
        "object.numbers.map(n, url(object.query).getQuery().size())",
        "object.numbers.map(n, isQuantity(object.digits))",
        "object.numbers.map(n, isSemver(object.version))",
        "object.numbers.map(n, format.dns1123Label().validate(object.text))",
        "object.numbers.map(n, '%s'.format([object.text]))",
        "object.numbers.map(n, object.format.format(object.words).size())",
        "object.numbers.map(n, string(object.text).size())",
        "object.numbers.map(n, object.words.isSorted())",
        "object.numbers.map(n, object.numbers.sum())",
        "object.numbers.map(n, object.numbers.max())",
        "object.numbers.map(n, object.numbers.indexOf(-1))",
        // Each with each.
        "sets.contains(object.numbers, object.numbers)",
        "sets.equivalent(object.words, object.words)",
        "sets.intersects(object.numbers, object.numbers.map(n, n + 20000))",
        "object.numbers.transformList(i, a, object.numbers.transformList(j, b, a + b))",
        "object.numbers.transformMap(i, a, object.numbers)",
        "object.numbers.all(i, a, object.numbers.all(j, b, a + b >= 0))",
        // A match at each character.
        "object.text.findAll('').size()",
        "object.text.findAll('a|$').size()",
        // An expression of each object's.
        "object.words.map(w, 'x'.matches(w))",
        // Bound again and again.
        "cel.bind(a, object.text + object.text, cel.bind(b, a + a, cel.bind(c, b + b, cel.bind(d, c + c, [d, d, d, d].map(x, x + x)))))",
    ];
    for source in stopped {
        match evaluate(source, &object) {
            Outcome::Failed(reason) => assert!(reason.contains("too much work"), "{source}: {reason}"),
            other => panic!("{source}: {:.80}", other.to_string()),
        }
    }
}

#[test]
fn work_in_measure_is_done() {
    let object = object();
    let done = [
        ("object.text.find('a{3}')", json!("aaa")),
        ("object.text.matches('^(a|aa|aaa)*$')", json!(true)),
        ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac'.matches(object.pattern)", json!(false)),
        ("object.text.indexOf('b')", json!(-1)),
        ("object.numbers.sum()", json!(199_990_000)),
        ("object.numbers.max()", json!(19_999)),
        ("object.numbers.isSorted()", json!(true)),
        ("object.words.transformMap(i, w, i > 4990, w).size()", json!(9)),
        ("object.words.findAll", Value::Null),
        ("url(object.query).getQuery()['a'].size()", json!(200_000)),
        ("isQuantity(object.digits)", json!(true)),
        ("quantity(object.digits).isInteger()", Value::Null),
        ("isSemver(object.version)", json!(true)),
        ("duration(object.digits)", Value::Null),
        ("timestamp(object.digits)", Value::Null),
        ("isIP(object.text) || isCIDR(object.text) || isURL(object.spaces)", json!(false)),
        ("object.format.format(object.words).size()", json!(23_890)),
    ];
    for (source, expected) in done {
        match (evaluate(source, &object), expected) {
            (Outcome::Value(value), expected) => assert_eq!(value, expected, "{source}"),
            (Outcome::Failed(_), Value::Null) => {}
            (other, _) => panic!("{source}: {:.80}", other.to_string()),
        }
    }
}

#[test]
fn patterns_are_bounded_when_they_compile() {
    for pattern in
        ["(a{1000}){1000}", "((((a{100}){100}){100}){100})", "\\\\pL{1000}{1000}", "(?i)\\\\p{Greek}{900}"]
    {
        let outcome = evaluate(&format!("'a'.matches('{pattern}')"), "{}");
        assert!(matches!(outcome, Outcome::Refused(_)), "{pattern}: {outcome}");
    }
}
