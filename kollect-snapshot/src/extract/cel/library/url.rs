//! URLs, as Go's net/url reads them for Kubernetes. It resolves nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use cel::DeclarationError;
use cel::common::types::{CelList, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};

use super::super::budget::{arguments, meter};
use super::opaque::opaque;
use super::{Answer, Args, Declarations, failed, string, truth, undefined, words};

pub(super) const GET_QUERY: &str = "@getQuery";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    scheme: String,
    user: String,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

opaque!(Url, "kubernetes.URL");

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.text("url", url)?;
    declared.text("isURL", is_url)?;
    declared.member("getScheme", Url::kind(), [], get_scheme)?;
    declared.member("getHost", Url::kind(), [], get_host)?;
    declared.member("getHostname", Url::kind(), [], get_hostname)?;
    declared.member("getPort", Url::kind(), [], get_port)?;
    declared.member("getEscapedPath", Url::kind(), [], get_path)?;
    declared.metered(GET_QUERY, 2, get_query)
}

fn url<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    let text = string(&text).ok_or_else(|| undefined("url", &[&text]))?;
    // Kubernetes parses it twice: as a request, where what follows a `#` belongs to what precedes it, and as a link.
    let parts = parse(text, Kind::Request).and_then(|_| {
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut parts = parse(before, Kind::Link)?;
        unescape(fragment, Place::Path)?;
        parts.fragment = fragment.to_owned();
        Some(parts)
    });
    parts.map(|parts| CowVal::owned(Url(Arc::new(parts)))).ok_or_else(|| failed("url"))
}

fn is_url<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    Ok(truth(is_valid(string(&text).ok_or_else(|| undefined("isURL", &[&text]))?)))
}

fn get_scheme<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [url] = arguments(args)?;
    Ok(words(Url::of(&url, "getScheme")?.0.scheme.clone()))
}

fn get_host<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [url] = arguments(args)?;
    Ok(words(Url::of(&url, "getHost")?.0.host.clone()))
}

fn get_hostname<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [url] = arguments(args)?;
    Ok(words(split_port(&Url::of(&url, "getHostname")?.0.host).0))
}

fn get_port<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [url] = arguments(args)?;
    Ok(words(split_port(&Url::of(&url, "getPort")?.0.host).1))
}

fn get_path<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [url] = arguments(args)?;
    Ok(words(escaped_path(&Url::of(&url, "getEscapedPath")?.0.path)))
}

fn get_query<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [purse, url] = arguments(args)?;
    let query = &Url::of(&url, "getQuery")?.0.query;
    meter(&purse)?.pay(query.len() as u64)?;
    let mut found: HashMap<String, Vec<Box<dyn Val + 'v>>> = HashMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text| unescape(text, Place::Query).and_then(|bytes| String::from_utf8(bytes).ok());
        if let (Some(key), Some(value)) = (decoded(key), decoded(value)) {
            found.entry(key).or_default().push(Box::new(CelString::from(value)));
        }
    }
    let member = |(key, values): (String, Vec<_>)| -> (CelMapKey<'v>, Box<dyn Val + 'v>) {
        (CelMapKey::from(key), Box::new(CelList::from(values)))
    };
    Ok(CowVal::owned(CelMap::from(found.into_iter().map(member).collect::<HashMap<_, _>>())))
}

/// Whether Go's `url.ParseRequestURI` takes it.
pub(super) fn is_valid(text: &str) -> bool {
    parse(text, Kind::Request).is_some()
}

/// What a URL is taken for: only a link may name a host without a scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Link,
}

fn parse(text: &str, kind: Kind) -> Option<Parts> {
    if text.is_empty() || text.bytes().any(|c| c < b' ' || c == 0x7f) {
        return None;
    }
    let mut parts = Parts {
        scheme: String::new(),
        user: String::new(),
        host: String::new(),
        path: String::new(),
        query: String::new(),
        fragment: String::new(),
    };
    if text == "*" {
        parts.path = text.to_owned();
        return Some(parts);
    }
    let (scheme, rest) = scheme(text)?;
    parts.scheme = scheme.to_ascii_lowercase();
    let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    parts.query = query.to_owned();
    if !rest.starts_with('/') {
        // Without a slash it is opaque, or no request.
        return (!scheme.is_empty()).then_some(parts);
    }
    if (!scheme.is_empty() || (kind == Kind::Link && !rest.starts_with("///")))
        && let Some(after) = rest.strip_prefix("//")
    {
        let (authority, path) = after.split_at_checked(after.find('/').unwrap_or(after.len()))?;
        rest = path;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (user, host),
            None => ("", authority),
        };
        parts.host = host_of(host)?;
        if !user.chars().all(|c| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c)) {
            return None;
        }
        unescape(user, Place::Path)?;
        parts.user = user.to_owned();
    }
    unescape(rest, Place::Path)?;
    parts.path = rest.to_owned();
    Some(parts)
}

/// The scheme, or none, and what follows it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return None,
            ':' => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => break,
        }
    }
    Some(("", text))
}

fn host_of(host: &str) -> Option<String> {
    if let Some(literal) = host.strip_prefix('[') {
        let (address, port) = literal.rsplit_once(']')?;
        if !is_port(port) || host.matches('[').count() > 1 {
            return None;
        }
        let (plain, zone) = address.split_at_checked(address.find("%25").unwrap_or(address.len()))?;
        let zone = String::from_utf8(unescape(zone, Place::Zone)?).ok()?;
        let plain = String::from_utf8(unescape(plain, Place::Host)?).ok()?;
        // An address with an empty zone is none.
        let valid = matches!(plain.parse(), Ok(IpAddr::V6(_))) && zone != "%";
        return valid.then(|| format!("[{plain}{zone}]{port}"));
    }
    if host.contains('[') {
        return None;
    }
    if !is_port(host.rfind(':').and_then(|at| host.get(at..)).unwrap_or_default()) {
        return None;
    }
    String::from_utf8(unescape(host, Place::Host)?).ok()
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()))
}

fn split_port(host: &str) -> (String, String) {
    let colon = host.rfind(':').filter(|at| is_port(host.get(*at..).unwrap_or_default()));
    let (name, port) = colon.and_then(|at| host.split_at_checked(at)).unwrap_or((host, ""));
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    (name.to_owned(), port.trim_start_matches(':').to_owned())
}

/// Where a text stands; what may be escaped there differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Host,
    Zone,
}

/// The text without escapes; none where one is broken or does not belong there.
fn unescape(text: &str, place: Place) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                let code = u8::from_str_radix(digits, 16).ok()?;
                let allowed = match place {
                    Place::Host => code >= 0x80 || code == b'%',
                    Place::Zone => matches!(code, b'%' | b' ') || is_host(code),
                    Place::Path | Place::Query => true,
                };
                if !allowed {
                    return None;
                }
                out.push(code);
                rest = after;
            }
            b'+' if place == Place::Query => out.push(b' '),
            byte if matches!(place, Place::Host | Place::Zone) && !is_host(*byte) => return None,
            byte => out.push(*byte),
        }
    }
    Some(out)
}

fn is_host(byte: u8) -> bool {
    byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
}

/// The path as it was spelled if that is valid, or escaped anew.
fn escaped_path(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
    let spelled = path == "*" || path.bytes().all(|byte| is_plain(byte) || b"!'()*[]%".contains(&byte));
    if spelled {
        return path.to_owned();
    }
    let mut out = String::new();
    for byte in unescape(path, Place::Path).unwrap_or_default() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
