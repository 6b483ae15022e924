//! Callers who leave.

use std::time::Duration;

use futures_util::StreamExt;
use lockgate::settle::Outcome;
use lockgate::types::ChatRequest;
use lockgate_sim::{Fault, Provider};

use crate::house::{rows, settings, sim};

fn question(text: &str) -> ChatRequest {
    ChatRequest::new("gpt-4o").user(format!("count to 40 {text}"))
}

#[tokio::test]
async fn abort_ends_the_call_and_bills_what_was_read() {
    let one = sim().await;
    let gateway = settings(&one).build().await.unwrap();
    one.fault(Provider::OpenAi, Fault::slow_events(20));
    let mut stream = gateway.chat_stream(question("abort")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let row = &rows(&gateway).await[0];
    assert_eq!((row.outcome, row.estimated), (Outcome::Cancelled, true));
    let asked = one.settled().await;
    assert!(row.tokens.output < asked[0].usage.as_ref().unwrap()["completion_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn drain_reads_on_and_bills_what_the_provider_says() {
    let one = sim().await;
    let gateway = settings(&one).set("routing.on_disconnect", "drain").build().await.unwrap();
    one.fault(Provider::OpenAi, Fault::slow_events(1));
    let mut stream = gateway.chat_stream(question("drain")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let row = &rows(&gateway).await[0];
    assert!(!row.estimated);
    let usage = one.settled().await[0].usage_sent.clone().unwrap();
    assert_eq!(row.tokens.output, usage["completion_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let one = sim().await;
    let gateway = settings(&one)
        .set("routing.on_disconnect", "drain")
        .set("routing.drain_ms", 60)
        .set("timeouts.idle_ms", 60_000)
        .build()
        .await
        .unwrap();
    one.fault(Provider::OpenAi, Fault::stall_after_events(4));
    let mut stream = gateway.chat_stream(question("stall")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let row = tokio::time::timeout(Duration::from_secs(20), rows(&gateway)).await.unwrap().remove(0);
    assert_eq!((row.outcome, row.estimated), (Outcome::Cancelled, true));
}
