//! Whole answers, streams, tools, thinking, vectors: all for nothing.

use std::time::Duration;

use lockgate::types::{ChatRequest, EmbedRequest, FinishReason, Message, Raw, Role, Tool};
use lockgate_sim::{ErrorInStream, Fault};
use serde_json::json;

use crate::world::{OLLAMA, builder, gateway, sim, stream, text};

fn weather() -> Tool {
    let parameters = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    Tool::function("get_weather", "Tells the weather", Raw::parse(parameters).unwrap())
}

#[tokio::test]
async fn an_answer_costs_nothing_even_under_a_cap() {
    let sim = sim().await;
    let gateway = builder(&sim).set("project.monthly_cap", "0.000001").build().await.unwrap();
    let answer = gateway.chat(ChatRequest::new("llama3.2").user("Tell of otters")).await.unwrap();
    assert!(answer.text().contains("otters"));
    assert!(answer.id.starts_with("chatcmpl-"), "{}", answer.id);
    assert_eq!((answer.model.as_str(), answer.created > 1_700_000_000), ("llama3.2", true));
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
    let usage = answer.usage.unwrap();
    let told = answer.lockgate.unwrap();
    assert_eq!((told.provider.as_deref(), told.cost_nano_usd), (Some("ollama"), Some(0)));

    assert!(gateway.flush(Duration::from_secs(5)).await);
    let row = gateway.rows(&lockgate::store::RowFilter::default()).await.unwrap().remove(0);
    assert_eq!((row.tokens.input, row.tokens.output), (usage.prompt_tokens, usage.completion_tokens));
    let sent = sim.settled().await.into_iter().find(|request| request.path == "/api/chat").unwrap();
    assert_eq!(sent.header("authorization"), None, "there is no key");
    let reported = sent.usage_sent.unwrap();
    assert_eq!(reported["eval_count"], usage.completion_tokens);
}

#[tokio::test]
async fn a_stream_says_the_same_with_one_id_and_one_role() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let request = || ChatRequest::new("llama3.2").user("count to 30");
    let whole = gateway.chat(request()).await.unwrap();
    let options = lockgate::CallOptions { cache: lockgate::CacheMode::Off, ..Default::default() };
    let mut live = gateway.chat_stream_with(request(), options).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = futures_util::StreamExt::next(&mut live).await {
        chunks.push(chunk.unwrap());
    }
    assert_eq!(text(&chunks), whole.text());
    let first = &chunks[0];
    assert!(first.id.starts_with("chatcmpl-"));
    assert!(chunks.iter().all(|chunk| chunk.id == first.id && chunk.created == first.created));
    let roles = chunks.iter().flat_map(|chunk| &chunk.choices).filter(|choice| choice.delta.role.is_some());
    assert_eq!(roles.count(), 1);
    let last = chunks.last().unwrap();
    assert_eq!(
        last.usage.as_ref().unwrap().completion_tokens,
        whole.usage.as_ref().unwrap().completion_tokens
    );
    assert_eq!(last.lockgate.as_ref().unwrap().cost_nano_usd, Some(0));
    // And from the cache, as a stream and whole.
    assert_eq!(text(&stream(&gateway, request()).await), whole.text());
    assert!(!gateway.chat(request()).await.unwrap().id.is_empty());
}

#[tokio::test]
async fn a_conversation_with_tools_goes_on() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let asked = ChatRequest::new("qwen3").user("get_weather in both Oslo and Rome").tool(weather());
    let answer = gateway.chat(asked.clone()).await.unwrap();
    let message = answer.choices[0].message.clone();
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(message.tool_calls.len(), 2);
    assert!(message.reasoning_content.is_some(), "qwen3 thinks unless told otherwise");
    let arguments = &message.tool_calls[0].function.as_ref().unwrap().arguments;
    assert_eq!(arguments, r#"{"city":"Oslo"}"#);

    let chunks = stream(&gateway, asked.clone()).await;
    let calls: Vec<_> =
        chunks.iter().flat_map(|chunk| &chunk.choices).flat_map(|choice| &choice.delta.tool_calls).collect();
    assert_eq!(calls.iter().map(|call| call.index).collect::<Vec<_>>(), [Some(0), Some(1)]);

    let ids: Vec<String> = message.tool_calls.iter().map(|call| call.id.clone()).collect();
    let mut continued = asked.message(message);
    for (id, told) in ids.iter().zip(["snow", "sun"]) {
        continued = continued.message(Message::tool(id.as_str(), told));
    }
    let answer = gateway.chat(continued).await.unwrap();
    assert!(
        answer.text().contains("get_weather is snow") && answer.text().contains("is sun"),
        "{}",
        answer.text()
    );
    let sent = sim.settled().await.pop().unwrap().body;
    assert_eq!(sent["messages"][2]["tool_name"], "get_weather");
    assert_eq!(sent["messages"][1]["tool_calls"][0]["function"]["arguments"], json!({"city": "Oslo"}));
    assert!(sent["messages"][1]["thinking"].is_string());
}

#[tokio::test]
async fn thinking_comes_before_the_text_and_goes_back() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut asked = ChatRequest::new("gpt-oss:20b").user("Why is the sky blue?");
    asked.reasoning_effort = Some("high".to_owned());
    let chunks = stream(&gateway, asked.clone()).await;
    let deltas: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.choices).map(|choice| &choice.delta).collect();
    let first_text = deltas.iter().position(|delta| delta.content.is_some()).unwrap();
    assert!(first_text >= 64 && deltas[..first_text].iter().all(|delta| delta.reasoning_content.is_some()));

    let answer = gateway.chat(asked.clone()).await.unwrap();
    let thought = answer.choices[0].message.reasoning_content.clone().unwrap();
    let more = asked.message(answer.choices[0].message.clone()).user("And at dusk?");
    gateway.chat(more).await.unwrap();
    let sent = sim.settled().await.pop().unwrap().body;
    assert_eq!((&sent["think"], &sent["messages"][1]["thinking"]), (&json!("high"), &json!(thought)));

    let mut silent = ChatRequest::new("qwen3").user("Why?");
    silent.reasoning_effort = Some("none".to_owned());
    assert!(gateway.chat(silent).await.unwrap().choices[0].message.reasoning_content.is_none());
    let mut wrong = ChatRequest::new("llama3.2").user("Why?");
    wrong.reasoning_effort = Some("low".to_owned());
    let error = gateway.chat(wrong).await.unwrap_err();
    assert_eq!((error.status(), error.message()), (400, "\"llama3.2\" does not support thinking"));
}

#[tokio::test]
async fn schemas_and_images_are_sent_and_met() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let body = json!({"model": "llama3.2", "messages": [{"role": "user", "content": "Ada is 36"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema":
            {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}}}});
    let asked = ChatRequest::from_slice(body.to_string().as_bytes()).unwrap();
    assert_eq!(gateway.chat(asked).await.unwrap().text(), r#"{"age":36}"#);
    let body = json!({"model": "gemma3", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}]});
    let asked = ChatRequest::from_slice(body.to_string().as_bytes()).unwrap();
    assert!(gateway.chat(asked).await.unwrap().text().contains("I can see the image"));
}

#[tokio::test]
async fn vectors_come_as_they_are_asked_for() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut asked = EmbedRequest::new("all-minilm", ["red fox", "blue whale"]);
    asked.dimensions = Some(4);
    let floats = gateway.embed(asked.clone()).await.unwrap();
    assert_eq!((floats.data.len(), floats.data[1].index), (2, 1));
    let vector: Vec<f32> = floats.data[1].embedding.read().unwrap();
    assert_eq!((vector.len(), floats.usage.unwrap().prompt_tokens), (4, 4));
    assert_eq!(floats.lockgate.unwrap().cost_nano_usd, Some(0));
    asked.encoding_format = Some("base64".to_owned());
    let encoded = gateway.embed(asked).await.unwrap();
    let text: String = encoded.data[1].embedding.read().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
    let decoded: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(decoded, vector);
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_and_nothing_is_asked() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut asked = ChatRequest::new("llama3.2").user("Hello");
    asked.n = Some(2);
    let error = gateway.chat(asked).await.unwrap_err();
    assert_eq!((error.code(), error.details().param.as_deref()), ("unsupported_parameter", Some("n")));
    assert!(sim.settled().await.iter().all(|request| request.path == "/api/tags"));
    let mut hinted =
        ChatRequest::new("llama3.2").message(Message::new(Role::Developer, "Be brief")).user("Hello");
    hinted.user = Some("ada".to_owned());
    let told = gateway.chat(hinted).await.unwrap().lockgate.unwrap();
    assert_eq!(told.warnings, ["user was left out: Ollama does not take it"]);
}

#[tokio::test]
async fn errors_keep_their_status_and_streams_their_ends() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let asked = || ChatRequest::new("llama3.2").user("count to 30");
    let pieces = |fault: Fault| {
        sim.fault(OLLAMA, lockgate_sim::Scripted::from(fault).on_path("/api/chat"));
        let gateway = gateway.clone();
        async move {
            let mut stream = gateway.chat_stream(asked()).await?;
            let mut last = Ok(());
            while let Some(piece) = futures_util::StreamExt::next(&mut stream).await {
                last = piece.map(|_| ());
            }
            last
        }
    };
    let gone =
        ErrorInStream { after_events: 3, message: Some("gone".to_owned()), ..ErrorInStream::default() };
    for (fault, status, told) in [
        (Fault::status(503), 502, "server busy"),
        (Fault::status(404), 404, "model not found"),
        (Fault::ErrorInStream(gone), 502, "gone"),
        (Fault::cut_after_events(3), 502, "ended before its end"),
        (Fault::NoDone, 502, "ended before its end"),
        (Fault::malformed_after(2), 502, "cannot be read"),
    ] {
        let error = pieces(fault.clone()).await.unwrap_err();
        assert_eq!(error.status(), status, "{fault:?}: {error}");
        assert!(error.message().contains(told), "{fault:?}: {error}");
    }
    // A whole stream follows, so nothing of the broken ones was kept.
    assert!(text(&stream(&gateway, asked()).await).ends_with("30"));
}
