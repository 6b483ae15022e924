//! A chat stream put together: what the same answer would have been in one piece.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The completion that `chunks` tell, piece by piece.
pub(crate) fn completion(chunks: &[Value]) -> Value {
    let mut whole = Map::new();
    let mut choices: BTreeMap<u64, Choice> = BTreeMap::new();
    for chunk in chunks {
        for (field, value) in chunk.as_object().into_iter().flatten() {
            if field != "choices" && !value.is_null() {
                whole.insert(field.clone(), value.clone());
            }
        }
        for piece in chunk.get("choices").and_then(Value::as_array).into_iter().flatten() {
            let index = piece.get("index").and_then(Value::as_u64).unwrap_or_default();
            choices.entry(index).or_default().push(piece);
        }
    }
    whole.insert("object".to_owned(), json!("chat.completion"));
    // How many chunks there were: no field of OpenAI's, and told under a name that none of theirs has.
    whole.insert("_chunks".to_owned(), chunks.len().into());
    let choices = choices.into_iter().map(|(index, choice)| choice.finish(index)).collect();
    whole.insert("choices".to_owned(), Value::Array(choices));
    Value::Object(whole)
}

#[derive(Debug, Default)]
struct Choice {
    /// Text by field: content, refusal, reasoning_content.
    texts: BTreeMap<&'static str, String>,
    calls: BTreeMap<u64, Map<String, Value>>,
    blocks: Vec<Value>,
    /// The thinking since the last block, which a block without text of its own closes.
    open_thinking: String,
    logprobs: BTreeMap<String, Vec<Value>>,
    finish_reason: Value,
}

impl Choice {
    fn push(&mut self, piece: &Value) {
        if let Some(reason) = piece.get("finish_reason").filter(|reason| !reason.is_null()) {
            self.finish_reason = reason.clone();
        }
        for (field, list) in piece.get("logprobs").and_then(Value::as_object).into_iter().flatten() {
            if let Some(list) = list.as_array() {
                self.logprobs.entry(field.clone()).or_default().extend(list.iter().cloned());
            }
        }
        let Some(delta) = piece.get("delta") else { return };
        for field in ["content", "refusal", "reasoning_content"] {
            if let Some(text) = delta.get(field).and_then(Value::as_str) {
                self.texts.entry(field).or_default().push_str(text);
                if field == "reasoning_content" {
                    self.open_thinking.push_str(text);
                }
            }
        }
        for block in delta.get("thinking_blocks").and_then(Value::as_array).into_iter().flatten() {
            let mut block = block.clone();
            let thought = std::mem::take(&mut self.open_thinking);
            let bare = block.get("type").is_some_and(|kind| kind == "thinking")
                && block.get("thinking").is_none_or(|text| text.as_str().is_none_or(str::is_empty));
            if let (true, Some(fields)) = (bare, block.as_object_mut()) {
                fields.insert("thinking".to_owned(), thought.into());
            }
            self.blocks.push(block);
        }
        for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let index = piece.get("index").and_then(Value::as_u64).unwrap_or_default();
            merge(self.calls.entry(index).or_default(), piece);
        }
    }

    fn finish(self, index: u64) -> Value {
        let mut message =
            Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), Value::Null)]);
        for (field, text) in self.texts {
            // An empty piece of text opens many streams; nothing was said by it.
            if !text.is_empty() {
                message.insert(field.to_owned(), text.into());
            }
        }
        if !self.blocks.is_empty() {
            message.insert("thinking_blocks".to_owned(), self.blocks.into());
        }
        if !self.calls.is_empty() {
            let calls = self.calls.into_values().map(Value::Object).collect();
            message.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        let logprobs = if self.logprobs.is_empty() { Value::Null } else { json!(self.logprobs) };
        json!({"index": index, "message": message, "finish_reason": self.finish_reason, "logprobs": logprobs})
    }
}

/// Lays a piece of a call over what has come of it: arguments are appended, all else replaces.
fn merge(call: &mut Map<String, Value>, piece: &Value) {
    for (field, value) in piece.as_object().into_iter().flatten() {
        match (call.get_mut(field), value) {
            _ if field == "index" || value.is_null() => {}
            (Some(Value::Object(known)), Value::Object(_)) => merge(known, value),
            (Some(Value::String(known)), Value::String(more)) if field == "arguments" || field == "input" => {
                known.push_str(more);
            }
            (None, Value::Object(_)) => {
                let mut fresh = Map::new();
                merge(&mut fresh, value);
                call.insert(field.clone(), Value::Object(fresh));
            }
            _ => {
                call.insert(field.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_the_answer() {
        let piece = |delta: Value, finish: Value| json!({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        let whole = completion(&[
            piece(json!({"role": "assistant", "content": ""}), Value::Null),
            piece(json!({"reasoning_content": "hm"}), Value::Null),
            piece(json!({"reasoning_content": "m"}), Value::Null),
            piece(json!({"thinking_blocks": [{"type": "thinking", "signature": "s"}]}), Value::Null),
            piece(json!({"content": "He"}), Value::Null),
            piece(json!({"content": "llo"}), Value::Null),
            piece(
                json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
                Value::Null,
            ),
            piece(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\""}}]}), Value::Null),
            piece(json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}), Value::Null),
            piece(json!({}), json!("tool_calls")),
            json!({"id": "x", "choices": [], "usage": {"total_tokens": 3}}),
        ]);
        assert_eq!(
            whole,
            json!({
                "id": "x", "object": "chat.completion", "usage": {"total_tokens": 3}, "_chunks": 11,
                "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null, "message": {
                    "role": "assistant", "content": "Hello", "reasoning_content": "hmm",
                    "thinking_blocks": [{"type": "thinking", "thinking": "hmm", "signature": "s"}],
                    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}],
                }}],
            })
        );
    }
}
