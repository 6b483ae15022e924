//! The laws of a chat stream: what every SDK and every loop over `chunk.choices[0]` relies on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::event_stream::Event;
use crate::matcher::{check_all, shown};

/// What of a stream was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Usage: on the last chunk, whose `choices` are empty.
    pub(crate) usage: bool,
    /// The client stayed to the end.
    pub(crate) whole: bool,
}

#[derive(Debug, Default)]
struct Choice {
    begun: bool,
    finished: bool,
    roles: usize,
    /// How many calls have begun: their indexes are dense from 0.
    calls: u64,
}

/// Checks a stream's events, and returns its chunks.
pub(crate) fn chunks(events: &[Event], asked: Asked) -> Result<Vec<Value>, String> {
    let mut chunks = Vec::new();
    let mut done = false;
    for (place, event) in events.iter().enumerate() {
        if done {
            return Err(format!("event {place} comes after [DONE]"));
        }
        if event.data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(&event.data).map_err(|error| {
            format!("event {place} is not JSON ({error}): {}", shown(Some(&event.data.as_str().into())))
        })?;
        if let Some(error) = chunk.get("error") {
            return Err(format!(
                "event {place} is an error: {}",
                shown(error.get("message").or(Some(error)))
            ));
        }
        chunks.push(chunk);
    }
    let mut choices = BTreeMap::new();
    for (place, chunk) in chunks.iter().enumerate() {
        envelope(chunk, chunks.first()).map_err(|wrong| format!("chunk {place}: {wrong}"))?;
        for choice in chunk.get("choices").and_then(Value::as_array).into_iter().flatten() {
            said(choice, &mut choices).map_err(|wrong| format!("chunk {place}: {wrong}"))?;
        }
    }
    safe_to_index(&chunks, asked)?;
    if asked.whole {
        whole(&chunks, &choices, done)?;
        usage(&chunks, asked)?;
    }
    Ok(chunks)
}

/// What every chunk repeats.
fn envelope(chunk: &Value, first: Option<&Value>) -> Result<(), String> {
    let laws = serde_json::json!({
        "/id": {"$type": "string", "$min_length": 1},
        "/object": "chat.completion.chunk",
        "/created": {"$type": "integer", "$more_than": 0},
        "/model": {"$type": "string", "$min_length": 1},
        "/choices": {"$type": "array"},
    });
    check_all(chunk, laws.as_object().into_iter().flatten())?;
    for field in ["id", "created", "model"] {
        let (here, there) = (chunk.get(field), first.and_then(|first| first.get(field)));
        if here != there {
            return Err(format!("/{field} is {}, but the first chunk's was {}", shown(here), shown(there)));
        }
    }
    Ok(())
}

fn said(choice: &Value, choices: &mut BTreeMap<u64, Choice>) -> Result<(), String> {
    let laws = serde_json::json!({
        "/index": {"$type": "integer", "$at_least": 0},
        "/delta": {"$type": "object"},
    });
    check_all(choice, laws.as_object().into_iter().flatten()).map_err(|wrong| format!("choice{wrong}"))?;
    let index = choice.get("index").and_then(Value::as_u64).unwrap_or_default();
    let delta = choice.get("delta").unwrap_or(&Value::Null);
    let state = choices.entry(index).or_default();
    for field in ["content", "refusal", "reasoning_content"] {
        let value = delta.get(field);
        if !value.is_none_or(|value| value.is_null() || value.is_string()) {
            return Err(format!(
                "choice {index}: delta/{field} is {}, expected a string or null",
                shown(value)
            ));
        }
    }
    if let Some(role) = delta.get("role").filter(|role| !role.is_null()) {
        if role != "assistant" {
            return Err(format!("choice {index}: delta/role is {role}, expected \"assistant\""));
        }
        state.roles += 1;
        if state.roles > 1 {
            return Err(format!("choice {index}: the role comes again"));
        }
        if state.begun {
            return Err(format!("choice {index}: the role comes after content"));
        }
    }
    let speaks = speaks(delta);
    if speaks && state.finished {
        return Err(format!("choice {index}: content comes after the finish"));
    }
    state.begun |= speaks;
    calls(delta, index, state)?;
    match choice.get("finish_reason") {
        None | Some(Value::Null) => Ok(()),
        Some(_) if state.finished => Err(format!("choice {index}: finishes twice")),
        Some(Value::String(_)) => {
            state.finished = true;
            Ok(())
        }
        other => Err(format!("choice {index}: finish_reason is {}, expected a string or null", shown(other))),
    }
}

/// Whether a delta says something.
fn speaks(delta: &Value) -> bool {
    let text = ["content", "refusal", "reasoning_content"]
        .iter()
        .any(|field| delta.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
    let list = ["tool_calls", "thinking_blocks"]
        .iter()
        .any(|field| delta.get(field).and_then(Value::as_array).is_some_and(|items| !items.is_empty()));
    text || list
}

/// The pieces of calls: dense indexes, and an id, a type and a name in each one's first piece alone.
fn calls(delta: &Value, choice: u64, state: &mut Choice) -> Result<(), String> {
    for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let Some(index) = piece.get("index").and_then(Value::as_u64) else {
            return Err(format!(
                "choice {choice}: tool_calls/index is {}, expected an integer",
                shown(piece.get("index"))
            ));
        };
        let at = format!("choice {choice}: tool call {index}");
        let named = |pointer: &str| {
            piece.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
        };
        let arguments = piece.pointer("/function/arguments");
        if !arguments.is_none_or(|arguments| arguments.is_string() || arguments.is_null()) {
            return Err(format!("{at}: function/arguments is {}, expected a string", shown(arguments)));
        }
        match index.cmp(&state.calls) {
            std::cmp::Ordering::Greater => {
                return Err(format!("{at}: the index skips {}", state.calls));
            }
            std::cmp::Ordering::Equal => {
                state.calls += 1;
                let custom = piece.get("type").is_some_and(|kind| kind == "custom");
                let name = if custom { "/custom/name" } else { "/function/name" };
                for pointer in ["/id", "/type", name] {
                    if !named(pointer) {
                        return Err(format!(
                            "{at}: its first piece has no {}",
                            pointer.trim_start_matches('/')
                        ));
                    }
                }
            }
            std::cmp::Ordering::Less => {
                if named("/function/name") {
                    return Err(format!("{at}: its name comes again, which SDKs append"));
                }
            }
        }
    }
    Ok(())
}

/// A loop over `chunk.choices[0]` gets through: only the chunk that tells usage may be without choices, and only when
/// usage was asked for.
fn safe_to_index(chunks: &[Value], asked: Asked) -> Result<(), String> {
    let last = chunks.len().saturating_sub(1);
    for (place, chunk) in chunks.iter().enumerate() {
        let empty = chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
        let allowed = asked.usage && place == last;
        // OpenAI's Azure opens with a chunk of filter results that has no choices.
        let filters = place == 0 && chunk.get("prompt_filter_results").is_some();
        if empty && !allowed && !filters {
            return Err(format!("chunk {place}: choices is empty, which breaks loops over choices[0]"));
        }
    }
    Ok(())
}

fn whole(chunks: &[Value], choices: &BTreeMap<u64, Choice>, done: bool) -> Result<(), String> {
    if chunks.is_empty() || choices.is_empty() {
        return Err("the stream has no choices".to_owned());
    }
    for (place, (index, choice)) in choices.iter().enumerate() {
        if u64::try_from(place) != Ok(*index) {
            return Err(format!("the choices' indexes are not dense from 0: {index} comes without {place}"));
        }
        if choice.roles == 0 {
            return Err(format!("choice {index}: the role never comes"));
        }
        if !choice.finished {
            return Err(format!("choice {index}: never finishes"));
        }
    }
    if done { Ok(()) } else { Err("the stream ends without [DONE]".to_owned()) }
}

/// Usage: told once, on the last chunk; required when it was asked for.
fn usage(chunks: &[Value], asked: Asked) -> Result<(), String> {
    let telling: Vec<usize> = chunks
        .iter()
        .enumerate()
        .filter(|(_, chunk)| chunk.get("usage").is_some_and(|usage| !usage.is_null()))
        .map(|(place, _)| place)
        .collect();
    let last = chunks.len().saturating_sub(1);
    match telling.as_slice() {
        [] if asked.usage => Err("usage was asked for and never comes".to_owned()),
        [] => Ok(()),
        [place] if *place == last => Ok(()),
        [place] => Err(format!("usage comes on chunk {place}, expected the last, {last}")),
        [first, ..] if asked.usage => {
            Err(format!("usage comes {} times, first on chunk {first}", telling.len()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is done to a good stream.
    type Break = fn(&mut Vec<Value>);

    const ALL: Asked = Asked { usage: true, whole: true };

    fn piece(delta: Value, finish: Value) -> Value {
        json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": null,
               "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    }

    fn last() -> Value {
        json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
               "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    }

    fn call(index: u64, id: Option<&str>, arguments: &str) -> Value {
        match id {
            Some(id) => json!({"tool_calls": [{"index": index, "id": id, "type": "function",
                                               "function": {"name": "f", "arguments": arguments}}]}),
            None => json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}),
        }
    }

    fn good() -> Vec<Value> {
        vec![
            piece(json!({"role": "assistant", "content": ""}), Value::Null),
            piece(json!({"content": "Hi"}), Value::Null),
            piece(call(0, Some("a"), ""), Value::Null),
            piece(call(0, None, "{}"), Value::Null),
            piece(call(1, Some("b"), "{}"), Value::Null),
            piece(json!({}), json!("tool_calls")),
            last(),
        ]
    }

    fn verdict(chunks_sent: &[Value], tail: &[&str], asked: Asked) -> Result<usize, String> {
        let events =
            chunks_sent.iter().map(Value::to_string).chain(tail.iter().map(|text| (*text).to_owned()));
        let events: Vec<Event> = events.map(|data| Event { name: None, data }).collect();
        chunks(&events, asked).map(|chunks| chunks.len())
    }

    #[test]
    fn a_good_stream_keeps_the_laws() {
        assert_eq!(verdict(&good(), &["[DONE]"], ALL), Ok(7));
    }

    #[test]
    fn every_law_can_be_broken() {
        let broken: &[(&str, Break)] = &[
            ("the first chunk's was", |chunks| chunks[1]["id"] = json!("y")),
            ("the first chunk's was", |chunks| chunks[1]["created"] = json!(2)),
            ("the first chunk's was", |chunks| chunks[6]["model"] = json!("n")),
            ("/created", |chunks| chunks[1]["created"] = json!(0)),
            ("/object", |chunks| chunks[1]["object"] = json!("chat.completion")),
            ("role comes again", |chunks| chunks[1]["choices"][0]["delta"]["role"] = json!("assistant")),
            ("role never comes", |chunks| chunks[0] = piece(json!({}), Value::Null)),
            ("role comes after content", |chunks| chunks.swap(0, 1)),
            ("index skips 1", |chunks| chunks[4] = piece(call(2, Some("b"), "{}"), Value::Null)),
            ("no id", |chunks| chunks[4] = piece(call(1, None, "{}"), Value::Null)),
            ("name comes again", |chunks| chunks[3] = piece(call(0, Some("a"), "{}"), Value::Null)),
            ("finishes twice", |chunks| chunks.insert(6, piece(json!({}), json!("stop")))),
            ("after the finish", |chunks| chunks.insert(6, piece(json!({"content": "!"}), Value::Null))),
            ("never finishes", |chunks| drop(chunks.remove(5))),
            ("choices is empty", |chunks| chunks[1]["choices"] = json!([])),
            ("never comes", |chunks| chunks[6]["usage"] = Value::Null),
            ("times", |chunks| chunks[1]["usage"] = json!({})),
            ("expected the last", |chunks| chunks.swap(5, 6)),
            ("expected a string or null", |chunks| chunks[1]["choices"][0]["delta"]["content"] = json!([])),
            ("not dense", |chunks| {
                for chunk in chunks.iter_mut().take(6) {
                    chunk["choices"][0]["index"] = json!(1);
                }
            }),
            ("is an error", |chunks| chunks[3] = json!({"error": {"message": "overloaded"}})),
        ];
        for &(says, change) in broken {
            let mut chunks = good();
            change(&mut chunks);
            let verdict = verdict(&chunks, &["[DONE]"], ALL);
            // Swapping the usage chunk forward also leaves an empty chunk where none may be.
            let found = verdict.as_ref().is_err_and(|wrong| {
                wrong.contains(says) || (says == "expected the last" && wrong.contains("empty"))
            });
            assert!(found, "{says}: {verdict:?}");
        }
        assert!(verdict(&good(), &[], ALL).is_err_and(|wrong| wrong.contains("[DONE]")));
        assert!(verdict(&good(), &["[DONE]", "{}"], ALL).is_err_and(|wrong| wrong.contains("after [DONE]")));
        assert!(verdict(&good(), &["{torn", "[DONE]"], ALL).is_err_and(|wrong| wrong.contains("not JSON")));
        assert!(verdict(&[], &["[DONE]"], ALL).is_err());
    }

    #[test]
    fn without_usage_the_last_chunk_needs_a_choice() {
        let asked = Asked { usage: false, whole: true };
        assert!(verdict(&good(), &["[DONE]"], asked).is_err_and(|wrong| wrong.contains("choices is empty")));
        let mut chunks = good();
        chunks.pop();
        assert_eq!(verdict(&chunks, &["[DONE]"], asked), Ok(6));
    }

    #[test]
    fn a_stream_that_was_left_need_not_end() {
        let asked = Asked { usage: true, whole: false };
        assert_eq!(verdict(&good()[..3], &[], asked), Ok(3));
    }
}
