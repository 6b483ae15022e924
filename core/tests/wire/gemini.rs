//! What is Gemini's own.

use std::time::Duration;

use lockgate::config::{Environment, Layers};
use lockgate::provider::gemini::Gemini;
use lockgate::provider::{Adapter, Call, EmbedCall, Failure, FailureClass};
use lockgate::types::{ChatRequest, ChatResponse, EmbedRequest, FinishReason, Message};
use serde_json::{Value, json};

use crate::case::Case;
use crate::harness::{assemble, decode, endpoint};

/// Where a case goes unless it says otherwise.
pub(crate) fn path(case: &Case, stream: bool) -> String {
    let method = match (case.is_embeddings(), stream) {
        (true, _) => "embedContent",
        (_, true) => "streamGenerateContent?alt=sse",
        (_, false) => "generateContent",
    };
    format!("/models/{}:{method}", case.model())
}

/// The body that goes out, and the warnings.
fn sent(request: &ChatRequest) -> lockgate::Result<(Value, Vec<String>)> {
    let endpoint = endpoint();
    let stream = request.is_stream();
    let call = Call {
        request,
        model: &request.model,
        stream,
        endpoint: &endpoint,
        output_cap: None,
        max_output_tokens: None,
    };
    let outgoing = Gemini.chat(&call)?;
    Ok((serde_json::from_slice(outgoing.request.body()).unwrap(), outgoing.warnings))
}

fn asking(fields: Value) -> ChatRequest {
    let mut body = json!({"model": "gemini-4-argon", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    ChatRequest::from_slice(body.to_string().as_bytes()).unwrap()
}

/// The field that an error names.
fn refused(fields: Value) -> String {
    let error = sent(&asking(fields)).unwrap_err();
    assert_eq!(error.code(), "unsupported_parameter");
    error.details().param.clone().unwrap()
}

fn chunk(parts: Value, finish: Value) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if !finish.is_null() {
        candidate["finishReason"] = finish;
    }
    json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r1"})
}

fn streamed(chunks: &[Value]) -> Result<ChatResponse, Failure> {
    let body: String = chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
    let (events, ended) = decode(Gemini.decoder(), [body.as_bytes()]);
    ended.map(|()| assemble(&events).unwrap())
}

fn whole(body: &Value) -> ChatResponse {
    Gemini.answer(body.to_string().as_bytes()).unwrap()
}

/// The conversation so far with `answer` handed back, as a caller does it.
fn continued(answer: &ChatResponse) -> Value {
    let message: Message = answer.choices[0].message.clone();
    let mut request = asking(json!({}));
    request.messages.push(message);
    request.messages.push(Message::user("And?"));
    sent(&request).unwrap().0["contents"][1].clone()
}

#[test]
fn what_gemini_said_goes_back_part_by_part_as_it_came() {
    let run = json!({"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2VhbA=="});
    let ran = json!({"codeExecutionResult": {"outcome": "OUTCOME_OK"}});
    for parts in [
        json!([{"text": "Hm.", "thought": true, "thoughtSignature": "YQ=="}, {"text": "Yes."}]),
        json!([{"text": "Hm.", "thought": true}, {"text": "Yes.", "thoughtSignature": "YQ=="}]),
        json!([{"text": "Ça "}, {"text": "va 🪐", "thoughtSignature": "YQ=="}, {"text": "."}]),
        json!([{"text": "A", "thoughtSignature": "YQ=="}, {"text": "B", "thoughtSignature": "Yg=="}]),
        json!([{"text": "A"}, {"text": "", "thoughtSignature": "YQ=="}]),
        json!([{"text": "A"}, run, ran, {"text": "B"}, {"text": "", "thoughtSignature": "Yg=="}]),
        json!([{"text": "A"}, {"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "YQ=="},
            {"functionCall": {"id": "2", "name": "g", "args": {}}}]),
        // An id of ours is not one of Gemini's.
        json!([{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "YQ=="}]),
        json!([{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {}}}]),
    ] {
        let expected = json!({"role": "model", "parts": parts});
        assert_eq!(continued(&whole(&chunk(parts.clone(), json!("STOP")))), expected);
        // Piece by piece, the same.
        let mut chunks: Vec<Value> =
            parts.as_array().unwrap().iter().map(|part| chunk(json!([part]), Value::Null)).collect();
        chunks.push(chunk(json!([]), json!("STOP")));
        assert_eq!(continued(&streamed(&chunks).unwrap()), expected);
    }
}

#[test]
fn text_that_was_changed_keeps_the_seal_at_its_end() {
    let parts = json!([{"text": "Yes."}, {"text": " Indeed.", "thoughtSignature": "YQ=="}]);
    let mut answer = whole(&chunk(parts, json!("STOP")));
    answer.choices[0].message.content = Some("No.".into());
    let back = json!([{"text": "No."}, {"text": "", "thoughtSignature": "YQ=="}]);
    assert_eq!(continued(&answer)["parts"], back);
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for (fields, param) in [
        (json!({"audio": {"voice": "x"}}), "audio"),
        (json!({"modalities": ["audio"]}), "modalities"),
        (json!({"n": 9}), "n"),
        (json!({"messages": [{"role": "system", "content": "x"}]}), "messages"),
        (json!({"tools": [{"type": "google_search"}], "tool_choice": "required"}), "tool_choice"),
        (
            json!({"model": "gemini-2.0-flash", "messages": [{"role": "user", "content":
                [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]}),
            "messages[0].content[0].image_url.url",
        ),
        (json!({"functions": []}), "functions"),
        (json!({"contents": []}), "contents"),
        (json!({"system_instruction": {}}), "system_instruction"),
        (json!({"generation_config": {"candidate_count": 2}}), "generation_config.candidate_count"),
        (json!({"tools": [{"type": "web_search"}]}), "tools[0].type"),
        (part(json!({"type": "video", "video": {}})), "messages[0].content[0].type"),
        (part(json!({"type": "file", "file": {"file_id": "file-1"}})), "messages[0].content[0].file.file_id"),
        (part(json!({"type": "file", "file": {"file_data": "x"}})), "messages[0].content[0].file.file_data"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "custom"}}),
            "tool_choice",
        ),
    ] {
        assert_eq!(refused(fields.clone()), param, "{fields}");
    }
}

#[test]
fn a_caller_may_use_geminis_own_words() {
    let (body, warnings) = sent(&asking(json!({
        "modalities": ["text", "image"],
        "extra_body": {"google": {"thinking_config": {"thinking_budget": 9}, "safety_settings": []}, "more": 1},
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "googleSearch"}],
        "tool_config": {"retrievalConfig": {"languageCode": "de"}},
        "tool_choice": "required",
    })))
    .unwrap();
    assert_eq!(body["generationConfig"]["responseModalities"], json!(["TEXT", "IMAGE"]));
    assert_eq!(body["generationConfig"]["thinkingConfig"], json!({"thinking_budget": 9}));
    assert_eq!((&body["safety_settings"], &body["extra_body"]), (&json!([]), &json!({"more": 1})));
    assert_eq!(body["tools"], json!([{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]));
    let config = json!({"retrievalConfig": {"languageCode": "de"}, "functionCallingConfig": {"mode": "ANY"}});
    assert_eq!(body["toolConfig"], config);
    assert!(warnings.is_empty());
    let error = sent(&asking(json!({"generationConfig": 3}))).unwrap_err();
    assert_eq!(
        (error.code(), error.details().param.as_deref()),
        ("invalid_request", Some("generationConfig"))
    );
}

#[test]
fn a_name_cannot_reach_another_address() {
    let endpoint = endpoint();
    let request = asking(json!({}));
    for model in ["../files", "a/b", "a?key=1", "a:embedContent", "a%2Fb", "", ".."] {
        let call = Call {
            request: &request,
            model,
            stream: false,
            endpoint: &endpoint,
            output_cap: None,
            max_output_tokens: None,
        };
        assert_eq!(Gemini.chat(&call).unwrap_err().code(), "model_not_found", "{model}");
        let vectors = EmbedRequest::new("m", ["x"]);
        let call = EmbedCall { request: &vectors, model, endpoint: &endpoint };
        assert_eq!(Gemini.embed(&call).unwrap_err().code(), "model_not_found", "{model}");
    }
}

#[test]
fn the_older_form_of_calls_goes_on() {
    let messages = json!({"messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{\"a\": 1}"}},
        {"role": "function", "name": "f", "content": "2"},
    ]});
    let (body, _) = sent(&asking(messages)).unwrap();
    let call = json!({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "skip_thought_signature_validator"});
    assert_eq!(body["contents"][1]["parts"], json!([call]));
    let result = json!({"functionResponse": {"name": "f", "response": {"output": "2"}}});
    assert_eq!(body["contents"][2]["parts"], json!([result]));
}

#[test]
fn only_this_turns_calls_need_their_thinking() {
    let call = json!([{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let earlier = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": call},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]);
    let (body, warnings) = sent(&asking(json!({"messages": earlier}))).unwrap();
    assert_eq!(body["contents"][1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(warnings.len(), 1);
    let mut over = earlier.as_array().unwrap().clone();
    over.push(json!({"role": "user", "content": "y"}));
    let (body, warnings) = sent(&asking(json!({"messages": over}))).unwrap();
    assert!(body["contents"][1]["parts"][0].get("thoughtSignature").is_none() && warnings.is_empty());
    let (body, warnings) = sent(&asking(json!({"messages": earlier, "model": "gemini-2.5-flash"}))).unwrap();
    assert!(body["contents"][1]["parts"][0].get("thoughtSignature").is_none() && warnings.is_empty());
}

#[test]
fn streams_that_break_the_protocol_fail() {
    let text = chunk(json!([{"text": "x"}]), Value::Null);
    let class = |chunks: &[Value]| streamed(chunks).unwrap_err().class;
    assert_eq!(class(&[]), FailureClass::Cut);
    assert_eq!(class(std::slice::from_ref(&text)), FailureClass::Cut);
    let unspecified = chunk(json!([]), json!("FINISH_REASON_UNSPECIFIED"));
    assert_eq!(class(&[text.clone(), unspecified]), FailureClass::Cut);
    assert_eq!(class(&[json!({"candidates": "no"})]), FailureClass::Malformed);
    assert_eq!(class(&[json!("text")]), FailureClass::Malformed);
    assert_eq!(
        class(&[chunk(json!([{"functionCall": {"args": {}}}]), json!("STOP"))]),
        FailureClass::Malformed
    );
    for (error, expected, status) in [
        (json!({"code": 503, "status": "UNAVAILABLE"}), FailureClass::Overloaded, Some(503)),
        (json!({"code": 429, "status": "RESOURCE_EXHAUSTED"}), FailureClass::RateLimited, Some(429)),
        (json!({"code": 400, "status": "INVALID_ARGUMENT"}), FailureClass::Rejected, Some(400)),
        (json!({"code": 500, "status": "INTERNAL"}), FailureClass::Server, Some(500)),
        (json!({"status": "UNAVAILABLE"}), FailureClass::Overloaded, None),
        (json!({"message": "gone"}), FailureClass::InBand, None),
        (json!("gone"), FailureClass::InBand, None),
    ] {
        let failure = streamed(&[text.clone(), json!({"error": error})]).unwrap_err();
        assert_eq!((failure.class, failure.status), (expected, status), "{error}");
        let whole = Gemini.answer(json!({"error": error}).to_string().as_bytes()).unwrap_err();
        assert_eq!(whole.class, expected, "{error}");
    }
}

#[test]
fn an_error_outside_of_events_is_told_before_the_connection_ends() {
    let error = b"data: {\"responseId\": \"r\"}\r\n\r\n[{\r\n  \"error\": {\"code\": 429, \"details\": [{\"retryDelay\": \"1.5s\"}]}\r\n}\r\n]";
    let mut decoder = Gemini.decoder();
    let failure = decoder.push(error, &mut Vec::new()).unwrap_err();
    assert_eq!(failure.class, FailureClass::RateLimited);
    assert_eq!(failure.retry_after, Some(Duration::from_millis(1500)));
}

#[test]
fn an_answer_needs_a_candidate_or_a_reason() {
    assert_eq!(Gemini.answer(b"{\"candidates\": []}").unwrap_err().class, FailureClass::Malformed);
    assert_eq!(Gemini.answer(b"{\"promptFeedback\": {}}").unwrap_err().class, FailureClass::Malformed);
    assert_eq!(Gemini.answer(b"<html>").unwrap_err().class, FailureClass::Malformed);
    let unfinished = whole(&chunk(json!([{"text": "x"}]), Value::Null));
    assert!(unfinished.choices[0].finish_reason.is_none() && !unfinished.is_complete());
    let blocked = whole(&json!({"promptFeedback": {"blockReason": "OTHER"}}));
    assert_eq!(blocked.choices[0].finish_reason, Some(FinishReason::ContentFilter));
    assert_eq!(blocked.choices[0].message.refusal.as_deref(), Some("The prompt was blocked: OTHER."));
}

#[test]
fn usage_is_known_before_the_end() {
    let mut decoder = Gemini.decoder();
    assert!(decoder.usage().is_none());
    let chunk = b"data: {\"usageMetadata\": {\"promptTokenCount\": 5, \"thoughtsTokenCount\": 2}}\n\n";
    decoder.push(chunk, &mut Vec::new()).unwrap();
    let usage = decoder.usage().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (5, 2));
}

#[test]
fn the_key_is_found_under_both_names() {
    let key = |environment: Environment| {
        let config = Layers::new().environment(environment).read().unwrap();
        config.providers["gemini"].api_key.as_ref().map(|key| key.expose().to_owned())
    };
    let google = Environment::empty().with("GOOGLE_API_KEY", "k-google");
    assert_eq!(key(google.clone()).as_deref(), Some("k-google"));
    assert_eq!(key(google.with("GEMINI_API_KEY", "k-gemini")).as_deref(), Some("k-gemini"));
}
