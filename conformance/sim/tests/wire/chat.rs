//! Whole answers.

use serde_json::{Value, json};

use crate::raw::{ask, ask_stream, call, chat, get, start};

fn message(body: &Value) -> &Value {
    &body["choices"][0]["message"]
}

#[tokio::test]
async fn an_answer_has_the_vendors_shape_and_headers() {
    let sim = start().await;
    let reply = chat(&sim, &ask("Why is the sky blue? 雪🦀")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("openai-version"), "2020-10-01");
    assert_eq!(reply.header("x-ratelimit-limit-requests"), "10000");
    assert_eq!(reply.header("x-ratelimit-reset-requests"), "6ms");
    assert!(reply.header("x-request-id").starts_with("req_"));
    assert!(!reply.header("openai-processing-ms").is_empty());
    let body = reply.json();
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["created"], 1_750_000_000);
    assert_eq!(body["model"], "gpt-4o-2024-08-06");
    assert_eq!(body["service_tier"], "default");
    assert!(body["system_fingerprint"].as_str().unwrap().starts_with("fp_"));
    assert_eq!(message(&body)["role"], "assistant");
    assert_eq!(message(&body)["refusal"], Value::Null);
    assert_eq!(message(&body)["annotations"], json!([]));
    assert!(message(&body)["content"].as_str().unwrap().contains("Why is the sky blue? 雪🦀"));
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["choices"][0]["logprobs"], Value::Null);
    let usage = &body["usage"];
    let tokens = |name: &str| usage[name].as_u64().unwrap();
    assert!(tokens("prompt_tokens") > 0 && tokens("completion_tokens") > 0);
    assert_eq!(tokens("total_tokens"), tokens("prompt_tokens") + tokens("completion_tokens"));
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 0);
    assert_eq!(
        reply.header("x-ratelimit-remaining-tokens"),
        (2_000_000 - tokens("total_tokens")).to_string(),
        "the rest of the minute's tokens"
    );
}

#[tokio::test]
async fn equal_requests_get_equal_answers_under_new_ids() {
    let sim = start().await;
    let first = chat(&sim, &ask("hello")).await.json();
    let second = chat(&sim, &ask("hello")).await.json();
    assert_eq!(first["choices"], second["choices"]);
    assert_eq!(first["usage"], second["usage"]);
    assert_ne!(first["id"], second["id"]);
    assert_ne!(first["choices"], chat(&sim, &ask("goodbye")).await.json()["choices"]);
}

#[tokio::test]
async fn limits_and_stops_shape_the_answer() {
    let sim = start().await;
    let mut body = ask("count to 100");
    body["max_tokens"] = json!(5);
    let answer = chat(&sim, &body).await.json();
    assert_eq!(message(&answer)["content"], "1, 2, 3");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 5);
    body["max_tokens"] = json!(5000);
    body["stop"] = json!(["99", ", 7"]);
    let answer = chat(&sim, &body).await.json();
    assert_eq!(message(&answer)["content"], "1, 2, 3, 4, 5, 6");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let mut body = ask("hello");
    body["n"] = json!(3);
    let answer = chat(&sim, &body).await.json();
    let indexes: Vec<_> =
        answer["choices"].as_array().unwrap().iter().map(|choice| choice["index"].clone()).collect();
    assert_eq!(indexes, [0, 1, 2]);
    assert_ne!(answer["choices"][0]["message"], answer["choices"][1]["message"]);
}

#[tokio::test]
async fn thinking_models_count_their_thinking() {
    let sim = start().await;
    let mut body = ask("hello");
    body["model"] = json!("o3");
    let answer = chat(&sim, &body).await.json();
    assert_eq!(answer["model"], "o3-2025-04-16");
    assert_eq!(answer["system_fingerprint"], Value::Null);
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 128);
    assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() > 128);
    body["max_completion_tokens"] = json!(100);
    let answer = chat(&sim, &body).await.json();
    assert_eq!(message(&answer)["content"], "");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 100);
    body["model"] = json!("gpt-5.1");
    let answer = chat(&sim, &body).await.json();
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
}

fn weather(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["fahrenheit", "celsius"]}},
        "required": ["city", "unit"],
    }}})
}

#[tokio::test]
async fn tools_on_offer_are_called_and_their_results_told() {
    let sim = start().await;
    let mut body = ask("The weather in Paris, in celsius please.");
    body["tools"] = json!([weather("get_weather"), weather("get_tides")]);
    let answer = chat(&sim, &body).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(message(&answer)["content"], Value::Null);
    let call = &message(&answer)["tool_calls"][0];
    assert_eq!(call["type"], "function");
    assert_eq!(call["function"]["name"], "get_weather");
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({"city": "Paris", "unit": "celsius"}));

    body["messages"].as_array_mut().unwrap().extend([
        json!({"role": "assistant", "content": null, "tool_calls": [call]}),
        json!({"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"}),
    ]);
    let told = chat(&sim, &body).await.json();
    assert_eq!(told["choices"][0]["finish_reason"], "stop");
    assert!(message(&told)["content"].as_str().unwrap().contains("The result of get_weather is 18 degrees."));
}

#[tokio::test]
async fn which_tools_are_called() {
    let sim = start().await;
    let tools = json!([weather("get_weather"), weather("get_tides")]);
    let named = json!({"type": "function", "function": {"name": "get_tides"}});
    let cases: &[(&str, Value, Value, &[&str])] = &[
        ("plain", json!("auto"), json!(true), &["get_weather"]),
        ("get_tides now", json!("required"), json!(true), &["get_tides"]),
        ("both of them", json!("auto"), json!(true), &["get_weather", "get_tides"]),
        ("get_tides and get_weather", json!("auto"), json!(true), &["get_weather", "get_tides"]),
        ("both of them", json!("auto"), json!(false), &["get_weather"]),
        ("plain", named, json!(true), &["get_tides"]),
        ("plain", json!("none"), json!(true), &[]),
    ];
    for (prompt, choice, parallel, expected) in cases {
        let mut body = ask(prompt);
        body["tools"] = tools.clone();
        body["tool_choice"] = choice.clone();
        body["parallel_tool_calls"] = parallel.clone();
        let answer = chat(&sim, &body).await.json();
        let calls = message(&answer)["tool_calls"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = calls.iter().map(|call| call["function"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, *expected, "{prompt} {choice}");
        let ids: std::collections::BTreeSet<_> = calls.iter().map(|call| call["id"].to_string()).collect();
        assert_eq!(ids.len(), calls.len(), "ids differ");
    }
}

#[tokio::test]
async fn formats_refusals_images_and_log_probabilities() {
    let sim = start().await;
    let mut body = ask("A person named Ada, aged 36, as json");
    body["response_format"] = json!({"type": "json_object"});
    let content = message(&chat(&sim, &body).await.json())["content"].clone();
    assert!(serde_json::from_str::<Value>(content.as_str().unwrap()).unwrap().is_object());
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": {
        "type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"], "additionalProperties": false,
    }}});
    let content = message(&chat(&sim, &body).await.json())["content"].clone();
    let person: Value = serde_json::from_str(content.as_str().unwrap()).unwrap();
    assert_eq!(person, json!({"name": "Ada", "age": 36}));

    let refused = chat(&sim, &ask("please refuse this")).await.json();
    assert_eq!(message(&refused)["content"], Value::Null);
    assert!(message(&refused)["refusal"].as_str().unwrap().contains("can't help"));

    let mut body = ask("");
    body["messages"][0]["content"] = json!([
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    ]);
    let seen = chat(&sim, &body).await.json();
    assert!(message(&seen)["content"].as_str().unwrap().contains("I can see the image you sent."));
    assert_eq!(seen["usage"]["prompt_tokens"], 3 + 4 + 4 + 85);

    let mut body = ask("hello");
    body["logprobs"] = json!(true);
    body["top_logprobs"] = json!(2);
    let answer = chat(&sim, &body).await.json();
    let tokens = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(message(&answer)["content"], text);
    assert_eq!(answer["usage"]["completion_tokens"], tokens.len());
    assert!(tokens.iter().all(|token| token["top_logprobs"].as_array().unwrap().len() == 2));
}

#[tokio::test]
async fn models_are_listed_and_shown() {
    let sim = start().await;
    let list = get(&sim, "/openai/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"gpt-4o") && ids.contains(&"text-embedding-3-small"));
    let one = get(&sim, "/openai/v1/models/gpt-4o-mini").await.json();
    assert_eq!(
        one,
        json!({"id": "gpt-4o-mini", "object": "model", "created": 1_721_172_741, "owned_by": "system"})
    );
    let absent = get(&sim, "/openai/v1/models/gpt-9-does-not-exist").await;
    assert_eq!((absent.status, &absent.json()["error"]["code"]), (404, &json!("model_not_found")));
}

#[tokio::test]
async fn keys_paths_and_methods() {
    let sim = start().await;
    let body = ask("x").to_string();
    let cases = [
        ("POST", "/openai/v1/chat/completions", None, 401, Value::Null),
        ("POST", "/openai/v1/chat/completions", Some("Basic eA=="), 401, Value::Null),
        ("POST", "/openai/v1/chat/completions", Some("Bearer sk-bad-1"), 401, json!("invalid_api_key")),
        ("GET", "/openai/v1/models", None, 401, Value::Null),
        ("POST", "/openai/v1/fine_tuning/jobs", Some("Bearer k"), 404, json!("unknown_url")),
        ("GET", "/openai/elsewhere", Some("Bearer k"), 404, json!("unknown_url")),
        ("GET", "/openai/v1/chat/completions", Some("Bearer k"), 405, json!("method_not_supported")),
        ("POST", "/openai/v1/chat/completions", Some("bearer k"), 200, Value::Null),
    ];
    for (method, path, key, status, code) in cases {
        let headers: Vec<_> = key.iter().map(|key| ("authorization", *key)).collect();
        let reply = call(&sim, method, path, &headers, body.as_bytes()).await;
        assert_eq!(reply.status, status, "{method} {path} {key:?}");
        if status != 200 {
            let error = &reply.json()["error"];
            assert_eq!(error["code"], code, "{error}");
            assert_eq!(error["type"], "invalid_request_error");
            assert!(!error.to_string().contains("sk-bad-1"), "the key is masked");
        }
    }
}

#[tokio::test]
async fn a_model_that_thinks_aloud_tells_its_thinking_before_the_answer() {
    let sim = start().await;
    let mut body = ask("What is 2 + 2?");
    body["model"] = json!("deepseek-reasoner");
    let answer = chat(&sim, &body).await.json();
    let thought = answer["choices"][0]["message"]["reasoning_content"].as_str().unwrap();
    assert!(thought.starts_with("The user asks: \"What is 2 + 2?\"."), "{thought}");
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 128);

    let mut streamed = ask_stream("What is 2 + 2?");
    streamed["model"] = json!("deepseek-reasoner");
    let deltas = chat(&sim, &streamed).await.deltas();
    let told = |field: &str| -> Vec<(usize, String)> {
        let pieces = deltas.iter().enumerate();
        pieces
            .filter_map(|(place, chunk)| {
                Some((place, chunk["choices"][0]["delta"][field].as_str()?.to_owned()))
            })
            .collect()
    };
    let (thinking, content) = (told("reasoning_content"), told("content"));
    assert_eq!(thinking.iter().map(|(_, text)| text.as_str()).collect::<String>(), thought);
    assert!(thinking.last().unwrap().0 < content.first().unwrap().0);

    let mut quiet = ask("What is 2 + 2?");
    quiet["model"] = json!("o4-mini");
    let quiet = chat(&sim, &quiet).await.json();
    assert!(quiet["choices"][0]["message"].get("reasoning_content").is_none());
}

#[tokio::test]
async fn a_demanded_tool_is_called_on_every_turn() {
    let sim = start().await;
    let mut body = ask("What is the weather in Paris?");
    body["tools"] = json!([{"type": "function", "function": {"name": "weather"}}]);
    body["messages"] = json!([
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]);
    for (choice, reason) in [("auto", "stop"), ("required", "tool_calls"), ("none", "stop")] {
        body["tool_choice"] = json!(choice);
        assert_eq!(chat(&sim, &body).await.json()["choices"][0]["finish_reason"], reason, "{choice}");
    }
}

#[tokio::test]
async fn a_system_message_that_asks_for_a_json_object_gets_one() {
    let sim = start().await;
    let mut body = ask("Where is Paris?");
    for (told, is_json) in [("Answer with one JSON object.", true), ("Answer in one sentence.", false)] {
        body["messages"] = json!([
            {"role": "system", "content": told},
            {"role": "user", "content": "Where is Paris?"},
        ]);
        let answer = chat(&sim, &body).await.json();
        let text = message(&answer)["content"].as_str().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object()),
            is_json,
            "{text}"
        );
    }
}
