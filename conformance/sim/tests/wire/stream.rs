//! Streams as they arrive.

use serde_json::{Value, json};

use crate::raw::{End, ask, ask_stream, chat, start};

fn joined(deltas: &[Value], field: &str) -> String {
    deltas.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str()).collect()
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let sim = start().await;
    let prompt = "Tell me about 雪 and 🦀 please";
    let whole = chat(&sim, &ask(prompt)).await.json();
    let reply = chat(&sim, &ask_stream(prompt)).await;
    assert_eq!(reply.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(reply.end, End::Whole);
    let deltas = reply.deltas();
    assert_eq!(joined(&deltas, "content"), whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(
        deltas[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": "", "refusal": null})
    );
    for name in ["id", "created", "model", "system_fingerprint", "service_tier", "object"] {
        assert!(deltas.iter().all(|chunk| chunk[name] == deltas[0][name]), "{name} is stable");
    }
    let (last, before) = deltas.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole["usage"]);
    assert!(
        before
            .iter()
            .all(|chunk| chunk.as_object().unwrap().contains_key("usage") && chunk["usage"].is_null())
    );
    let roles = deltas.iter().filter(|chunk| !chunk["choices"][0]["delta"]["role"].is_null()).count();
    assert_eq!(roles, 1);
    let finishes: Vec<_> = before
        .iter()
        .map(|chunk| &chunk["choices"][0]["finish_reason"])
        .filter(|reason| !reason.is_null())
        .collect();
    assert_eq!(finishes, ["stop"]);
}

#[tokio::test]
async fn usage_and_padding_come_only_when_asked() {
    let sim = start().await;
    let mut body = ask("hello");
    body["stream"] = json!(true);
    let deltas = chat(&sim, &body).await.deltas();
    assert!(deltas.iter().all(|chunk| !chunk.as_object().unwrap().contains_key("usage")));
    assert!(deltas.iter().all(|chunk| !chunk["obfuscation"].as_str().unwrap().is_empty()));
    body["stream_options"] = json!({"include_obfuscation": false});
    let deltas = chat(&sim, &body).await.deltas();
    assert!(deltas.iter().all(|chunk| !chunk.as_object().unwrap().contains_key("obfuscation")));
    assert_eq!(sim.settled().await[1].usage_sent, None, "usage was counted but not told");
    assert!(sim.requests()[1].usage.is_some());
}

#[tokio::test]
async fn tool_calls_stream_piece_by_piece() {
    let sim = start().await;
    let mut body = ask_stream("the weather in both Paris and Rome");
    body["tools"] = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    let deltas = chat(&sim, &body).await.deltas();
    assert_eq!(deltas[0]["choices"][0]["delta"], json!({"role": "assistant", "content": null}));
    let mut calls: Vec<(Value, String)> = Vec::new();
    for piece in deltas.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0)) {
        let index = usize::try_from(piece["index"].as_u64().unwrap()).unwrap();
        if index == calls.len() {
            assert_eq!(piece["type"], "function");
            assert_eq!(piece["function"], json!({"name": "get_weather", "arguments": ""}));
            calls.push((piece["id"].clone(), String::new()));
        } else {
            assert_eq!(piece.as_object().unwrap().keys().collect::<Vec<_>>(), ["function", "index"]);
            calls[index].1.push_str(piece["function"]["arguments"].as_str().unwrap());
        }
    }
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0].0, calls[1].0);
    for (_, arguments) in &calls {
        assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), json!({"city": "Paris"}));
    }
    assert_eq!(deltas[deltas.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn a_single_call_opens_with_the_role() {
    let sim = start().await;
    let mut body = ask_stream("now");
    body["tools"] = json!([{"type": "function", "function": {"name": "get_time"}}]);
    let deltas = chat(&sim, &body).await.deltas();
    let first = &deltas[0]["choices"][0]["delta"];
    assert_eq!((&first["role"], &first["content"]), (&json!("assistant"), &Value::Null));
    let call = &first["tool_calls"][0];
    assert!(call["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(call["function"], json!({"name": "get_time", "arguments": ""}));
    let arguments: String = deltas[1..]
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, "{}");
}

#[tokio::test]
async fn choices_interleave_and_refusals_have_their_own_field() {
    let sim = start().await;
    let mut body = ask_stream("hello there");
    body["n"] = json!(2);
    let whole = chat(&sim, &{
        let mut whole = ask("hello there");
        whole["n"] = json!(2);
        whole
    })
    .await
    .json();
    let deltas = chat(&sim, &body).await.deltas();
    for index in [0, 1] {
        let text: String = deltas
            .iter()
            .filter(|chunk| chunk["choices"][0]["index"] == index)
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(whole["choices"][index]["message"]["content"], text);
    }
    let order: Vec<_> =
        deltas.iter().take(4).map(|chunk| chunk["choices"][0]["index"].as_u64().unwrap()).collect();
    assert_eq!(order, [0, 1, 0, 1]);

    let refused = chat(&sim, &ask_stream("please refuse")).await.deltas();
    assert!(joined(&refused, "refusal").contains("can't help"));
    assert_eq!(joined(&refused, "content"), "");
}

#[tokio::test]
async fn log_probabilities_go_with_their_pieces() {
    let sim = start().await;
    let mut body = ask_stream("hello");
    body["logprobs"] = json!(true);
    for chunk in chat(&sim, &body).await.deltas() {
        let Some(choice) = chunk["choices"].get(0) else { continue };
        match choice["delta"]["content"].as_str().filter(|text| !text.is_empty()) {
            Some(text) => assert_eq!(choice["logprobs"]["content"][0]["token"], text),
            None => assert_eq!(choice["logprobs"], Value::Null),
        }
    }
}
