//! Names of sources, made fit for keys and paths. It does not choose the source.

/// Longest name of a cluster.
const MAX_LENGTH: usize = 63;
/// Hexadecimal digits of the hash that tells changed names apart.
const HASH_LENGTH: usize = 8;

/// Whether a name can be used as it is.
pub fn is_valid(name: &str) -> bool {
    name.len() <= MAX_LENGTH && !matches!(name, "" | "." | ".." | "_") && name.chars().all(is_allowed)
}

/// The cluster name that a context's or a file's name gives: other characters become `-`, and a name that was
/// changed or cut ends in a hash of what it was, so that two sources never meet in one name.
pub fn from_source(name: &str) -> String {
    if is_valid(name) {
        return name.to_owned();
    }
    let hash: String = blake3::hash(name.as_bytes()).to_hex().chars().take(HASH_LENGTH).collect();
    let kept: String = name
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .take(MAX_LENGTH - HASH_LENGTH - 1)
        .collect();
    format!("{kept}-{hash}")
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_stays() {
        for name in ["prod-eu.1", "sample", "stdin", "A_b", &"x".repeat(63)] {
            assert_eq!(from_source(name), name);
        }
    }

    #[test]
    fn a_changed_name_fits_and_ends_in_a_hash_of_what_it_was() {
        let names =
            ["arn:aws:eks:eu-west-1:1:cluster/prod", "admin@kind", "admin/kind", "", ".", "..", "_", "größe"];
        let mut made: Vec<String> = names.iter().map(|name| from_source(name)).collect();
        made.push(from_source(&"x".repeat(64)));
        for name in &made {
            assert!(is_valid(name), "{name}");
        }
        assert!(made[0].starts_with("arn-aws-eks-eu-west-1-1-cluster-prod-"), "{}", made[0]);
        let before = made.len();
        made.sort_unstable();
        made.dedup();
        assert_eq!(made.len(), before);
    }
}
