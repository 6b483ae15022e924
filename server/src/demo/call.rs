//! One request over HTTP, as any client would send it.

use std::time::{Duration, Instant};

use lockgate::telemetry::Decisions;
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::scene::{MODEL, Scene};
use super::world::World;
use crate::failure::Failure;

/// Longest answer: small, so that the caps of the story can be read in cents.
const MAX_TOKENS: u32 = 200;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) latency: Duration,
    pub(super) headers: http::HeaderMap,
    /// The answer's text.
    pub(super) text: String,
    /// `lockgate` of the answer: the gateway's own metadata.
    pub(super) metadata: Value,
    /// `error` of a refusal.
    pub(super) error: Value,
    /// Whether a stream came in several pieces and ended with `[DONE]`; true for a whole answer.
    pub(super) whole: bool,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The record of decisions, where the answer has it.
    pub(super) fn decisions(&self) -> Option<Decisions> {
        Decisions::deserialize(self.metadata.get("explain")?).ok()
    }

    pub(super) fn cost(&self) -> Option<i64> {
        self.metadata.get("cost_nano_usd").and_then(Value::as_i64)
    }
}

/// A client that goes nowhere but where it is told: no proxy of the environment.
pub(super) fn client() -> Result<Client, Failure> {
    Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(|error| failed(&error))
}

/// Sends the request of `scene`; `take` tells repeated ones apart.
pub(super) async fn send(client: &Client, world: &World, scene: &Scene, take: u32) -> Result<Reply, Failure> {
    let (key, customer) = world.credentials(scene.caller);
    let prompt = if take == 0 { scene.prompt.to_owned() } else { format!("{} ({take})", scene.prompt) };
    let body = json!({
        "model": MODEL,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": MAX_TOKENS,
        "stream": scene.stream,
    });
    let mut request = client
        .post(format!("{}/chat/completions", world.base_url()))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .body(body.to_string());
    if let Some(customer) = customer {
        request = request.header("x-customer-id", customer);
    }
    if scene.explain {
        request = request.header("x-lockgate-explain", "1");
    }
    let sent = Instant::now();
    let response = request.send().await.map_err(|error| failed(&error))?;
    read(response, sent).await
}

async fn read(response: Response, sent: Instant) -> Result<Reply, Failure> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.map_err(|error| failed(&error))?;
    let latency = sent.elapsed();
    let streamed = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("text/event-stream"));
    let mut reply = Reply {
        status,
        latency,
        headers,
        text: String::new(),
        metadata: Value::Null,
        error: Value::Null,
        whole: true,
    };
    if streamed {
        reply.take_events(&body);
    } else {
        let mut answer: Value = serde_json::from_str(&body).unwrap_or_default();
        reply.text = text(&answer, "/choices/0/message/content").to_owned();
        reply.metadata = answer.get_mut("lockgate").map(Value::take).unwrap_or_default();
        reply.error = answer.get_mut("error").map(Value::take).unwrap_or_default();
    }
    Ok(reply)
}

impl Reply {
    fn take_events(&mut self, body: &str) {
        let events: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        self.whole = events.last() == Some(&"[DONE]") && events.len() > 3;
        for event in events {
            let mut chunk: Value = serde_json::from_str(event).unwrap_or_default();
            self.text.push_str(text(&chunk, "/choices/0/delta/content"));
            if let Some(metadata) = chunk.get_mut("lockgate") {
                self.metadata = metadata.take();
            }
            if let Some(error) = chunk.get_mut("error") {
                self.error = error.take();
            }
        }
    }
}

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn failed(error: &reqwest::Error) -> Failure {
    Failure::other(format!("the demo's own request failed: {error}"))
}
