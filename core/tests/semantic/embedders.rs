//! Embedders over HTTP, and a model that is not there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use lockgate::Gateway;
use lockgate::config::Environment;
use lockgate_embed::{Kernel, MiniLm};
use serde_json::{Value, json};

use crate::house::{House, Store, cache, model, semantic};

struct Service {
    model: MiniLm,
    asked: AtomicUsize,
}

/// A service of both kinds, with the model behind it.
async fn service() -> (SocketAddr, Arc<Service>) {
    let service = Arc::new(Service {
        model: MiniLm::load(&model(), Kernel::best()).unwrap(),
        asked: AtomicUsize::new(0),
    });
    async fn embed(State(service): State<Arc<Service>>, body: Bytes) -> String {
        let body: Value = serde_json::from_slice(&body).unwrap();
        service.asked.fetch_add(1, Ordering::SeqCst);
        let texts: Vec<&str> =
            body["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        let vectors: Vec<Vec<f32>> = texts.iter().map(|text| service.model.embed(text).vector).collect();
        json!({"embeddings": vectors, "dimensions": 384}).to_string()
    }
    async fn openai(
        State(service): State<Arc<Service>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<String, StatusCode> {
        let body: Value = serde_json::from_slice(&body).unwrap();
        service.asked.fetch_add(1, Ordering::SeqCst);
        if headers["authorization"] != "Bearer sk-embed" || body["model"] != "small" {
            return Err(StatusCode::UNAUTHORIZED);
        }
        // Not of length 1: that is the gateway's to see to.
        let mut vector = service.model.embed(body["input"][0].as_str().unwrap()).vector;
        vector.iter_mut().for_each(|number| *number *= 3.0);
        Ok(json!({"object": "list", "data": [{"index": 0, "embedding": vector}], "model": "small"})
            .to_string())
    }
    let router = Router::new()
        .route("/embed", post(embed))
        .route("/v1/embeddings", post(openai))
        .with_state(service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, service)
}

async fn works(settings: &[(&str, toml::Value)], service: &Service) {
    let house = House::with(Store::Memory, settings).await;
    let before = service.asked.load(Ordering::SeqCst);
    assert!(before > 0, "the service is asked");
    house.ask("How do I reset my password?").await;
    let second = house.ask("How can I reset my password?").await;
    assert_eq!(cache(&second), "semantic", "{}", semantic(&second));
    assert_eq!(service.asked.load(Ordering::SeqCst), before + 2, "once for each question");
}

#[tokio::test]
async fn a_service_with_our_contract() {
    let (address, service) = service().await;
    let url = format!("http://{address}");
    works(&[("embedder.kind", "embed".into()), ("embedder.url", url.into())], &service).await;
}

#[tokio::test]
async fn a_service_with_openais_contract() {
    let (address, service) = service().await;
    let url = format!("http://{address}/v1");
    let settings = [
        ("embedder.kind", "openai".into()),
        ("embedder.url", url.into()),
        ("embedder.model", "small".into()),
        ("embedder.api_key", "sk-embed".into()),
    ];
    works(&settings, &service).await;
}

#[tokio::test]
async fn an_embedder_that_is_away_is_a_miss() {
    let sim = lockgate_sim::Sim::start(lockgate_sim::Options::default()).await.unwrap();
    let build = |more: (&'static str, toml::Value)| {
        Gateway::builder()
            .environment(Environment::empty())
            .set("store", "memory")
            .set("project.semantic.mode", "on")
            .set("providers.openai.api_key", "sk-test")
            .set("providers.openai.base_url", sim.openai_base_url())
            .set(more.0, more.1)
    };
    // Nobody listens there.
    let away = build(("embedder.kind", "embed".into()))
        .set("embedder.url", "http://127.0.0.1:9")
        .build()
        .await
        .unwrap();
    // The folder holds no model.
    let missing = build(("model_dir", "/nowhere/at/all".into())).build().await.unwrap();
    assert!(away.has_embedder() && !missing.has_embedder());
    for gateway in [away, missing] {
        for question in ["How do I reset my password?", "How can I reset my password?"] {
            let ask = lockgate::types::ChatRequest::new("gpt-4o").user(question);
            assert_eq!(cache(&gateway.chat(ask).await.unwrap()), "miss");
        }
    }
    let wrong =
        build(("embedder.path", "mmx".into())).set("model_dir", model().display().to_string()).build().await;
    assert!(wrong.unwrap_err().message().contains("mmx"));
    let wrong =
        build(("embedder.kind", "openai".into())).set("embedder.url", "http://127.0.0.1:9").build().await;
    assert!(wrong.unwrap_err().message().contains("embedder.model"));
}

#[tokio::test]
async fn an_embedder_that_hangs_delays_nobody_for_long() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It takes connections and says nothing.
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    let sim = lockgate_sim::Sim::start(lockgate_sim::Options::default()).await.unwrap();
    let gateway = Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        .set("project.semantic.mode", "on")
        .set("embedder.kind", "embed")
        .set("embedder.url", url)
        .set("timeouts.semantic_ms", 20)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .build()
        .await
        .unwrap();
    let ask = lockgate::types::ChatRequest::new("gpt-4o").user("How do I reset my password?");
    let options = lockgate::CallOptions { explain: true, ..lockgate::CallOptions::default() };
    let answer = gateway.chat_with(ask, options).await.unwrap();
    assert_eq!(cache(&answer), "miss");
    assert!(
        ["late", "failed"].contains(&semantic(&answer)["verdict"].as_str().unwrap()),
        "{}",
        semantic(&answer)
    );
}
