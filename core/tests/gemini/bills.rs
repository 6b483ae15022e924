//! Gemini's usage objects and their bills, worked out by hand from the price table, to the nano-USD.

use lockgate::types::ChatRequest;
use lockgate_sim::Fault;
use serde_json::json;

use crate::world::{FLASH, GEMINI, builder, sim, stream};

/// Usage as Gemini reports it, the model, and nano-USD. A dollar a million is 1,000 nano-USD a token.
#[tokio::test]
async fn usage_is_billed_to_the_nano_usd() {
    const PRO: &str = "gemini-2.5-pro";
    let sim = sim().await;
    let gateway = builder(&sim).build().await.unwrap();
    let audio = json!([{"modality": "TEXT", "tokenCount": 900}, {"modality": "AUDIO", "tokenCount": 100}]);
    for (model, usage, bill) in [
        // 1,000 × 300 + 200 × 2,500
        (
            FLASH,
            json!({"promptTokenCount": 1000, "candidatesTokenCount": 200, "thoughtsTokenCount": 0}),
            800_000,
        ),
        // Thinking is output: 10 × 300 + (5 + 300) × 2,500
        (
            FLASH,
            json!({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 300}),
            765_500,
        ),
        // The cached part is in the prompt: 400 × 300 + 600 × 30 + 500 × 2,500
        (
            FLASH,
            json!({"promptTokenCount": 1000, "cachedContentTokenCount": 600, "candidatesTokenCount": 200,
            "thoughtsTokenCount": 300}),
            1_388_000,
        ),
        // What tools put in is not: (1,000 + 50) × 300 + 1 × 2,500
        (
            FLASH,
            json!({"promptTokenCount": 1000, "toolUsePromptTokenCount": 50, "candidatesTokenCount": 1,
            "thoughtsTokenCount": 0}),
            317_500,
        ),
        // Sound: 900 × 300 + 100 × 1,000 + 1 × 2,500
        (
            FLASH,
            json!({"promptTokenCount": 1000, "promptTokensDetails": audio, "candidatesTokenCount": 1,
            "thoughtsTokenCount": 0}),
            372_500,
        ),
        // Of which half is cached: 900 × 300 + 50 × 1,000 + 50 × 30 + 1 × 2,500
        (
            FLASH,
            json!({"promptTokenCount": 1000, "promptTokensDetails": audio, "cachedContentTokenCount": 50,
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}], "candidatesTokenCount": 1,
            "thoughtsTokenCount": 0}),
            324_000,
        ),
        // 200,000 × 1,250 + 100 × 10,000
        (
            PRO,
            json!({"promptTokenCount": 200_000, "candidatesTokenCount": 100, "thoughtsTokenCount": 0}),
            251_000_000,
        ),
        // A long prompt has its own rates: 200,001 × 2,500 + 100 × 15,000
        (
            PRO,
            json!({"promptTokenCount": 200_001, "candidatesTokenCount": 100, "thoughtsTokenCount": 0}),
            501_502_500,
        ),
    ] {
        let fault = || Fault::Usage(usage.as_object().unwrap().clone());
        sim.fault(GEMINI, fault());
        let streamed = stream(&gateway, ChatRequest::new(model).user("x").streaming()).await.unwrap();
        let end = streamed.last().unwrap();
        assert_eq!(end.lockgate.as_ref().unwrap().cost_nano_usd, Some(bill), "streamed: {model} {usage}");
        sim.fault(GEMINI, fault());
        let options = lockgate::CallOptions { cache: lockgate::CacheMode::Off, ..Default::default() };
        let whole = gateway.chat_with(ChatRequest::new(model).user("x"), options).await.unwrap();
        assert_eq!(whole.lockgate.unwrap().cost_nano_usd, Some(bill), "whole: {model} {usage}");
    }
}
