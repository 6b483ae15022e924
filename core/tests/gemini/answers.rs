//! Whole answers, streams, schemas, images, vectors.

use lockgate::http::Body;
use lockgate::types::{ChatRequest, EmbedRequest, FinishReason};
use serde_json::{Value, json};

use crate::world::{ARGON, FLASH, ask, gateway, last, read, sim, stream, text};

#[tokio::test]
async fn an_answer_has_all_that_openais_has() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let answer =
        gateway.chat(ChatRequest::new(ARGON).system("Be brief").user("Tell of otters")).await.unwrap();
    assert!(answer.text().contains("otters"));
    assert_eq!((answer.model.as_str(), answer.object.as_str()), (ARGON, "chat.completion"));
    assert!(!answer.id.is_empty() && answer.created > 1_700_000_000);
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
    let told = answer.lockgate.unwrap();
    assert_eq!((told.provider.as_deref(), told.model.as_deref()), (Some("gemini"), Some(ARGON)));
    assert!(told.cost_nano_usd.unwrap() > 0 && told.warnings.is_empty());
    let sent = last(&sim).await;
    assert_eq!(sent.path, "/v1beta/models/gemini-4-argon:generateContent");
    assert_eq!(sent.body["systemInstruction"], json!({"parts": [{"text": "Be brief"}]}));
    let usage = answer.usage.unwrap();
    let reported = sent.usage_sent.unwrap();
    assert_eq!(reported["promptTokenCount"], usage.prompt_tokens);
    assert_eq!(reported["totalTokenCount"], usage.total_tokens);
    let thought = usage.completion_tokens_details.unwrap().reasoning_tokens.unwrap();
    assert_eq!(reported["thoughtsTokenCount"], thought);
    assert_eq!(reported["candidatesTokenCount"], usage.completion_tokens - thought);
}

#[tokio::test]
async fn a_stream_says_the_same_with_one_id_and_one_role() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let request = || ChatRequest::new(ARGON).user("count to 30");
    let whole = gateway.chat(request()).await.unwrap();
    let chunks = stream(&gateway, request().streaming()).await.unwrap();
    assert_eq!(text(&chunks), whole.text());
    let first = &chunks[0];
    assert!(!first.id.is_empty() && first.model == ARGON && first.created > 1_700_000_000);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.id == first.id && chunk.created == first.created && chunk.model == ARGON)
    );
    let roles = chunks.iter().flat_map(|chunk| &chunk.choices).filter(|choice| choice.delta.role.is_some());
    assert_eq!(roles.count(), 1);
    let end = chunks.last().unwrap();
    assert_eq!(end.usage, whole.usage);
    assert_eq!(end.lockgate.as_ref().unwrap().cost_nano_usd, whole.lockgate.as_ref().unwrap().cost_nano_usd);
    let sent = last(&sim).await;
    assert_eq!(
        (sent.path.as_str(), sent.query.as_deref()),
        ("/v1beta/models/gemini-4-argon:streamGenerateContent", Some("alt=sse"))
    );
    // From the cache, as a stream, for nothing.
    let mut cached = gateway.chat_stream(request()).await.unwrap();
    let mut again = Vec::new();
    while let Some(chunk) = futures_util::StreamExt::next(&mut cached).await {
        again.push(chunk.unwrap());
    }
    assert_eq!(text(&again), whole.text());
    assert_eq!(again.last().unwrap().lockgate.as_ref().unwrap().cost_nano_usd, Some(0));
}

#[tokio::test]
async fn several_answers_keep_their_numbers() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let request = ask(FLASH, "A colour", json!({"n": 3, "logprobs": true, "top_logprobs": 2}));
    let whole = gateway.chat(request.clone()).await.unwrap();
    let numbers: Vec<u32> = whole.choices.iter().map(|choice| choice.index).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let logprobs: Value = whole.choices[2].logprobs.as_ref().unwrap().read().unwrap();
    assert_eq!(logprobs["content"][0]["top_logprobs"].as_array().unwrap().len(), 2);
    let chunks = stream(&gateway, request.streaming()).await.unwrap();
    for choice in &whole.choices {
        let own = chunks.iter().flat_map(|chunk| &chunk.choices).filter(|one| one.index == choice.index);
        let said: String = own.filter_map(|one| one.delta.content.as_deref()).collect();
        assert_eq!(said, choice.message.text());
    }
}

#[tokio::test]
async fn schemas_and_images_are_sent_and_met() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": schema}});
    let asked = ask(ARGON, "Ada is 36", json!({"response_format": format}));
    assert_eq!(gateway.chat(asked).await.unwrap().text(), r#"{"age":36}"#);
    let parts = json!([
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]);
    let asked = read(json!({"model": ARGON, "messages": [{"role": "user", "content": parts}]}));
    assert!(gateway.chat(asked).await.unwrap().text().contains("I can see the 2 images"));
}

#[tokio::test]
async fn a_blocked_prompt_is_a_refusal_and_is_not_kept() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for _ in 0..2 {
        let answer = gateway.chat(ChatRequest::new(ARGON).user("please refuse")).await.unwrap();
        let choice = &answer.choices[0];
        assert_eq!(choice.finish_reason, Some(FinishReason::ContentFilter));
        assert!(choice.message.refusal.as_ref().unwrap().contains("PROHIBITED_CONTENT"));
    }
    assert_eq!(sim.settled().await.len(), 2);
    let chunks = stream(&gateway, ChatRequest::new(ARGON).user("please refuse").streaming()).await.unwrap();
    assert!(chunks.iter().flat_map(|chunk| &chunk.choices).any(|choice| choice.delta.refusal.is_some()));
}

#[tokio::test]
async fn vectors_come_as_they_are_asked_for() {
    const MODEL: &str = "gemini-embedding-001";
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut asked = EmbedRequest::new(MODEL, ["red fox", "blue whale"]);
    asked.dimensions = Some(4);
    let floats = gateway.embed(asked.clone()).await.unwrap();
    assert_eq!((floats.data.len(), floats.data[1].index, floats.model.as_str()), (2, 1, MODEL));
    let vector: Vec<f32> = floats.data[1].embedding.read().unwrap();
    assert_eq!((vector.len(), floats.usage.unwrap().prompt_tokens), (4, 4));
    // $0.15 a million.
    assert_eq!(floats.lockgate.unwrap().cost_nano_usd, Some(600));
    assert!(last(&sim).await.path.ends_with(":batchEmbedContents"));
    asked.encoding_format = Some("base64".to_owned());
    let encoded = gateway.embed(asked).await.unwrap();
    let text: String = encoded.data[1].embedding.read().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
    let decoded: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(decoded, vector);
    let one = gateway.embed(EmbedRequest::new("gemini-embedding-2", ["red fox"])).await.unwrap();
    assert_eq!(one.data[0].embedding.read::<Vec<f32>>().unwrap().len(), 3072);
    assert!(last(&sim).await.path.ends_with("gemini-embedding-2:embedContent"));
}

#[tokio::test]
async fn its_models_are_listed() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let request = http::Request::get("/v1/models").body(bytes::Bytes::new()).unwrap();
    let Body::Full(bytes) = gateway.handle(request).await.into_body() else { panic!("a list is no stream") };
    let list: Value = serde_json::from_slice(&bytes).unwrap();
    let models = list["data"].as_array().unwrap();
    let listed = models.iter().find(|model| model["id"] == FLASH).unwrap();
    assert_eq!(listed["owned_by"], "gemini");
    assert!(models.iter().any(|model| model["id"] == "gemini-embedding-2"));
}
