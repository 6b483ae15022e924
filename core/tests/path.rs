//! A request goes the whole path on the embedded stores.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use futures_util::StreamExt;
use lockgate::config::Environment;
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Gateway};
use lockgate_sim::{Options, Sim};

async fn gateway(sim: &Sim, store: &str) -> Gateway {
    Gateway::builder()
        .environment(Environment::empty())
        .set("store", store)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_chat_is_answered_and_billed() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim, "memory").await;
    let response = gateway.chat(ChatRequest::new("gpt-4o").user("Hello there")).await.unwrap();
    assert!(!response.text().is_empty());
    let metadata = response.lockgate.unwrap();
    assert_eq!(metadata.provider.as_deref(), Some("openai"));
    let cost = metadata.cost_nano_usd.unwrap();
    assert!(cost > 0);
    assert!(gateway.flush(std::time::Duration::from_secs(5)).await);
    let usage = gateway.usage(&lockgate::store::UsageQuery::default()).await.unwrap();
    assert_eq!(usage.iter().map(|line| line.cost.nano()).sum::<i64>(), cost);
}

#[tokio::test]
async fn a_stream_ends_with_metadata_and_is_billed() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim, "memory").await;
    let request = ChatRequest::new("gpt-4o").user("count to 20");
    let mut stream = gateway.chat_stream_with(request, CallOptions::default()).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        chunks.push(chunk.unwrap());
    }
    let last = chunks.last().unwrap();
    assert!(last.lockgate.as_ref().unwrap().cost_nano_usd.unwrap() > 0);
    assert!(last.usage.is_some());
    assert_eq!(last.choices.len(), 1);
}
