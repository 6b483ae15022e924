//! What the vendor refuses, in its words.

use serde_json::{Value, json};

use super::{HEADERS, PATH, ask, post};
use crate::raw::{call, start};

/// A request with a field changed, or taken away by null.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = ask("x");
    if value.is_null() {
        body.as_object_mut().unwrap().remove(pointer);
    } else if pointer.starts_with('/') {
        *body.pointer_mut(pointer).unwrap() = value;
    } else {
        body[pointer] = value;
    }
    body
}

fn on(model: &str, mut body: Value) -> Value {
    body["model"] = json!(model);
    body
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_vendors_words() {
    let sim = start().await;
    let tool = json!({"name": "f", "input_schema": {"type": "object"}});
    let choice = |choice: Value| {
        let mut body = with("tool_choice", choice);
        body["tools"] = json!([tool]);
        body
    };
    let content = |content: Value| with("/messages/0/content", content);
    let format =
        |schema: Value| with("output_config", json!({"format": {"type": "json_schema", "schema": schema}}));
    let pair = json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "so "}]);
    let call = json!({"type": "tool_use", "id": "t1", "name": "f", "input": {}});
    let open = json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": [call]}, {"role": "user", "content": "y"}]);
    let mut foreign = open.clone();
    foreign[1]["content"][0]["extra_content"] = json!({});
    for (body, what) in [
        (with("max_tokens", Value::Null), "max_tokens: Field required"),
        (with("messages", Value::Null), "messages: Field required"),
        (with("model", Value::Null), "model: Field required"),
        (with("max_tokens", json!("many")), "max_tokens: Input should be a valid integer"),
        (with("max_tokens", json!(0)), "max_tokens: Input should be greater than or equal to 1"),
        (with("max_tokens", json!(70_000)), "max_tokens: 70000 > 64000, which is the maximum"),
        (with("messages", json!([])), "messages: at least one message is required"),
        (with("colour", json!(1)), "colour: Extra inputs are not permitted"),
        (with("n", json!(2)), "n: Extra inputs are not permitted"),
        (
            with("/messages/0/role", json!("tool")),
            "messages.0.role: Input should be 'user', 'assistant' or 'system'",
        ),
        (with("/messages/0/role", json!("system")), "messages: Unexpected role \"system\""),
        (content(json!("")), "messages.0: all messages must have non-empty content"),
        (content(json!([])), "messages.0: all messages must have non-empty content"),
        (content(json!(7)), "messages.0.content: Input should be a valid string or list"),
        (content(json!([{"type": "text", "text": ""}])), "messages: text content blocks must be non-empty"),
        (content(json!([{"type": "text"}])), "messages.0.content.0.text.text: Field required"),
        (
            content(json!([{"type": "image_url"}])),
            "messages.0.content.0: Input tag 'image_url' found using 'type'",
        ),
        (
            content(json!([call])),
            "messages.0.content.0: `tool_use` blocks are only permitted in `assistant` messages",
        ),
        (
            content(json!([{"type": "tool_result", "tool_use_id": "t9"}])),
            "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t9.",
        ),
        (
            content(
                json!([{"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "Qk0="}}]),
            ),
            "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg'",
        ),
        (
            content(json!([{"type": "image", "source": {"type": "url", "url": "http://x/y.png"}}])),
            "messages.0.content.0.image.source.url.url: Only HTTPS URLs are supported.",
        ),
        (
            with("messages", foreign),
            "messages.1.content.0.tool_use.extra_content: Extra inputs are not permitted",
        ),
        (
            with("messages", open),
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1.",
        ),
        (
            with("messages", pair.clone()),
            "messages: final assistant content cannot end with trailing whitespace",
        ),
        (
            on("claude-sonnet-4-6", with("messages", pair)),
            "This model does not support assistant message prefill.",
        ),
        (choice(json!({"type": "required"})), "tool_choice: Input tag 'required' found using 'type'"),
        (choice(json!("auto")), "tool_choice: Input should be an object"),
        (choice(json!({"type": "tool"})), "tool_choice.tool.name: Field required"),
        (choice(json!({"type": "tool", "name": "g"})), "Tool 'g' not found in provided tools"),
        (
            with("tool_choice", json!({"type": "auto"})),
            "tool_choice may only be specified while providing tools",
        ),
        (
            on("claude-opus-5-5", choice(json!({"type": "any"}))),
            "tool_choice: type \"tool\" and \"any\" are not supported",
        ),
        (with("tools", json!([tool, tool])), "tools: Tool names must be unique."),
        (with("tools", json!([{"name": "f"}])), "tools.0.custom.input_schema: Field required"),
        (
            with("tools", json!([{"name": "a b", "input_schema": {"type": "object"}}])),
            "tools.0.custom.name: String should match",
        ),
        (
            with("tools", json!([{"name": "f", "input_schema": {}}])),
            "tools.0.custom.input_schema.type: Field required",
        ),
        (
            with("tools", json!([{"name": "f", "strict": true, "input_schema": {"type": "object"}}])),
            "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
        (with("temperature", json!(1.5)), "temperature: Input should be less than or equal to 1"),
        (on("claude-opus-5", with("temperature", json!(0))), "`temperature` is deprecated for this model."),
        (on("claude-opus-5", with("top_k", json!(5))), "`top_k` is deprecated for this model."),
        (
            {
                let mut body = with("temperature", json!(0.5));
                body["top_p"] = json!(0.5);
                body
            },
            "`temperature` and `top_p` cannot both be specified",
        ),
        (
            with("thinking", json!({"type": "enabled", "budget_tokens": 100})),
            "thinking.enabled.budget_tokens: Input should be greater",
        ),
        (
            with("thinking", json!({"type": "enabled", "budget_tokens": 1024})),
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
        (with("thinking", json!({"type": "adaptive"})), "adaptive thinking is not supported on this model"),
        (with("thinking", json!({"type": "loud"})), "thinking: Input tag 'loud' found using 'type'"),
        (
            on("claude-opus-5", with("thinking", json!({"type": "enabled", "budget_tokens": 1024}))),
            "\"thinking.type.enabled\" is not supported",
        ),
        (
            on("claude-opus-5-5", with("thinking", json!({"type": "disabled"}))),
            "\"thinking.type.disabled\" is not supported",
        ),
        (
            on("claude-opus-5", with("thinking", json!({"type": "between_tools"}))),
            "\"thinking.type.between_tools\" is not supported",
        ),
        (
            with("output_config", json!({"effort": "high"})),
            "This model does not support the effort parameter.",
        ),
        (
            on("claude-sonnet-4-6", with("output_config", json!({"effort": "xhigh"}))),
            "output_config.effort: Input should be 'low', 'medium', 'high' or 'max'",
        ),
        (format(json!({"type": "object"})), "output_config.format.schema: For 'object' type"),
        (
            format(json!({"type": "integer", "minimum": 1})),
            "output_config.format.schema: For 'integer' type, property 'minimum' is not supported",
        ),
        (
            with("stop_sequences", json!(["\n"])),
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        (
            with("metadata", json!({"user_id": "a@b.example"})),
            "metadata.user_id: user_id appears to contain an email address",
        ),
        (with("metadata", json!({"k": "v"})), "metadata.k: Extra inputs are not permitted"),
        (with("service_tier", json!("flex")), "service_tier: Input should be 'auto' or 'standard_only'"),
        (with("stream", json!("yes")), "stream: Input should be a valid boolean"),
    ] {
        let reply = post(&sim, &body).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        let told = reply.json();
        assert_eq!(
            (&told["type"], &told["error"]["type"]),
            (&json!("error"), &json!("invalid_request_error"))
        );
        assert_eq!(told["request_id"], reply.header("request-id"));
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(what), "{message:?}, expected {what:?}");
    }
}

#[tokio::test]
async fn keys_versions_models_and_paths_are_checked() {
    let sim = start().await;
    let body = ask("x").to_string();
    let (key, version) = (HEADERS[0], HEADERS[1]);
    for (headers, status, kind) in [
        (vec![version], 401, "authentication_error"),
        (vec![("x-api-key", "sk-bad-1"), version], 401, "authentication_error"),
        (vec![key], 400, "invalid_request_error"),
        (vec![key, ("anthropic-version", "1999-01-01")], 400, "invalid_request_error"),
        (vec![("authorization", "Bearer sk-ant-oat"), version], 200, ""),
    ] {
        let reply = call(&sim, "POST", PATH, &headers, body.as_bytes()).await;
        assert_eq!(reply.status, status, "{headers:?}");
        assert_eq!(reply.json()["error"]["type"].as_str().unwrap_or_default(), kind, "{headers:?}");
    }
    for model in ["gpt-4o", "claude-does-not-exist"] {
        let reply = post(&sim, &on(model, ask("x"))).await;
        assert_eq!(reply.status, 404);
        assert_eq!(
            reply.json()["error"],
            json!({"type": "not_found_error", "message": format!("model: {model}")})
        );
    }
    assert_eq!(call(&sim, "POST", PATH, &HEADERS, b"{").await.status, 400);
    assert_eq!(call(&sim, "POST", PATH, &HEADERS, b"[]").await.status, 400);
    assert_eq!(call(&sim, "GET", PATH, &HEADERS, b"").await.status, 405);
    for path in ["/anthropic/v1/complete", "/anthropic/messages", "/anthropic/v1/embeddings"] {
        assert_eq!(call(&sim, "POST", path, &HEADERS, body.as_bytes()).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_second_version_has_no_sampling_and_no_citations_of_users() {
    let sim = start().await;
    let second = [HEADERS[0], ("anthropic-version", "2026-10-21")];
    let cited = json!([{"type": "text", "text": "x", "citations": [{"type": "char_location"}]}]);
    let mut same = ask("x");
    same["messages"][0]["content"] = json!([{"type": "text", "text": "x", "citations": []}]);
    assert_eq!(call(&sim, "POST", PATH, &second, same.to_string().as_bytes()).await.status, 200);
    for (body, what) in [
        (with("temperature", json!(1)), "temperature: Extra inputs are not permitted"),
        (with("top_p", json!(0.5)), "top_p: Extra inputs are not permitted"),
        (with("top_k", json!(4)), "top_k: Extra inputs are not permitted"),
        (
            with("/messages/0/content", cited),
            "messages.0.content.0.text.citations: Extra inputs are not permitted",
        ),
    ] {
        let body = body.to_string();
        assert_eq!(call(&sim, "POST", PATH, &HEADERS, body.as_bytes()).await.status, 200, "{body}");
        let reply = call(&sim, "POST", PATH, &second, body.as_bytes()).await;
        assert_eq!((reply.status, &reply.json()["error"]["message"]), (400, &json!(what)));
    }
}
