//! Thinking that travels in `encrypted_content`: the signed blocks that a provider wants back, sealed as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::types::ThinkingBlock;

/// What our sealed thinking begins with; anything else is another service's.
const SEAL: &str = "lockgate.1.";

/// The blocks as one opaque text.
pub(super) fn seal(blocks: &[ThinkingBlock]) -> Option<String> {
    if blocks.is_empty() {
        return None;
    }
    let json = serde_json::to_vec(blocks).ok()?;
    Some(format!("{SEAL}{}", STANDARD_NO_PAD.encode(json)))
}

/// The blocks in `sealed`; none if it is not ours.
pub(super) fn open(sealed: &str) -> Option<Vec<ThinkingBlock>> {
    let json = STANDARD_NO_PAD.decode(sealed.strip_prefix(SEAL)?).ok()?;
    serde_json::from_slice(&json).ok()
}
