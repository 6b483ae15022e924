//! Who the end user is: an opaque id, in `metadata.user_id`.

use super::NAME;
use super::json::Object;
use crate::provider::express::left_out;
use crate::types::{ChatRequest, Extra, Raw};

/// Longest id that Anthropic takes, in characters.
const LONGEST: usize = 256;

/// The `metadata` to send. OpenAI's notes have no place in it, but an id that the caller put there in Anthropic's
/// way is taken.
pub(super) fn metadata<'a>(request: &'a ChatRequest, warnings: &mut Vec<String>) -> Option<Object<'a>> {
    let notes: Extra = request.metadata.as_ref().and_then(Raw::read).unwrap_or_default();
    let own = notes.get("user_id").and_then(Raw::read::<String>);
    if notes.len() > usize::from(own.is_some()) {
        warnings.push(left_out("metadata", NAME));
    }
    let given = [("user", request.user.clone()), ("metadata.user_id", own)];
    let hashed = [("safety_identifier", request.safety_identifier.clone())];
    let mut known = None;
    for (field, id) in given.into_iter().chain(hashed) {
        let Some(id) = id.filter(|id| !id.is_empty()) else { continue };
        match &known {
            None if opaque(&id) => known = Some(id),
            None => warnings
                .push(format!("{field} was left out: {NAME} takes an opaque id of 256 characters at most")),
            Some(known) if *known == id => {}
            Some(_) => warnings.push(left_out(field, NAME)),
        }
    }
    known.map(|id| Object::default().with("user_id", id))
}

/// Whether Anthropic takes the id: it refuses mail addresses and telephone numbers.
fn opaque(id: &str) -> bool {
    let digits = id.chars().filter(char::is_ascii_digit).count();
    let dialled = |letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '(' | ')' | ' ');
    let telephone =
        digits >= 7 && id.chars().all(dialled) && !id.chars().all(|letter| letter.is_ascii_digit());
    let mail = id.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    id.chars().count() <= LONGEST && !telephone && !mail
}

#[cfg(test)]
mod tests {
    use super::opaque;

    #[test]
    fn only_opaque_ids_are_sent() {
        for id in ["u1", "3f9c-77", "1234567890", "acct:42@eu", &"x".repeat(256)] {
            assert!(opaque(id), "{id}");
        }
        for id in ["a@example.com", "+49 170 1234567", "(030) 123-4567", &"x".repeat(257)] {
            assert!(!opaque(id), "{id}");
        }
    }
}
