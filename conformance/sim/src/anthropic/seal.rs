//! Signatures of thinking, and sealed thinking. They are made of the thinking itself, so that the simulator knows its
//! own without keeping any, and finds out what was changed since.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::hash;

/// What is wrong with a block that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The seal is not one of ours.
    Seal,
    /// The text is not the one that was sealed.
    Text,
}

const OURS: &[u8] = b"\x12\x0a\x18lockgate-sim";

fn mark(parts: &[&[u8]]) -> [u8; 8] {
    hash(&parts.concat()).to_be_bytes()
}

/// The seal of thinking whose whole text is `thought`, of which `shown` was told.
pub(crate) fn seal(thought: &str, shown: &str) -> String {
    let whole = mark(&[OURS, thought.as_bytes()]);
    let seal = mark(&[&whole, OURS]);
    let told = mark(&[&whole, shown.as_bytes()]);
    STANDARD.encode([OURS, &whole, &seal, &told].concat())
}

/// Checks a seal that came back with the text `shown`.
pub(crate) fn check(seal: &str, shown: &str) -> Result<(), Broken> {
    let bytes = STANDARD.decode(seal).map_err(|_| Broken::Seal)?;
    let rest = bytes.strip_prefix(OURS).ok_or(Broken::Seal)?;
    let (Some(whole), Some(seal), Some(told), 24) =
        (rest.get(..8), rest.get(8..16), rest.get(16..24), rest.len())
    else {
        return Err(Broken::Seal);
    };
    if seal != mark(&[whole, OURS]) {
        return Err(Broken::Seal);
    }
    if told == mark(&[whole, shown.as_bytes()]) { Ok(()) } else { Err(Broken::Text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_found_out() {
        let sealed = seal("a thought", "a thought");
        assert_eq!(check(&sealed, "a thought"), Ok(()));
        assert_eq!(check(&sealed, "another"), Err(Broken::Text));
        assert_eq!(check(&seal("a thought", ""), ""), Ok(()));
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let broken = String::from_utf8(bytes).unwrap();
            assert!(check(&broken, "a thought").is_err(), "at {at}");
        }
        for other in ["", "EqQBCgIYAhIM", "not base64"] {
            assert_eq!(check(other, ""), Err(Broken::Seal), "{other}");
        }
    }
}
