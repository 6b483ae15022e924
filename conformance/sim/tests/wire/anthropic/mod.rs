//! Anthropic's protocol.

mod answers;
mod faults;
mod thinking;
mod validation;

use lockgate_sim::Sim;
use serde_json::{Value, json};

use crate::raw::{Reply, call};

const PATH: &str = "/anthropic/v1/messages";
const HEADERS: [(&str, &str); 2] = [("x-api-key", "sk-ant-test"), ("anthropic-version", "2023-06-01")];

/// A request to a model that does not think unless it is told to.
fn ask(prompt: &str) -> Value {
    json!({"model": "claude-haiku-4-5", "max_tokens": 1000, "messages": [{"role": "user", "content": prompt}]})
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

async fn post(sim: &Sim, body: &Value) -> Reply {
    call(sim, "POST", PATH, &HEADERS, body.to_string().as_bytes()).await
}

/// Name and data of every whole event.
fn events(reply: &Reply) -> Vec<(String, Value)> {
    let text = String::from_utf8_lossy(&reply.body()).into_owned();
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let event = |event: &str| {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        (name.to_owned(), serde_json::from_str(data).unwrap())
    };
    whole.split("\n\n").filter(|event| !event.is_empty()).map(event).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}
