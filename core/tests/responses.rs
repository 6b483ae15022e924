//! `/v1/responses` in process: what reaches the provider, what comes back, and thinking that is handed back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use bytes::Bytes;
use futures_util::StreamExt;
use http::Request;
use lockgate::Gateway;
use lockgate::config::Environment;
use lockgate::http::Body;
use lockgate_sim::{Fault, Options, Provider, Sim};
use serde_json::{Value, json};

struct House {
    sim: Sim,
    gateway: Gateway,
}

impl House {
    async fn new() -> House {
        let sim = Sim::start(Options::default()).await.unwrap();
        let gateway = Gateway::builder()
            .environment(Environment::empty())
            .set("providers.openai.api_key", "sk-test")
            .set("providers.openai.base_url", sim.openai_base_url())
            .build()
            .await
            .unwrap();
        House { sim, gateway }
    }

    async fn post(&self, body: &Value) -> (u16, Vec<u8>) {
        let request = Request::post("/v1/responses")
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let response = self.gateway.handle(request).await;
        let status = response.status().as_u16();
        let bytes = match response.into_body() {
            Body::Full(bytes) => bytes.to_vec(),
            Body::Stream(mut stream) => {
                let mut all = Vec::new();
                while let Some(Ok(bytes)) = stream.next().await {
                    all.extend_from_slice(&bytes);
                }
                all
            }
        };
        (status, bytes)
    }

    async fn ask(&self, body: &Value) -> Value {
        let (status, bytes) = self.post(body).await;
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The events of a stream; each has its name twice and the next number.
    async fn events(&self, body: &Value) -> Vec<Value> {
        let (status, bytes) = self.post(body).await;
        assert_eq!(status, 200);
        let text = String::from_utf8(bytes).unwrap();
        let frames = text.split("\n\n").filter(|frame| !frame.is_empty());
        let read = |(number, frame): (usize, &str)| {
            let (name, data) = frame.split_once('\n').unwrap();
            let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
            assert_eq!(event["sequence_number"], number);
            event
        };
        frames.enumerate().map(read).collect()
    }

    fn sent(&self) -> Value {
        self.sim.requests().last().unwrap().body.clone()
    }
}

/// What a stream tells piece by piece, put together by its events alone.
fn gathered(events: &[Value]) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    for event in events {
        let at = event["output_index"].as_u64().map(|at| at as usize);
        match (event["type"].as_str().unwrap(), at) {
            ("response.output_item.added", Some(at)) => {
                assert_eq!(at, items.len());
                items.push(event["item"].clone());
            }
            ("response.output_item.done", Some(at)) => {
                let grown = items[at].clone();
                items[at] = event["item"].clone();
                for field in ["arguments", "input", "content", "summary"] {
                    if let Some(text) = grown.get(field).filter(|text| text.is_string()) {
                        assert_eq!(text, &items[at][field]);
                    }
                }
            }
            ("response.function_call_arguments.delta", Some(at)) => {
                let so_far = items[at]["arguments"].as_str().unwrap().to_owned();
                items[at]["arguments"] = json!(so_far + event["delta"].as_str().unwrap());
            }
            ("response.custom_tool_call_input.delta", Some(at)) => {
                let so_far = items[at]["input"].as_str().unwrap().to_owned();
                items[at]["input"] = json!(so_far + event["delta"].as_str().unwrap());
            }
            _ => {}
        }
    }
    items
}

#[tokio::test]
async fn every_setting_reaches_the_provider_under_chat_s_name() {
    let house = House::new().await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let parameters = json!({"type": "object", "properties": {}});
    house
        .ask(&json!({
            "model": "gpt-4.1",
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": [
                    {"type": "input_text", "text": "Look."},
                    {"type": "input_image", "image_url": "https://x.test/y.png", "detail": "low"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}
                ]},
                {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
                 "content": [{"type": "output_text", "text": "I call.", "annotations": []}]},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1"},
                {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "one"},
                {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
                {"role": "system", "content": "Now sum up."}
            ],
            "max_output_tokens": 77,
            "temperature": 0,
            "top_p": 0.5,
            "tools": [{"type": "function", "name": "f", "parameters": parameters, "strict": false}],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": false,
            "text": {"format": {"type": "json_schema", "name": "s", "schema": schema, "strict": true}, "verbosity": "low"},
            "top_logprobs": 2,
            "include": ["message.output_text.logprobs"],
            "metadata": {"a": "b"},
            "user": "u",
            "store": false,
            "x_unknown": [1.50]
        }))
        .await;
    let sent = house.sent();
    assert_eq!(
        sent,
        json!({
            "model": "gpt-4.1",
            "messages": [
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": [
                    {"type": "text", "text": "Look."},
                    {"type": "image_url", "image_url": {"url": "https://x.test/y.png", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}
                ]},
                {"role": "assistant", "content": "I call.", "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "one"},
                {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
                {"role": "system", "content": "Now sum up."}
            ],
            "max_completion_tokens": 77,
            "temperature": 0,
            "top_p": 0.5,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters, "strict": false}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": false,
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": true}},
            "verbosity": "low",
            "logprobs": true,
            "top_logprobs": 2,
            "metadata": {"a": "b"},
            "user": "u",
            "x_unknown": [1.50]
        })
    );
}

#[tokio::test]
async fn custom_tools_and_allowed_tools_are_chat_s() {
    let house = House::new().await;
    let (_, _) = house
        .post(&json!({
            "model": "gpt-4.1",
            "input": [
                {"role": "user", "content": "Go."},
                {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "SELECT 1"},
                {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"}
            ],
            "tools": [
                {"type": "function", "name": "f", "parameters": {"type": "object"}},
                {"type": "custom", "name": "sql", "description": "Runs SQL.",
                 "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}}
            ],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
        }))
        .await;
    let sent = house.sent();
    let grammar = json!({"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /x/"}});
    assert_eq!(
        sent["tools"][1],
        json!({"type": "custom", "custom": {"name": "sql", "description": "Runs SQL.", "format": grammar}})
    );
    let allowed = json!({"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]});
    assert_eq!(sent["tool_choice"], json!({"type": "allowed_tools", "allowed_tools": allowed}));
    let call = json!({"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}});
    assert_eq!(sent["messages"][1]["tool_calls"], json!([call]));
}

#[tokio::test]
async fn a_stream_tells_what_the_whole_response_tells() {
    let house = House::new().await;
    let tool = |name: &str| {
        let city =
            json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        json!({"type": "function", "name": name, "parameters": city})
    };
    for body in [
        json!({"model": "gpt-4.1", "input": "Hello 雪"}),
        json!({"model": "gpt-4.1", "input": "please refuse"}),
        json!({"model": "gpt-4.1", "input": "weather and time", "tools": [tool("weather"), tool("time")]}),
        json!({"model": "gpt-4.1", "input": "log", "include": ["message.output_text.logprobs"], "top_logprobs": 1}),
    ] {
        let whole = house.ask(&body).await;
        let mut asked = body.clone();
        asked["stream"] = json!(true);
        let events = house.events(&asked).await;
        let last = events.last().unwrap();
        let mut streamed = last["response"].clone();
        assert_eq!(gathered(&events), *streamed["output"].as_array().unwrap(), "{body}");
        for (name, value) in whole.as_object().unwrap() {
            // Served from the cache: it differs in what it cost.
            if name != "lockgate" {
                assert_eq!(&streamed[name].take(), value, "{name} of {body}");
            }
        }
        assert_eq!(last["response"]["lockgate"]["cache"], "exact");
    }
}

#[tokio::test]
async fn a_failure_after_content_ends_in_failed_and_error() {
    let house = House::new().await;
    house.sim.fault(Provider::OpenAi, Fault::cut_after_events(4));
    let events = house.events(&json!({"model": "gpt-4.1", "input": "Hello", "stream": true})).await;
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["response.failed", "error"]);
    assert!(!kinds.contains(&"response.completed"));
    let failed = &events[events.len() - 2]["response"];
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["code"], "provider_error");
    assert_eq!(failed["output"][0]["status"], "incomplete");
    assert_eq!(events.last().unwrap()["error"]["code"], "provider_error");
}

#[tokio::test]
async fn other_paths_of_the_protocol_are_named_as_unserved() {
    let house = House::new().await;
    let request = Request::get("/v1/responses/resp_1").body(Bytes::new()).unwrap();
    let response = house.gateway.handle(request).await;
    assert_eq!(response.status(), 404);
    let body: Value = serde_json::from_slice(response.body().as_full().unwrap()).unwrap();
    assert!(body["error"]["message"].as_str().unwrap().contains("POST /v1/responses"));
}
