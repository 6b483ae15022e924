//! Content that comes in parts: Mistral's thinking and references, where OpenAI has plain text.

use crate::types::{Content, Extra, Part, Raw};

/// What a list of parts says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
    /// Parts that are neither.
    pub(super) others: Vec<Part>,
}

impl Said {
    /// Sorts the parts.
    pub(super) fn of(parts: Vec<Part>) -> Said {
        let mut said = Said::default();
        for part in parts {
            match part {
                Part::Text { text, .. } => said.text.get_or_insert_default().push_str(&text),
                Part::Other { kind, extra } if kind == "thinking" => {
                    said.thinking.get_or_insert_default().push_str(&thought(&extra));
                }
                other => said.others.push(other),
            }
        }
        said
    }
}

/// The text of a part of type `thinking`: itself, or that of the parts in it.
fn thought(extra: &Extra) -> String {
    match extra.get("thinking").and_then(Raw::read::<Content>) {
        Some(content) => content.texts().collect(),
        None => String::new(),
    }
}

/// A chunk whose deltas have content in parts, rewritten so that they have text, `reasoning_content` and, for the
/// rest, `content_parts`. None if it is not such a chunk.
pub(super) fn plain(chunk: &[u8]) -> Option<Vec<u8>> {
    let mut chunk: Extra = serde_json::from_slice(chunk).ok()?;
    let mut choices: Vec<Extra> = chunk.get("choices")?.read()?;
    let mut changed = false;
    for choice in &mut choices {
        let Some(mut delta) = choice.get("delta").and_then(Raw::read::<Extra>) else { continue };
        let Some(parts) = delta.get("content").and_then(Raw::read::<Vec<Part>>) else { continue };
        changed = true;
        let said = Said::of(parts);
        delta.insert("content", Raw::of(&said.text).ok()?);
        if said.thinking.is_some() {
            delta.insert("reasoning_content", Raw::of(&said.thinking).ok()?);
        }
        if !said.others.is_empty() {
            delta.insert("content_parts", Raw::of(&said.others).ok()?);
        }
        choice.insert("delta", Raw::of(&delta).ok()?);
    }
    chunk.insert("choices", Raw::of(&choices).ok()?);
    changed.then(|| serde_json::to_vec(&chunk).ok()).flatten()
}
