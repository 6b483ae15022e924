//! The record of decisions: in the answer when asked for, and in the ledger always.

use lockgate::telemetry::{Decisions, ExactVerdict, PriceSource, Verdict};
use lockgate_sim::{Fault, Provider};
use serde_json::Value;

use crate::house::{ask, post, rows, settings, sim, with};

const EXPLAIN: [(&str, &str); 1] = [("x-lockgate-explain", "1")];

fn told(explained: &Value) -> Decisions {
    serde_json::from_value(explained.clone()).unwrap_or_else(|error| panic!("{error}: {explained}"))
}

#[tokio::test]
async fn an_explained_request_tells_every_stage() {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "beta", &two, &["b"])
        .set("routing.retries", 0)
        .set("routing.chains.gpt-4o", vec!["beta/b", "gpt-4o-mini"])
        .set("project.monthly_cap", "5")
        .set("rates.requests_per_minute", 60)
        .build()
        .await
        .unwrap();
    one.fault(Provider::OpenAi, Fault::status(503));
    let question = ask("gpt-4o", false);
    let seen = post(&gateway, &question, &EXPLAIN).await.json();
    let decided = told(&seen["lockgate"]["explain"]);
    let limits = decided.limits.as_ref().unwrap();
    assert_eq!(limits.remaining_requests, Some(59));
    assert_eq!(limits.cap_scope.as_deref(), Some("project"));
    assert_eq!(limits.remaining_nano_usd.unwrap() + limits.reserved_nano_usd, 5_000_000_000);
    assert_eq!(decided.exact, Some(ExactVerdict::Miss));
    assert_eq!(decided.price, Some(PriceSource::Table));
    let shown: Vec<_> =
        decided.candidates.iter().map(|c| (c.model.as_str(), c.why.as_str(), c.verdict)).collect();
    assert_eq!(
        shown,
        [
            ("gpt-4o", "asked", Verdict::Failed),
            ("b", "chain", Verdict::Answered),
            ("gpt-4o-mini", "chain", Verdict::NotAsked)
        ]
    );
    assert_eq!(decided.candidates[0].reason.as_deref(), Some("503"));
    assert!(decided.timings_us.attempt > 0);

    let row = rows(&gateway).await.remove(0);
    let mut kept = *row.decisions.unwrap();
    kept.timings_us = decided.timings_us;
    assert_eq!(kept, decided, "the ledger tells the same");
}

#[tokio::test]
async fn hits_are_explained_and_nothing_is_told_unasked() {
    let one = sim().await;
    let gateway = settings(&one).build().await.unwrap();
    let question = ask("gpt-4o", true);
    let plain = post(&gateway, &question, &[]).await;
    assert!(!plain.body.contains("explain"));
    let hit = post(&gateway, &question, &EXPLAIN).await;
    assert_eq!(hit.header("x-lockgate-cache"), "exact");
    let frame = hit.body.lines().rfind(|line| line.contains("\"lockgate\"")).unwrap();
    let frame: Value = serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap();
    let decided = told(&frame["lockgate"]["explain"]);
    assert_eq!(decided.exact, Some(ExactVerdict::Hot));
    assert!(decided.candidates.is_empty());
    assert_eq!(rows(&gateway).await[0].decisions.as_ref().unwrap().exact, Some(ExactVerdict::Hot));
}

#[tokio::test]
async fn a_failure_is_explained_too_and_to_nobody_else() {
    let one = sim().await;
    let gateway = settings(&one).set("routing.retries", 0).build().await.unwrap();
    let question = ask("gpt-4o", false);
    for (headers, explained) in [(&EXPLAIN[..], true), (&[], false)] {
        one.fault(Provider::OpenAi, Fault::status(503));
        let seen = post(&gateway, &question, headers).await;
        assert_eq!(seen.status, 502, "{}", seen.body);
        let told = &seen.json()["lockgate"]["explain"];
        assert_eq!(told.is_object(), explained, "{told}");
        if explained {
            let candidates = self::told(told).candidates;
            assert_eq!(
                (candidates[0].verdict, candidates[0].reason.as_deref()),
                (Verdict::Failed, Some("503"))
            );
        }
    }
    // In a stream that breaks in sight it comes with the error event.
    one.fault(Provider::OpenAi, Fault::cut_after_events(4));
    let seen = post(&gateway, &ask("gpt-4o", true), &EXPLAIN).await;
    let event = seen.body.lines().find(|line| line.contains("\"error\"")).unwrap();
    let event: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(told(&event["lockgate"]["explain"]).candidates[0].verdict, Verdict::Answered);
    rows(&gateway).await;
}

#[tokio::test]
async fn a_refusal_is_explained_with_what_is_left() {
    let one = sim().await;
    let gateway = settings(&one)
        .set("project.monthly_cap", "0.0001")
        .set("rates.requests_per_minute", 60)
        .build()
        .await
        .unwrap();
    let seen = post(&gateway, &ask("gpt-4o", false), &EXPLAIN).await;
    assert_eq!(seen.status, 402, "{}", seen.body);
    let limits = told(&seen.json()["lockgate"]["explain"]).limits.unwrap();
    assert_eq!(limits.refused.as_deref(), Some("spend_cap_exceeded"));
    assert_eq!((limits.cap_scope.as_deref(), limits.remaining_nano_usd), (Some("project"), Some(100_000)));
    assert_eq!((limits.remaining_requests, limits.reserved_nano_usd), (Some(60), 0));
}

#[tokio::test]
async fn another_word_than_1_is_refused() {
    let one = sim().await;
    let gateway = settings(&one).build().await.unwrap();
    let seen = post(&gateway, &ask("gpt-4o", false), &[("x-lockgate-explain", "yes")]).await;
    assert_eq!(seen.status, 400);
    assert_eq!(seen.json()["error"]["param"], "X-Lockgate-Explain");
}

#[tokio::test]
async fn a_record_holds_no_prompt_answer_or_key() {
    let one = sim().await;
    let gateway = settings(&one).build().await.unwrap();
    let mut question = ask("gpt-4o", false);
    question["messages"][0]["content"] = "a most peculiar prompt".into();
    post(&gateway, &question, &EXPLAIN).await;
    let row = rows(&gateway).await.remove(0);
    let text = serde_json::to_string(&row).unwrap();
    assert!(!text.contains("peculiar") && !text.contains("sk-test"), "{text}");
}
