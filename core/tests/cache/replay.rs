//! One stored form, told as JSON and as a stream (promise P6).

use lockgate::settle::CacheVerdict;
use lockgate_sim::{Fault, Provider, StatusFault};
use serde_json::{Value, json};

use crate::house::{Answered, House, Store};
use crate::told;

/// True answers of providers, and what this table has of its own, each as `(what, stream, body)`.
fn answers() -> Vec<(&'static str, bool, String)> {
    macro_rules! wire {
        ($($case:literal $file:literal),* $(,)?) => {
            vec![$((
                $case,
                $file == "stream.sse",
                include_str!(concat!("../../../conformance/wire/openai/", $case, "/", $file)).to_owned(),
            )),*]
        };
    }
    let mut answers = wire![
        "plain" "response.json",
        "json_schema" "response.json",
        "reasoning_effort" "response.json",
        "tools_continued" "response.json",
        "stream_usage" "stream.sse",
        "stream_logprobs" "stream.sse",
        "stream_refusal" "stream.sse",
        "stream_tools_parallel" "stream.sse",
        "stream_unknown_fields" "stream.sse",
    ];
    // It ends for a reason of its own, and such an answer is not kept.
    let unknown = include_str!("../../../conformance/wire/openai/unknown_fields/response.json");
    answers.push(("unknown_fields", false, unknown.replace("x_reason", "tool_calls")));
    answers.push(("everything", false, everything().to_string()));
    answers
}

fn everything() -> Value {
    let token = |text: &str| json!({"token": text, "logprob": -0.25, "bytes": [104], "top_logprobs": []});
    json!({
        "id": "chatcmpl-all", "object": "chat.completion", "created": 1_761_000_000, "model": "gpt-4o-2024-08-06",
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Caf\u{e9} \u{1f600}\u{2028}\n\"quoted\"",
                "reasoning_content": "Let me think.",
                "refusal": null,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                    {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 2}"}},
                    {"id": "c", "type": "function", "function": {"name": "g", "arguments": "not JSON"}}
                ],
                "x_message": {"n": 1}
            },
            "logprobs": {"content": [token("h"), token("i")]},
            "finish_reason": "tool_calls",
            "x_choice": [1, 2]
        }],
        "usage": {
            "prompt_tokens": 40, "completion_tokens": 30, "total_tokens": 70,
            "prompt_tokens_details": {"cached_tokens": 16},
            "completion_tokens_details": {"reasoning_tokens": 12},
            "x_usage": 7
        },
        "system_fingerprint": "fp_1", "service_tier": "default", "x_response": {"y": null}
    })
}

fn question(text: &str, stream: bool) -> String {
    let options = if stream { json!({"include_usage": true}) } else { Value::Null };
    json!({
        "model": "gpt-4o", "messages": [{"role": "user", "content": text}],
        "stream": stream, "stream_options": options,
    })
    .to_string()
}

fn script(house: &House, stream: bool, body: String) {
    let kind = if stream { "text/event-stream" } else { "application/json" };
    let headers = [("content-type".to_owned(), kind.to_owned())].into();
    let fault = StatusFault { status: 200, body: Some(body), headers, ..StatusFault::default() };
    house.sim.fault(Provider::OpenAi, Fault::Status(fault));
}

fn told_by(answer: &Answered, stream: bool) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    match stream {
        true => told::stream(&told::chunks(&answer.body)),
        false => told::whole(&serde_json::from_str(&answer.body).unwrap()),
    }
}

fn report(answer: &Answered, stream: bool) -> Value {
    match stream {
        true => told::chunks(&answer.body).pop().unwrap()["lockgate"].take(),
        false => serde_json::from_str::<Value>(&answer.body).unwrap()["lockgate"].take(),
    }
}

#[tokio::test]
async fn every_form_tells_the_same() {
    let house = House::new(Store::Memory).await;
    for (at, (case, came_as_stream, body)) in answers().into_iter().enumerate() {
        script(&house, came_as_stream, body);
        let ask = |stream| question(case, stream);
        let first = house.post(&[], ask(came_as_stream)).await;
        assert_eq!(first.headers["x-lockgate-cache"], "miss");
        let first = told_by(&first, came_as_stream);
        for stream in [false, true, false, true] {
            let hit = house.post(&[], ask(stream)).await;
            let kind = if stream { "text/event-stream; charset=utf-8" } else { "application/json" };
            assert_eq!(hit.headers["content-type"], kind);
            assert_eq!(hit.headers["x-lockgate-cache"], "exact", "{case}");
            let told = told_by(&hit, stream);
            assert!(told == first, "{told}\n{first}\n{case}: stream {came_as_stream}, then {stream}");
        }
        assert_eq!(house.sim.requests().len(), at + 1, "{case}");
    }
}

#[tokio::test]
async fn nothing_is_lost_between_the_provider_and_the_hit() {
    let house = House::new(Store::Memory).await;
    script(&house, false, everything().to_string());
    let expected = told::whole(&everything());
    for stream in [false, false, true] {
        let answer = house.post(&[], question("all of it", stream)).await;
        assert_eq!(told_by(&answer, stream), expected, "stream {stream}");
    }
    let last = house.post(&[], question("all of it", true)).await;
    let calls: Vec<u64> = told::chunks(&last.body)
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().unwrap().clone())
        .flat_map(|choice| choice["delta"]["tool_calls"].as_array().cloned().unwrap_or_default())
        .map(|call| call["index"].as_u64().unwrap())
        .collect();
    assert_eq!(calls, [0, 1, 2]);
}

#[tokio::test]
async fn the_same_answer_outlives_the_hot_tier() {
    let house = House::new(Store::Sqlite).await;
    script(&house, false, everything().to_string());
    let first = house.post(&[], question("later", false)).await;
    let house = house.reopened().await;
    for stream in [false, true] {
        let hit = house.post(&[], question("later", stream)).await;
        assert_eq!(hit.headers["x-lockgate-cache"], "exact");
        assert_eq!(told_by(&hit, stream), told_by(&first, false));
    }
}

#[tokio::test]
async fn a_hit_costs_nothing_and_says_what_it_saved() {
    let house = House::new(Store::Sqlite).await;
    let first = house.post(&[], question("What does it cost?", false)).await;
    let cost = report(&first, false)["cost_nano_usd"].as_i64().unwrap();
    assert!(cost > 0);
    for stream in [false, true] {
        let hit = house.post(&[("x-request-id", "the-hit")], question("What does it cost?", stream)).await;
        assert_eq!(hit.headers["x-lockgate-cache"], "exact");
        assert_eq!(hit.headers["x-lockgate-provider"], "openai");
        assert_eq!(hit.headers["x-lockgate-model"], "gpt-4o");
        assert_eq!(hit.headers["x-request-id"], "the-hit");
        assert_eq!(
            hit.headers.get("x-lockgate-cost-usd").map(|v| v.to_str().unwrap()),
            (!stream).then_some("0")
        );
        let report = report(&hit, stream);
        assert_eq!(report["cost_nano_usd"], 0, "{report}");
        let saved = report["saved_usd"].as_f64().unwrap() * 1e9;
        assert!((saved - cost as f64).abs() < 0.5, "{report} for {cost}");
        let row = house.rows().await.remove(0);
        assert_eq!(row.client_request_id.as_deref(), Some("the-hit"));
        assert_eq!((row.cache, row.stream, row.status), (CacheVerdict::Exact, stream, 200));
        assert_eq!(row.cost.map(|cost| cost.nano()), Some(0));
        assert_eq!((row.saved.nano(), row.reserved.nano()), (cost, 0));
        assert_eq!((row.provider.as_deref(), row.served_model.as_deref()), (Some("openai"), Some("gpt-4o")));
    }
    let total = house.balanced().await;
    assert_eq!((total.requests, total.cache_hits), (3, 2));
    assert_eq!((total.cost.nano(), total.saved.nano()), (cost, 2 * cost));
}
