//! Conversations with tools and with thinking, begun on one vendor and finished on another, for every ordered pair.
//! The simulators refuse calls without results, signatures that are not theirs, and fields they do not know.

use lockgate::config::Environment;
use lockgate::{Builder, Gateway};
use lockgate_sim::{Recorded, Sim};
use serde_json::{Value, json};

use crate::house::{Seen, post, sim};
use crate::vendors::{VENDORS, Vendor};

/// A model of each vendor that thinks and calls tools.
fn model(vendor: &Vendor) -> &'static str {
    match vendor.name {
        "openai" => "o4-mini",
        "anthropic" => "claude-sonnet-4-5",
        "gemini" => "gemini-4-argon",
        _ => "qwen3",
    }
}

async fn gateway(sim: &Sim) -> Gateway {
    let builder: Builder = Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        // A failure is seen as it is, not after another try.
        .set("routing.retries", 0);
    let builder =
        VENDORS.iter().fold(builder, |builder, vendor| vendor.configure(builder, &vendor.base_url(sim)));
    builder.build().await.unwrap()
}

fn pairs() -> impl Iterator<Item = (&'static Vendor, &'static Vendor)> {
    let others = |from: &'static Vendor| VENDORS.iter().filter(move |to| to.name != from.name);
    VENDORS.iter().flat_map(move |from| others(from).map(move |to| (from, to)))
}

fn request(vendor: &Vendor, messages: &[Value], tools: bool) -> Value {
    let mut body = json!({"model": model(vendor), "messages": messages, "reasoning_effort": "low",
        "max_completion_tokens": 5000});
    if tools {
        let schema =
            json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        body["tools"] =
            json!([{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]);
    }
    body
}

/// Asks for a whole answer or a stream, past the cache; the message is put together as a client does it.
async fn ask(gateway: &Gateway, mut body: Value, stream: bool, about: &str) -> (Value, Vec<String>) {
    if stream {
        body["stream"] = json!(true);
    }
    let seen = post(gateway, &body, &[("x-lockgate-cache", "off")]).await;
    assert_eq!(seen.status, 200, "{about}: {}", seen.body);
    let warnings = |answer: &Value| serde_json::from_value(answer["lockgate"]["warnings"].clone()).unwrap();
    if !stream {
        let answer = seen.json();
        return (answer["choices"][0]["message"].clone(), warnings(&answer));
    }
    assert!(seen.is_whole_stream(), "{about}: {}", seen.body);
    let chunks = chunks(&seen);
    let mut message = json!({});
    for delta in chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).map(|choice| &choice["delta"]) {
        add(&mut message, delta);
    }
    (message, warnings(chunks.last().unwrap()))
}

fn chunks(seen: &Seen) -> Vec<Value> {
    let data = seen.body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// Adds a delta: text grows, calls by their index, all else once.
fn add(whole: &mut Value, delta: &Value) {
    for (name, more) in delta.as_object().unwrap() {
        match (whole.get_mut(name), more) {
            (_, Value::Null) => {}
            (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
            (Some(Value::Object(_)), Value::Object(_)) => add(&mut whole[name], more),
            (Some(Value::Array(items)), Value::Array(more)) => {
                for item in more {
                    let same = items
                        .iter_mut()
                        .find(|known| !item["index"].is_null() && known["index"] == item["index"]);
                    match same {
                        Some(known) => add(known, &without(item, "index")),
                        None => items.push(item.clone()),
                    }
                }
            }
            _ => whole[name] = more.clone(),
        }
    }
}

fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name);
    object
}

/// What the vendor got last.
async fn last(sim: &Sim, vendor: &Vendor) -> Recorded {
    let mut requests = sim.settled().await.into_iter();
    requests.rfind(|request| request.provider == vendor.at && request.method == "POST").unwrap()
}

/// Nothing of what only another vendor reads has gone out.
async fn nothing_foreign(sim: &Sim, to: &Vendor, about: &str) {
    let body = last(sim, to).await.body.to_string();
    let forms: [(&str, &[&str]); 7] = [
        ("thinking_blocks", &[]),
        ("reasoning_content", &[]),
        ("extra_content", &[]),
        ("redacted_thinking", &["anthropic"]),
        ("\"caller\"", &["anthropic"]),
        ("thoughtSignature", &["gemini"]),
        ("\"provider\"", &[]),
    ];
    for (form, readers) in forms {
        assert!(!body.contains(form) || readers.contains(&to.name), "{about}: {form} in {body}");
    }
}

/// The conversation after `message`, whose calls got their results.
fn answered(messages: &mut Vec<Value>, message: Value) {
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    messages.push(message);
    for (call, told) in calls.iter().zip(["17 degrees and fog", "29 degrees and sun"]) {
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": told}));
    }
}

#[tokio::test]
async fn a_conversation_with_tools_is_finished_on_every_other_vendor() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for (from, to) in pairs() {
        for stream in [false, true] {
            let about = format!("{} to {}, streamed: {stream}", from.name, to.name);
            let mut messages =
                vec![json!({"role": "user", "content": "What is the weather in both Paris and Rome?"})];
            let (called, _) = ask(&gateway, request(from, &messages, true), stream, &about).await;
            assert_eq!(called["tool_calls"].as_array().map(Vec::len), Some(2), "{about}: {called}");
            answered(&mut messages, called);
            let (said, warnings) = ask(&gateway, request(to, &messages, true), stream, &about).await;
            let text = said["content"].as_str().unwrap_or_default();
            assert!(text.contains("17 degrees") && text.contains("29 degrees"), "{about}: {said}");
            nothing_foreign(&sim, to, &about).await;
            // OpenAI's chat tells no thinking, and so leaves nothing to lose.
            let lost =
                warnings.iter().any(|warning| warning.contains("thinking") || warning.contains("reasoning"));
            let keeps = from.name == "openai" || (to.name == "ollama" && from.name != "anthropic");
            assert!(lost || keeps, "{about}: {warnings:?}");

            // And back: what the first vendor signed still holds.
            if !stream {
                messages.push(said);
                messages.push(json!({"role": "user", "content": "Repeat exactly: papaya"}));
                let (again, _) = ask(&gateway, request(from, &messages, false), false, &about).await;
                assert!(again["content"].as_str().unwrap_or_default().contains("papaya"), "{about}: {again}");
            }
        }
    }
}

#[tokio::test]
async fn a_conversation_with_thinking_is_finished_on_every_other_vendor() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for (from, to) in pairs() {
        let about = format!("{} to {}", from.name, to.name);
        let mut messages = vec![json!({"role": "user", "content": "Think of a fruit."})];
        let (thought, _) = ask(&gateway, request(from, &messages, false), false, &about).await;
        assert_eq!(thought["reasoning_content"].is_string(), from.name != "openai", "{about}: {thought}");
        messages.push(thought);
        messages.push(json!({"role": "user", "content": "Repeat exactly: papaya"}));
        let (said, _) = ask(&gateway, request(to, &messages, false), false, &about).await;
        assert!(said["content"].as_str().unwrap_or_default().contains("papaya"), "{about}: {said}");
        nothing_foreign(&sim, to, &about).await;
    }
}
