//! Thought signatures: Gemini's thinking, sealed, which must come back in the part it came in.
//!
//! On a function call it travels with the call, in the form that Google's own OpenAI-compatible endpoint uses. On a
//! thought it is the signature of a thinking block. On a piece of the answer's text it is a sealed block that says
//! where in the text the piece stood.

use serde::{Deserialize, Serialize};

use super::NAME;
use crate::types::{Extra, Raw, ThinkingBlock, ToolCall};

/// Takes the place of a signature on a call that another model made; Gemini names it for this use.
pub(super) const NONE_TO_CHECK: &str = "skip_thought_signature_validator";

/// The field of a call that carries a signature.
pub(in crate::provider) const EXTRA_CONTENT: &str = "extra_content";
const WHERE: &str = "text";

#[derive(Serialize, Deserialize)]
struct ExtraContent {
    google: Google,
}

#[derive(Serialize, Deserialize)]
struct Google {
    thought_signature: String,
}

/// The fields of a call that carries `signature`.
pub(super) fn with_call(signature: String) -> Extra {
    let mut extra = Extra::default();
    let content = ExtraContent { google: Google { thought_signature: signature } };
    // Text can always be written.
    if let Ok(raw) = Raw::of(&content) {
        extra.insert(EXTRA_CONTENT, raw);
    }
    extra
}

/// The signature that came with `call`.
pub(super) fn of_call(call: &ToolCall) -> Option<String> {
    let content = call.extra.get(EXTRA_CONTENT)?.read::<ExtraContent>()?;
    Some(content.google.thought_signature).filter(|signature| !signature.is_empty())
}

/// The names of a call's fields that are read here.
pub(super) const CALL_FIELDS: [&str; 1] = [EXTRA_CONTENT];

/// The block that closes a thought.
pub(super) fn of_thought(signature: String) -> ThinkingBlock {
    ThinkingBlock { signature: Some(signature), provider: Some(NAME.to_owned()), ..ThinkingBlock::default() }
}

/// The block for the bytes from `start` to `end` of the answer's text.
pub(super) fn of_text(signature: String, start: usize, end: usize) -> ThinkingBlock {
    let mut extra = Extra::default();
    // Numbers can always be written.
    if let Ok(raw) = Raw::of(&[start, end]) {
        extra.insert(WHERE, raw);
    }
    ThinkingBlock {
        kind: "redacted_thinking".to_owned(),
        data: Some(signature),
        provider: Some(NAME.to_owned()),
        extra,
        ..ThinkingBlock::default()
    }
}

/// Whether the block is ours.
pub(super) fn is_ours(block: &ThinkingBlock) -> bool {
    block.provider.as_deref() == Some(NAME)
}

/// Where in the text a sealed block stood; none if it does not say.
pub(super) fn place(block: &ThinkingBlock) -> Option<(usize, usize)> {
    block.extra.get(WHERE)?.read()
}
