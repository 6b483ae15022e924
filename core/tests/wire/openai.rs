//! What is OpenAI's own: sloppy tool calls, late usage, the name of the output limit, classes of failures.

use std::time::Duration;

use lockgate::clock::Millis;
use lockgate::provider::openai::OpenAi;
use lockgate::provider::{Adapter, Call, Endpoint, Failure, FailureClass};
use lockgate::types::{ChatRequest, ChatResponse, FinishReason};
use serde_json::{Value, json};

use crate::case::Case;
use crate::harness::{self, Decoded, assemble, endpoint};

/// Where a case goes.
pub(crate) fn path(case: &Case, _stream: bool) -> String {
    let path = if case.is_embeddings() { "/embeddings" } else { "/chat/completions" };
    path.to_owned()
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    harness::decode(OpenAi::default().decoder(), pieces)
}

fn call<'a>(request: &'a ChatRequest, endpoint: &'a Endpoint) -> Call<'a> {
    Call { request, model: &request.model, stream: request.is_stream(), endpoint, output_cap: None }
}

fn chunk(delta: Value, finish: Value) -> Value {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    json!({"id": "c1", "created": 1, "model": "m", "choices": [choice]})
}

fn streamed(chunks: &[Value]) -> Result<ChatResponse, Failure> {
    let mut body = String::new();
    chunks.iter().for_each(|chunk| body.push_str(&format!("data: {chunk}\n\n")));
    body.push_str("data: [DONE]\n\n");
    let (events, ended) = decode([body.as_bytes()]);
    ended.map(|()| assemble(&events).unwrap())
}

#[test]
fn tool_calls_of_sloppy_providers_stay_apart() {
    let named = |name: &str, arguments: &str| json!({"name": name, "arguments": arguments});
    let sequences = [
        // Every call under index 0.
        vec![
            json!({"index": 0, "id": "a", "function": named("f", "{}")}),
            json!({"index": 0, "id": "b", "function": named("g", "{}")}),
        ],
        // Id and name on each piece.
        vec![
            json!({"index": 0, "id": "a", "function": named("f", "{")}),
            json!({"index": 0, "id": "a", "function": named("f", "}")}),
            json!({"index": 1, "id": "b", "function": named("g", "{}")}),
        ],
        // No ids.
        vec![
            json!({"index": 0, "function": named("f", "{}")}),
            json!({"index": 1, "id": "", "function": named("g", "{}")}),
        ],
        // No indexes.
        vec![
            json!({"id": "a", "function": {"name": "f"}}),
            json!({"function": {"arguments": "{}"}}),
            json!({"id": "b", "function": named("g", "{}")}),
        ],
        // Indexes from 1, the name after the id.
        vec![
            json!({"index": 1, "id": "a"}),
            json!({"index": 1, "function": named("f", "{}")}),
            json!({"index": 2, "id": "b", "function": named("g", "{}")}),
        ],
        // Interleaved.
        vec![
            json!({"index": 0, "id": "a", "function": named("f", "{")}),
            json!({"index": 1, "id": "b", "function": named("g", "{")}),
            json!({"index": 0, "function": {"arguments": "}"}}),
            json!({"index": 1, "function": {"arguments": "}"}}),
        ],
    ];
    for sequence in sequences {
        let mut chunks: Vec<Value> =
            sequence.into_iter().map(|call| chunk(json!({"tool_calls": [call]}), Value::Null)).collect();
        chunks.push(chunk(json!({}), json!("tool_calls")));
        let answer = streamed(&chunks).unwrap();
        let calls = &answer.choices[0].message.tool_calls;
        let told: Vec<_> = calls.iter().map(|call| call.function.as_ref().unwrap()).collect();
        assert_eq!(told.len(), 2, "{chunks:?}");
        assert_eq!((told[0].name.as_str(), told[1].name.as_str()), ("f", "g"));
        assert!(told.iter().all(|call| call.arguments == "{}"), "{chunks:?}");
        assert!(!calls[0].id.is_empty() && calls[0].id != calls[1].id, "{chunks:?}");
    }
}

#[test]
fn streams_that_break_the_protocol_fail() {
    let text = chunk(json!({"content": "x"}), Value::Null);
    let nameless = chunk(json!({"tool_calls": [{"index": 0, "id": "a"}]}), json!("tool_calls"));
    let class = |chunks: &[Value]| streamed(chunks).unwrap_err().class;
    assert_eq!(class(std::slice::from_ref(&text)), FailureClass::Cut);
    assert_eq!(class(&[]), FailureClass::Cut);
    assert_eq!(class(&[nameless]), FailureClass::Malformed);
    assert_eq!(class(&[json!({"error": "busy"})]), FailureClass::InBand);
    assert_eq!(class(&[json!({"choices": "no"})]), FailureClass::Malformed);
    assert_eq!(class(&[json!("text")]), FailureClass::Malformed);
    let with_error = json!({"id": "c", "choices": [], "error": {"message": "m", "code": 502}});
    let failure = streamed(&[text, with_error]).unwrap_err();
    assert_eq!((failure.class, failure.code.as_deref()), (FailureClass::InBand, Some("502")));
    let named = b"event: error\ndata: {\"message\": \"gone\"}\n\n";
    assert_eq!(decode([named.as_slice()]).1.unwrap_err().message, "gone");
    let broken = b"data: {\"id\": \n\n";
    assert_eq!(decode([broken.as_slice()]).1.unwrap_err().class, FailureClass::Malformed);
}

#[test]
fn a_later_empty_usage_replaces_nothing() {
    let usage = |prompt: u64, answer: u64| {
        let details = json!({"cached_tokens": 0});
        let usage = json!({"prompt_tokens": prompt, "completion_tokens": answer,
            "total_tokens": prompt + answer, "prompt_tokens_details": details});
        json!({"id": "c1", "choices": [], "usage": usage})
    };
    let end = chunk(json!({"content": "x"}), json!("stop"));
    let told = streamed(&[end.clone(), usage(7, 3), usage(0, 0)]).unwrap().usage.unwrap();
    assert_eq!((told.prompt_tokens, told.completion_tokens, told.total_tokens), (7, 3, 10));
    assert_eq!(told.prompt_tokens_details.unwrap().cached_tokens, Some(0));
    assert_eq!(streamed(&[end.clone(), usage(0, 0)]).unwrap().usage.unwrap().total_tokens, 0);
    assert_eq!(streamed(&[end.clone(), usage(7, 1), usage(7, 3)]).unwrap().usage.unwrap().total_tokens, 10);
    assert!(streamed(&[end]).unwrap().usage.is_none());
}

#[test]
fn usage_is_known_before_the_end() {
    let mut decoder = OpenAi::default().decoder();
    let chunk =
        b"data: {\"id\":\"a\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";
    assert!(decoder.usage().is_none());
    decoder.push(chunk, &mut Vec::new()).unwrap();
    assert_eq!(decoder.usage().unwrap().prompt_tokens, 5);
}

#[test]
fn a_finish_before_late_content_still_comes_last() {
    let chunks = [
        chunk(json!({"content": "a"}), json!("stop")),
        chunk(json!({"content": "b"}), json!("")),
        chunk(json!({}), json!("stop")),
    ];
    let answer = streamed(&chunks).unwrap();
    assert_eq!(answer.text(), "ab");
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
}

#[test]
fn the_limit_goes_under_the_name_the_model_takes() {
    let endpoint = endpoint();
    let sent = |model: &str, cap: Option<u64>, change: fn(&mut ChatRequest)| {
        let mut request = ChatRequest::new(model).user("x");
        change(&mut request);
        let outgoing =
            OpenAi::default().chat(&Call { output_cap: cap, ..call(&request, &endpoint) }).unwrap();
        let body: Value = serde_json::from_slice(outgoing.request.body()).unwrap();
        let at = |name: &str| body.get(name).and_then(Value::as_u64);
        (at("max_tokens"), at("max_completion_tokens"), outgoing.warnings.len())
    };
    let older: fn(&mut ChatRequest) = |request| request.max_tokens = Some(50);
    let newer: fn(&mut ChatRequest) = |request| request.max_completion_tokens = Some(60);
    let none: fn(&mut ChatRequest) = |_| {};
    for model in ["o1", "o1-mini", "o3-pro", "o4-mini", "gpt-5", "gpt-5.6-mini", "ft:o4-mini:org::id"] {
        assert_eq!(sent(model, None, older), (None, Some(50), 0), "{model}");
    }
    for model in ["gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "gpt-50", "o10", "llama3"] {
        assert_eq!(sent(model, None, older), (Some(50), None, 0), "{model}");
    }
    assert_eq!(sent("gpt-4o", None, newer), (None, Some(60), 0));
    assert_eq!(sent("gpt-4o", None, none), (None, None, 0));
    assert_eq!(sent("gpt-4o", Some(40), none), (None, Some(40), 1));
    assert_eq!(sent("gpt-4o", Some(40), older), (Some(40), None, 1));
    assert_eq!(sent("gpt-4o", Some(55), newer), (None, Some(55), 1));
    assert_eq!(sent("gpt-4o", Some(99), newer), (None, Some(60), 0));
    assert_eq!(sent("o3", Some(10), older), (None, Some(10), 1));
}

#[test]
fn answers_that_are_none_are_failures() {
    let class = |body: &[u8]| OpenAi::default().answer(body).unwrap_err().class;
    assert_eq!(class(b""), FailureClass::Malformed);
    assert_eq!(class(b"<html>"), FailureClass::Malformed);
    assert_eq!(class(b"{}"), FailureClass::Malformed);
    assert_eq!(class(br#"{"id":"x","choices":[]}"#), FailureClass::Malformed);
    assert_eq!(class(br#"{"choices":[{"index":0}]}"#), FailureClass::Malformed);
    assert_eq!(class(br#"{"error":{"message":"m"}}"#), FailureClass::InBand);
    assert_eq!(class(br#"{"choices":[],"error":{"message":"m"}}"#), FailureClass::InBand);
}

#[test]
fn statuses_and_fields_decide_the_class() {
    use FailureClass::{KeyRejected, Malformed, Overloaded, QuotaExhausted, RateLimited, Rejected, Server};
    let class = |status: u16, code: &str| {
        let body = json!({"error": {"message": "rate limit insufficient_quota overloaded", "code": code}});
        OpenAi::default()
            .failure(status, &http::HeaderMap::new(), body.to_string().as_bytes(), Millis(0))
            .class
    };
    for (status, code, expected) in [
        (400, "x", Rejected),
        (400, "billing_hard_limit_reached", QuotaExhausted),
        (401, "x", KeyRejected),
        (402, "x", QuotaExhausted),
        (403, "x", KeyRejected),
        (404, "x", Rejected),
        (408, "x", Server),
        (409, "x", Rejected),
        (413, "x", FailureClass::TooLarge),
        (422, "x", Rejected),
        (429, "x", RateLimited),
        (429, "insufficient_quota", QuotaExhausted),
        (429, "slow_down", Overloaded),
        (500, "x", Server),
        (502, "x", Server),
        (503, "x", Overloaded),
        (529, "x", Overloaded),
        (302, "x", Malformed),
    ] {
        assert_eq!(class(status, code), expected, "{status} {code}");
    }
}

#[test]
fn retry_after_is_read_in_every_form() {
    let wait = |pairs: &[(&'static str, &str)], now: i64| {
        let mut headers = http::HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        Failure::wait(&headers, Millis(now))
    };
    assert_eq!(wait(&[("retry-after", "20")], 0), Some(Duration::from_secs(20)));
    assert_eq!(wait(&[("retry-after", "0.5")], 0), Some(Duration::from_millis(500)));
    let both = [("retry-after", "9"), ("retry-after-ms", "1500")];
    assert_eq!(wait(&both, 0), Some(Duration::from_millis(1500)));
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    assert_eq!(wait(&[("retry-after", date)], 1_445_412_470_000), Some(Duration::from_secs(10)));
    assert_eq!(wait(&[("retry-after", date)], 1_545_412_470_000), Some(Duration::ZERO));
    for nonsense in ["-1", "soon", "NaN", "inf", ""] {
        assert_eq!(wait(&[("retry-after", nonsense)], 0), None, "{nonsense}");
    }
    assert_eq!(wait(&[], 0), None);
}

#[test]
fn endpoints_and_names_are_checked() {
    for good in ["https://api.openai.com/v1", "http://127.0.0.1:8080", "http://[::1]:1/v1/"] {
        assert!(Endpoint::new(good, None).is_ok(), "{good}");
    }
    for bad in
        ["", "api.openai.com/v1", "ftp://x", "https://", "https://u:p@x/v1", "https://x/v1?key=1", "/v1"]
    {
        let error = Endpoint::new(bad, None).unwrap_err();
        assert!(bad.len() < 8 || !error.message().contains(bad), "{bad} is shown");
    }
    assert_eq!(lockgate::provider::path_segment("llama3.2:1b").unwrap(), "llama3.2:1b");
    for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "ä", "a\nb"] {
        assert!(lockgate::provider::path_segment(bad).is_err(), "{bad:?}");
    }
}
