//! Connection strings, as a URL or as `key=value` pairs. It reads no file and no environment variable.

use std::collections::BTreeMap;

use kollect_sink_core::{Error, ErrorKind, Result, Secret};

/// The parameters that a connection string may carry.
const KNOWN: &str = "host, port, user, password, dbname, sslmode, connect_timeout, application_name, \
                     statement_timeout, lock_timeout";

/// What a connection string says, field by field, not yet checked.
pub(crate) struct Dsn {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Secret,
    pub(crate) database: String,
    /// `sslmode`, the timeouts and `application_name`, as far as they are there.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Reads a connection string. Errors never quote it.
pub(crate) fn parse(dsn: &Secret) -> Result<Dsn> {
    let text = dsn.expose().trim();
    let mut fields = match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(rest) => url(rest)?,
        None if text.contains("://") => {
            return Err(invalid("the DSN must start with postgres:// or postgresql://"));
        }
        None => pairs(text)?,
    };
    for (name, value) in &fields {
        check(name, value)?;
    }
    let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_empty());
    let host = take("host").ok_or_else(|| invalid("the DSN names no host"))?;
    let port = match take("port") {
        Some(port) => port.parse().ok().filter(|port| *port > 0),
        None => Some(5432),
    };
    let port = port.ok_or_else(|| invalid("the DSN's port is not a number from 1 to 65535"))?;
    let user = take("user").ok_or_else(|| invalid("the DSN names no user"))?;
    let password = Secret::new(take("password").unwrap_or_default());
    let database = take("dbname").unwrap_or_else(|| user.clone());
    Ok(Dsn { host, port, user, password, database, parameters: fields })
}

/// Refuses what reads files, opens local sockets or sets the server's session behind our back.
fn check(name: &str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(invalid("the DSN contains a NUL character"));
    }
    let reason = match name {
        "host" if value.starts_with(['/', '@']) => "local sockets are not allowed, give a host name",
        "host" if value.contains(',') => {
            "several hosts are not supported, give one that leads to the primary"
        }
        "host" | "port" | "user" | "password" | "dbname" | "sslmode" | "connect_timeout"
        | "application_name" | "statement_timeout" | "lock_timeout" => return Ok(()),
        "sslrootcert" | "sslcert" | "sslkey" | "sslpassword" | "sslcrl" | "sslcrldir" => {
            "files are not read: give certificates by the tls settings"
        }
        "passfile" | "service" | "servicefile" => "files are not read: give the password in the DSN",
        "hostaddr" => "the host is resolved and checked here: give a host",
        "options" => "server options are not allowed",
        _ => {
            return Err(invalid(format!(
                "the DSN has the unknown parameter `{}`: known are {KNOWN}",
                name.escape_debug()
            )));
        }
    };
    Err(invalid(format!("the DSN's `{name}` is refused: {reason}")))
}

fn url(rest: &str) -> Result<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // Such a DSN was cut in the middle of its password: what follows must not end up in a message.
    if query.contains('@') || path.contains('@') {
        return Err(invalid("the DSN's user or password contains a `/`, `?` or `#`: percent-encode it"));
    }
    let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').unwrap_or(port)),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let parts = [("user", user), ("password", password), ("host", host), ("port", port), ("dbname", path)];
    for (name, value) in parts {
        fields.insert(name.to_owned(), decode(value)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.insert(decode(name)?, decode(value)?);
    }
    Ok(fields)
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits =
            [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or_default()).to_digit(16));
        let [Some(high), Some(low)] = digits else {
            return Err(invalid("the DSN contains a `%` that is not followed by two hexadecimal digits"));
        };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| invalid("the DSN is not UTF-8 after percent decoding"))
}

/// `key=value` pairs: white space separates, single quotes enclose, a backslash escapes.
fn pairs(text: &str) -> Result<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(fields);
        }
        let mut name = String::new();
        while let Some(c) = rest.next_if(|c| *c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.next() != Some('=') {
            return Err(invalid("the DSN is neither a postgres:// URL nor pairs of key=value"));
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match rest.next() {
                Some('\'') if quoted => break,
                Some('\\') => value.extend(rest.next()),
                Some(c) if quoted || !c.is_whitespace() => value.push(c),
                None if quoted => return Err(invalid("the DSN has a quote that does not end")),
                _ => break,
            }
        }
        fields.insert(name, value);
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Dsn> {
        parse(&Secret::new(text))
    }

    #[test]
    fn both_forms_say_the_same() {
        let url = "postgresql://us%40er:p%3As%2Fs@db.example:6432/inv%20entory?sslmode=require";
        let pairs =
            r"host = db.example port=6432 user=us@er password='p:s/s' dbname='inv entory' sslmode=require";
        for text in [url, pairs] {
            let dsn = read(text).unwrap();
            assert_eq!((dsn.host.as_str(), dsn.port), ("db.example", 6432), "{text}");
            assert_eq!((dsn.user.as_str(), dsn.database.as_str()), ("us@er", "inv entory"));
            assert_eq!(dsn.password.expose(), "p:s/s");
            assert_eq!(dsn.parameters.get("sslmode").unwrap(), "require");
        }
    }

    #[test]
    fn defaults_are_the_well_known_ones() {
        let dsn = read("postgres://u@[::1]").unwrap();
        assert_eq!((dsn.host.as_str(), dsn.port, dsn.database.as_str()), ("::1", 5432, "u"));
        assert_eq!(dsn.password.expose(), "");
    }

    #[test]
    fn an_unescaped_at_sign_belongs_to_the_password() {
        assert_eq!(read("postgres://u:p@ss@h/d").unwrap().password.expose(), "p@ss");
    }

    #[test]
    fn what_names_files_sockets_or_options_is_refused() {
        let table = [
            ("postgres://u@h/d?sslrootcert=/etc/ca.crt", "sslrootcert"),
            ("postgres://u@h/d?sslkey=/etc/key", "sslkey"),
            ("postgres://u@h/d?sslcert=x", "sslcert"),
            ("postgres://u@h/d?options=-c%20x%3Dy", "options"),
            ("postgres://u@h/d?passfile=/x", "passfile"),
            ("postgres://u@h/d?service=x", "service"),
            ("postgres://u@h/d?hostaddr=169.254.169.254", "hostaddr"),
            ("postgres://u@%2Fvar%2Frun/d", "local sockets"),
            ("postgres://u@h/d?host=/tmp", "local sockets"),
            ("host=/tmp user=u", "local sockets"),
            ("postgres://u@a,b/d", "several hosts"),
            ("postgres://u@h/d?search_path=x", "known are host"),
            ("postgres://u@h:0/d", "port"),
            ("postgres://u@h:x/d", "port"),
            ("postgres://h/d", "no user"),
            ("postgres:///d", "no host"),
            ("mysql://u@h/d", "postgres://"),
            ("hello", "key=value"),
            ("user='u", "does not end"),
            ("postgres://u:%zz@h/d", "hexadecimal"),
            ("postgres://u:%00@h/d", "NUL"),
        ];
        for (text, expected) in table {
            let error = read(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn errors_do_not_quote_the_password() {
        for text in [
            "postgres://u:canary%zz@h/d",
            "postgres://u:x?canary=1@h/d",
            "mysql://u:canary@h",
            "user=u password='canary",
        ] {
            let error = read(text).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}
