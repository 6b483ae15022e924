//! What is Anthropic's own: what each model takes, blocks in every order, thinking, classes of failures.

use std::time::Duration;

use lockgate::clock::Millis;
use lockgate::provider::anthropic::Anthropic;
use lockgate::provider::{Adapter, Call, EmbedCall, Endpoint, Failure, FailureClass};
use lockgate::types::{ChatRequest, ChatResponse, EmbedRequest};
use serde_json::{Value, json};

use crate::case::Case;
use crate::harness::{self, Decoded, assemble, endpoint};

/// Where a case goes.
pub(crate) fn path(_: &Case, _: bool) -> String {
    "/v1/messages".to_owned()
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    harness::decode(Anthropic.decoder(), pieces)
}

/// What goes out for `fields` beside model and messages, and the warnings; or the field that is refused.
fn sent(model: &str, fields: Value) -> Result<(Value, Vec<String>), Option<String>> {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let request = ChatRequest::from_slice(body.to_string().as_bytes()).unwrap();
    let endpoint = endpoint();
    let call = Call {
        request: &request,
        model,
        stream: false,
        endpoint: &endpoint,
        output_cap: None,
        max_output_tokens: Some(64_000),
    };
    match Anthropic.chat(&call) {
        Ok(outgoing) => Ok((serde_json::from_slice(outgoing.request.body()).unwrap(), outgoing.warnings)),
        Err(error) => Err(error.details().param.clone()),
    }
}

fn event(kind: &str, mut data: Value) -> String {
    data["type"] = json!(kind);
    format!("event: {kind}\ndata: {data}\n\n")
}

fn start() -> String {
    let usage = json!({"input_tokens": 3, "output_tokens": 1});
    event(
        "message_start",
        json!({"message": {"type": "message", "id": "msg_1", "model": "m", "usage": usage}}),
    )
}

fn stop(reason: &str) -> String {
    let delta = json!({"delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}});
    event("message_delta", delta) + &event("message_stop", json!({}))
}

fn opened(index: u32, block: Value) -> String {
    event("content_block_start", json!({"index": index, "content_block": block}))
}

fn more(index: u32, delta: Value) -> String {
    event("content_block_delta", json!({"index": index, "delta": delta}))
}

fn closed(index: u32) -> String {
    event("content_block_stop", json!({"index": index}))
}

fn streamed(events: &[String]) -> Result<ChatResponse, Failure> {
    let body = events.concat();
    let (events, ended) = decode([body.as_bytes()]);
    ended.map(|()| assemble(&events).unwrap())
}

fn tool(index: u32, id: &str, name: &str) -> String {
    opened(index, json!({"type": "tool_use", "id": id, "name": name, "input": {}}))
}

fn input(index: u32, json: &str) -> String {
    more(index, json!({"type": "input_json_delta", "partial_json": json}))
}

#[test]
fn each_model_is_made_to_think_in_its_way() {
    let thinking = |model: &str, effort: &str| {
        let (body, warnings) =
            sent(model, json!({"reasoning_effort": effort, "max_tokens": 40_000})).unwrap();
        (body["thinking"].clone(), body["output_config"]["effort"].clone(), warnings.len())
    };
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    let off = |kind: &str| json!({"type": kind});
    for (model, effort, expected) in [
        ("claude-3-5-haiku-20241022", "high", (Value::Null, Value::Null, 1)),
        ("claude-3-5-haiku-20241022", "none", (Value::Null, Value::Null, 0)),
        ("claude-haiku-4-5", "minimal", (budget(1024), Value::Null, 0)),
        ("claude-haiku-4-5", "low", (budget(2048), Value::Null, 0)),
        ("claude-opus-4-5", "high", (budget(16_384), Value::Null, 0)),
        ("claude-sonnet-4-5", "max", (budget(20_000), Value::Null, 0)),
        ("claude-sonnet-4-5", "none", (Value::Null, Value::Null, 0)),
        ("claude-sonnet-4-6", "minimal", (adaptive.clone(), json!("low"), 0)),
        ("claude-sonnet-4-6", "xhigh", (adaptive.clone(), json!("high"), 1)),
        ("claude-sonnet-4-6", "max", (adaptive.clone(), json!("max"), 0)),
        ("claude-opus-4-8", "xhigh", (adaptive.clone(), json!("xhigh"), 0)),
        ("claude-opus-4-8", "none", (Value::Null, Value::Null, 0)),
        ("claude-opus-5", "none", (off("disabled"), Value::Null, 0)),
        ("claude-haiku-5-5", "none", (off("disabled"), Value::Null, 0)),
        ("claude-sonnet-5-5", "none", (off("between_tools"), Value::Null, 0)),
        ("claude-opus-5-5", "none", (Value::Null, json!("low"), 1)),
        ("claude-fable-5", "medium", (adaptive.clone(), json!("medium"), 0)),
    ] {
        assert_eq!(thinking(model, effort), expected, "{model} {effort}");
    }
    assert_eq!(
        sent("claude-opus-5", json!({"reasoning_effort": "huge"})),
        Err(Some("reasoning_effort".into()))
    );
}

#[test]
fn a_budget_leaves_room_for_the_answer() {
    let budget = |limit: u64| {
        let fields = json!({"reasoning_effort": "low", "max_tokens": limit});
        let (body, warnings) = sent("claude-sonnet-4-5", fields).unwrap();
        (body["thinking"]["budget_tokens"].as_u64(), warnings.len())
    };
    assert_eq!(budget(5000), (Some(2048), 0));
    assert_eq!(budget(3000), (Some(1500), 0));
    assert_eq!(budget(2048), (Some(1024), 0));
    assert_eq!(budget(2047), (None, 1));
    // Without a limit of the caller's the model's own counts.
    let (body, _) = sent("claude-sonnet-4-5", json!({"reasoning_effort": "xhigh"})).unwrap();
    assert_eq!((&body["max_tokens"], &body["thinking"]["budget_tokens"]), (&json!(64_000), &json!(32_000)));
}

#[test]
fn sampling_goes_out_where_the_model_takes_it() {
    let sampling = |model: &str, fields: Value| {
        let (body, warnings) = sent(model, fields).unwrap();
        (body["temperature"].clone(), body["top_p"].clone(), warnings.len())
    };
    let both = json!({"temperature": 0.5, "top_p": 0.9});
    for (model, fields, expected) in [
        ("claude-3-opus-20240229", both.clone(), (json!(0.5), json!(0.9), 0)),
        ("claude-haiku-4-5", both.clone(), (json!(0.5), Value::Null, 1)),
        ("claude-haiku-4-5", json!({"temperature": 1.7}), (json!(1), Value::Null, 1)),
        ("claude-opus-4-7", both, (Value::Null, Value::Null, 2)),
        ("claude-opus-4-7", json!({"temperature": 1, "top_p": 1.0}), (Value::Null, Value::Null, 0)),
        (
            "claude-sonnet-4-6",
            json!({"temperature": 1, "reasoning_effort": "low"}),
            (json!(1), Value::Null, 0),
        ),
        (
            "claude-sonnet-4-5",
            json!({"top_p": 0.5, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
            (Value::Null, Value::Null, 1),
        ),
        (
            "claude-sonnet-4-6",
            json!({"top_p": 0.5, "thinking": {"type": "disabled"}}),
            (Value::Null, json!(0.5), 0),
        ),
    ] {
        assert_eq!(sampling(model, fields.clone()), expected, "{model} {fields}");
    }
}

#[test]
fn a_tool_is_forced_only_where_the_model_can_be() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]);
    let with = |choice: Value| json!({"tools": tools, "tool_choice": choice});
    let named = json!({"type": "function", "function": {"name": "f"}});
    for model in ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"] {
        assert_eq!(sent(model, with(json!("required"))), Err(Some("tool_choice".into())), "{model}");
        assert_eq!(sent(model, with(named.clone())), Err(Some("tool_choice".into())), "{model}");
        assert_eq!(sent(model, with(json!("auto"))).unwrap().0["tool_choice"]["type"], "auto");
    }
    // Thinking with a budget and a forced tool exclude each other; adaptive thinking does not mind.
    let mut fields = with(json!("required"));
    fields["reasoning_effort"] = json!("low");
    let (body, warnings) = sent("claude-sonnet-4-5", fields.clone()).unwrap();
    assert_eq!((&body["thinking"], warnings.len()), (&Value::Null, 1));
    assert_eq!(sent("claude-sonnet-5", fields).unwrap().0["thinking"]["type"], "adaptive");

    let some =
        |mode: &str| json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named]}});
    let (body, _) = sent("claude-sonnet-5", with(some("required"))).unwrap();
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tools"][0]["name"], "f");
    assert_eq!(sent("claude-sonnet-5", with(some("never"))), Err(Some("tool_choice".into())));
    assert_eq!(sent("claude-sonnet-5", with(json!({"type": "custom"}))), Err(Some("tool_choice".into())));
    let own = json!({"type": "tool", "name": "g", "disable_parallel_tool_use": true});
    assert_eq!(sent("claude-sonnet-5", with(own.clone())).unwrap().0["tool_choice"], own);
}

#[test]
fn tools_of_every_kind_go_out_or_are_refused() {
    let offered = |tool: Value| sent("claude-sonnet-5", json!({"tools": [tool]}));
    let strict = |parameters: Value| {
        let function = json!({"name": "f", "parameters": parameters, "strict": true});
        let (body, warnings) = offered(json!({"type": "function", "function": function})).unwrap();
        (body["tools"][0].clone(), warnings.len())
    };
    let free = json!({"type": "object", "properties": {"m": {"type": "object"}}});
    assert_eq!(strict(free.clone()), (json!({"name": "f", "input_schema": free}), 1));
    let none = json!({"type": "object", "properties": {}, "additionalProperties": false});
    assert_eq!(strict(none.clone()), (json!({"name": "f", "input_schema": none}), 0));
    let bound = json!({"type": "object", "properties": {"n": {"type": "integer", "maximum": 3}}});
    let (tool, warnings) = strict(bound);
    assert_eq!((tool["strict"].clone(), warnings), (json!(true), 1));
    assert_eq!(tool["input_schema"]["properties"]["n"]["description"], "{maximum: 3}");

    let untyped = json!({"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}});
    assert_eq!(offered(untyped).unwrap().0["tools"][0]["input_schema"]["type"], "object");
    let own = json!({"type": "custom", "name": "f", "input_schema": {"type": "object"}});
    assert_eq!(offered(own.clone()).unwrap().0["tools"][0], own);
    let text = json!({"type": "custom", "custom": {"name": "f"}});
    assert_eq!(offered(text), Err(Some("tools[0]".into())));
    let taken = json!({"type": "function", "function": {"name": "lockgate_answer"}});
    assert_eq!(offered(taken), Err(Some("tools[0].function.name".into())));
}

#[test]
fn a_schema_is_kept_or_refused() {
    let format =
        |schema: Value| json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let fields = |schema: Value| json!({"response_format": format(schema)});
    let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let (body, _) = sent("claude-haiku-4-5", fields(object.clone())).unwrap();
    assert_eq!(body["output_config"]["format"]["schema"]["additionalProperties"], false);
    let free = fields(json!({"type": "object"}));
    assert_eq!(
        sent("claude-haiku-4-5", free.clone()),
        Err(Some("response_format.json_schema.schema".into()))
    );
    // An older model gets the schema as a tool, as it is, but not beside other tools.
    let (body, _) = sent("claude-opus-4-1", free).unwrap();
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "lockgate_answer"}));
    assert_eq!(body["tools"][0]["input_schema"], json!({"type": "object"}));
    let mut beside = fields(object);
    beside["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    assert_eq!(sent("claude-opus-4-1", beside.clone()), Err(Some("response_format".into())));
    assert!(sent("claude-sonnet-5", beside).is_ok());
}

#[test]
fn files_become_documents() {
    let file = |file: Value| {
        let message = json!({"role": "user", "content": [{"type": "file", "file": file}]});
        sent("claude-sonnet-5", json!({"messages": [message]}))
            .map(|(body, _)| body["messages"][0]["content"][0].clone())
    };
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="});
    assert_eq!(
        file(json!({"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"})),
        Ok(json!({"type": "document", "source": pdf, "title": "a.pdf"}))
    );
    let text = json!({"type": "text", "media_type": "text/plain", "data": "Grüße"});
    assert_eq!(
        file(json!({"file_data": "data:text/markdown;base64,R3LDvMOfZQ=="})),
        Ok(json!({"type": "document", "source": text}))
    );
    let image = json!({"type": "base64", "media_type": "image/png", "data": "iVBO"});
    assert_eq!(
        file(json!({"file_data": "data:image/png;base64,iVBO"})),
        Ok(json!({"type": "image", "source": image}))
    );
    assert_eq!(
        file(json!({"file_id": "file_1"})),
        Ok(json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}}))
    );
    let place = "messages[0].content[0].file";
    for bad in ["data:application/zip;base64,UEs=", "data:text/plain;base64,/w==", "JVBERi0="] {
        let param = file(json!({"file_data": bad})).unwrap_err().unwrap();
        assert!(param.starts_with(place), "{bad}: {param}");
    }
    assert_eq!(file(json!({"filename": "x"})), Err(Some(place.into())));
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    for (fields, param) in [
        (json!({"modalities": ["text", "audio"], "audio": {"voice": "x"}}), "modalities"),
        (json!({"stop": ["\n"]}), "stop"),
        (json!({"functions": [{"name": "f"}]}), "functions"),
        (json!({"messages": [{"role": "function", "name": "f", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}), "messages[0].audio"),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "odd"}]}]}),
            "messages[0].tool_calls[0]",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]}),
            "messages[0].content[0].image_url.url",
        ),
    ] {
        assert_eq!(sent("claude-sonnet-5", fields.clone()), Err(Some(param.to_owned())), "{fields}");
    }
    let request: EmbedRequest = serde_json::from_value(json!({"model": "m", "input": "x"})).unwrap();
    let endpoint = endpoint();
    let error =
        Anthropic.embed(&EmbedCall { request: &request, model: "m", endpoint: &endpoint }).unwrap_err();
    assert_eq!((error.status(), error.code()), (400, "unsupported_parameter"));
}

#[test]
fn calls_of_other_providers_can_be_handed_back() {
    let calls = json!([
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{broken"}},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "free"}},
    ]);
    let messages = json!([{"role": "assistant", "content": null, "tool_calls": calls}]);
    let (body, warnings) = sent("claude-sonnet-5", json!({"messages": messages})).unwrap();
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"type": "tool_use", "id": "a", "name": "f", "input": {"arguments": "{broken"}},
            {"type": "tool_use", "id": "b", "name": "g", "input": {"input": "free"}},
        ])
    );
    assert_eq!(warnings.len(), 1);
}

#[test]
fn addresses_are_taken_with_and_without_the_version() {
    let request = ChatRequest::new("claude-sonnet-5").user("x");
    for (base, expected) in [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://other.example/anthropic", "https://other.example/anthropic/v1/messages"),
    ] {
        let endpoint = Endpoint::new(base, None).unwrap();
        let call = Call {
            request: &request,
            model: "claude-sonnet-5",
            stream: false,
            endpoint: &endpoint,
            output_cap: None,
            max_output_tokens: None,
        };
        let outgoing = Anthropic.chat(&call).unwrap();
        assert_eq!(outgoing.request.uri().to_string(), expected);
        let body: Value = serde_json::from_slice(outgoing.request.body()).unwrap();
        assert_eq!(body["max_tokens"], 4096);
    }
}

#[test]
fn calls_count_from_nought_whatever_stands_between() {
    let answer = streamed(&[
        start(),
        opened(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        more(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        more(0, json!({"type": "signature_delta", "signature": "si"})),
        more(0, json!({"type": "signature_delta", "signature": "gn"})),
        closed(0),
        tool(3, "a", "f"),
        tool(7, "b", "g"),
        input(7, "{\"y\""),
        input(3, "{\"x\""),
        input(3, ":1}"),
        input(7, ":2}"),
        closed(7),
        closed(3),
        opened(8, json!({"type": "tool_use", "id": "c", "name": "h", "input": {"z": 3}})),
        closed(8),
        stop("tool_use"),
    ])
    .unwrap();
    let message = &answer.choices[0].message;
    let told: Vec<_> = message.tool_calls.iter().map(|call| call.function.as_ref().unwrap()).collect();
    let told: Vec<_> = told.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
    assert_eq!(told, [("f", "{\"x\":1}"), ("g", "{\"y\":2}"), ("h", "{\"z\":3}")]);
    assert_eq!(message.thinking_blocks[0].signature.as_deref(), Some("sign"));
    assert_eq!(message.thinking_blocks[0].thinking.as_deref(), Some("hm"));
}

#[test]
fn an_answer_reads_the_same_whole_and_streamed() {
    let blocks = json!([
        {"type": "thinking", "thinking": "hm", "signature": "s", "novel": 1},
        {"type": "text", "text": "A ", "citations": [{"type": "page_location"}]},
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"q": 1}},
        {"type": "text", "text": "b", "citations": null},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
    ]);
    let usage = json!({"input_tokens": 3, "output_tokens": 7});
    let whole = json!({"type": "message", "id": "msg_1", "model": "m", "role": "assistant", "content": blocks,
        "stop_reason": "tool_use", "usage": usage});
    let whole = Anthropic.answer(whole.to_string().as_bytes()).unwrap();
    let mut events = vec![start()];
    for (index, block) in (0..).zip(blocks.as_array().unwrap()) {
        events.extend([opened(index, block.clone()), closed(index)]);
    }
    events.push(stop("tool_use"));
    assert_eq!(streamed(&events).unwrap(), whole);
    assert_eq!(whole.text(), "A b");
}

#[test]
fn a_forced_answer_is_text_and_other_calls_stay_calls() {
    let answer = |blocks: Value| {
        let body =
            json!({"type": "message", "id": "m", "model": "m", "content": blocks, "stop_reason": "tool_use"});
        Anthropic.answer(body.to_string().as_bytes()).unwrap()
    };
    let forced = json!({"type": "tool_use", "id": "a", "name": "lockgate_answer", "input": {"a": 1}});
    let whole = answer(json!([forced]));
    assert_eq!((whole.text().as_str(), whole.is_complete()), (r#"{"a":1}"#, true));
    assert!(whole.choices[0].message.tool_calls.is_empty());
    let other = json!({"type": "tool_use", "id": "b", "name": "f", "input": {}});
    assert_eq!(answer(json!([forced, other])).choices[0].finish_reason, Some("tool_calls".into()));
}

#[test]
fn every_reason_has_its_word() {
    let finish = |reason: &str| {
        let answer = streamed(&[start(), stop(reason)]).unwrap();
        let choice = &answer.choices[0];
        let told = choice.extra.get("stop_reason").map(|raw| raw.get().to_owned());
        (choice.finish_reason.as_ref().unwrap().as_str().to_owned(), answer.is_complete(), told)
    };
    for (reason, ours, complete, told) in [
        ("end_turn", "stop", true, None),
        ("stop_sequence", "stop", true, Some("\"stop_sequence\"")),
        ("max_tokens", "length", false, None),
        ("model_context_window_exceeded", "length", false, Some("\"model_context_window_exceeded\"")),
        ("refusal", "content_filter", false, None),
        ("pause_turn", "pause_turn", false, None),
        ("compaction", "compaction", false, None),
    ] {
        assert_eq!(finish(reason), (ours.to_owned(), complete, told.map(str::to_owned)), "{reason}");
    }
}

#[test]
fn streams_that_break_the_protocol_fail() {
    let text = opened(0, json!({"type": "text", "text": ""}));
    let class = |events: &[String]| streamed(events).unwrap_err().class;
    assert_eq!(class(&[]), FailureClass::Cut);
    assert_eq!(class(&[start(), text.clone(), closed(0)]), FailureClass::Cut);
    for broken in [
        vec![text.clone()],
        vec![start(), start()],
        vec![start(), event("message_stop", json!({}))],
        vec![start(), text.clone(), text.clone()],
        vec![start(), closed(0)],
        vec![start(), input(4, "{}")],
        vec![start(), tool(0, "", "f")],
        vec![start(), tool(0, "a", "")],
        vec![start(), opened(0, json!({"no": "type"}))],
        vec![start(), event("content_block_stop", json!({}))],
        vec![event("message_start", json!({}))],
    ] {
        assert_eq!(class(&broken), FailureClass::Malformed, "{broken:?}");
    }
    let many: Vec<String> = (0..80).map(|index| opened(index, json!({"type": "text", "text": ""}))).collect();
    assert_eq!(class(&[vec![start()], many].concat()), FailureClass::Malformed);
    // A block that is never closed ends with its message.
    let open = [start(), tool(0, "a", "f"), stop("tool_use")];
    assert_eq!(
        streamed(&open).unwrap().choices[0].message.tool_calls[0].function.as_ref().unwrap().arguments,
        "{}"
    );
}

#[test]
fn errors_inside_a_stream_are_classed_by_type() {
    use FailureClass::{InBand, KeyRejected, Overloaded, QuotaExhausted, RateLimited, Rejected, TooLarge};
    for (kind, expected) in [
        ("overloaded_error", Overloaded),
        ("rate_limit_error", RateLimited),
        ("api_error", InBand),
        ("timeout_error", InBand),
        ("invalid_request_error", Rejected),
        ("authentication_error", KeyRejected),
        ("billing_error", QuotaExhausted),
        ("request_too_large", TooLarge),
        ("novel_error", InBand),
    ] {
        let error = event("error", json!({"error": {"type": kind, "message": "overloaded rate limit"}}));
        assert_eq!(streamed(&[start(), error.clone()]).unwrap_err().class, expected, "{kind}");
        assert_eq!(streamed(&[error]).unwrap_err().class, expected, "{kind} first");
        let body = json!({"type": "error", "error": {"type": kind, "message": "m"}}).to_string();
        assert_eq!(Anthropic.answer(body.as_bytes()).unwrap_err().class, expected, "{kind} in a 200");
    }
    let plain = "event: error\ndata: gone\n\n".to_owned();
    assert_eq!(streamed(&[start(), plain]).unwrap_err().class, InBand);
}

#[test]
fn statuses_and_types_decide_the_class() {
    use FailureClass::{
        KeyRejected, Malformed, Overloaded, QuotaExhausted, RateLimited, Rejected, Server, TooLarge,
    };
    let class = |status: u16, kind: &str, code: Option<&str>| {
        let details = code.map(|code| json!({"error_code": code}));
        let error =
            json!({"type": kind, "message": "credit balance rate limit overloaded", "details": details});
        let body = json!({"type": "error", "error": error}).to_string();
        Anthropic.failure(status, &http::HeaderMap::new(), body.as_bytes(), Millis(0)).class
    };
    for (status, kind, expected) in [
        (400, "invalid_request_error", Rejected),
        (401, "authentication_error", KeyRejected),
        (402, "billing_error", QuotaExhausted),
        (403, "permission_error", KeyRejected),
        (404, "not_found_error", Rejected),
        (408, "invalid_request_error", Server),
        (409, "conflict_error", Rejected),
        (413, "request_too_large", TooLarge),
        (422, "invalid_request_error", Rejected),
        (429, "rate_limit_error", RateLimited),
        (429, "odd", RateLimited),
        (500, "api_error", Server),
        (500, "overloaded_error", Overloaded),
        (503, "api_error", Overloaded),
        (504, "timeout_error", Server),
        (529, "overloaded_error", Overloaded),
        (529, "odd", Overloaded),
        (302, "odd", Malformed),
    ] {
        assert_eq!(class(status, kind, None), expected, "{status} {kind}");
    }
    for code in ["enforced_spend_limit_reached", "contract_spend_limit_reached"] {
        assert_eq!(class(429, "rate_limit_error", Some(code)), QuotaExhausted, "{code}");
    }
    assert_eq!(class(429, "rate_limit_error", Some("ramp_limit_exceeded")), RateLimited);
}

#[test]
fn without_a_retry_after_the_emptied_limit_says_when() {
    let wait = |pairs: &[(&'static str, &str)]| {
        let mut headers = http::HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        Anthropic.failure(429, &headers, b"", Millis(0)).retry_after
    };
    let emptied = [
        ("anthropic-ratelimit-requests-remaining", "4"),
        ("anthropic-ratelimit-requests-reset", "1970-01-01T00:01:00Z"),
        ("anthropic-ratelimit-output-tokens-remaining", "0"),
        ("anthropic-ratelimit-output-tokens-reset", "1970-01-01T00:00:09Z"),
    ];
    assert_eq!(wait(&emptied), Some(Duration::from_secs(9)));
    assert_eq!(wait(&[&emptied[..], &[("retry-after", "2")]].concat()), Some(Duration::from_secs(2)));
    assert_eq!(wait(&emptied[..2]), None);
    assert_eq!(wait(&[("anthropic-ratelimit-tokens-remaining", "0")]), None);
}

#[test]
fn usage_is_known_before_the_end() {
    let mut decoder = Anthropic.decoder();
    assert!(decoder.usage().is_none());
    decoder.push(start().as_bytes(), &mut Vec::new()).unwrap();
    assert_eq!(decoder.usage().map(|usage| (usage.prompt_tokens, usage.completion_tokens)), Some((3, 1)));
    decoder.push(stop("end_turn").as_bytes(), &mut Vec::new()).unwrap();
    assert_eq!(decoder.usage().map(|usage| (usage.prompt_tokens, usage.completion_tokens)), Some((3, 7)));
}

#[test]
fn answers_that_are_none_are_failures() {
    let class = |body: &[u8]| Anthropic.answer(body).unwrap_err().class;
    for body in [
        b"".as_slice(),
        b"<html>",
        b"{}",
        br#"{"type":"message","id":"m"}"#,
        br#"{"type":"message","content":[{}],"stop_reason":"end_turn"}"#,
        br#"{"type":"message","content":"x","stop_reason":"end_turn"}"#,
    ] {
        assert_eq!(class(body), FailureClass::Malformed, "{}", String::from_utf8_lossy(body));
    }
}
