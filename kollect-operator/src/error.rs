//! Errors of the operator, and how chains of causes are shown. It does not classify sinks' errors.

use std::error::Error as StdError;

/// An error and its causes on one line, each cause once.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries print their cause in their own message too.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
