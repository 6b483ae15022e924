//! A kit is worth what it finds: a sound endpoint passes, and each fault fails the case that is about it.

use lockgate_sim::{Fault, StatusFault, ToolCallScript, ToolCalls};
use serde_json::json;

use crate::program::{KEY, conformance, graded, one_case, script, simulator};

#[tokio::test]
async fn a_sound_endpoint_passes() {
    let sim = simulator().await;
    let run = graded(&sim, &[]).await;
    let cases = run.cases();
    for case in &cases {
        let fields: Vec<&str> = case.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["name", "outcome", "provider", "reason"], "{case}");
        assert_ne!(case["outcome"], "fail", "{case}");
        assert_eq!(case["reason"].is_null(), case["outcome"] == "pass", "{case}");
        assert!(case["provider"] == "openai" || case["provider"] == "endpoint", "{case}");
    }
    assert!(cases.iter().filter(|case| case["outcome"] == "pass").count() > 100);
    assert_eq!(run.code, 0);
    assert!(sim.settled().await.iter().all(|request| request.status != Some(500)));
}

#[tokio::test]
async fn the_table_counts_what_it_shows() {
    let sim = simulator().await;
    let url = sim.openai_base_url();
    let run =
        conformance(&["run", "--base-url", &url, "--api-key", KEY, "--model", "gpt-4o", "--case", "n_*"])
            .await;
    assert_eq!(run.code, 0, "{run:?}");
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("pass  openai  n_two")).count(), 2, "{run:?}");
    assert!(lines.iter().any(|line| line.starts_with("skip  openai  n_refused") && line.contains("gpt-4o")));
    assert!(lines.last().unwrap().starts_with("2 passed, 0 failed, 1 skipped; "), "{run:?}");
}

#[tokio::test]
async fn every_fault_fails_the_case_that_is_about_it() {
    let call = |arguments: &str| ToolCallScript { name: "get_weather".into(), arguments: arguments.into() };
    let usage = |usage: serde_json::Value| Fault::Usage(usage.as_object().unwrap().clone());
    let faults: Vec<(&str, Fault, &str)> = vec![
        ("text", Fault::reply("Something else."), "/choices/0/message/content"),
        ("text", Fault::finish("end_turn"), "/finish_reason"),
        ("text", Fault::malformed_after(0), "not JSON"),
        ("text", Fault::status(500), "the status is 500"),
        ("text", Fault::Reset, "sending request"),
        ("text", Fault::NoUsage, "/usage/completion_tokens is missing"),
        ("text", Fault::error_after(0), "the answer is an error"),
        ("text_streamed", Fault::NoDone, "[DONE]"),
        ("text_streamed", Fault::NoUsage, "usage was asked for"),
        ("text_streamed", Fault::malformed_after(3), "event 3 is not JSON"),
        ("text_streamed", Fault::error_after(3), "event 3 is an error"),
        ("text_streamed", Fault::cut_after_events(4), "never finishes"),
        ("text_streamed", Fault::drop_after_bytes(900), "body"),
        ("text_streamed", Fault::EmptyStream, "no choices"),
        ("usage_adds_up", usage(json!({"total_tokens": 1})), "add up"),
        ("tools_single", Fault::reply("I would rather not."), "tool_calls"),
        (
            "tools_single",
            Fault::ToolCalls(ToolCalls { calls: vec![call("{\"city\": \"Par")] }),
            "expected a text that is JSON",
        ),
        ("tools_none", Fault::ToolCalls(ToolCalls { calls: vec![call("{}")] }), "finish_reason"),
        ("json_schema", Fault::reply("Marguerite, 42"), "expected a text that is JSON"),
        ("stop", Fault::finish("length"), "finish_reason"),
        ("max_tokens", usage(json!({"completion_tokens": 41})), "at most 40"),
    ];
    for (case, fault, says) in faults {
        let run = one_case(case, vec![fault.clone()]).await;
        let (outcome, reason) = run.only();
        assert_eq!((outcome.as_str(), run.code), ("fail", 1), "{case} with {fault:?}: {reason}");
        assert!(reason.contains(says), "{case} with {fault:?}: {says}: {reason}");
    }
}

#[tokio::test]
async fn a_fault_that_leaves_the_answer_sound_fails_nothing() {
    for fault in [Fault::split_every(1), Fault::slow_events(1), Fault::slow_headers(20)] {
        let run = one_case("unicode_streamed", vec![fault.clone()]).await;
        assert_eq!((run.only().0.as_str(), run.code), ("pass", 0), "{fault:?}: {run:?}");
    }
}

#[tokio::test]
async fn a_busy_endpoint_is_asked_again_and_at_last_not_judged() {
    let busy = || Fault::status(429).retry_after("0");
    let run = one_case("text", vec![busy(), busy()]).await;
    assert_eq!(run.only().0, "pass", "{run:?}");
    let run = one_case("text", vec![busy(), busy(), busy()]).await;
    let (outcome, reason) = run.only();
    assert_eq!((outcome.as_str(), run.code), ("skip", 0), "{reason}");
    assert!(reason.contains("busy"), "{reason}");
}

#[tokio::test]
async fn a_key_that_the_endpoint_repeats_is_not_printed() {
    let status = StatusFault {
        status: 400,
        message: Some(format!("your key {KEY} is odd")),
        ..StatusFault::default()
    };
    let (outcome, reason) = one_case("text", vec![Fault::Status(status)]).await.only();
    assert_eq!(outcome, "fail");
    assert!(reason.contains("your key [key] is odd"), "{reason}");
}

#[tokio::test]
async fn requests_are_bounded() {
    let sim = simulator().await;
    let run = graded(&sim, &["--model", "gpt-4o", "--max-requests", "6", "--parallel", "1"]).await;
    assert_eq!(run.code, 1);
    let unrun =
        |case: &&serde_json::Value| case["reason"].as_str().is_some_and(|why| why.contains("--max-requests"));
    assert!(run.cases().iter().filter(unrun).all(|case| case["outcome"] == "fail"));
    assert!(run.cases().iter().filter(unrun).count() > 50);
    assert_eq!(sim.settled().await.len(), 6);
}

#[tokio::test]
async fn a_model_nobody_knows_is_judged_by_what_it_does() {
    let sim = simulator().await;
    let refusal =
        StatusFault { status: 400, message: Some("n is not supported".to_owned()), ..StatusFault::default() };
    script(&sim, vec![Fault::Status(refusal)]);
    let run = graded(&sim, &["--model", "some-model", "--case", "n_two"]).await;
    let (outcome, reason) = run.only();
    assert_eq!((outcome.as_str(), run.code), ("skip", 0), "{reason}");
    assert!(reason.contains("refused (n)") && reason.contains("n is not supported"), "{reason}");
    // One that answers is judged.
    let run = graded(&sim, &["--model", "some-model", "--case", "n_two"]).await;
    assert_eq!(run.only().0, "pass", "{run:?}");
}
