//! Ids of calls that came without one.

use sha2::{Digest, Sha256};

/// What ids of ours begin with.
const OURS: &str = "gmcall_";

/// An id for a call that came without one: the same each time the answer is read, unlike any other answer's, and in
/// the form and length that every provider takes back.
pub(super) fn made_up(answer: &str, choice: u32, index: u32, name: &str, arguments: &str) -> String {
    let mut told: String = answer.chars().filter(char::is_ascii_alphanumeric).take(22).collect();
    if told.is_empty() {
        let digest = Sha256::new().chain_update(name).chain_update([0]).chain_update(arguments).finalize();
        told = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    }
    format!("{OURS}{told}_{choice}_{index}")
}

/// Whether Gemini never gave this id.
pub(super) fn is_made_up(id: &str) -> bool {
    id.starts_with(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_made_up_are_known_again_and_differ() {
        let ids = [
            made_up("k3xGaZ01HpWbz7IPxN2QuAg", 0, 0, "f", "{}"),
            made_up("k3xGaZ01HpWbz7IPxN2QuAg", 0, 1, "f", "{}"),
            made_up("", 0, 0, "f", "{}"),
            made_up("", 0, 0, "g", "{}"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(is_made_up(id) && id.len() <= 40 && !ids[at + 1..].contains(id), "{id}");
        }
    }
}
