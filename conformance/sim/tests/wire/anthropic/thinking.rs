//! Thinking: when, how much is shown, and what is checked when it comes back.

use serde_json::{Value, json};

use super::{ask, events, post, streamed};
use crate::raw::start;

fn thinking(model: &str, config: Value) -> Value {
    let mut body = ask("How many?");
    body["model"] = json!(model);
    body["max_tokens"] = json!(5000);
    if config.get("type").is_some() {
        body["thinking"] = config;
    } else {
        body["output_config"] = config;
    }
    body
}

#[tokio::test]
async fn each_model_thinks_in_its_way() {
    let sim = start().await;
    let adaptive = json!({"type": "adaptive"});
    let shown = json!({"type": "adaptive", "display": "summarized"});
    for (model, config, kinds, told) in [
        (
            "claude-haiku-4-5",
            json!({"type": "enabled", "budget_tokens": 2048}),
            vec!["thinking", "text"],
            true,
        ),
        ("claude-sonnet-4-6", adaptive.clone(), vec!["thinking", "text"], true),
        ("claude-opus-4-8", adaptive, vec!["thinking", "text"], false),
        ("claude-opus-4-8", shown.clone(), vec!["thinking", "text"], true),
        ("claude-opus-4-8", json!({"effort": "xhigh"}), vec!["text"], false),
        ("claude-sonnet-5", json!({"effort": "low"}), vec!["thinking", "text"], false),
        ("claude-sonnet-5", json!({"type": "disabled"}), vec!["text"], false),
        ("claude-sonnet-5-5", json!({"type": "between_tools"}), vec!["text"], false),
        ("claude-fable-5-1", shown, vec!["thinking", "text"], true),
    ] {
        let answer = post(&sim, &thinking(model, config.clone())).await.json();
        let content = answer["content"].as_array().unwrap_or_else(|| panic!("{model} {config}: {answer}"));
        let found: Vec<&str> = content.iter().map(|block| block["type"].as_str().unwrap()).collect();
        assert_eq!(found, kinds, "{model} {config}");
        let thought = answer["usage"]["output_tokens_details"]["thinking_tokens"].as_u64().unwrap();
        assert_eq!(thought > 0, kinds.len() > 1, "{model} {config}");
        if kinds.len() > 1 {
            assert_eq!(!content[0]["thinking"].as_str().unwrap().is_empty(), told, "{model} {config}");
            assert!(content[0]["signature"].as_str().unwrap().len() > 40);
        }
    }
}

#[tokio::test]
async fn streamed_thinking_ends_with_its_signature() {
    let sim = start().await;
    let body = thinking("claude-haiku-4-5", json!({"type": "enabled", "budget_tokens": 1024}));
    let whole = post(&sim, &body).await.json();
    let told = events(&post(&sim, &streamed(body)).await);
    let deltas: Vec<&Value> =
        told.iter().filter(|(_, data)| data["index"] == 0).map(|(_, data)| &data["delta"]).collect();
    let words: String = deltas.iter().filter_map(|delta| delta["thinking"].as_str()).collect();
    assert_eq!(words, whole["content"][0]["thinking"]);
    let signed: Vec<usize> =
        (0..deltas.len()).filter(|at| deltas[*at]["type"] == "signature_delta").collect();
    assert_eq!(signed, [deltas.len() - 2], "once, just before the stop");
    assert_eq!(deltas[signed[0]]["signature"], whole["content"][0]["signature"]);
}

#[tokio::test]
async fn thinking_that_comes_back_is_checked() {
    let sim = start().await;
    let mut body = thinking("claude-haiku-4-5", json!({"type": "enabled", "budget_tokens": 1024}));
    body["tools"] = json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]);
    let answer = post(&sim, &body).await.json();
    let blocks = answer["content"].clone();
    assert_eq!((&blocks[0]["type"], &blocks[1]["type"]), (&json!("thinking"), &json!("tool_use")));
    let result = json!({"type": "tool_result", "tool_use_id": blocks[1]["id"], "content": "4"});
    let back = |blocks: &Value| {
        let mut body = body.clone();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": blocks}));
        messages.push(json!({"role": "user", "content": [result]}));
        body
    };
    let go_on = post(&sim, &back(&blocks)).await;
    assert_eq!(
        (go_on.status, &go_on.json()["content"][0]["type"]),
        (200, &json!("thinking")),
        "{}",
        go_on.text()
    );

    let mut forged = blocks.clone();
    let mut signature = forged[0]["signature"].as_str().unwrap().to_owned();
    let other = if signature.as_bytes()[40] == b'x' { "y" } else { "x" };
    signature.replace_range(40..41, other);
    forged[0]["signature"] = json!(signature);
    let mut edited = blocks.clone();
    edited[0]["thinking"] = json!("Something else.");
    let mut foreign = blocks.clone();
    foreign[0]["signature"] = json!("EqQBCgIYAhIM1gbcDa9GJwZA2b==");
    for (blocks, what) in [
        (forged, "Invalid `signature` in `thinking` block"),
        (foreign, "Invalid `signature` in `thinking` block"),
        (edited, "blocks in the latest assistant message cannot be modified"),
    ] {
        let refused = post(&sim, &back(&blocks)).await;
        assert_eq!(refused.status, 400);
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("messages.1.content.0: ") && message.contains(what), "{message}");
    }
    // A turn that was begun without thinking goes on without.
    let mut without = blocks;
    without.as_array_mut().unwrap().remove(0);
    let go_on = post(&sim, &back(&without)).await;
    assert_eq!(
        (go_on.status, &go_on.json()["content"][0]["type"]),
        (200, &json!("text")),
        "{}",
        go_on.text()
    );
}

#[tokio::test]
async fn sealed_thinking_goes_back_as_it_came() {
    let sim = start().await;
    let mut body = thinking("claude-haiku-4-5", json!({"type": "enabled", "budget_tokens": 1024}));
    body["messages"][0]["content"] = json!("ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9A13E");
    let answer = post(&sim, &body).await.json();
    assert_eq!(answer["content"][0]["type"], "redacted_thinking");
    let back = |content: &Value| {
        let mut body = body.clone();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": content}));
        messages.push(json!({"role": "user", "content": "Go on"}));
        body
    };
    assert_eq!(post(&sim, &back(&answer["content"])).await.status, 200);
    let mut forged = answer["content"].clone();
    forged[0]["data"] = json!("AAAA");
    assert_eq!(post(&sim, &back(&forged)).await.status, 400);
    let told = events(&post(&sim, &streamed(body)).await);
    assert_eq!(told[1].1["content_block"]["type"], "redacted_thinking");
}
