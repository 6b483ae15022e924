//! Every fault, in this vendor's dialect.

use std::time::Duration;

use lockgate_sim::{
    ErrorInStream, Fault, Outcome, Provider, Reasoning, Scripted, Sim, SplitUtf8, StatusFault,
    ToolCallScript, ToolCalls,
};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{ask, events, names, post, streamed};
use crate::raw::{End, Reply, start};

async fn with(fault: impl Into<Scripted>, body: &Value) -> (Sim, Reply) {
    let sim = start().await;
    sim.fault(Provider::Anthropic, fault);
    let reply = post(&sim, body).await;
    (sim, reply)
}

#[tokio::test]
async fn statuses_carry_the_vendors_error() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        let (_sim, reply) = with(Fault::status(status).retry_after("3"), &ask("x")).await;
        assert_eq!((reply.status, reply.header("retry-after")), (status, "3"));
        assert_eq!(reply.json()["error"]["type"], kind, "{status}");
        let left = reply.header("anthropic-ratelimit-requests-remaining");
        assert_eq!(left == "0", status == 429, "{status}: {left}");
    }
    let told =
        StatusFault { status: 429, code: Some("ramp_limit_exceeded".to_owned()), ..StatusFault::default() };
    let (_sim, reply) = with(Fault::Status(told), &ask("x")).await;
    assert_eq!(reply.json()["error"]["details"], json!({"error_code": "ramp_limit_exceeded"}));
}

#[tokio::test]
async fn an_error_comes_inside_the_stream_where_it_was_asked_for() {
    for after in [0, 1, 3, 6] {
        let (sim, reply) = with(Fault::error_after(after), &streamed(ask("hello"))).await;
        let told = events(&reply);
        assert_eq!((reply.status, told.len() as u64, reply.end), (200, after + 1, End::Whole));
        let (name, data) = &told[told.len() - 1];
        assert_eq!((name.as_str(), &data["type"]), ("error", &json!("error")));
        assert_eq!(data["error"], json!({"type": "overloaded_error", "message": "Overloaded"}));
        assert_eq!(sim.settled().await[0].outcome, Outcome::Faulted);
    }
    let own = ErrorInStream {
        error_type: Some("api_error".to_owned()),
        message: Some("m".to_owned()),
        ..ErrorInStream::default()
    };
    let (_sim, reply) = with(Fault::ErrorInStream(own), &ask("x")).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (200, &json!("api_error")));
}

#[tokio::test]
async fn streams_end_early_in_every_way() {
    let body = streamed(ask("hello"));
    let (_sim, reply) = with(Fault::cut_after_events(4), &body).await;
    assert_eq!((events(&reply).len(), reply.end), (4, End::Whole));
    let (_sim, reply) = with(Fault::drop_after_bytes(700), &body).await;
    assert_eq!((reply.body().len(), reply.end), (700, End::Closed));
    let (_sim, reply) = with(Fault::reset_after(500), &body).await;
    assert_eq!((reply.body().len(), reply.end), (500, End::Reset));
    let (_sim, reply) = with(Fault::Reset, &body).await;
    assert_eq!((reply.status, reply.end), (0, End::Reset));
    let (_sim, reply) = with(Fault::NoDone, &body).await;
    assert_eq!(names(&events(&reply)).last(), Some(&"message_delta"));
    let (_sim, reply) = with(Fault::EmptyStream, &body).await;
    assert_eq!(names(&events(&reply)), ["message_stop"]);
    let (_sim, reply) = with(Fault::malformed_after(3), &body).await;
    let torn = reply.text().split("\n\n").nth(3).unwrap().to_owned();
    assert!(
        serde_json::from_str::<Value>(torn.split_once("data: ").map_or("", |(_, data)| data)).is_err(),
        "{torn}"
    );
    assert!(reply.text().ends_with("{\"type\":\"message_stop\"}\n\n"));
}

#[tokio::test]
async fn silence_and_slowness_are_where_they_were_asked_for() {
    let silence = Duration::from_millis(150);
    for fault in [Fault::stall_headers(), Fault::stall_after_events(2)] {
        let sim = start().await;
        sim.fault(Provider::Anthropic, fault);
        assert!(timeout(silence, post(&sim, &streamed(ask("x")))).await.is_err());
    }
    let (_sim, reply) = with(Fault::slow_headers(5), &ask("x")).await;
    assert_eq!(reply.status, 200);
    let (_sim, reply) = with(Fault::slow_events(1), &streamed(ask("x"))).await;
    assert_eq!(names(&events(&reply)).last(), Some(&"message_stop"));
    let (_sim, reply) = with(Fault::SplitUtf8(SplitUtf8 { chunk_bytes: None }), &streamed(ask("雪🦀"))).await;
    assert_eq!(names(&events(&reply)).last(), Some(&"message_stop"));
}

#[tokio::test]
async fn what_is_said_and_counted_can_be_told() {
    let (_sim, reply) = with(Fault::finish("pause_turn"), &ask("x")).await;
    assert_eq!(reply.json()["stop_reason"], "pause_turn");
    let (sim, reply) = with(Fault::NoUsage, &streamed(ask("x"))).await;
    assert!(!reply.text().contains("\"usage\""));
    assert_eq!(sim.settled().await[0].usage_sent, None);
    let fields = Map::from_iter([("cache_read_input_tokens".to_owned(), json!(900))]);
    let (sim, reply) = with(Fault::Usage(fields), &streamed(ask("x"))).await;
    let told = events(&reply);
    assert_eq!(told[0].1["message"]["usage"]["cache_read_input_tokens"], 900);
    assert_eq!(told[told.len() - 2].1["usage"]["cache_read_input_tokens"], 900);
    assert_eq!(sim.settled().await[0].usage_sent.as_ref().unwrap()["cache_read_input_tokens"], 900);
    let calls = vec![ToolCallScript { name: "f".to_owned(), arguments: json!("{broken") }];
    let (_sim, reply) = with(Fault::ToolCalls(ToolCalls { calls }), &ask("x")).await;
    assert_eq!(reply.json()["content"][0]["input"], json!({"INVALID_JSON": "{broken"}));
    let (_sim, reply) = with(Fault::Reasoning(Reasoning { tokens: 33 }), &ask("x")).await;
    assert_eq!(reply.json()["usage"]["output_tokens_details"]["thinking_tokens"], 33);
}

#[tokio::test]
async fn a_client_that_leaves_early_was_told_the_usage_so_far() {
    let sim = start().await;
    sim.fault(Provider::Anthropic, Fault::cut_after_events(3));
    post(&sim, &streamed(ask("x"))).await;
    let record = sim.settled().await.remove(0);
    assert_eq!(record.usage_sent.as_ref().unwrap()["output_tokens"], 1);
    assert!(record.usage.as_ref().unwrap()["output_tokens"].as_u64().unwrap() > 1);
}
