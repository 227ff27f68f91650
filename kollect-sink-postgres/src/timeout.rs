//! Time spans as PostgreSQL reads them in its settings. It sets none.

use std::time::Duration;

/// The largest value that the server's settings take, in milliseconds.
const LONGEST: f64 = 2_147_483_647.0;

/// Reads a span: a number with an optional unit out of `us`, `ms`, `s`, `min`, `h` and `d`; without one it is
/// milliseconds. The result is whole milliseconds; zero means no limit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return Err(format!("`{text}` is no time span: the units are us, ms, s, min, h and d")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no time span, such as `30s`"))?;
    let milliseconds = number * factor;
    if milliseconds > LONGEST {
        return Err(format!("`{text}` is longer than the server allows (24 days)"));
    }
    // A limit below what can be expressed must not turn into none.
    let milliseconds = if milliseconds > 0.0 { milliseconds.round().max(1.0) } else { 0.0 };
    Ok(Duration::from_millis(milliseconds as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_the_server_reads_them() {
        let table = [
            ("30000", 30_000),
            ("30s", 30_000),
            (" 30 s ", 30_000),
            ("1.5s", 1_500),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("250 ms", 250),
            ("1500us", 2),
            ("1us", 1),
            ("0", 0),
        ];
        for (text, milliseconds) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "-1", "30 sec", "1m", "1e3", "25d", "nan", "1.2.3s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
