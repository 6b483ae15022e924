//! A conversation that comes from another provider: what only that one reads stays behind, and the caller is told.

use lockgate::provider::Call;
use lockgate::types::ChatRequest;
use serde_json::{Value, json};

use crate::case::cases;
use crate::harness::{Provider, endpoint};
use crate::{PROVIDERS, provider};

/// What each form of its own holds here, the word of the warning, and the providers that read it.
const FORMS: [(&str, &str, &[&str]); 8] = [
    ("ANTHROPIC-THOUGHT", "thinking", &["anthropic", "lockgate"]),
    ("ANTHROPIC-BLOCK", "content_blocks", &["anthropic", "lockgate"]),
    ("ANTHROPIC-CITED", "citations", &["anthropic", "lockgate"]),
    ("ANTHROPIC-CALLER", "caller", &["anthropic", "lockgate"]),
    ("GEMINI-THOUGHT", "thinking", &["gemini", "lockgate"]),
    ("GEMINI-PART", "gemini_parts", &["gemini", "lockgate"]),
    ("GEMINI-CALL", "extra_content", &["gemini", "gemini-openai", "lockgate"]),
    ("OPENROUTER-DETAIL", "reasoning_details", &["openrouter", "lockgate"]),
];

/// A turn as if every provider had had a part in it.
fn turn() -> Value {
    json!({
        "role": "assistant",
        "content": "Grass is green.",
        "reasoning_content": "Look it up.",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Look it up.", "signature": "ANTHROPIC-THOUGHT", "provider": "anthropic"},
            {"type": "redacted_thinking", "data": "GEMINI-THOUGHT", "provider": "gemini", "text": [0, 15]},
        ],
        "content_blocks": [{"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": ["ANTHROPIC-BLOCK"]}],
        "citations": [{"start_index": 0, "end_index": 15, "citation": {"cited_text": "ANTHROPIC-CITED"}}],
        "gemini_parts": [{"at": 0, "part": {"executableCode": {"code": "GEMINI-PART"}}}],
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "OPENROUTER-DETAIL"}],
        "tool_calls": [{
            "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"},
            "caller": {"type": "ANTHROPIC-CALLER"},
            "extra_content": {"google": {"thought_signature": "GEMINI-CALL"}},
        }],
    })
}

/// The body that goes out for a conversation with `turn` in it, and the warnings.
fn sent(to: &Provider, turn: &Value) -> (String, Vec<String>) {
    let plain = cases(to.name).into_iter().find(|case| case.name == "plain").expect("every provider has it");
    let messages = json!([
        {"role": "user", "content": "What colour is grass, and the weather in Oslo?"},
        turn,
        {"role": "tool", "tool_call_id": "call_1", "content": "snow"},
    ]);
    let body = json!({"model": plain.model(), "messages": messages});
    let request = ChatRequest::from_slice(body.to_string().as_bytes()).unwrap();
    let endpoint = endpoint();
    let call = Call {
        request: &request,
        model: plain.model(),
        stream: false,
        endpoint: &endpoint,
        output_cap: None,
        max_output_tokens: None,
    };
    let outgoing = (to.adapter)().chat(&call).unwrap_or_else(|error| panic!("{}: {error}", to.name));
    (String::from_utf8(outgoing.request.body().to_vec()).unwrap(), outgoing.warnings)
}

#[test]
fn what_only_another_provider_reads_is_left_out_with_a_warning() {
    for to in PROVIDERS {
        let (body, warnings) = sent(to, &turn());
        for (held, word, readers) in FORMS {
            let reads = readers.contains(&to.name);
            assert_eq!(body.contains(held), reads, "{held} to {}: {body}", to.name);
            let told = warnings.iter().any(|warning| warning.contains(word));
            assert!(reads || told, "{held} to {}: {warnings:?}", to.name);
        }
        assert!(body.contains("Grass is green."), "{}: {body}", to.name);
    }
}

#[test]
fn what_is_written_out_but_empty_is_left_out_without_a_word() {
    let turn = json!({
        "role": "assistant", "content": "Hi.", "thinking_blocks": [], "content_blocks": [], "citations": null,
        "gemini_parts": null, "reasoning_details": [],
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    });
    for name in ["openai", "anthropic", "gemini", "ollama", "groq", "mistral", "vllm"] {
        let (body, warnings) = sent(provider(name), &turn);
        for field in ["thinking_blocks", "content_blocks", "citations", "gemini_parts", "reasoning_details"] {
            assert!(!body.contains(field), "{name}: {body}");
            assert!(!warnings.iter().any(|warning| warning.contains(field)), "{name}: {warnings:?}");
        }
    }
}
