//! A gateway before simulated providers, and the questions it is asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Request};
use lockgate::auth::Project;
use lockgate::clock::{ManualClock, Millis};
use lockgate::config::Environment;
use lockgate::http::Body;
use lockgate::settle::Row;
use lockgate::store::RowFilter;
use lockgate::{Builder, Gateway};
use lockgate_sim::{Options, Sim};
use serde_json::{Value, json};

/// 2026-11-23T12:00:00Z
pub(crate) const NOON: Millis = Millis(1_795_435_200_000);

/// Settings before `sim`: OpenAI's models, nothing waited for longer than a test may.
pub(crate) fn settings(sim: &Sim) -> Builder {
    Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .set("timeouts.first_byte_ms", 200)
        .set("timeouts.first_byte_json_ms", 200)
        .set("timeouts.idle_ms", 200)
        .set("routing.backoff_ms", 1)
}

/// Adds a provider of OpenAI's protocol whose models cost nothing.
pub(crate) fn with(builder: Builder, name: &str, sim: &Sim, models: &[&str]) -> Builder {
    builder
        .set(&format!("providers.{name}.kind"), "openai")
        .set(&format!("providers.{name}.base_url"), sim.openai_base_url())
        .set(&format!("providers.{name}.api_key"), format!("sk-{name}"))
        .set(&format!("providers.{name}.models"), models.to_vec())
        .set(&format!("providers.{name}.price"), "free")
}

pub(crate) async fn sim() -> Sim {
    Sim::start(Options::default()).await.unwrap()
}

pub(crate) fn clock() -> Arc<ManualClock> {
    ManualClock::at(NOON)
}

/// An answer over HTTP.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn attempts(&self) -> &str {
        self.header("x-lockgate-attempts")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    /// Whether a stream came to its end without an error.
    pub(crate) fn is_whole_stream(&self) -> bool {
        self.status == 200 && self.body.ends_with("data: [DONE]\n\n") && !self.body.contains("\"error\"")
    }
}

pub(crate) async fn post(gateway: &Gateway, body: &Value, headers: &[(&str, &str)]) -> Seen {
    let mut request = Request::post("/v1/chat/completions");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = gateway.handle(request.body(Bytes::from(body.to_string())).unwrap()).await;
    let (head, body) = response.into_parts();
    let body = match body {
        Body::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Body::Stream(mut stream) => {
            let mut all = Vec::new();
            while let Some(Ok(bytes)) = stream.next().await {
                all.extend_from_slice(&bytes);
            }
            String::from_utf8(all).unwrap()
        }
    };
    Seen { status: head.status.as_u16(), headers: head.headers, body }
}

/// A question that no cache knows.
pub(crate) fn ask(model: &str, stream: bool) -> Value {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let text = format!("Question {}", NEXT.fetch_add(1, Ordering::Relaxed));
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

pub(crate) async fn project(gateway: &Gateway) -> Project {
    gateway.admin().project("default").await.unwrap()
}

/// Everything is settled: the rows, newest first.
pub(crate) async fn rows(gateway: &Gateway) -> Vec<Row> {
    assert!(gateway.flush(Duration::from_secs(10)).await);
    let id = project(gateway).await.id;
    assert_eq!(gateway.inspect(id).await.unwrap().open, 0, "something is still held");
    gateway.rows(&RowFilter { most: 100_000, ..RowFilter::default() }).await.unwrap()
}
