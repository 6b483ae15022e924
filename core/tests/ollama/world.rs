//! A gateway before a simulated Ollama.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use lockgate::config::Environment;
use lockgate::http::Body;
use lockgate::types::{ChatRequest, Chunk};
use lockgate::{Builder, CacheMode, CallOptions, Gateway};
use lockgate_sim::{Options, Provider, Recorded, Sim};
use serde_json::Value;

pub(crate) const OLLAMA: Provider = Provider::Ollama;

pub(crate) async fn sim() -> Sim {
    Sim::start(Options::default()).await.unwrap()
}

/// Ollama and nothing else, found by `OLLAMA_HOST`.
pub(crate) fn builder(sim: &Sim) -> Builder {
    let environment = Environment::empty().with("OLLAMA_HOST", sim.base_url(OLLAMA));
    // A failure is seen as it is, not after another try.
    Gateway::builder().environment(environment).set("store", "memory").set("routing.retries", 0)
}

pub(crate) async fn gateway(sim: &Sim) -> Gateway {
    builder(sim).build().await.unwrap()
}

/// All of a stream.
pub(crate) async fn stream(gateway: &Gateway, request: ChatRequest) -> Vec<Chunk> {
    let mut stream = gateway.chat_stream(request).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        chunks.push(chunk.unwrap());
    }
    chunks
}

/// The text of the chunks.
pub(crate) fn text(chunks: &[Chunk]) -> String {
    let deltas = chunks.iter().flat_map(|chunk| &chunk.choices).map(|choice| &choice.delta);
    deltas.filter_map(|delta| delta.content.as_deref()).collect()
}

pub(crate) async fn get(gateway: &Gateway, path: &str) -> (u16, Value) {
    let request = http::Request::get(path).body(Bytes::new()).unwrap();
    let (head, body) = gateway.handle(request).await.into_parts();
    let Body::Full(bytes) = body else { panic!("a list is no stream") };
    (head.status.as_u16(), serde_json::from_slice(&bytes).unwrap())
}

/// How often the models were listed.
pub(crate) fn listings(requests: &[Recorded]) -> usize {
    requests.iter().filter(|request| request.path == "/api/tags").count()
}

/// Where a request ends up, past the cache: provider and model, or status and code of the error.
pub(crate) async fn served(gateway: &Gateway, model: &str) -> Result<(String, String), (u16, String)> {
    let options = CallOptions { cache: CacheMode::Off, ..CallOptions::default() };
    let asked = gateway.chat_with(ChatRequest::new(model).user("Hello"), options);
    match tokio::time::timeout(Duration::from_secs(20), asked).await.expect("an answer comes") {
        Ok(answer) => {
            let told = answer.lockgate.unwrap();
            Ok((told.provider.unwrap(), told.model.unwrap()))
        }
        Err(error) => Err((error.status(), error.code().to_owned())),
    }
}
