//! When everybody failed and waiting may help.

use lockgate_sim::{Fault, Provider, Scripted};

use crate::house::{ask, post, rows, settings, sim, with};

#[tokio::test]
async fn a_failure_that_passes_is_not_seen() {
    let one = sim().await;
    let gateway = settings(&one).set("routing.breaker.failures", 0).build().await.unwrap();
    for stream in [false, true] {
        for fault in [
            Fault::status(500),
            Fault::status(503),
            Fault::status(429).retry_after("0.005"),
            Fault::Reset,
            Fault::EmptyStream,
        ] {
            one.fault(Provider::OpenAi, Scripted::from(fault.clone()).times(2));
            let seen = post(&gateway, &ask("gpt-4o", stream), &[]).await;
            assert_eq!(seen.status, 200, "{fault:?}: {}", seen.body);
            assert_eq!(seen.attempts().matches("openai/").count(), 3, "{}", seen.attempts());
        }
    }
    assert!(rows(&gateway).await.iter().all(|row| row.attempts.len() == 3 && row.status == 200));
}

#[tokio::test]
async fn after_the_last_round_the_failure_is_told() {
    let one = sim().await;
    let gateway = settings(&one).set("routing.retries", 1).build().await.unwrap();
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(500)).times(9));
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!((seen.status, seen.attempts()), (502, "openai/gpt-4o=500,openai/gpt-4o=500"));
    assert_eq!(seen.header("x-should-retry"), "false");
    rows(&gateway).await;
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_handed_to_the_caller() {
    let one = sim().await;
    let gateway = settings(&one).build().await.unwrap();
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(429).retry_after("30")).times(9));
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!((seen.status, seen.attempts()), (429, "openai/gpt-4o=429"));
    assert_eq!(seen.header("retry-after"), "30");
    assert!(seen.body.contains("upstream_rate_limited"));
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "beta", &two, &["b"])
        .set("routing.chains.gpt-4o", vec!["beta/b"])
        .build()
        .await
        .unwrap();
    // The first one's key is refused, the second is busy: only the second is asked again.
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(401)).times(9));
    two.fault(Provider::OpenAi, Fault::status(503));
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!(seen.attempts(), "openai/gpt-4o=401,beta/b=503,beta/b=200");
}

#[tokio::test]
async fn a_caller_who_waits_no_longer_ends_the_waiting() {
    let one = sim().await;
    let gateway = settings(&one).set("routing.backoff_ms", 60_000).build().await.unwrap();
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(500)).times(9));
    // The backoff does not fit into the longest wait: the failure is told at once.
    assert_eq!(post(&gateway, &ask("gpt-4o", false), &[]).await.attempts(), "openai/gpt-4o=500");
    let gateway = settings(&one)
        .set("routing.backoff_ms", 60_000)
        .set("routing.longest_wait_ms", 600_000)
        .build()
        .await
        .unwrap();
    let request = lockgate::types::ChatRequest::new("gpt-4o").user("wait");
    let patience = std::time::Duration::from_millis(150);
    assert!(tokio::time::timeout(patience, gateway.chat(request)).await.is_err());
    rows(&gateway).await;
}
