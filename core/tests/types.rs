//! Chat types: unknown fields, constructors, and what a bad request is told.

use lockgate::error::Kind;
use lockgate::types::{
    ChatRequest, ChatResponse, Chunk, Content, ErrorBody, Extra, FinishReason, Message, Metadata, ModelList,
    Part, Raw, Tool, ToolChoice, Usage,
};
use serde_json::{Value, json};

/// A request that is fine but for `field`.
fn with(field: &str, value: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"{field}":{value}}}"#)
}

fn said(message: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}},{message}]}}"#)
}

fn user(content: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#)
}

/// (the body, the field named, a piece of the message)
fn bad_requests() -> Vec<(String, Option<&'static str>, &'static str)> {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let long = format!("\"{}\"", "m".repeat(257));
    let tool = |function: &str| format!(r#"[{{"type":"function","function":{function}}}]"#);
    let own = str::to_owned;
    vec![
        // Not JSON, or not an object.
        (own(""), None, "empty"),
        (own("  \n"), None, "empty"),
        (own("{"), None, "at byte 1"),
        (own(r#"{"model":"m",}"#), None, "at byte 13"),
        (own("{\"model\":\"m\"\n,\"x\":tru}"), None, "at byte"),
        (own("nonsense"), None, "not valid JSON"),
        (own("[1]"), None, "must be a JSON object"),
        (own("null"), None, "must be a JSON object"),
        (own(r#""text""#), None, "must be a JSON object"),
        (with("x", "1") + "{}", None, "not valid JSON"),
        (with("x", &deep), None, "levels deep"),
        (with("user", "\"\\ud800\""), None, "not valid JSON"),
        // The model.
        (own(r#"{"messages":[{"role":"user","content":"x"}]}"#), Some("model"), "required and missing"),
        (own(r#"{"model":"","messages":[]}"#), Some("model"), "must not be empty"),
        (own(r#"{"model":"  ","messages":[]}"#), Some("model"), "must not be empty"),
        (own(r#"{"model":7,"messages":[]}"#), Some("model"), "integer `7`"),
        (own(r#"{"model":null,"messages":[]}"#), Some("model"), "null"),
        (own(r#"{"model":"a\nb","messages":[]}"#), Some("model"), "control characters"),
        (format!(r#"{{"model":{long},"messages":[]}}"#), Some("model"), "257 bytes"),
        (with("model", "\"again\""), Some("model"), "twice"),
        (with("x", "1,\"x\":2"), Some("x"), "twice"),
        // Messages.
        (own(r#"{"model":"m"}"#), Some("messages"), "required and missing"),
        (own(r#"{"model":"m","messages":[]}"#), Some("messages"), "at least one"),
        (own(r#"{"model":"m","messages":"hi"}"#), Some("messages"), "expected an array"),
        (own(r#"{"model":"m","messages":{}}"#), Some("messages"), "expected an array"),
        (said("7"), Some("messages[1]"), "expected an object"),
        (said("{}"), Some("messages[1].role"), "required and missing"),
        (said(r#"{"role":"robot","content":"x"}"#), Some("messages[1].role"), "unknown role \"robot\""),
        (said(r#"{"role":3,"content":"x"}"#), Some("messages[1].role"), "integer `3`"),
        (said(r#"{"role":"user"}"#), Some("messages[1].content"), "required and missing"),
        (said(r#"{"role":"user","content":null}"#), Some("messages[1].content"), "null"),
        (
            said(r#"{"role":"system","content":4}"#),
            Some("messages[1].content"),
            "a string, an array of parts",
        ),
        (said(r#"{"role":"user","content":"a","content":"b"}"#), Some("messages[1].content"), "twice"),
        (said(r#"{"role":"tool","content":"x"}"#), Some("messages[1].tool_call_id"), "required"),
        (said(r#"{"role":"function","content":"x"}"#), Some("messages[1].name"), "required"),
        (
            said(r#"{"role":"user","content":"x","tool_calls":[{"id":"a"}]}"#),
            Some("messages[1].tool_calls"),
            "assistant",
        ),
        (
            said(r#"{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}"#),
            Some("messages[1].tool_calls[0].id"),
            "required",
        ),
        (
            said(r#"{"role":"assistant","tool_calls":[{"id":"a","function":{}}]}"#),
            Some("messages[1].tool_calls[0].function.name"),
            "required",
        ),
        (
            said(r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}"#),
            Some("messages[1].tool_calls[0].function.arguments"),
            "expected a string",
        ),
        // Parts.
        (user("[]"), Some("messages[0].content"), "at least one part"),
        (user("[1]"), Some("messages[0].content[0]"), "object"),
        (user(r#"[{"text":"x"}]"#), Some("messages[0].content[0].type"), "required and missing"),
        (user(r#"[{"type":1}]"#), Some("messages[0].content[0].type"), "integer `1`"),
        (user(r#"[{"type":"text"}]"#), Some("messages[0].content[0].text"), "required and missing"),
        (user(r#"[{"type":"text","text":5}]"#), Some("messages[0].content[0].text"), "integer `5`"),
        (user(r#"[{"text":5,"type":"text"}]"#), Some("messages[0].content[0]"), "integer `5`"),
        (
            user(r#"[{"type":"image_url","image_url":"u"}]"#),
            Some("messages[0].content[0].image_url"),
            "expected an object",
        ),
        (
            user(r#"[{"type":"image_url","image_url":{}}]"#),
            Some("messages[0].content[0].image_url.url"),
            "required",
        ),
        (
            user(r#"[{"type":"input_audio","input_audio":{"data":"x"}}]"#),
            Some("messages[0].content[0].input_audio.format"),
            "required",
        ),
        (
            said(r#"{"role":"system","content":[{"type":"image_url","image_url":{"url":"u"}}]}"#),
            Some("messages[1].content[0].type"),
            "not allowed",
        ),
        (user(r#"[{"type":"refusal","refusal":"no"}]"#), Some("messages[0].content[0].type"), "not allowed"),
        // Numbers and their ranges.
        (with("max_tokens", "-1"), Some("max_tokens"), "0 or more"),
        (with("max_tokens", "1.5"), Some("max_tokens"), "whole number"),
        (with("max_tokens", "\"9\""), Some("max_tokens"), "string \"9\""),
        (with("max_tokens", "0"), Some("max_tokens"), "1 or more"),
        (with("max_completion_tokens", "0"), Some("max_completion_tokens"), "1 or more"),
        (with("max_completion_tokens", "1e30"), Some("max_completion_tokens"), "whole number"),
        (with("n", "0"), Some("n"), "1 to 128"),
        (with("n", "129"), Some("n"), "1 to 128"),
        (with("n", "-2"), Some("n"), "0 or more"),
        (with("temperature", "2.1"), Some("temperature"), "0 to 2"),
        (with("temperature", "-0.1"), Some("temperature"), "0 to 2"),
        (with("temperature", "\"hot\""), Some("temperature"), "expected a number"),
        (with("temperature", "NaN"), None, "not valid JSON"),
        (with("top_p", "1.01"), Some("top_p"), "0 to 1"),
        (with("frequency_penalty", "-2.5"), Some("frequency_penalty"), "-2 to 2"),
        (with("presence_penalty", "3"), Some("presence_penalty"), "-2 to 2"),
        (with("seed", "0.5"), Some("seed"), "whole number"),
        (with("logprobs", "1"), Some("logprobs"), "boolean"),
        (with("top_logprobs", "3"), Some("top_logprobs"), "needs logprobs"),
        (with("top_logprobs", "21"), Some("top_logprobs"), "0 to 20"),
        (with("stop", r#"["1","2","3","4","5"]"#), Some("stop"), "at most 4"),
        (with("stop", "5"), Some("stop"), "a string or an array of strings"),
        (with("stop", "[1]"), Some("stop[0]"), "expected a string"),
        (with("logit_bias", "[]"), Some("logit_bias"), "expected an object"),
        (with("metadata", "\"x\""), Some("metadata"), "expected an object"),
        (with("user", "{}"), Some("user"), "expected a string"),
        (with("modalities", "\"text\""), Some("modalities"), "expected an array"),
        (with("reasoning_effort", "1"), Some("reasoning_effort"), "expected a string"),
        // Streams.
        (with("stream", "\"yes\""), Some("stream"), "boolean"),
        (with("stream_options", r#"{"include_usage":true}"#), Some("stream_options"), "stream is true"),
        (
            with("stream", r#"true,"stream_options":{"include_usage":1}"#),
            Some("stream_options.include_usage"),
            "boolean",
        ),
        // Tools.
        (with("tools", "{}"), Some("tools"), "expected an array"),
        (with("tools", "[{}]"), Some("tools[0].type"), "required and missing"),
        (with("tools", r#"[{"type":"function"}]"#), Some("tools[0].function"), "required and missing"),
        (with("tools", &tool("{}")), Some("tools[0].function.name"), "required and missing"),
        (with("tools", &tool(r#"{"name":"a b"}"#)), Some("tools[0].function.name"), "a-z"),
        (
            with("tools", &tool(r#"{"name":"f","parameters":"x"}"#)),
            Some("tools[0].function.parameters"),
            "expected an object",
        ),
        (with("tool_choice", "\"auto\""), Some("tool_choice"), "when tools are given"),
        (with("tool_choice", "\"maybe\""), Some("tool_choice"), "none, auto, required"),
        (with("tool_choice", "1"), Some("tool_choice"), "none, auto, required"),
        (with("tool_choice", "{}"), Some("tool_choice.type"), "required and missing"),
        (with("tool_choice", r#"{"type":"function"}"#), Some("tool_choice.function"), "required"),
        (
            with("tool_choice", r#"{"type":"function","function":{}}"#),
            Some("tool_choice.function.name"),
            "required",
        ),
        (
            with("tool_choice", r#"{"type":"function","function":{"name":"g"}}"#),
            Some("tool_choice.function.name"),
            "one of the tools",
        ),
        (with("parallel_tool_calls", "\"no\""), Some("parallel_tool_calls"), "boolean"),
        // The answer's form.
        (with("response_format", "\"json\""), Some("response_format"), "expected an object"),
        (with("response_format", "{}"), Some("response_format.type"), "required and missing"),
        (with("response_format", r#"{"type":"xml"}"#), Some("response_format.type"), "json_schema"),
        (
            with("response_format", r#"{"type":"json_schema"}"#),
            Some("response_format.json_schema"),
            "is required",
        ),
        (
            with("response_format", r#"{"type":"json_schema","json_schema":{"schema":{}}}"#),
            Some("response_format.json_schema.name"),
            "required",
        ),
        (
            with("response_format", r#"{"type":"json_schema","json_schema":{"name":"n","schema":1}}"#),
            Some("response_format.json_schema.schema"),
            "expected an object",
        ),
    ]
}

#[test]
fn bad_requests_are_told_what_is_wrong_and_where() {
    let table = bad_requests();
    assert!(table.len() >= 50);
    for (body, param, piece) in table {
        let short: String = body.chars().take(120).collect();
        let Err(error) = ChatRequest::from_slice(body.as_bytes()) else { panic!("{short} was accepted") };
        assert_eq!(error.kind(), Kind::InvalidRequest, "{short}");
        assert_eq!(error.details().param.as_deref(), param, "{short}: {}", error.message());
        assert!(error.message().contains(piece), "{short}: {}", error.message());
        assert!(param.is_none_or(|param| error.message().contains(param)), "{short}: {}", error.message());
    }
}

#[test]
fn invalid_utf8_is_told_where() {
    let mut body = with("user", "\"abc\"").into_bytes();
    let at = body.len() - 3;
    body[at] = 0xff;
    let error = ChatRequest::from_slice(&body).unwrap_err();
    assert!(error.message().contains(&format!("byte at {at}")), "{}", error.message());
}

#[test]
fn what_openai_takes_is_taken() {
    for body in [
        with("temperature", "0"),
        with("temperature", "2"),
        with("top_p", "1"),
        with("n", "128"),
        with("stop", "null"),
        with("stop", "\"x\""),
        with("stop", r#"["1","2","3","4"]"#),
        with("logprobs", r#"true,"top_logprobs":20"#),
        with("logprobs", r#"true,"top_logprobs":0"#),
        with("max_tokens", "null"),
        with("tool_choice", "\"none\""),
        with(
            "tools",
            r#"[{"type":"custom","custom":{"name":"x"}}],"tool_choice":"required"}"#.trim_end_matches('}'),
        ),
        with("response_format", r#"{"type":"json_object"}"#),
        with("stream", r#"true,"stream_options":{}"#),
        with("stream", r#"true,"stream_options":null"#),
        with("service_tier", "\"a-new-tier\""),
        with("reasoning_effort", "\"a-new-effort\""),
        with("x_unknown", &format!("{}1{}", "[".repeat(90), "]".repeat(90))),
        with("x_unknown", r#""[[[[{\"\\""#),
        said(r#"{"role":"developer","content":"x","name":"n"}"#),
        said(r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"custom","custom":{}}]}"#),
        said(r#"{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}"#),
        said(r#"{"role":"function","name":"f","content":null}"#),
        user(r#"[{"type":"a_new_kind","text":7}]"#),
        user(r#"[{"text":"late","type":"text"}]"#),
    ] {
        ChatRequest::from_slice(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
    }
}

#[test]
fn unknown_fields_keep_their_words_and_their_order() {
    let body = concat!(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","z":1.0,"y":{"b" : 2e1}}],"#,
        r#""zz":[1, 2]}],"z":12345678901234567890123,"a":{"k":0.10}}"#
    );
    let request = ChatRequest::from_slice(body.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&request).unwrap(), body);
    assert_eq!(request.extra.get("z").unwrap().get(), "12345678901234567890123");
    let names: Vec<_> = request.extra.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z", "a"]);
}

#[test]
fn the_same_comes_from_a_slice_a_str_and_a_value() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"x":1,"text":"a","type":"text"},
        {"type":"new","n":null}],"é\n":{"deep":[1,"two"]}}],"stop":["a"],"seed":-3,"x":{"y":[true]}}"#;
    let from_str: ChatRequest = serde_json::from_str(body).unwrap();
    let from_slice: ChatRequest = serde_json::from_slice(body.as_bytes()).unwrap();
    let value: Value = serde_json::from_str(body).unwrap();
    let from_value: ChatRequest = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(from_str, from_slice);
    assert_eq!(ChatRequest::from_slice(body.as_bytes()).unwrap(), from_str);
    assert_eq!(serde_json::to_value(&from_str).unwrap(), value);
    assert_eq!(serde_json::to_value(&from_value).unwrap(), value);
}

#[test]
fn null_is_absent_but_a_null_content_stays() {
    let body =
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"name":null}],"n":null,"x":null}"#;
    let request: ChatRequest = serde_json::from_str(body).unwrap();
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(written, r#"{"model":"m","messages":[{"role":"assistant","content":null}],"x":null}"#);
    assert_eq!(request.messages[0].content, Some(Content::Null));
}

#[test]
fn requests_are_built_in_a_line() {
    let request = ChatRequest::new("gpt-4o")
        .system("Be brief.")
        .user(vec![Part::of_text("What is this?"), Part::of_image("data:image/png;base64,AA==")])
        .message(Message::tool("call_1", "42"))
        .tool(Tool::function("f", "does f", Raw::parse(r#"{"type":"object"}"#).unwrap()))
        .temperature(0.5)
        .max_tokens(10)
        .streaming();
    request.validate().unwrap();
    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        json!({
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
                {"role": "tool", "content": "42", "tool_call_id": "call_1"}],
            "stream": true,
            "temperature": 0.5,
            "max_completion_tokens": 10,
            "tools": [{"type": "function", "function":
                {"name": "f", "description": "does f", "parameters": {"type": "object"}}}]
        })
    );
    assert_eq!((request.is_stream(), request.output_limit(), request.answers()), (true, Some(10), 1));
    assert_eq!(request.messages[1].text(), "What is this?");
}

#[test]
fn tool_choices_read_and_write_the_same() {
    for text in [
        r#""none""#,
        r#""auto""#,
        r#""required""#,
        r#"{"type":"function","function":{"name":"f","x":1},"y":2}"#,
        r#"{"type":"custom","custom":{"name":"c"}}"#,
        r#"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}"#,
    ] {
        let choice: ToolChoice = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&choice).unwrap(), text);
    }
    assert_eq!(
        serde_json::to_string(&ToolChoice::function("f")).unwrap(),
        r#"{"type":"function","function":{"name":"f"}}"#
    );
}

#[test]
fn money_is_printed_to_the_nano_dollar() {
    for (nano, text) in [
        (0, "0"),
        (1, "0.000000001"),
        (420_000, "0.00042"),
        (1_000_000_000, "1"),
        (-1_500_000_000, "-1.5"),
        (9_007_199_254_740_993, "9007199.254740993"),
        (i64::MAX, "9223372036.854775807"),
    ] {
        let mut metadata = Metadata::default();
        metadata.set_cost(Some(nano));
        let written = serde_json::to_string(&metadata).unwrap();
        assert!(written.contains(&format!(r#""cost_usd":{text},"cost_nano_usd":{nano},"#)), "{written}");
        assert_eq!(serde_json::from_str::<Metadata>(&written).unwrap(), metadata);
    }
    let unknown = serde_json::to_value(Metadata::default()).unwrap();
    assert_eq!((&unknown["cost_usd"], &unknown["cost_nano_usd"]), (&Value::Null, &Value::Null));
    for bad in ["\"1\"", "1e3", "0.0000000001", "true", "99999999999999"] {
        assert!(serde_json::from_str::<Metadata>(&format!(r#"{{"cost_usd":{bad}}}"#)).is_err(), "{bad}");
    }
}

#[test]
fn answers_and_chunks_print_what_sdks_expect() {
    let text = r#"{"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":null}]}"#;
    let chunk: Chunk = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&chunk).unwrap(), text);
    let bare: ChatResponse =
        serde_json::from_str(r#"{"choices":[{"message":{"role":"assistant","content":"x"}}]}"#).unwrap();
    assert_eq!(bare.object, "chat.completion");
    assert_eq!(bare.text(), "x");
    assert!(!bare.is_complete());
    let list: ModelList = serde_json::from_str(r#"{"data":[{"id":"m","context":5}]}"#).unwrap();
    assert_eq!(
        serde_json::to_value(&list).unwrap(),
        json!({"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "", "context": 5}]})
    );
    let error = lockgate::error::Error::invalid("n", "n: too many.");
    assert_eq!(
        serde_json::to_value(ErrorBody::from(&error)).unwrap(),
        json!({"error": {"message": "n: too many.", "type": "invalid_request_error", "param": "n",
            "code": "invalid_request"}})
    );
}

#[test]
fn finish_reasons_keep_unknown_words() {
    for (word, complete) in [
        ("stop", true),
        ("tool_calls", true),
        ("function_call", true),
        ("length", false),
        ("content_filter", false),
        ("new_word", false),
    ] {
        let reason = FinishReason::from(word);
        assert_eq!((reason.as_str(), reason.is_complete()), (word, complete));
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{word}\""));
    }
}

#[test]
fn usage_merges_without_losing() {
    let read = |text: &str| serde_json::from_str::<Usage>(text).unwrap();
    let mut usage = read(r#"{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,"x":1}"#);
    usage.merge(read(
        r#"{"completion_tokens":4,"total_tokens":13,"completion_tokens_details":{"reasoning_tokens":0}}"#,
    ));
    usage.merge(read(r#"{"prompt_tokens":0,"completion_tokens_details":{"reasoning_tokens":2},"y":2}"#));
    usage.merge(read(r#"{"completion_tokens_details":{"reasoning_tokens":0}}"#));
    assert_eq!(
        serde_json::to_value(&usage).unwrap(),
        json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
            "completion_tokens_details": {"reasoning_tokens": 2}, "x": 1, "y": 2})
    );
}

#[test]
fn extra_fields_can_be_set_and_taken() {
    let mut extra = Extra::default();
    extra.insert("a", Raw::of(&1).unwrap());
    extra.insert("b", Raw::of("two").unwrap());
    extra.insert("a", Raw::of(&3).unwrap());
    assert_eq!(serde_json::to_string(&extra).unwrap(), r#"{"a":3,"b":"two"}"#);
    assert_eq!(extra.get("b").and_then(Raw::read::<String>).as_deref(), Some("two"));
    assert_eq!(extra.remove("a").unwrap().get(), "3");
    assert_eq!((extra.len(), extra.is_empty(), extra.remove("a")), (1, false, None));
    assert!(Raw::parse("{").is_err());
}

mod random {
    use lockgate::types::ChatRequest;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~é\\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                    .prop_map(|fields| Value::Object(Map::from_iter(fields))),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_unknown_value_comes_out_as_it_went_in(value in json(), field in "x_[a-z]{1,8}") {
            let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "x", (field.clone()): value}], (field): value});
            let request = ChatRequest::from_slice(body.to_string().as_bytes()).unwrap();
            prop_assert_eq!(serde_json::to_value(&request).unwrap(), body);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(ChatRequest::from_slice(&bytes).is_err());
        }
    }
}
