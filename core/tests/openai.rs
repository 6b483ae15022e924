//! The fixtures of OpenAI's wire: what goes out, what comes in, and streams split everywhere.
//!
//! A case is a folder: `request.json` is the caller's body; `case.json` has the resolved `model`, for errors the
//! `status` and `headers`, for a strict cap `output_cap`; `upstream_request.json` is the body that goes out;
//! `response.json` or `stream.sse` is what the provider answers; `expected.json` has the `answer` (of a stream: put
//! together), its billed `tokens` and whether it is `complete`, or the `failure`.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Helpers of tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lockgate::auth::Secret;
use lockgate::clock::Millis;
use lockgate::provider::openai::{OpenAi, token_counts};
use lockgate::provider::{Adapter, Call, Endpoint, Failure, FailureClass};
use lockgate::stream::{Assembler, DONE, Encoder, Event, Laws, replay, write_chunk};
use lockgate::types::{ChatRequest, ChatResponse, FinishReason};
use serde_json::{Value, json};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/wire/openai");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    assert!(cases.len() >= 20, "the fixtures are missing");
    cases
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn streams() -> Vec<(PathBuf, Vec<u8>)> {
    let read = |case: PathBuf| fs::read(case.join("stream.sse")).ok().map(|stream| (case, stream));
    cases().into_iter().filter_map(read).collect()
}

fn endpoint() -> Endpoint {
    Endpoint::new("https://provider.test/v1/", Some(Secret::new("sk-true"))).unwrap()
}

fn call<'a>(request: &'a ChatRequest, endpoint: &'a Endpoint) -> Call<'a> {
    Call { request, model: &request.model, stream: request.is_stream(), endpoint, output_cap: None }
}

/// Decodes the pieces: the events, and how it ended.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Result<(), Failure>) {
    let mut decoder = OpenAi::default().decoder();
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(failure) = decoder.push(piece, &mut events) {
            return (events, Err(failure));
        }
    }
    let ended = decoder.end(&mut events);
    (events, ended)
}

fn assemble(events: &[Event]) -> Option<ChatResponse> {
    let mut assembler = Assembler::default();
    events.iter().for_each(|event| assembler.push(event));
    assembler.finish()
}

fn outcome(case: &Path) -> Result<ChatResponse, Failure> {
    if let Ok(stream) = fs::read(case.join("stream.sse")) {
        let (events, ended) = decode([stream.as_slice()]);
        return ended.map(|()| assemble(&events).expect("a stream that ended is whole"));
    }
    let settings = json_of(&case.join("case.json"));
    let body = fs::read(case.join("response.json")).unwrap();
    let Some(status) = settings["status"].as_u64() else { return OpenAi::default().answer(&body) };
    let mut headers = http::HeaderMap::new();
    for (name, value) in settings["headers"].as_object().unwrap() {
        let name: http::HeaderName = name.parse().unwrap();
        headers.insert(name, value.as_str().unwrap().parse().unwrap());
    }
    Err(OpenAi::default().failure(u16::try_from(status).unwrap(), &headers, &body, Millis(0)))
}

fn failure_json(failure: &Failure) -> Value {
    let mut told = json!({"class": failure.class.as_str(), "message": failure.message});
    for (name, value) in [
        ("status", failure.status.map(Value::from)),
        ("type", failure.kind.clone().map(Value::from)),
        ("code", failure.code.clone().map(Value::from)),
        ("param", failure.param.clone().map(Value::from)),
        ("retry_after_ms", failure.retry_after.map(|wait| json!(wait.as_millis() as u64))),
    ] {
        if let Some(value) = value {
            told[name] = value;
        }
    }
    told
}

#[test]
fn requests_go_out_as_the_fixtures_say() {
    for case in cases() {
        let settings = json_of(&case.join("case.json"));
        let request = ChatRequest::from_slice(&fs::read(case.join("request.json")).unwrap())
            .unwrap_or_else(|error| panic!("{case:?}: {error}"));
        let endpoint = endpoint();
        let call = Call {
            model: settings["model"].as_str().unwrap(),
            output_cap: settings["output_cap"].as_u64(),
            ..call(&request, &endpoint)
        };
        let outgoing = OpenAi::default().chat(&call).unwrap();
        let sent: Value = serde_json::from_slice(outgoing.request.body()).unwrap();
        assert_eq!(sent, json_of(&case.join("upstream_request.json")), "{case:?}");
        let expected = json_of(&case.join("expected.json"));
        assert_eq!(outgoing.warnings.len() as u64, expected["warnings"].as_u64().unwrap_or(0), "{case:?}");
        assert_eq!(outgoing.request.uri(), "https://provider.test/v1/chat/completions");
        assert_eq!(outgoing.request.headers()["authorization"], "Bearer sk-true");
        assert!(!format!("{:?}", outgoing.request).contains("sk-true"));
    }
}

#[test]
fn answers_come_in_as_the_fixtures_say() {
    for case in cases() {
        let expected = json_of(&case.join("expected.json"));
        match outcome(&case) {
            Ok(answer) => {
                assert_eq!(serde_json::to_value(&answer).unwrap(), expected["answer"], "{case:?}");
                let counts = answer.usage.as_ref().map(token_counts);
                assert_eq!(serde_json::to_value(counts).unwrap(), expected["tokens"], "{case:?}");
                assert_eq!(answer.is_complete(), expected["complete"].as_bool().unwrap(), "{case:?}");
            }
            Err(failure) => assert_eq!(failure_json(&failure), expected["failure"], "{case:?}"),
        }
    }
}

#[test]
fn a_stream_split_at_every_byte_reads_the_same() {
    for (case, stream) in streams() {
        let whole = decode([stream.as_slice()]);
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            assert_eq!(decode([a, b]), whole, "{case:?} split at {at}");
        }
        assert_eq!(decode(stream.chunks(1)), whole, "{case:?} byte by byte");
    }
}

#[test]
fn a_stream_cut_before_its_end_is_never_whole() {
    for (case, stream) in streams() {
        let (whole, Ok(())) = decode([stream.as_slice()]) else { continue };
        for at in 0..stream.len() {
            let (events, ended) = decode([&stream[..at]]);
            match ended {
                // After the usage nothing of the answer is missing.
                Ok(()) => assert_eq!(assemble(&events), assemble(&whole), "{case:?} cut at {at}"),
                Err(failure) => assert_eq!(failure.class, FailureClass::Cut, "{case:?} cut at {at}"),
            }
        }
    }
}

#[test]
fn a_replayed_answer_assembles_to_itself() {
    for case in cases() {
        let Ok(answer) = outcome(&case) else { continue };
        let events = replay(&answer);
        let mut laws = Laws::default();
        events.iter().for_each(|event| laws.check(event).unwrap_or_else(|law| panic!("{case:?}: {law}")));
        assert_eq!(assemble(&events).unwrap(), answer, "{case:?}");
    }
}

#[test]
fn what_we_stream_reads_as_what_we_were_told() {
    for (case, stream) in streams() {
        let (events, Ok(())) = decode([stream.as_slice()]) else { continue };
        let mut encoder = Encoder::new("fallback", "fallback", 1);
        let mut ours = Vec::new();
        for event in &events {
            if let Some(chunk) = encoder.chunk(event.clone()) {
                write_chunk(&chunk, &mut ours).unwrap();
            }
        }
        write_chunk(&encoder.last(None, true), &mut ours).unwrap();
        ours.extend_from_slice(DONE);
        let (again, ended) = decode([ours.as_slice()]);
        assert_eq!(ended, Ok(()), "{case:?}");
        assert_eq!(assemble(&again), assemble(&events), "{case:?}");
    }
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
    let endless = vec![b'x'; 3 << 20];
    assert_eq!(decode([endless.as_slice()]).1.unwrap_err().class, FailureClass::Malformed);
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

mod random {
    use proptest::prelude::*;

    use super::{Laws, decode};

    const WORDS: [&str; 17] = [
        "data: ",
        "data:",
        "event: error",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        ":",
        "{",
        "}",
        "[DONE]",
        "{\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":3,\"function\":{\"name\":\"f\"}}]}}]}",
        "{\"choices\":[{\"finish_reason\":\"stop\"}]}",
        "{\"usage\":{\"prompt_tokens\":1}}",
        "null",
        "\u{feff}",
    ];

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(WORDS.to_vec()).prop_map(|word| word.as_bytes().to_vec());
        let noise = prop::collection::vec(any::<u8>(), 0..12);
        prop::collection::vec(prop_oneof![6 => words, 1 => noise], 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_decode_the_same_however_they_are_split(
            bytes in bytes(),
            at in any::<prop::sample::Index>(),
        ) {
            let whole = decode([bytes.as_slice()]);
            let (a, b) = bytes.split_at(at.index(bytes.len() + 1));
            prop_assert_eq!(&decode([a, b]), &whole);
            let mut laws = Laws::default();
            for event in &whole.0 {
                prop_assert_eq!(laws.check(event), Ok(()));
            }
        }
    }
}
