//! Every fault, seen by the client.

use std::time::{Duration, Instant};

use lockgate_sim::{
    Cut, CutClose, ErrorInStream, Fault, Outcome, Provider, Reasoning, Scripted, Sim, SplitUtf8, Stall,
    StallStage, StatusFault, ToolCallScript, ToolCalls,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::raw::{End, Reply, ask, ask_stream, call, chat, read, send, start};

const OPENAI: Provider = Provider::OpenAi;
/// Long enough for a local answer, short enough for a test of silence.
const SILENCE: Duration = Duration::from_millis(150);

async fn with(fault: impl Into<Scripted>, body: &Value) -> (Sim, Reply) {
    let sim = start().await;
    sim.fault(OPENAI, fault);
    let reply = chat(&sim, body).await;
    (sim, reply)
}

async fn outcome(sim: &Sim) -> Outcome {
    sim.settled().await[0].outcome
}

#[tokio::test]
async fn status_answers_with_the_vendors_error() {
    let (sim, reply) = with(Fault::status(429).retry_after("7"), &ask("x")).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "7"));
    assert_eq!(reply.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(outcome(&sim).await, Outcome::Faulted);
    assert_eq!(chat(&sim, &ask("x")).await.status, 200, "one fault, one request");

    let told = Fault::Status(StatusFault {
        status: 503,
        retry_after_ms: Some(1500),
        message: Some("busy".to_owned()),
        code: Some("c".to_owned()),
        error_type: Some("t".to_owned()),
        headers: [("x-extra".to_owned(), "1".to_owned())].into(),
        ..StatusFault::default()
    });
    let (_sim, reply) = with(told, &ask_stream("x")).await;
    assert_eq!((reply.status, reply.header("retry-after-ms"), reply.header("x-extra")), (503, "1500", "1"));
    assert_eq!(reply.json(), json!({"error": {"message": "busy", "type": "t", "param": null, "code": "c"}}));

    let raw = StatusFault { status: 502, body: Some("<html>".to_owned()), ..StatusFault::default() };
    let (_sim, reply) = with(Fault::Status(raw), &ask("x")).await;
    assert_eq!((reply.status, reply.text().as_str()), (502, "<html>"));
}

#[tokio::test]
async fn reset_sends_a_true_reset_before_any_byte() {
    let (sim, reply) = with(Fault::Reset, &ask("x")).await;
    assert_eq!((reply.status, reply.end), (0, End::Reset));
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.status, record.bytes_sent), (Outcome::Faulted, None, 0));
}

#[tokio::test]
async fn reset_after_delivers_its_bytes_first() {
    let (sim, reply) = with(Fault::reset_after(500), &ask_stream("x")).await;
    assert_eq!((reply.status, reply.end, reply.body().len()), (200, End::Reset, 500));
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.bytes_sent, record.usage_sent), (Outcome::Faulted, 500, None));
    let (_sim, reply) = with(Fault::reset_after(0), &ask("x")).await;
    assert_eq!((reply.status, reply.end, reply.body().len()), (200, End::Reset, 0));
}

#[tokio::test]
async fn a_stall_is_silence_where_it_was_asked_for() {
    let sim = start().await;
    sim.fault(OPENAI, Fault::stall_headers());
    assert!(timeout(SILENCE, chat(&sim, &ask("x"))).await.is_err(), "no headers");

    for stall in [
        Stall { after_events: Some(2), ..Stall::default() },
        Stall { stage: Some(StallStage::Body), ..Stall::default() },
    ] {
        sim.fault(OPENAI, Fault::Stall(stall.clone()));
        let before = sim.requests().len();
        assert!(timeout(SILENCE, chat(&sim, &ask_stream("x"))).await.is_err(), "no end: {stall:?}");
        let records = sim.wait_until(|all| all.len() > before && all[before].outcome != Outcome::Open).await;
        assert_eq!(records[before].events_sent, stall.after_events.unwrap_or(0));
        assert_eq!((records[before].outcome, records[before].status), (Outcome::Aborted, Some(200)));
    }

    let (sim, reply) =
        with(Fault::Stall(Stall { ms: Some(40), after_bytes: Some(10), ..Stall::default() }), &ask("x"))
            .await;
    assert_eq!(reply.json()["object"], "chat.completion", "a finite stall goes on");
    let record = sim.settled().await.remove(0);
    assert_eq!(record.outcome, Outcome::Completed);
    assert!(record.ended_at_ms.unwrap() - record.at_ms >= 40);
}

#[tokio::test]
async fn a_cut_ends_properly_or_drops() {
    let (sim, reply) = with(Fault::cut_after_events(3), &ask_stream("x")).await;
    assert_eq!((reply.end, reply.events().len()), (End::Whole, 3));
    assert!(!reply.text().contains("[DONE]"));
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.events_sent), (Outcome::Faulted, 3));

    let dropped = Cut { after_events: Some(3), close: CutClose::Drop, ..Cut::default() };
    let (sim, reply) = with(Fault::Cut(dropped), &ask_stream("x")).await;
    assert_eq!((reply.end, reply.events().len()), (End::Closed, 3));
    assert_eq!(outcome(&sim).await, Outcome::Faulted);

    let whole = chat(&sim, &ask("x")).await;
    let (_sim, reply) = with(Fault::drop_after_bytes(20), &ask("x")).await;
    assert_eq!((reply.end, reply.body().len()), (End::Closed, 20));
    assert_eq!(reply.header("content-length"), whole.header("content-length"), "the length promised more");
    let (_sim, reply) = with(Fault::Cut(Cut::default()), &ask("x")).await;
    assert_eq!((reply.end, reply.body().len()), (End::Closed, whole.body().len() / 2));
    let (_sim, reply) = with(Fault::cut_after_events(0), &ask_stream("x")).await;
    assert_eq!((reply.status, reply.end, reply.body().len()), (200, End::Whole, 0));
}

#[tokio::test]
async fn split_writes_fall_inside_characters_and_lines() {
    let plain = chat(&start().await, &ask_stream("雪🦀")).await;
    for split in [Fault::split_every(1), Fault::split_every(3), Fault::SplitUtf8(SplitUtf8::default())] {
        let (sim, reply) = with(split.clone(), &ask_stream("雪🦀")).await;
        assert_eq!(reply.body(), plain.body(), "{split:?}");
        assert!(reply.chunks.iter().any(|chunk| std::str::from_utf8(chunk).is_err()), "{split:?}");
        assert!(reply.chunks.iter().all(|chunk| chunk.len() <= 7), "{split:?}");
        let record = sim.settled().await.remove(0);
        assert_eq!(record.outcome, Outcome::Completed);
        assert_eq!(record.bytes_sent, u64::try_from(reply.body().len()).unwrap());
        assert_eq!(record.events_sent, u64::try_from(plain.events().len()).unwrap());
        assert_eq!(record.usage_sent, record.usage);
    }
}

#[tokio::test]
async fn malformed_json_breaks_one_event_or_the_body() {
    let (sim, reply) = with(Fault::malformed_after(2), &ask_stream("x")).await;
    let broken: Vec<usize> = reply
        .events()
        .iter()
        .enumerate()
        .filter(|(_, event)| *event != "[DONE]" && serde_json::from_str::<Value>(event).is_err())
        .map(|(place, _)| place)
        .collect();
    assert_eq!(broken, [2]);
    assert_eq!(reply.events().last().unwrap(), "[DONE]");
    assert_eq!(outcome(&sim).await, Outcome::Faulted);
    let (_sim, reply) = with(Fault::malformed_after(0), &ask("x")).await;
    assert_eq!((reply.status, reply.end), (200, End::Whole));
    assert!(serde_json::from_slice::<Value>(&reply.body()).is_err());
}

#[tokio::test]
async fn an_error_inside_a_200() {
    let (sim, reply) = with(Fault::error_after(2), &ask_stream("x")).await;
    assert_eq!((reply.status, reply.end, reply.events().len()), (200, End::Whole, 3));
    let error: Value = serde_json::from_str(&reply.events()[2]).unwrap();
    assert_eq!(error["error"]["type"], "server_error");
    assert_eq!(outcome(&sim).await, Outcome::Faulted);
    let told = ErrorInStream {
        message: Some("m".to_owned()),
        code: Some("c".to_owned()),
        ..ErrorInStream::default()
    };
    let (_sim, reply) = with(Fault::ErrorInStream(told), &ask("x")).await;
    assert_eq!((reply.status, &reply.json()["error"]["message"]), (200, &json!("m")));
}

#[tokio::test]
async fn empty_and_endless_streams() {
    let (_sim, reply) = with(Fault::EmptyStream, &ask_stream("x")).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "data: [DONE]\n\n"));
    let (sim, reply) = with(Fault::EmptyStream, &ask("x")).await;
    assert_eq!((reply.status, reply.text().as_str(), reply.end), (200, "", End::Whole));
    assert_eq!(outcome(&sim).await, Outcome::Faulted, "an empty body ends too");
    let (sim, reply) = with(Fault::NoDone, &ask_stream("x")).await;
    assert_eq!(reply.end, End::Whole);
    assert!(reply.text().contains("\"finish_reason\":\"stop\"") && !reply.text().contains("[DONE]"));
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.usage_sent), (Outcome::Faulted, record.usage));
}

#[tokio::test]
async fn slowness_is_measurable() {
    let started = Instant::now();
    let (_sim, reply) = with(Fault::slow_headers(60), &ask("x")).await;
    assert_eq!(reply.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(60));
    let sim = start().await;
    sim.fault(OPENAI, Scripted::from(Fault::slow_events(10)).and(Fault::reply("a b c")));
    let started = Instant::now();
    let reply = chat(&sim, &ask_stream("x")).await;
    assert_eq!(reply.events().len(), 1 + 3 + 1 + 1 + 1);
    assert!(started.elapsed() >= Duration::from_millis(70));
    assert!(reply.chunks.len() >= 7, "each event is written on its own");
}

#[tokio::test]
async fn what_is_said_can_be_told() {
    let (_sim, reply) = with(Fault::finish("content_filter"), &ask("x")).await;
    assert_eq!(reply.json()["choices"][0]["finish_reason"], "content_filter");
    let (sim, reply) = with(Fault::NoUsage, &ask("x")).await;
    assert!(!reply.json().as_object().unwrap().contains_key("usage"));
    assert_eq!(sim.settled().await[0].usage_sent, None);
    let (_sim, reply) = with(Fault::NoUsage, &ask_stream("x")).await;
    assert!(!reply.text().contains("usage"));
    let (_sim, reply) = with(Fault::reply("exactly 雪"), &ask("x")).await;
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "exactly 雪");

    let usage = json!({"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 900}});
    let (sim, reply) = with(Fault::Usage(usage.as_object().unwrap().clone()), &ask_stream("x")).await;
    let told = reply.deltas().pop().unwrap()["usage"].clone();
    assert_eq!(
        (&told["prompt_tokens"], &told["prompt_tokens_details"]["cached_tokens"]),
        (&json!(1000), &json!(900))
    );
    assert_eq!(told["prompt_tokens_details"]["audio_tokens"], 0, "other details stay");
    assert_eq!(told["total_tokens"], 1000 + told["completion_tokens"].as_u64().unwrap());
    let record = sim.settled().await.remove(0);
    assert_eq!(record.usage_sent, Some(told));
    assert_ne!(record.usage_sent, record.usage);

    let calls = vec![
        ToolCallScript { name: "f".to_owned(), arguments: json!({"a": 1}) },
        ToolCallScript { name: "g".to_owned(), arguments: json!("{not json") },
    ];
    let (_sim, reply) = with(Fault::ToolCalls(ToolCalls { calls }), &ask("x")).await;
    let answer = reply.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let calls = &answer["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls[0]["function"], json!({"name": "f", "arguments": "{\"a\":1}"}));
    assert_eq!(calls[1]["function"]["arguments"], "{not json");

    let (_sim, reply) = with(Fault::Reasoning(Reasoning { tokens: 40 }), &ask("x")).await;
    assert_eq!(reply.json()["usage"]["completion_tokens_details"]["reasoning_tokens"], 40);
}

#[tokio::test]
async fn faults_combine_and_repeat() {
    let sim = start().await;
    sim.fault(OPENAI, Scripted::from(Fault::reply("one two three")).and(Fault::cut_after_events(2)).times(2));
    for _ in 0..2 {
        let reply = chat(&sim, &ask_stream("x")).await;
        assert_eq!(reply.events().len(), 2);
        assert!(reply.text().contains("\"content\":\"one\""));
    }
    assert!(sim.waiting_faults().is_empty());
    assert_eq!(chat(&sim, &ask_stream("x")).await.events().last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn a_reset_spares_other_connections() {
    let sim = start().await;
    sim.fault(OPENAI, Scripted::from(Fault::Reset).on_model("gpt-4o"));
    sim.fault(OPENAI, Scripted::from(Fault::slow_headers(50)).on_model("gpt-4.1"));
    let mut slow = ask("x");
    slow["model"] = json!("gpt-4.1");
    let waiting = send(&sim, "POST", crate::raw::CHAT, &[crate::raw::KEY], slow.to_string().as_bytes()).await;
    assert_eq!(chat(&sim, &ask("x")).await.end, End::Reset);
    assert_eq!(read(waiting).await.status, 200);
    let bad = call(&sim, "POST", crate::raw::CHAT, &[], b"{}").await;
    assert_eq!(bad.status, 401);
}
