//! What is Ollama's own.

use lockgate::provider::ollama::Ollama;
use lockgate::provider::{Adapter, Call, EmbedCall, FailureClass};
use lockgate::types::{ChatRequest, EmbedRequest, FinishReason, Message, Raw, ThinkingBlock, ToolCall};
use serde_json::{Value, json};

use crate::case::Case;
use crate::harness::{assemble, decode, endpoint};

/// Where a case goes unless it says otherwise.
pub(crate) fn path(case: &Case, _stream: bool) -> String {
    if case.is_embeddings() { "/api/embed" } else { "/api/chat" }.to_owned()
}

fn request(body: Value) -> ChatRequest {
    ChatRequest::from_slice(body.to_string().as_bytes()).unwrap()
}

/// The body that goes out, and the warnings.
fn sent(request: &ChatRequest, output_cap: Option<u64>) -> lockgate::Result<(Value, Vec<String>)> {
    let endpoint = endpoint();
    let call =
        Call { request, model: &request.model, stream: request.is_stream(), endpoint: &endpoint, output_cap };
    let outgoing = Ollama.chat(&call)?;
    Ok((serde_json::from_slice(outgoing.request.body()).unwrap(), outgoing.warnings))
}

/// The field that an error names.
fn refused(request: &ChatRequest) -> String {
    let error = sent(request, None).unwrap_err();
    assert!(error.message().contains("Ollama"), "{error}");
    error.details().param.clone().unwrap()
}

fn asking(fields: Value) -> ChatRequest {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    request(body)
}

fn streamed(lines: &[Value]) -> Result<lockgate::types::ChatResponse, lockgate::provider::Failure> {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let (events, ended) = decode(Ollama.decoder(), [body.as_bytes()]);
    ended.map(|()| assemble(&events).unwrap())
}

fn line(message: Value) -> Value {
    json!({"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false})
}

fn end(reason: &str) -> Value {
    json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": reason,
        "prompt_eval_count": 7, "eval_count": 3})
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let message =
        |content: Value| request(json!({"model": "m", "messages": [{"role": "user", "content": content}]}));
    let url = |url: &str| message(json!([{"type": "image_url", "image_url": {"url": url}}]));
    assert_eq!(refused(&url("https://x/y.png")), "messages[0].content[0].image_url.url");
    assert_eq!(refused(&url("data:image/png,x")), "messages[0].content[0].image_url.url");
    assert_eq!(
        refused(&message(json!([{"type": "file", "file": {"file_id": "f"}}]))),
        "messages[0].content[0].type"
    );
    assert_eq!(
        refused(&message(json!([{"type": "video_url", "video_url": {}}]))),
        "messages[0].content[0].type"
    );
    assert_eq!(
        refused(&asking(json!({"tools": [{"type": "custom", "custom": {"name": "sh"}}]}))),
        "tools[0].type"
    );
    let allowed = json!({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}});
    assert_eq!(refused(&asking(allowed)), "tool_choice");
    assert_eq!(refused(&asking(json!({"audio": {"voice": "ash"}}))), "audio");
    assert_eq!(refused(&asking(json!({"functions": [{"name": "f"}]}))), "functions");
    let older =
        json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}});
    let older = request(json!({"model": "m", "messages": [older]}));
    assert_eq!(refused(&older), "messages[0].function_call");

    let mut earlier = Message::assistant("");
    earlier.tool_calls = vec![ToolCall::new("c", "f", "{\"half")];
    let broken = ChatRequest::new("m").message(earlier.clone());
    assert_eq!(refused(&broken), "messages[0].tool_calls[0].function.arguments");
    earlier.tool_calls = vec![ToolCall { kind: "custom".to_owned(), ..ToolCall::new("c", "f", "{}") }];
    assert_eq!(refused(&ChatRequest::new("m").message(earlier)), "messages[0].tool_calls[0].type");
    let mut spoken = Message::assistant("");
    spoken.audio = Some(Raw::parse(r#"{"id": "a"}"#).unwrap());
    assert_eq!(refused(&ChatRequest::new("m").message(spoken)), "messages[0].audio");

    let error = sent(&asking(json!({"options": 5})), None).unwrap_err();
    assert_eq!((error.code(), error.details().param.as_deref()), ("invalid_request", Some("options")));
}

#[test]
fn openais_fields_win_over_ollamas_own_and_say_so() {
    let twice =
        json!({"seed": 1, "stop": ["a"], "options": {"seed": 2, "stop": ["a"], "top_k": 3}, "top_k": 4});
    let (body, warnings) = sent(&asking(twice), None).unwrap();
    assert_eq!(body["options"], json!({"seed": 1, "stop": ["a"], "top_k": 4}));
    assert_eq!(warnings, ["options.seed was left out: seed stands for it"]);
    assert_eq!(body.get("top_k"), None);

    let forms = json!({"format": "json", "response_format": {"type": "text"}});
    assert_eq!(sent(&asking(forms), None).unwrap().0["format"], "json");
    let forms = json!({"format": {"type": "array"}, "response_format": {"type": "json_object"}});
    let (body, warnings) = sent(&asking(forms), None).unwrap();
    assert_eq!((&body["format"], warnings.len()), (&json!("json"), 1));

    let pictures = json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]);
    let turn = json!({"role": "user", "content": pictures, "images": ["BB=="]});
    let (body, warnings) = sent(&request(json!({"model": "m", "messages": [turn]})), None).unwrap();
    assert_eq!((&body["messages"][0]["images"], warnings.len()), (&json!(["AA=="]), 1));
    // Without images of OpenAI's kind, Ollama's own are as good as any unknown field.
    let turn = json!({"role": "user", "content": "x", "images": ["BB=="]});
    let (body, warnings) = sent(&request(json!({"model": "m", "messages": [turn]})), None).unwrap();
    assert_eq!((&body["messages"][0]["images"], warnings.len()), (&json!(["BB=="]), 0));
}

#[test]
fn a_strict_cap_holds_over_every_limit() {
    let limit = |fields: Value, cap: Option<u64>| {
        let (body, warnings) = sent(&asking(fields), cap).unwrap();
        (body["options"]["num_predict"].as_i64(), warnings.len())
    };
    assert_eq!(limit(json!({}), None), (None, 0));
    assert_eq!(limit(json!({}), Some(40)), (Some(40), 1));
    assert_eq!(limit(json!({"max_tokens": 50}), None), (Some(50), 0));
    assert_eq!(limit(json!({"max_tokens": 50}), Some(40)), (Some(40), 1));
    assert_eq!(limit(json!({"max_completion_tokens": 30}), Some(40)), (Some(30), 0));
    assert_eq!(limit(json!({"options": {"num_predict": 30}}), None), (Some(30), 0));
    assert_eq!(limit(json!({"options": {"num_predict": 30}}), Some(40)), (Some(30), 0));
    assert_eq!(limit(json!({"num_predict": 50}), Some(40)), (Some(40), 1));
    assert_eq!(limit(json!({"options": {"num_predict": -1}}), None), (Some(-1), 0));
    assert_eq!(limit(json!({"options": {"num_predict": -1}}), Some(40)), (Some(40), 1));
    assert_eq!(limit(json!({"options": {"num_predict": 9}, "max_tokens": 8}), None), (Some(8), 1));
}

#[test]
fn the_forms_of_earlier_turns_are_taken_over() {
    let mut thought = Message::assistant("");
    thought.refusal = Some("No.".to_owned());
    thought.reasoning_content = Some("Hm.".to_owned());
    thought.thinking_blocks = vec![ThinkingBlock::default(), ThinkingBlock::default()];
    let mut function = Message::new(lockgate::types::Role::Function, "4");
    function.name = Some("add".to_owned());
    let mut orphan = Message::tool("nobody", "5");
    orphan.name = Some("sum".to_owned());
    let conversation = ChatRequest::new("m").message(thought).message(function).message(orphan);
    let (body, warnings) = sent(&conversation, None).unwrap();
    let expected = json!([
        {"role": "assistant", "content": "No.", "thinking": "Hm."},
        {"role": "tool", "content": "4", "tool_name": "add"},
        {"role": "tool", "content": "5", "tool_name": "sum", "tool_call_id": "nobody"},
    ]);
    assert_eq!(body["messages"], expected);
    assert_eq!(warnings, ["thinking_blocks was left out: Ollama does not take it"]);
}

#[test]
fn every_done_reason_has_its_place() {
    let text = line(json!({"role": "assistant", "content": "x"}));
    let call =
        line(json!({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}));
    let reason = |lines: &[Value]| {
        let answer = streamed(lines).unwrap();
        (answer.choices[0].finish_reason.clone().unwrap(), answer.is_complete())
    };
    let stop = FinishReason::Stop;
    assert_eq!(reason(&[text.clone(), end("stop")]), (stop.clone(), true));
    assert_eq!(reason(&[text.clone(), end("")]), (stop, true));
    assert_eq!(reason(&[text.clone(), end("length")]), (FinishReason::Length, false));
    assert_eq!(reason(&[call.clone(), end("stop")]), (FinishReason::ToolCalls, true));
    assert_eq!(reason(&[call, end("length")]), (FinishReason::Length, false));
    assert_eq!(reason(&[end("load")]), (FinishReason::from("load"), false));
    assert_eq!(reason(&[text, end("unload")]), (FinishReason::from("unload"), false));
}

#[test]
fn lines_that_bring_nothing_have_no_event() {
    let empty = line(json!({"role": "assistant", "content": ""}));
    let thinking = line(json!({"role": "assistant", "content": "", "thinking": "hm"}));
    let body: String = [&empty, &empty, &thinking, &empty].iter().map(|line| format!("{line}\n")).collect();
    let mut events = Vec::new();
    Ollama.decoder().push(body.as_bytes(), &mut events).unwrap();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[1].commits());
}

#[test]
fn streams_that_break_the_protocol_fail() {
    let text = line(json!({"role": "assistant", "content": "x"}));
    let class = |lines: &[Value]| streamed(lines).unwrap_err().class;
    assert_eq!(class(&[]), FailureClass::Cut);
    assert_eq!(class(std::slice::from_ref(&text)), FailureClass::Cut);
    assert_eq!(class(&[json!("text")]), FailureClass::Malformed);
    assert_eq!(class(&[json!({"message": 5})]), FailureClass::Malformed);
    let nameless = line(json!({"tool_calls": [{"function": {"arguments": {}}}]}));
    assert_eq!(class(&[nameless, end("stop")]), FailureClass::Malformed);
    let told = |error: Value| streamed(&[text.clone(), json!({"error": error})]).unwrap_err();
    assert_eq!(
        (told(json!("gone")).class, told(json!("gone")).message.as_str()),
        (FailureClass::InBand, "gone")
    );
    assert_eq!(told(json!({"message": "gone"})).message, "gone");
    assert_eq!(told(json!(5)).message, "The provider sent an error.");
    // What comes after the end is nobody's.
    assert!(streamed(&[text.clone(), end("stop"), json!({"error": "late"})]).is_ok());
    // A last line without its line feed is a line.
    let body = format!("{text}\n{}", end("stop"));
    assert_eq!(decode(Ollama.decoder(), [body.as_bytes()]).1, Ok(()));
}

#[test]
fn usage_is_known_before_the_end_and_none_is_made_up() {
    let mut decoder = Ollama.decoder();
    let mut counted = line(json!({"role": "assistant", "content": "x"}));
    counted["prompt_eval_count"] = json!(5);
    decoder.push(format!("{counted}\n").as_bytes(), &mut Vec::new()).unwrap();
    assert_eq!(decoder.usage().unwrap().prompt_tokens, 5);
    let mut silent = end("stop");
    silent.as_object_mut().unwrap().retain(|name, _| !name.ends_with("_count"));
    assert!(streamed(&[line(json!({"content": "x"})), silent]).unwrap().usage.is_none());
}

#[test]
fn answers_that_are_none_are_failures() {
    let class = |body: &[u8]| Ollama.answer(body).unwrap_err().class;
    assert_eq!(class(b""), FailureClass::Malformed);
    assert_eq!(class(b"<html>"), FailureClass::Malformed);
    assert_eq!(class(b"{}"), FailureClass::Cut);
    assert_eq!(class(br#"{"error":"m"}"#), FailureClass::InBand);
    let vectors = |body: &[u8]| Ollama.embedded(body).unwrap_err().class;
    assert_eq!(vectors(b"{}"), FailureClass::Malformed);
    assert_eq!(vectors(br#"{"model":"m","embeddings":[]}"#), FailureClass::Malformed);
    assert_eq!(vectors(br#"{"error":"m"}"#), FailureClass::InBand);
}

#[test]
fn token_ids_are_no_text_to_embed() {
    let endpoint = endpoint();
    let request =
        EmbedRequest { model: "m".into(), input: Raw::parse("[1, 2]").unwrap(), ..EmbedRequest::default() };
    let error = Ollama.embed(&EmbedCall { request: &request, model: "m", endpoint: &endpoint }).unwrap_err();
    assert_eq!((error.code(), error.details().param.as_deref()), ("unsupported_parameter", Some("input")));
}

#[test]
fn the_pulled_models_are_listed() {
    let outgoing = Ollama.listing(&endpoint()).unwrap().unwrap();
    assert_eq!(outgoing.request.uri(), "https://provider.test/base/api/tags");
    assert_eq!(outgoing.request.headers()["authorization"], "Bearer sk-true");
    let tags = json!({"models": [
        {"name": "deepseek-r1:latest", "model": "deepseek-r1:latest", "modified_at": "2025-05-10T08:06:48.639712648-07:00",
            "size": 4_683_075_271_u64, "digest": "0a8c", "details": {"family": "qwen2"}},
        {"name": "old:1b"},
        {"size": 1},
    ]});
    let models = Ollama.listed(tags.to_string().as_bytes()).unwrap();
    let named: Vec<(&str, i64)> = models.iter().map(|model| (model.id.as_str(), model.created)).collect();
    assert_eq!(named, [("deepseek-r1:latest", 1_746_889_608), ("old:1b", 0)]);
    assert!(Ollama.listed(br#"{"models":null}"#).unwrap().is_empty());
    assert_eq!(Ollama.listed(b"[]").unwrap_err().class, FailureClass::Malformed);
    assert_eq!(Ollama.listed(br#"{"error":"x"}"#).unwrap_err().class, FailureClass::InBand);
}
