//! Models that fail are left alone for a while, and a plan is never emptied.

use std::time::Duration;

use lockgate::Gateway;
use lockgate_sim::{Fault, Provider, Scripted, Sim};

use crate::house::{ask, clock, post, settings, sim, with};

/// `gpt-4o`, and `beta/b` where it fails; the breaker opens after three failures, for ten seconds.
async fn house(clock: &std::sync::Arc<lockgate::clock::ManualClock>) -> (Sim, Sim, Gateway) {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "beta", &two, &["b"])
        .set("routing.retries", 0)
        .set("routing.chains.gpt-4o", vec!["beta/b"])
        .set("routing.breaker.failures", 3)
        .set("routing.breaker.open_ms", 10_000)
        .set("routing.breaker.longest_open_ms", 30_000)
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    (one, two, gateway)
}

async fn attempts(gateway: &Gateway) -> String {
    post(gateway, &ask("gpt-4o", false), &[]).await.attempts().to_owned()
}

#[tokio::test]
async fn it_opens_lets_one_probe_through_and_closes() {
    let clock = clock();
    let (one, _two, gateway) = house(&clock).await;
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(500)).times(3));
    for _ in 0..3 {
        assert_eq!(attempts(&gateway).await, "openai/gpt-4o=500,beta/b=200");
    }
    // Open: the stand-in goes first, and the provider is spared.
    assert_eq!(attempts(&gateway).await, "beta/b=200");
    assert_eq!(one.requests().len(), 3);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(attempts(&gateway).await, "beta/b=200");
    clock.advance(Duration::from_millis(1));
    // Half open: one request tries; it fails unseen, and the breaker stays open for twice as long.
    one.fault(Provider::OpenAi, Fault::status(500));
    assert_eq!(attempts(&gateway).await, "openai/gpt-4o=500,beta/b=200");
    clock.advance(Duration::from_millis(19_999));
    assert_eq!(attempts(&gateway).await, "beta/b=200");
    clock.advance(Duration::from_millis(1));
    assert_eq!(attempts(&gateway).await, "openai/gpt-4o=200");
    assert_eq!(attempts(&gateway).await, "openai/gpt-4o=200");
}

#[tokio::test]
async fn only_one_request_probes_at_a_time() {
    let clock = clock();
    let (one, _two, gateway) = house(&clock).await;
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(500)).times(3));
    for _ in 0..3 {
        attempts(&gateway).await;
    }
    clock.advance(Duration::from_secs(10));
    one.fault(Provider::OpenAi, Fault::slow_headers(100));
    let before = one.requests().len();
    let (a, b, c) = tokio::join!(attempts(&gateway), attempts(&gateway), attempts(&gateway));
    let lines = [a, b, c];
    assert_eq!(lines.iter().filter(|line| line.starts_with("openai")).count(), 1, "{lines:?}");
    assert_eq!(one.requests().len(), before + 1);
}

#[tokio::test]
async fn callers_faults_and_rate_limits_do_not_trip_it() {
    let clock = clock();
    let (one, two, gateway) = house(&clock).await;
    for _ in 0..5 {
        one.fault(Provider::OpenAi, Fault::status(429));
        assert_eq!(attempts(&gateway).await, "openai/gpt-4o=429,beta/b=200");
    }
    for _ in 0..5 {
        one.fault(Provider::OpenAi, Fault::status(400));
        assert_eq!(post(&gateway, &ask("gpt-4o", false), &[]).await.status, 400);
    }
    let asked = two.requests().len();
    assert_eq!(attempts(&gateway).await, "openai/gpt-4o=200");
    assert_eq!(two.requests().len(), asked);
}

#[tokio::test]
async fn a_plan_of_one_is_asked_however_often_it_failed() {
    let clock = clock();
    let one = sim().await;
    let gateway = settings(&one)
        .set("routing.retries", 0)
        .set("routing.breaker.failures", 2)
        .clock(clock)
        .build()
        .await
        .unwrap();
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(500)).times(5));
    for _ in 0..5 {
        assert_eq!(attempts(&gateway).await, "openai/gpt-4o=500");
    }
    assert_eq!(attempts(&gateway).await, "openai/gpt-4o=200");
}

#[tokio::test]
async fn streams_that_break_after_their_beginning_count() {
    let clock = clock();
    let (one, _two, gateway) = house(&clock).await;
    one.fault(Provider::OpenAi, Scripted::from(Fault::cut_after_events(4)).times(3));
    for _ in 0..3 {
        let seen = post(&gateway, &ask("gpt-4o", true), &[]).await;
        assert!(seen.body.contains("\"error\""), "{}", seen.body);
    }
    assert_eq!(post(&gateway, &ask("gpt-4o", true), &[]).await.attempts(), "beta/b=200");
}
