//! Conversations that go on: with tools, with thinking, and from one provider to another. The simulator refuses
//! thinking that comes back changed, or in another part than it came in.

use lockgate::types::{ChatRequest, FinishReason, Message};
use serde_json::{Value, json};

use crate::world::{ARGON, FLASH, ask, gateway, last, message, sim, stream, text, weather};

fn asked(model: &str) -> ChatRequest {
    ask(model, "get_weather in both Oslo and Rome", json!({"reasoning_effort": "low"})).tool(weather())
}

/// The conversation after `message`, whose calls got their results.
fn answered(mut request: ChatRequest, message: Message) -> ChatRequest {
    let ids: Vec<String> = message.tool_calls.iter().map(|call| call.id.clone()).collect();
    request = request.message(message);
    // The last first: the order of the calls is Gemini's, that of the results is not.
    for (id, told) in ids.iter().zip(["snow", "sun"]).rev() {
        request = request.message(Message::tool(id.as_str(), told));
    }
    request
}

#[tokio::test]
async fn a_conversation_with_tools_goes_on() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for model in [ARGON, FLASH] {
        let whole = gateway.chat(asked(model)).await.unwrap();
        assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::ToolCalls));
        let chunks = stream(&gateway, asked(model).streaming()).await.unwrap();
        let calls: Vec<_> =
            chunks.iter().flat_map(|chunk| &chunk.choices).flat_map(|one| &one.delta.tool_calls).collect();
        assert_eq!(calls.iter().map(|call| call.index).collect::<Vec<_>>(), [Some(0), Some(1)]);
        for message in [whole.choices[0].message.clone(), message(&chunks)] {
            assert_eq!(message.tool_calls.len(), 2);
            assert_ne!(message.tool_calls[0].id, message.tool_calls[1].id);
            assert!(message.reasoning_content.is_some());
            let sealed: Value = message.tool_calls[0].extra.get("extra_content").unwrap().read().unwrap();
            assert!(sealed["google"]["thought_signature"].is_string());
            let answer = gateway.chat(answered(asked(model), message)).await.unwrap();
            let told = answer.lockgate.as_ref().unwrap();
            assert!(told.warnings.is_empty(), "{:?}", told.warnings);
            let text = answer.text();
            assert!(text.contains("get_weather is snow") && text.contains("is sun"), "{text}");
            let sent = last(&sim).await.body;
            let parts = sent["contents"][1]["parts"].as_array().unwrap();
            assert_eq!(parts[0]["thought"], true);
            assert!(parts[1]["thoughtSignature"].is_string());
            assert_eq!(
                parts[1]["functionCall"].get("id").is_some(),
                model == ARGON,
                "ids are Gemini's or none"
            );
            let results = sent["contents"][2]["parts"].as_array().unwrap();
            assert_eq!(results[0]["functionResponse"]["response"], json!({"output": "snow"}));
        }
    }
}

#[tokio::test]
async fn a_conversation_with_thinking_goes_on() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let asked = ask(ARGON, "Why is the sky blue?", json!({"reasoning_effort": "high"}));
    let whole = gateway.chat(asked.clone()).await.unwrap();
    let chunks = stream(&gateway, asked.clone().streaming()).await.unwrap();
    let deltas: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.choices).map(|choice| &choice.delta).collect();
    let first_text = deltas.iter().position(|delta| delta.content.is_some()).unwrap();
    assert!(first_text > 3 && deltas[..first_text].iter().all(|delta| delta.reasoning_content.is_some()));
    assert_eq!(message(&chunks).reasoning_content, whole.choices[0].message.reasoning_content);
    for message in [whole.choices[0].message.clone(), message(&chunks)] {
        assert_eq!(message.thinking_blocks[0].provider.as_deref(), Some("gemini"));
        let more = asked.clone().message(message).user("And at dusk?");
        let answer = gateway.chat(more).await.unwrap();
        assert!(answer.text().contains("And at dusk?"));
        assert!(answer.lockgate.unwrap().warnings.is_empty());
        let sent = last(&sim).await.body;
        let parts = sent["contents"][1]["parts"].as_array().unwrap();
        assert_eq!(parts[0]["thought"], true);
        assert!(parts.last().unwrap()["thoughtSignature"].is_string());
    }
    // Changed thinking is the caller's fault, and is told in Gemini's words.
    let mut message = whole.choices[0].message.clone();
    message.thinking_blocks[0].data = Some("c2VhbA==".to_owned());
    let error = gateway.chat(asked.message(message).user("And at dusk?")).await.unwrap_err();
    assert_eq!((error.status(), error.message()), (400, "Thought signature is not valid."));
}

#[tokio::test]
async fn a_conversation_with_tools_changes_providers() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for (from, to) in [("gpt-4o", ARGON), (ARGON, "gpt-4o"), (ARGON, FLASH), ("gpt-4o", FLASH)] {
        let request =
            |model: &str| ChatRequest::new(model).user("get_weather in both Oslo and Rome").tool(weather());
        let message = gateway.chat(request(from)).await.unwrap().choices[0].message.clone();
        let chunks = stream(&gateway, answered(request(to), message).streaming()).await;
        let chunks = chunks.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
        let said = text(&chunks);
        assert!(said.contains("get_weather is snow") && said.contains("is sun"), "{from} to {to}: {said}");
        let warnings = &chunks.last().unwrap().lockgate.as_ref().unwrap().warnings;
        let told = warnings.iter().any(|warning| warning.contains("thinking behind calls"));
        assert_eq!(told, (from, to) == ("gpt-4o", ARGON), "{from} to {to}: {warnings:?}");
    }
}
