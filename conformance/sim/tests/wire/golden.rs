//! One stream, byte for byte.

use lockgate_sim::{Fault, Provider};
use serde_json::json;

use crate::raw::{ask, ask_stream, chat, start};

/// Ids and padding are drawn from the request; everything else is fixed.
fn masked(text: &str, id: &str) -> String {
    let mut masked = String::new();
    for line in text.replace(id, "ID").lines() {
        let line = match line.split_once(",\"obfuscation\":\"") {
            Some((before, padding)) => {
                let length = padding.find('"').unwrap();
                assert!((1..=16).contains(&length), "{padding}");
                format!("{before},\"obfuscation\":\"…\"}}")
            }
            None => line.to_owned(),
        };
        masked.push_str(&line);
        masked.push('\n');
    }
    masked
}

#[tokio::test]
async fn the_stream_is_the_vendors_byte_for_byte() {
    let sim = start().await;
    sim.fault(Provider::OpenAi, Fault::reply("Hi, 雪!"));
    let reply = chat(&sim, &ask_stream("x")).await;
    let id = reply.deltas()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), "chatcmpl-".len() + 29);
    let head = "data: {\"id\":\"ID\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\
                \"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"FP\",\"choices\":[";
    let fingerprint = reply.deltas()[0]["system_fingerprint"].as_str().unwrap().to_owned();
    let piece = |delta: &str, finish: &str| {
        format!(
            "{head}{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null,\"obfuscation\":\"…\"}}\n\n"
        )
    };
    let usage = "{\"prompt_tokens\":8,\"completion_tokens\":5,\"total_tokens\":13,\
                 \"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\
                 \"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\
                 \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}";
    let mut expected = piece("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null");
    for text in ["Hi", ",", " ", "雪", "!"] {
        expected.push_str(&piece(&format!("{{\"content\":\"{text}\"}}"), "null"));
    }
    expected.push_str(&piece("{}", "\"stop\""));
    expected.push_str(&format!("{head}],\"usage\":{usage},\"obfuscation\":\"…\"}}\n\n"));
    expected.push_str("data: [DONE]\n\n");
    assert_eq!(masked(&reply.text(), &id).replace(&fingerprint, "FP"), expected);
}

#[tokio::test]
async fn thinking_models_leave_log_probabilities_out() {
    let sim = start().await;
    let mut body = ask("x");
    body["model"] = json!("o4-mini");
    body["stream"] = json!(true);
    let text = chat(&sim, &body).await.text();
    assert!(!text.contains("logprobs"));
    assert!(text.contains("\"system_fingerprint\":null,\"choices\":"));
}
