//! Gemini's protocol.

mod content;
mod faults;
mod rules;
mod thinking;

use lockgate_sim::Sim;
use serde_json::{Value, json};

use crate::raw::{Reply, call};

const KEY: (&str, &str) = ("x-goog-api-key", "AIza-test");
const ARGON: &str = "gemini-4-argon";
const FLASH: &str = "gemini-2.5-flash";

async fn post(sim: &Sim, model: &str, method: &str, body: &Value) -> Reply {
    let path = format!("/gemini/v1beta/models/{model}:{method}");
    call(sim, "POST", &path, &[KEY], body.to_string().as_bytes()).await
}

async fn whole(sim: &Sim, model: &str, body: &Value) -> Reply {
    post(sim, model, "generateContent", body).await
}

async fn streamed(sim: &Sim, model: &str, body: &Value) -> Reply {
    post(sim, model, "streamGenerateContent?alt=sse", body).await
}

fn ask(prompt: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]})
}

fn weather(prompt: &str) -> Value {
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let declaration = json!({"name": "get_weather", "parametersJsonSchema": parameters});
    let mut body = ask(prompt);
    body["tools"] = json!([{"functionDeclarations": [declaration]}]);
    body
}

/// The whole events of a stream.
fn chunks(reply: &Reply) -> Vec<Value> {
    let text = String::from_utf8_lossy(&reply.body()).into_owned();
    let whole = text.rfind("\r\n\r\n").map_or("", |end| &text[..end]);
    let events = whole.split("\r\n\r\n").filter(|event| !event.is_empty());
    events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn parts(chunk: &Value) -> Vec<Value> {
    chunk["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default()
}

/// The text of an answer, without its thinking.
fn text(chunks: &[Value]) -> String {
    let parts = chunks.iter().flat_map(parts);
    parts
        .filter(|part| part["thought"].is_null())
        .filter_map(|part| Some(part["text"].as_str()?.to_owned()))
        .collect()
}
