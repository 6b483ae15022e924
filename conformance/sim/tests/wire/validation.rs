//! What the vendor refuses, and how.

use serde_json::{Value, json};

use crate::raw::{CHAT, KEY, ask, call, chat, start};

/// A body with `changes` laid over a good one; null takes a field away.
fn changed(changes: &Value) -> Value {
    let mut body = ask("hello");
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

fn one_message(message: Value) -> Value {
    json!({"messages": [message]})
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_vendors_words() {
    let sim = start().await;
    let call_message = json!({"role": "assistant", "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let user = json!({"role": "user", "content": "x"});
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let cases: Vec<(Value, u16, Value, Value, &str)> = vec![
        (json!({"model": null}), 400, Value::Null, Value::Null, "you must provide a model parameter"),
        (json!({"model": 4}), 400, json!("model"), json!("invalid_type"), "a string, but got an integer"),
        (
            json!({"model": "x-does-not-exist"}),
            404,
            Value::Null,
            json!("model_not_found"),
            "x-does-not-exist",
        ),
        (json!({"model": "claude-opus-4-5"}), 404, Value::Null, json!("model_not_found"), "claude-opus-4-5"),
        (
            json!({"messages": null}),
            400,
            json!("messages"),
            json!("missing_required_parameter"),
            "'messages'",
        ),
        (
            json!({"messages": "x"}),
            400,
            json!("messages"),
            json!("invalid_type"),
            "an array of objects, but got a string",
        ),
        (json!({"messages": []}), 400, json!("messages"), json!("empty_array"), "empty array"),
        (json!({"messages": ["x"]}), 400, json!("messages[0]"), json!("invalid_type"), "an object"),
        (
            one_message(json!({"content": "x"})),
            400,
            json!("messages[0].role"),
            json!("missing_required_parameter"),
            "role",
        ),
        (
            one_message(json!({"role": "wizard", "content": "x"})),
            400,
            json!("messages[0].role"),
            json!("invalid_value"),
            "'wizard'",
        ),
        (one_message(json!({"role": "user"})), 400, json!("messages[0].content"), Value::Null, "got null"),
        (
            one_message(json!({"role": "user", "content": 3})),
            400,
            json!("messages[0].content"),
            json!("invalid_type"),
            "integer",
        ),
        (
            one_message(json!({"role": "user", "content": [{"type": "smell"}]})),
            400,
            json!("messages[0].content[0].type"),
            json!("invalid_value"),
            "'smell'",
        ),
        (
            one_message(
                json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}),
            ),
            400,
            json!("messages[0].content[0].image_url.url"),
            json!("invalid_value"),
            "URL",
        ),
        (
            json!({"messages": [user, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]}),
            400,
            json!("messages.[1].role"),
            Value::Null,
            "'tool_calls'",
        ),
        (
            json!({"messages": [user, call_message, user]}),
            400,
            json!("messages.[2].role"),
            Value::Null,
            "call_1",
        ),
        (
            json!({"messages": [user, call_message, {"role": "tool", "content": "x"}]}),
            400,
            json!("messages[2].tool_call_id"),
            json!("missing_required_parameter"),
            "tool_call_id",
        ),
        (
            json!({"max_tokens": 0}),
            400,
            json!("max_tokens"),
            json!("integer_below_min_value"),
            ">= 1, but got 0",
        ),
        (json!({"max_tokens": -1}), 400, json!("max_tokens"), json!("integer_below_min_value"), "-1"),
        (json!({"max_tokens": 1.5}), 400, json!("max_tokens"), json!("invalid_type"), "a decimal"),
        (json!({"max_tokens": 99_999}), 400, json!("max_tokens"), json!("invalid_value"), "at most 16384"),
        (
            json!({"max_tokens": 5, "max_completion_tokens": 5}),
            400,
            json!("max_tokens"),
            Value::Null,
            "same time",
        ),
        (
            json!({"model": "o3", "max_tokens": 5}),
            400,
            json!("max_tokens"),
            json!("unsupported_parameter"),
            "'max_completion_tokens' instead",
        ),
        (
            json!({"model": "gpt-5-mini", "max_tokens": 5}),
            400,
            json!("max_tokens"),
            json!("unsupported_parameter"),
            "Unsupported parameter",
        ),
        (
            json!({"model": "o3", "temperature": 0.2}),
            400,
            json!("temperature"),
            json!("unsupported_value"),
            "0.2",
        ),
        (
            json!({"temperature": 2.1}),
            400,
            json!("temperature"),
            json!("decimal_above_max_value"),
            "<= 2, but got 2.1",
        ),
        (
            json!({"temperature": "hot"}),
            400,
            json!("temperature"),
            json!("invalid_type"),
            "a decimal, but got a string",
        ),
        (json!({"top_p": -0.5}), 400, json!("top_p"), json!("decimal_below_min_value"), ">= 0"),
        (
            json!({"presence_penalty": 3}),
            400,
            json!("presence_penalty"),
            json!("decimal_above_max_value"),
            "3",
        ),
        (json!({"n": 0}), 400, json!("n"), json!("integer_below_min_value"), "0"),
        (json!({"n": 129}), 400, json!("n"), json!("integer_above_max_value"), "128"),
        (json!({"stream": "yes"}), 400, json!("stream"), json!("invalid_type"), "a boolean"),
        (
            json!({"stream_options": {"include_usage": true}}),
            400,
            json!("stream_options"),
            Value::Null,
            "'stream' is enabled",
        ),
        (
            json!({"stop": ["a", "b", "c", "d", "e"]}),
            400,
            json!("stop"),
            json!("array_above_max_length"),
            "length 5",
        ),
        (json!({"stop": 3}), 400, json!("stop"), json!("invalid_type"), "a string or array"),
        (json!({"top_logprobs": 2}), 400, json!("top_logprobs"), Value::Null, "'logprobs' is enabled"),
        (
            json!({"logprobs": true, "top_logprobs": 21}),
            400,
            json!("top_logprobs"),
            json!("integer_above_max_value"),
            "20",
        ),
        (json!({"tools": []}), 400, json!("tools"), json!("empty_array"), "empty"),
        (
            json!({"tools": [{"type": "function"}]}),
            400,
            json!("tools[0].function"),
            json!("missing_required_parameter"),
            "tools[0].function",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}),
            400,
            json!("tools[0].function.name"),
            json!("invalid_value"),
            "pattern",
        ),
        (json!({"tool_choice": "auto"}), 400, json!("tool_choice"), Value::Null, "only allowed when 'tools'"),
        (
            json!({"tools": tool, "tool_choice": "maybe"}),
            400,
            json!("tool_choice"),
            json!("invalid_value"),
            "'none', 'auto', and 'required'",
        ),
        (
            json!({"tools": tool, "tool_choice": {"type": "function", "function": {"name": "g"}}}),
            400,
            json!("tool_choice"),
            Value::Null,
            "'g' not found",
        ),
        (
            json!({"response_format": {"type": "yaml"}}),
            400,
            json!("response_format.type"),
            json!("invalid_value"),
            "'yaml'",
        ),
        (
            json!({"response_format": {"type": "json_object"}}),
            400,
            json!("messages"),
            Value::Null,
            "the word 'json'",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            400,
            json!("response_format.json_schema"),
            json!("missing_required_parameter"),
            "json_schema",
        ),
        (
            json!({"model": "o4-mini", "logprobs": true}),
            403,
            Value::Null,
            Value::Null,
            "not allowed to request logprobs",
        ),
        (json!({"service_tier": "gold"}), 400, json!("service_tier"), json!("invalid_value"), "'gold'"),
        (
            json!({"reasoning_effort": "extreme"}),
            400,
            json!("reasoning_effort"),
            json!("invalid_value"),
            "'extreme'",
        ),
        (
            json!({"model": "gpt-4", "messages": [{"role": "user", "content": "word ".repeat(9_000)}]}),
            400,
            json!("messages"),
            json!("context_length_exceeded"),
            "8192 tokens",
        ),
    ];
    for (changes, status, param, code, words) in cases {
        let reply = chat(&sim, &changed(&changes)).await;
        let error = &reply.json()["error"];
        let shown: String = changes.to_string().chars().take(120).collect();
        assert_eq!(
            (reply.status, &error["param"], &error["code"]),
            (status, &param, &code),
            "{shown}: {error}"
        );
        assert_eq!(error["type"], "invalid_request_error", "{shown}");
        assert!(error["message"].as_str().unwrap().contains(words), "{shown}: {error}");
        assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
    }
    for body in ["", "{", "[1]", "\"x\"", "{\"model\": \"gpt-4o\", }"] {
        let reply = call(&sim, "POST", CHAT, &[KEY], body.as_bytes()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.json()["error"]["message"].as_str().unwrap().contains("could not parse the JSON body"));
    }
}

#[tokio::test]
async fn good_requests_pass() {
    let sim = start().await;
    let cases = [
        json!({"temperature": 0, "top_p": 1, "seed": -3, "user": "u", "logit_bias": {"50256": -100}, "store": false}),
        json!({"model": "o3", "temperature": 1, "max_completion_tokens": 500, "reasoning_effort": "low"}),
        json!({"model": "gpt-5.1", "temperature": 0.3, "logprobs": true}),
        json!({"model": "my-own-model", "unknown_field": {"kept": true}}),
        json!({"messages": [{"role": "developer", "content": "a"}, {"role": "system", "content": "b"},
                            {"role": "user", "content": [{"type": "text", "text": "c"}], "name": "n"}]}),
        json!({"max_tokens": null, "tools": null, "stop": null, "response_format": {"type": "text"}}),
    ];
    for changes in cases {
        let reply = chat(&sim, &changed(&changes)).await;
        assert_eq!(reply.status, 200, "{changes}: {}", reply.text());
    }
}
