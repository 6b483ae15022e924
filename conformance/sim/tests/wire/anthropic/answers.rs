//! Whole answers and streams.

use lockgate_sim::{Fault, Provider, ToolCallScript, ToolCalls};
use serde_json::{Value, json};

use super::{HEADERS, ask, events, names, post, streamed};
use crate::raw::{call, start};

fn weather() -> Value {
    json!({"name": "get_weather", "description": "d", "input_schema": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}})
}

#[tokio::test]
async fn an_answer_has_the_vendors_shape_and_headers() {
    let sim = start().await;
    let reply = post(&sim, &ask("Why is the sky blue? 雪🦀")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(reply.header("request-id").starts_with("req_011C"));
    let body = reply.json();
    let usage = &body["usage"];
    let left = 2_000_000 - usage["input_tokens"].as_u64().unwrap();
    assert_eq!(reply.header("anthropic-ratelimit-input-tokens-remaining"), left.to_string());
    assert_eq!(reply.header("anthropic-ratelimit-requests-remaining"), "3999");
    assert_eq!(reply.header("anthropic-ratelimit-requests-reset"), "2025-06-15T15:06:41Z");
    assert!(body["id"].as_str().unwrap().starts_with("msg_01"));
    assert_eq!((&body["type"], &body["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(body["model"], "claude-haiku-4-5-20251001");
    assert_eq!((&body["stop_reason"], &body["stop_sequence"]), (&json!("end_turn"), &Value::Null));
    assert_eq!(body["content"].as_array().unwrap().len(), 1);
    assert!(body["content"][0]["text"].as_str().unwrap().contains("Why is the sky blue? 雪🦀"));
    assert_eq!(usage["cache_read_input_tokens"], 0);
    assert_eq!(
        usage["cache_creation"],
        json!({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0})
    );
    let again = post(&sim, &ask("Why is the sky blue? 雪🦀")).await.json();
    assert_eq!(again["content"], body["content"]);
    assert_ne!(again["id"], body["id"]);
}

#[tokio::test]
async fn the_stream_is_the_vendors_byte_for_byte() {
    let sim = start().await;
    sim.fault(Provider::Anthropic, Fault::reply("Hi, 雪"));
    let reply = post(&sim, &streamed(ask("x"))).await;
    assert_eq!(reply.header("content-type"), "text/event-stream; charset=utf-8");
    let id = events(&reply)[0].1["message"]["id"].as_str().unwrap().to_owned();
    let mut expected = String::new();
    let mut event = |name: &str, data: &str| {
        expected.push_str(&format!("event: {name}\ndata: {{\"type\":\"{name}\"{data}}}\n\n"));
    };
    let message = "\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\
                   \"stop_details\":null";
    let input = "\"input_tokens\":8,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0";
    let kept = "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0}";
    event(
        "message_start",
        &format!(
            ",\"message\":{{\"model\":\"claude-haiku-4-5-20251001\",\"id\":\"{id}\",{message},\"usage\":{{{input},{kept},\
             \"output_tokens\":1,\"service_tier\":\"standard\",\"inference_geo\":\"not_available\"}}}}"
        ),
    );
    event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#);
    event("ping", "");
    for word in ["Hi", ",", " ", "雪"] {
        let delta = format!("{{\"type\":\"text_delta\",\"text\":\"{word}\"}}");
        event("content_block_delta", &format!(",\"index\":0,\"delta\":{delta}"));
    }
    event("content_block_stop", ",\"index\":0");
    let end = r#","delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null}"#;
    let output = "\"output_tokens\":4,\"output_tokens_details\":{\"thinking_tokens\":0}";
    event("message_delta", &format!("{end},\"usage\":{{{input},{output}}}"));
    event("message_stop", "");
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn tools_on_offer_are_called_and_their_results_told() {
    let sim = start().await;
    let mut body = ask("The weather in both Paris and Rome, please.");
    body["tools"] = json!([weather()]);
    let answer = post(&sim, &body).await.json();
    assert_eq!(answer["stop_reason"], "tool_use");
    let calls = answer["content"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!((&calls[0]["type"], &calls[0]["name"]), (&json!("tool_use"), &json!("get_weather")));
    assert_eq!(calls[0]["input"], json!({"city": "Paris"}));
    assert!(calls[0]["id"].as_str().unwrap().starts_with("toolu_01"));

    let result =
        |at: usize| json!({"type": "tool_result", "tool_use_id": calls[at]["id"], "content": "18 degrees"});
    body["messages"].as_array_mut().unwrap().extend([
        json!({"role": "assistant", "content": calls}),
        json!({"role": "user", "content": [result(0), result(1)]}),
    ]);
    let told = post(&sim, &body).await.json();
    assert_eq!(told["stop_reason"], "end_turn");
    assert!(
        told["content"][0]["text"].as_str().unwrap().contains("The result of get_weather is 18 degrees.")
    );

    body["messages"].as_array_mut().unwrap().truncate(1);
    body["tool_choice"] = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(post(&sim, &body).await.json()["content"].as_array().unwrap().len(), 1);
    body["tool_choice"] = json!({"type": "none"});
    assert_eq!(post(&sim, &body).await.json()["content"][0]["type"], "text");
}

#[tokio::test]
async fn streamed_calls_come_in_pieces_and_without_arguments_in_none() {
    let sim = start().await;
    let mut body = streamed(ask("The weather in Paris?"));
    body["tools"] = json!([weather()]);
    let told = events(&post(&sim, &body).await);
    assert_eq!(told[1].1["content_block"]["input"], json!({}));
    let pieces: Vec<&str> =
        told.iter().filter_map(|(_, data)| data["delta"]["partial_json"].as_str()).collect();
    assert_eq!(pieces[0], "");
    assert!(pieces.len() > 3);
    assert_eq!(pieces.concat(), r#"{"city":"Paris"}"#);

    let calls = vec![ToolCallScript { name: "now".to_owned(), arguments: json!({}) }];
    sim.fault(Provider::Anthropic, Fault::ToolCalls(ToolCalls { calls }));
    let told = events(&post(&sim, &streamed(ask("x"))).await);
    assert_eq!(
        names(&told),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
}

#[tokio::test]
async fn limits_stops_schemas_images_and_refusals_shape_the_answer() {
    let sim = start().await;
    let mut body = ask("count to 100");
    body["max_tokens"] = json!(5);
    let answer = post(&sim, &body).await.json();
    assert_eq!(
        (&answer["stop_reason"], &answer["usage"]["output_tokens"]),
        (&json!("max_tokens"), &json!(5))
    );
    body["max_tokens"] = json!(500);
    body["stop_sequences"] = json!([", 7"]);
    let answer = post(&sim, &body).await.json();
    assert_eq!((&answer["stop_reason"], &answer["stop_sequence"]), (&json!("stop_sequence"), &json!(", 7")));
    assert_eq!(answer["content"][0]["text"], "1, 2, 3, 4, 5, 6");

    let mut body = ask("A city such as Paris");
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
    assert_eq!(post(&sim, &body).await.json()["content"][0]["text"], r#"{"city":"Paris"}"#);

    let image = json!({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}});
    let mut body = ask("x");
    body["messages"][0]["content"] = json!([{"type": "text", "text": "See"}, image]);
    assert!(post(&sim, &body).await.text().contains("I can see the image you sent."));

    for body in [ask("please refuse"), streamed(ask("please refuse"))] {
        let reply = post(&sim, &body).await;
        assert!(reply.text().contains("\"stop_reason\":\"refusal\""), "{}", reply.text());
        assert!(reply.text().contains("\"explanation\":\"I'm sorry"), "{}", reply.text());
    }
}

#[tokio::test]
async fn documents_are_cited_where_that_is_wanted() {
    let sim = start().await;
    let mut body = ask("x");
    let document = json!({"type": "document", "title": "Nature", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green. Water is wet."}});
    body["messages"][0]["content"] = json!([document, {"type": "text", "text": "Well?"}]);
    let content = post(&sim, &body).await.json()["content"].clone();
    assert_eq!(content.as_array().unwrap().len(), 3);
    assert_eq!(content[2]["text"], "Grass is green.");
    let citation = &content[2]["citations"][0];
    assert_eq!((&citation["type"], &citation["document_title"]), (&json!("char_location"), &json!("Nature")));
    assert_eq!((&citation["start_char_index"], &citation["end_char_index"]), (&json!(0), &json!(15)));
    let told = events(&post(&sim, &streamed(body)).await);
    assert!(told.iter().any(|(_, data)| data["delta"]["citation"] == *citation));
}

#[tokio::test]
async fn a_mark_counts_what_precedes_it_as_written_to_the_cache() {
    let sim = start().await;
    let plain = post(&sim, &ask("hello")).await.json()["usage"]["input_tokens"].as_u64().unwrap();
    let mut body = ask("hello");
    body["system"] =
        json!([{"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let usage = post(&sim, &body).await.json()["usage"].clone();
    let written = usage["cache_creation_input_tokens"].as_u64().unwrap();
    assert!(written > 0);
    assert_eq!(usage["cache_creation"]["ephemeral_1h_input_tokens"], written);
    assert_eq!(usage["input_tokens"].as_u64().unwrap() + 3, plain);
    body.as_object_mut().unwrap().remove("max_tokens");
    let body = body.to_string();
    let path = "/anthropic/v1/messages/count_tokens";
    let count = call(&sim, "POST", path, &HEADERS, body.as_bytes()).await;
    assert_eq!(
        count.json()["input_tokens"].as_u64().unwrap(),
        written + usage["input_tokens"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let sim = start().await;
    let list = call(&sim, "GET", "/anthropic/v1/models", &HEADERS, b"").await.json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"claude-haiku-4-5-20251001") && ids.contains(&"claude-opus-5-5"));
    assert_eq!(
        (&list["has_more"], &list["first_id"], &list["last_id"]),
        (&json!(false), &json!(ids[0]), &json!(ids[ids.len() - 1]))
    );
    let one = call(&sim, "GET", "/anthropic/v1/models/claude-haiku-4-5", &HEADERS, b"").await.json();
    assert_eq!(one["id"], "claude-haiku-4-5-20251001");
    assert_eq!(one["created_at"], "2025-10-01T00:00:00Z");
    let absent = call(&sim, "GET", "/anthropic/v1/models/gpt-4o", &HEADERS, b"").await;
    assert_eq!((absent.status, &absent.json()["error"]["type"]), (404, &json!("not_found_error")));
}
