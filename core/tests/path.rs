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

/// With the last gateway on it, nothing of this process has the database open, whatever was under way.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_gateway_that_is_closed_leaves_its_files() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.filter(|target| target.starts_with(folder.path())).collect::<Vec<_>>()
    };
    // The second finds all as the first left it: nothing changes that could wake it up.
    for _ in 0..2 {
        let gateway = gateway(&sim, &format!("sqlite://{}", folder.path().join("l.db").display())).await;
        gateway.chat(ChatRequest::new("gpt-4o").user("Hello there")).await.unwrap();
        assert!(!open().is_empty());
        assert!(gateway.close(std::time::Duration::from_secs(5)).await);
    }
    let closing = async {
        while !open().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let closed = tokio::time::timeout(std::time::Duration::from_secs(10), closing).await;
    assert!(closed.is_ok(), "still open: {:?}", open());
}

#[tokio::test]
async fn a_wrong_address_is_refused_without_the_secret_in_it() {
    for address in ["https://user:hunter2@provider.test/v1", "https://provider.test/v1?key=hunter2"] {
        let refused = Gateway::builder()
            .environment(Environment::empty())
            .set("providers.openai.base_url", address)
            .build()
            .await
            .unwrap_err();
        assert!(refused.message().contains("providers.openai.base_url"), "{refused}");
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused}");
    }
}
