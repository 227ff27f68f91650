//! Errors of the operator, and how chains of causes are shown. It does not classify sinks' errors.

use std::error::Error as StdError;

/// An error and its causes on one line, each cause once.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(kube::Error::Api(status)) = cause.downcast_ref() {
            // Its own display holds the whole of the answer, as the program sees it.
            let said = if status.message.is_empty() { &status.reason } else { &status.message };
            append(&mut text, said);
            return text;
        }
        append(&mut text, &cause.to_string());
        next = cause.source();
    }
    text
}

fn append(text: &mut String, cause: &str) {
    // Some libraries print their cause in their own message too.
    if text.is_empty() {
        text.push_str(cause);
    } else if !text.contains(cause) {
        text.push_str(": ");
        text.push_str(cause);
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot list")]
    struct Outer(#[source] kube::Error);

    #[test]
    fn an_answer_of_the_api_server_is_told_in_its_words() {
        let status = Status { code: 504, ..Status::failure("the list is too long", "Timeout") };
        let error = Outer(kube::Error::Api(Box::new(status)));
        assert_eq!(chain(&error), "cannot list: the list is too long");
    }
}
