//! What an answer says, apart from the form it came in: read from the JSON alone, as a client would.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// From one JSON answer. The gateway's own report is left out.
pub(crate) fn whole(body: &Value) -> Value {
    let mut told = body.clone();
    let members = told.as_object_mut().unwrap();
    members.remove("lockgate");
    members.remove("object");
    for choice in members["choices"].as_array_mut().unwrap() {
        let message = choice["message"].as_object_mut().unwrap();
        // Absent, null and empty say the same of what a stream has no pieces of.
        message.retain(|_, value| !value.is_null() && *value != json!("") && *value != json!([]));
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            call.as_object_mut().unwrap().remove("index");
        }
        retain_said(choice);
    }
    told
}

/// From the chunks of a stream.
pub(crate) fn stream(chunks: &[Value]) -> Value {
    let mut told = Map::new();
    let mut choices: BTreeMap<u64, Value> = BTreeMap::new();
    for chunk in chunks {
        for (name, value) in chunk.as_object().unwrap() {
            match name.as_str() {
                // Padding against eavesdroppers says nothing.
                "lockgate" | "object" | "obfuscation" => {}
                "choices" => value.as_array().unwrap().iter().for_each(|piece| {
                    let index = piece["index"].as_u64().unwrap();
                    add_choice(choices.entry(index).or_insert_with(|| json!({"index": index})), piece);
                }),
                _ if value.is_null() => {}
                _ => {
                    told.insert(name.clone(), value.clone());
                }
            }
        }
    }
    let mut choices: Vec<Value> = choices.into_values().collect();
    choices.iter_mut().for_each(retain_said);
    told.insert("choices".to_owned(), Value::Array(choices));
    Value::Object(told)
}

/// The chunks of a body of server-sent events; it must end well.
pub(crate) fn chunks(body: &str) -> Vec<Value> {
    let mut data: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{body}");
    data.into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn retain_said(choice: &mut Value) {
    if let Some(logprobs) = choice.get_mut("logprobs").and_then(Value::as_object_mut) {
        logprobs.retain(|_, value| !value.is_null());
    }
    choice.as_object_mut().unwrap().retain(|_, value| !value.is_null());
}

fn add_choice(choice: &mut Value, piece: &Value) {
    for (name, value) in piece.as_object().unwrap() {
        match name.as_str() {
            "index" => {}
            "delta" => value.as_object().unwrap().iter().for_each(|(name, value)| {
                if choice.get("message").is_none() {
                    choice["message"] = json!({});
                }
                add(&mut choice["message"], name, value);
            }),
            "logprobs" => add(choice, name, value),
            _ if value.is_null() => {}
            _ => choice[name] = value.clone(),
        }
    }
}

fn add(into: &mut Value, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) if name == "tool_calls" => items.iter().for_each(|item| {
            if into.get(name).is_none() {
                into[name] = json!([]);
            }
            let calls = into[name].as_array_mut().unwrap();
            let index = usize::try_from(item["index"].as_u64().unwrap()).unwrap();
            assert!(index <= calls.len(), "call {index} after {} calls", calls.len());
            if index == calls.len() {
                calls.push(json!({}));
            }
            for (name, value) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "index") {
                add(&mut calls[index], name, value);
            }
        }),
        Value::Array(items) => {
            if into.get(name).is_none() {
                into[name] = json!([]);
            }
            into[name].as_array_mut().unwrap().extend(items.iter().cloned());
        }
        Value::Object(members) => {
            if into.get(name).is_none() {
                into[name] = json!({});
            }
            members.iter().for_each(|(inner, value)| add(&mut into[name], inner, value));
        }
        // Words that are whole in every piece.
        Value::String(text) if !matches!(name, "role" | "id" | "type" | "name" | "finish_reason") => {
            let before = into.get(name).and_then(Value::as_str).unwrap_or_default();
            into[name] = json!(format!("{before}{text}"));
        }
        other => into[name] = other.clone(),
    }
}
