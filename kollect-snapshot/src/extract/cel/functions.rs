//! Which functions expressions may call: the library's and Kubernetes', and what to use in place of others. It
//! evaluates none.

/// Called as `f(x)`.
const GLOBAL: [&str; 23] = [
    "size",
    "type",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "dyn",
    "duration",
    "timestamp",
    "matches",
    "quantity",
    "isQuantity",
    "sign",
    "url",
    "isURL",
    "ip",
    "isIP",
    "cidr",
    "isCIDR",
    "semver",
    "isSemver",
];

/// Called as `x.f()`.
const MEMBER: [&[&str]; 9] = [
    &["size", "contains", "startsWith", "endsWith", "matches", "find", "findAll"],
    &[
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    ],
    &[
        "charAt",
        "indexOf",
        "lastIndexOf",
        "lowerAscii",
        "upperAscii",
        "split",
        "substring",
        "trim",
        "join",
        "replace",
        "reverse",
        "format",
    ],
    &["slice", "flatten", "distinct", "sort", "first", "last", "isSorted", "sum", "min", "max"],
    &["hasValue", "value", "orValue", "or", "unwrapOpt"],
    &[
        "isGreaterThan",
        "isLessThan",
        "compareTo",
        "asApproximateFloat",
        "asInteger",
        "isInteger",
        "add",
        "sub",
    ],
    &["getScheme", "getHost", "getHostname", "getPort", "getEscapedPath", "getQuery"],
    &[
        "family",
        "isUnspecified",
        "isLoopback",
        "isLinkLocalMulticast",
        "isLinkLocalUnicast",
        "isGlobalUnicast",
        "containsIP",
        "containsCIDR",
        "ip",
        "prefixLength",
        "masked",
    ],
    &["major", "minor", "patch", "validate"],
];

/// Called as `math.f(x)`.
const QUALIFIED: [(&str, &[&str]); 8] = [
    (
        "math",
        &[
            "greatest",
            "least",
            "ceil",
            "floor",
            "round",
            "trunc",
            "abs",
            "sign",
            "isInf",
            "isNaN",
            "isFinite",
            "sqrt",
            "bitAnd",
            "bitOr",
            "bitXor",
            "bitNot",
            "bitShiftLeft",
            "bitShiftRight",
        ],
    ),
    ("optional", &["of", "none", "ofNonZeroValue", "unwrap"]),
    ("strings", &["quote"]),
    ("lists", &["range"]),
    ("base64", &["encode", "decode"]),
    ("sets", &["contains", "equivalent", "intersects"]),
    ("ip", &["isCanonical"]),
    (
        "format",
        &[
            "dns1123Label",
            "dns1123Subdomain",
            "dns1035Label",
            "qualifiedName",
            "dns1123LabelPrefix",
            "dns1123SubdomainPrefix",
            "dns1035LabelPrefix",
            "labelValue",
            "uri",
            "uuid",
            "byte",
            "date",
            "datetime",
            "named",
        ],
    ),
];

/// Functions that others have, and what stands in for them.
const HINTS: [(&str, &str); 11] = [
    ("escapeKey", "; use replace('~', '~0').replace('/', '~1')"),
    ("path", ": the authorizer is not there"),
    ("group", ": the authorizer is not there"),
    ("serviceAccount", ": the authorizer is not there"),
    ("requestResource", ": the authorizer is not there"),
    ("sortBy", "; it takes a variable and an expression"),
    ("map", "; it takes a variable and one or two expressions"),
    ("filter", "; it takes a variable and an expression"),
    ("has", "; it takes one selection such as object.spec"),
    ("extract", "; use find()"),
    ("block", ""),
];

/// Whether an expression may call a function, and if not, why.
///
/// # Errors
/// A message that names the function.
pub(super) fn known(namespace: Option<&str>, name: &str, member: bool) -> Result<(), String> {
    let known = match namespace {
        Some(namespace) => {
            QUALIFIED.iter().any(|(space, names)| *space == namespace && names.contains(&name))
        }
        None if member => MEMBER.iter().any(|names| names.contains(&name)),
        None => GLOBAL.contains(&name),
    };
    if known {
        return Ok(());
    }
    let qualifier = namespace.map(|namespace| format!("{namespace}.")).unwrap_or_default();
    let hint = HINTS.iter().find(|(missing, _)| *missing == name).map_or("", |(_, hint)| hint);
    let hint = match (namespace, member) {
        (None, false) if MEMBER.iter().any(|names| names.contains(&name)) => {
            "; it is called on a value, as in x.f()"
        }
        (None, true) if GLOBAL.contains(&name) => "; it is called as f(x)",
        _ => hint,
    };
    Err(format!("the function {qualifier}{name}() is not supported{hint}"))
}

/// Whether a name qualifies functions.
pub(super) fn is_namespace(name: &str) -> bool {
    QUALIFIED.iter().any(|(space, _)| *space == name)
}

/// Every function that an expression may call.
#[cfg(test)]
pub(in crate::extract) fn names() -> Vec<String> {
    let plain =
        GLOBAL.iter().chain(MEMBER.iter().flat_map(|names| names.iter())).map(|name| (*name).to_owned());
    let qualified =
        QUALIFIED.iter().flat_map(|(space, names)| names.iter().map(move |name| format!("{space}.{name}")));
    plain.chain(qualified).collect()
}
