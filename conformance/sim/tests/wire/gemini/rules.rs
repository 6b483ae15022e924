//! What is refused, and how.

use serde_json::{Value, json};

use super::{ARGON, ask, weather, whole};
use crate::raw::{call, start};

/// What is wrong with a request.
type Change = fn(&mut Value);

async fn keyed(headers: &[(&str, &str)], query: &str) -> (u16, Value) {
    let sim = start().await;
    let path = format!("/gemini/v1beta/models/{ARGON}:generateContent{query}");
    let reply = call(&sim, "POST", &path, headers, ask("x").to_string().as_bytes()).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn keys_in_the_header_or_in_the_address() {
    assert_eq!(keyed(&[("x-goog-api-key", "k")], "").await.0, 200);
    assert_eq!(keyed(&[], "?key=k").await.0, 200);
    let (status, told) = keyed(&[], "").await;
    assert_eq!((status, &told["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    for (headers, query) in [(&[("x-goog-api-key", "sk-bad")][..], ""), (&[][..], "?key=sk-bad-1")] {
        let (status, told) = keyed(headers, query).await;
        assert_eq!((status, &told["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
        assert_eq!(told["error"]["details"][0]["reason"], "API_KEY_INVALID");
    }
}

#[tokio::test]
async fn addresses_that_are_not_there() {
    let sim = start().await;
    for (model, status) in [("gpt-4o", 404), ("gemini-9-does-not-exist", 404), ("gemini-9-new", 200)] {
        assert_eq!(whole(&sim, model, &ask("x")).await.status, status, "{model}");
    }
    for path in ["/gemini/v1beta/other", "/gemini/v2/models", "/gemini/v1beta/models/gemini-4-argon:paint"] {
        let reply = call(&sim, "POST", path, &[super::KEY], b"{}").await;
        assert_eq!((reply.status, reply.header("content-type")), (404, "text/html; charset=UTF-8"), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_known_or_not_allowed_is_refused() {
    let sim = start().await;
    let with = |change: Change| {
        let mut body = weather("x");
        change(&mut body);
        body
    };
    let cases: [(Change, &str); 22] = [
        (|body| body["messages"] = json!([]), "Unknown name \"messages\": Cannot find field."),
        (
            |body| body["generationConfig"] = json!({"max_tokens": 9}),
            "Unknown name \"max_tokens\" at 'generation_config'",
        ),
        (|body| body["contents"][0]["parts"][0]["cache_control"] = json!({}), "at 'contents[0].parts[0]'"),
        (|body| body["generationConfig"] = json!({"temperature": "x"}), "(TYPE_FLOAT), \"x\""),
        (|body| body["generationConfig"] = json!({"temperature": 3}), "range [0.0, 2.0]"),
        (|body| body["generationConfig"] = json!({"seed": 5_000_000_000_i64}), "(TYPE_INT32)"),
        (|body| body["generationConfig"] = json!({"candidateCount": 9}), "range [1, 8]"),
        (
            |body| body["generationConfig"] = json!({"maxOutputTokens": 100_000}),
            "maxOutputTokens value of 100000",
        ),
        (
            |body| body["generationConfig"] = json!({"stopSequences": ["1", "2", "3", "4", "5", "6"]}),
            "must not exceed 5",
        ),
        (|body| body["generationConfig"] = json!({"logprobs": 2}), "response_logprobs is not"),
        (|body| body["generationConfig"] = json!({"responseJsonSchema": {}}), "'text/plain' is unsupported"),
        (|body| body["contents"] = json!([]), "contents is not specified"),
        (|body| body["contents"][0]["role"] = json!("assistant"), "Please use a valid role: user, model."),
        (|body| body["contents"][0]["parts"] = json!([]), "contents.parts must not be empty"),
        (|body| body["contents"][0]["parts"] = json!([{}]), "required oneof field 'data'"),
        (
            |body| {
                body["contents"][0]["parts"] = json!([{"inlineData": {"mimeType": "image/png", "data": "?"}}])
            },
            "Base64 decoding failed",
        ),
        (
            |body| body["contents"][0]["parts"] = json!([{"inlineData": {"data": "aGk="}}]),
            "Unsupported MIME type",
        ),
        (
            |body| body["tools"][0]["functionDeclarations"][0]["name"] = json!("9 lives"),
            "Invalid function name",
        ),
        (
            |body| body["tools"][0]["functionDeclarations"][0]["parameters"] = json!({}),
            "only one of parameters",
        ),
        (
            |body| body["toolConfig"] = json!({"functionCallingConfig": {"mode": "SOME"}}),
            "FunctionCallingConfig.Mode",
        ),
        (
            |body| {
                body["toolConfig"] =
                    json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}})
            },
            "`f`",
        ),
        (|body| body["safetySettings"] = json!([{"kind": "x"}]), "at 'safety_settings[0]'"),
    ];
    for (change, says) in cases {
        let reply = whole(&sim, ARGON, &with(change)).await;
        let told = reply.json();
        let message = told["error"]["message"].as_str().unwrap();
        assert_eq!((reply.status, &told["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{says}");
        assert!(message.contains(says), "{says}: {message}");
    }
    let reply =
        call(&sim, "POST", "/gemini/v1beta/models/gemini-4-argon:generateContent", &[super::KEY], b"{").await;
    assert_eq!(reply.json()["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.BadRequest");
}

#[tokio::test]
async fn calls_are_answered_in_the_next_turn_each_once() {
    let sim = start().await;
    let call = |name: &str, id: &str| json!({"functionCall": {"name": name, "id": id, "args": {}}});
    let result = |name: &str, id: &str| json!({"functionResponse": {"name": name, "id": id, "response": {}}});
    let user = |parts: Vec<Value>| json!({"role": "user", "parts": parts});
    let model = |parts: Vec<Value>| json!({"role": "model", "parts": parts});
    let hello = || user(vec![json!({"text": "x"})]);
    let two = || model(vec![call("f", "1"), call("g", "2")]);
    const COUNT: &str = "equal to the number of function call parts";
    for (contents, says) in [
        (vec![hello(), two(), user(vec![result("f", "1"), result("g", "2")])], ""),
        (vec![hello(), two(), user(vec![result("f", "1")])], COUNT),
        (vec![hello(), two(), user(vec![result("f", "2"), result("g", "1")])], COUNT),
        (vec![hello(), two(), user(vec![result("f", "1"), result("f", "1")])], COUNT),
        (vec![hello(), two(), user(vec![result("f", "1")]), user(vec![result("g", "2")])], COUNT),
        (vec![hello(), two(), hello()], COUNT),
        (vec![user(vec![result("f", "1")])], "immediately after a function call turn"),
        (vec![hello(), model(vec![call("", "1")])], "Name cannot be empty."),
    ] {
        let reply = whole(&sim, "gemini-2.5-flash", &json!({"contents": contents})).await;
        let expected = if says.is_empty() { 200 } else { 400 };
        assert_eq!(reply.status, expected, "{says}: {}", reply.text());
        assert!(reply.text().contains(says), "{says}: {}", reply.text());
    }
}
