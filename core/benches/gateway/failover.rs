//! Failing over: a provider that always fails and one that always answers, which note when the one failed and when the
//! other was asked.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use lockgate::config::Environment;
use lockgate::{CacheMode, CallOptions, Gateway};
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::measure::{Work, median};
use crate::world::{small, small_json};

const BROKEN: &str = r#"{"error":{"message":"The server is overloaded.","type":"server_error","code":null}}"#;
const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Paris."},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}"#;

#[derive(Default)]
struct Noted {
    failed: Option<Instant>,
    /// Nanoseconds from each failure to the next request.
    gaps: Vec<f64>,
}

/// Both providers.
pub struct Providers {
    address: String,
    noted: Arc<Mutex<Noted>>,
}

impl Providers {
    pub async fn start() -> Providers {
        let noted = Arc::new(Mutex::new(Noted::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/broken/chat/completions", post(fail))
            .route("/well/chat/completions", post(answer))
            .with_state(noted.clone());
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Providers { address, noted }
    }

    /// The median time from a failure to the next attempt, in nanoseconds.
    pub fn gap(&self) -> f64 {
        median(&self.noted.lock().gaps)
    }
}

async fn fail(State(noted): State<Arc<Mutex<Noted>>>, _: Bytes) -> impl IntoResponse {
    noted.lock().failed = Some(Instant::now());
    (StatusCode::SERVICE_UNAVAILABLE, [("content-type", "application/json")], BROKEN)
}

async fn answer(State(noted): State<Arc<Mutex<Noted>>>, _: Bytes) -> impl IntoResponse {
    let mut noted = noted.lock();
    if let Some(failed) = noted.failed.take() {
        noted.gaps.push(failed.elapsed().as_secs_f64() * 1e9);
    }
    ([("content-type", "application/json")], ANSWER)
}

/// `gateway.chat` whose first candidate fails and whose second answers.
pub struct FailsOver(Gateway);

impl FailsOver {
    pub async fn new(providers: &Providers) -> FailsOver {
        let mut builder = Gateway::builder()
            .environment(Environment::empty())
            .set("store", "memory")
            .set("routing.retries", 0)
            // The failing one stays first.
            .set("routing.breaker.failures", 0)
            .set("providers.openai.api_key", "sk-bench")
            .set("providers.openai.base_url", format!("{}/broken", providers.address))
            .set("routing.chains.gpt-4o", vec!["well/gpt-4o"]);
        for (key, value) in [("kind", "openai"), ("api_key", "sk-well"), ("price", "free")] {
            builder = builder.set(&format!("providers.well.{key}"), value);
        }
        let base_url = format!("{}/well", providers.address);
        FailsOver(builder.set("providers.well.base_url", base_url).build().await.unwrap())
    }
}

impl Work for FailsOver {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let options = CallOptions { cache: CacheMode::Off, ..CallOptions::default() };
            let answer = self.0.chat_with(small(), options).await.unwrap();
            assert_eq!(answer.lockgate.unwrap().provider.as_deref(), Some("well"));
        }
    }
}

/// The two calls without a gateway, by a program that does nothing but make the one after the other.
pub struct Again {
    client: reqwest::Client,
    address: String,
    body: Bytes,
}

impl Again {
    pub fn new(providers: &Providers) -> Again {
        let address = providers.address.clone();
        Again { client: reqwest::Client::new(), address, body: small_json().into() }
    }

    async fn post(&self, provider: &str) -> (StatusCode, Bytes) {
        let url = format!("{}/{provider}/chat/completions", self.address);
        let call = self.client.post(url).header("content-type", "application/json").bearer_auth("sk-bench");
        let answer = call.body(self.body.clone()).send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap())
    }
}

impl Work for Again {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let (status, _) = self.post("broken").await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            let (_, answer) = self.post("well").await;
            serde_json::from_slice::<serde_json::Value>(&answer).unwrap();
        }
    }
}

/// `gateway.chat` whose first candidate answers, with the time its last stage took.
pub struct Attempted<'a> {
    gateway: &'a Gateway,
    /// Nanoseconds in the attempt stage.
    stage: Arc<Mutex<Vec<f64>>>,
}

impl Attempted<'_> {
    pub fn new(gateway: &Gateway) -> (Attempted<'_>, Arc<Mutex<Vec<f64>>>) {
        let stage = Arc::<Mutex<Vec<f64>>>::default();
        (Attempted { gateway, stage: stage.clone() }, stage)
    }
}

impl Work for Attempted<'_> {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let options = CallOptions { cache: CacheMode::Off, explain: true, ..CallOptions::default() };
            let answer = self.gateway.chat_with(small(), options).await.unwrap();
            let told: serde_json::Value = answer.lockgate.unwrap().explain.unwrap().read().unwrap();
            let micros = told.pointer("/timings_us/attempt").and_then(serde_json::Value::as_f64).unwrap();
            self.stage.lock().push(micros * 1e3);
        }
    }
}
