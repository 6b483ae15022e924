//! What a provider said in a form that it alone reads. It is handed out in fields beside OpenAI's, and taken back by
//! that provider only: another would refuse it, or be told what it never said.

use super::{anthropic, gemini};
use crate::types::Raw;

/// Such fields of messages. The first three are those of providers that speak OpenAI's protocol in their own way.
pub(super) const IN_MESSAGES: [&str; 6] = [
    "reasoning",
    "reasoning_details",
    "content_parts",
    anthropic::CONTENT_BLOCKS,
    anthropic::CITATIONS,
    gemini::OWN_PARTS,
];

/// Such fields of tool calls.
pub(super) const IN_CALLS: [&str; 2] = [gemini::EXTRA_CONTENT, anthropic::CALLER];

/// What SDKs add to a call when they put it together and read it, and hand back with it. It says nothing more than the
/// call does.
pub(super) const BY_SDKS: [&str; 2] = ["index", "parsed_arguments"];

/// Whether there is anything to lose. SDKs hand messages back with what is not there written out.
pub(super) fn says_something(value: &Raw) -> bool {
    !matches!(value.get(), "null" | "[]" | "{}")
}
