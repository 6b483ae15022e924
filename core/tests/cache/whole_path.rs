//! One question, asked again: alone, at once, later, by another process.

use std::sync::Arc;

use lockgate::config::Environment;
use lockgate::store::UsageQuery;
use lockgate::types::{ChatRequest, EmbedRequest};
use lockgate::{CacheMode, CallOptions, Gateway};
use lockgate_sim::{Fault, Options, Provider, Sim};

use crate::house::{gateway, streamed, verdict};

#[tokio::test]
async fn the_same_question_is_asked_upstream_once() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim, "memory").await;
    let ask = || ChatRequest::new("gpt-4o").user("What is the capital of France?");
    let first = gateway.chat(ask()).await.unwrap();
    let second = gateway.chat(ask()).await.unwrap();
    let (text, cache, cost) = streamed(&gateway, ask()).await;
    assert_eq!((verdict(&first), verdict(&second), cache.as_str()), ("miss", "exact", "exact"));
    assert_eq!(first.text(), second.text());
    assert_eq!(first.text(), text);
    assert_eq!(second.lockgate.unwrap().cost_nano_usd, Some(0));
    assert_eq!(cost, 0);
    assert_eq!(sim.requests().len(), 1);
    assert!(gateway.flush(std::time::Duration::from_secs(5)).await);
    let usage = gateway.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!((usage.requests, usage.cache_hits), (3, 2));
    let cost = first.lockgate.unwrap().cost_nano_usd.unwrap();
    assert_eq!((usage.cost.nano(), usage.saved.nano()), (cost, 2 * cost));
}

#[tokio::test]
async fn cache_modes_do_what_they_say() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim, "memory").await;
    let ask = || ChatRequest::new("gpt-4o").user("Modes");
    let with = |cache| CallOptions { cache, ..CallOptions::default() };
    let missed = gateway.chat_with(ask(), with(CacheMode::Only)).await.unwrap_err();
    assert_eq!((missed.code(), missed.status()), ("cache_miss", 404));
    assert_eq!(sim.requests().len(), 0);
    assert_eq!(verdict(&gateway.chat_with(ask(), with(CacheMode::Off)).await.unwrap()), "miss");
    assert_eq!(verdict(&gateway.chat_with(ask(), with(CacheMode::Off)).await.unwrap()), "miss");
    assert_eq!(verdict(&gateway.chat_with(ask(), with(CacheMode::Refresh)).await.unwrap()), "miss");
    assert_eq!(verdict(&gateway.chat_with(ask(), with(CacheMode::Only)).await.unwrap()), "exact");
    assert_eq!(sim.requests().len(), 3);
}

#[tokio::test]
async fn a_purge_is_at_once() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim, "memory").await;
    let ask = || ChatRequest::new("gpt-4o").user("Purge me");
    gateway.chat(ask()).await.unwrap();
    gateway.admin().purge_cache("default").await.unwrap();
    assert_eq!(verdict(&gateway.chat(ask()).await.unwrap()), "miss");
    assert_eq!(verdict(&gateway.chat(ask()).await.unwrap()), "exact");
}

#[tokio::test]
async fn the_warm_tier_outlives_the_process() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}/l.db", folder.path().display());
    let ask = || ChatRequest::new("gpt-4o").user("Remember this");
    let before = gateway(&sim, &store).await;
    let first = before.chat(ask()).await.unwrap();
    assert!(before.close(std::time::Duration::from_secs(5)).await);
    drop(before);
    let after = gateway(&sim, &store).await;
    let second = after.chat(ask()).await.unwrap();
    assert_eq!((verdict(&second), second.text()), ("exact", first.text()));
    assert_eq!(sim.requests().len(), 1);
    assert!(after.flush(std::time::Duration::from_secs(5)).await);
    let usage = after.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!(usage.cost.nano(), first.lockgate.unwrap().cost_nano_usd.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_under_way_share_one_call() {
    let sim = Sim::start(Options::default()).await.unwrap();
    sim.fault(Provider::OpenAi, Fault::slow_headers(100));
    let gateway = Arc::new(gateway(&sim, "memory").await);
    let tasks: Vec<_> = (0..200)
        .map(|at| {
            let gateway = gateway.clone();
            tokio::spawn(async move {
                let request = ChatRequest::new("gpt-4o").user("All together now");
                if at % 2 == 0 {
                    gateway.chat(request).await.unwrap().text()
                } else {
                    streamed(&gateway, request).await.0
                }
            })
        })
        .collect();
    let mut texts = Vec::new();
    for task in tasks {
        texts.push(task.await.unwrap());
    }
    assert!(!texts[0].is_empty());
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert_eq!(sim.requests().len(), 1);
    assert!(gateway.flush(std::time::Duration::from_secs(5)).await);
    let usage = gateway.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!((usage.requests, usage.cache_hits), (200, 199));
}

#[tokio::test]
async fn embeddings_take_the_same_path() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim, "memory").await;
    let ask = || EmbedRequest::new("text-embedding-3-small", ["one", "two"]);
    let first = gateway.embed(ask()).await.unwrap();
    let second = gateway.embed(ask()).await.unwrap();
    assert_eq!(first.data.len(), 2);
    assert!(first.lockgate.unwrap().cost_nano_usd.unwrap() > 0);
    assert_eq!(second.lockgate.unwrap().cache, "exact");
    assert_eq!(first.data, second.data);
}

#[tokio::test]
async fn what_is_old_goes() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}/l.db", folder.path().display());
    let clock = lockgate::clock::ManualClock::at(lockgate::clock::Millis(1_790_000_000_000));
    let gateway = Gateway::builder()
        .environment(Environment::empty())
        .set("store", store)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    for at in 0..5 {
        gateway.chat(ChatRequest::new("gpt-4o").user(format!("Question {at}"))).await.unwrap();
    }
    let written = async {
        while gateway.store_size().await.unwrap().answers < 5 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), written).await.unwrap();
    assert!(gateway.flush(std::time::Duration::from_secs(5)).await);
    let spent = gateway.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!(gateway.sweep().await.unwrap(), lockgate::settle::Swept::default());
    clock.advance(std::time::Duration::from_secs(3601));
    let swept = gateway.sweep().await.unwrap();
    assert_eq!((swept.rows, swept.expired_answers), (0, 5));
    clock.advance(std::time::Duration::from_secs(91 * 24 * 3600));
    let swept = gateway.sweep().await.unwrap();
    assert_eq!((swept.rows, swept.expired_answers), (5, 0));
    let size = gateway.store_size().await.unwrap();
    assert_eq!((size.ledger_rows, size.answers), (0, 0));
    assert!(size.bytes > 0);
    // The sums outlive the rows.
    let sums = gateway.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!(sums, spent);
}
