//! A gateway before a simulated Gemini, with a simulated OpenAI beside it.

use futures_util::StreamExt;
use lockgate::config::Environment;
use lockgate::types::{ChatRequest, Chunk, FunctionCall, Message, Raw, Role, Tool, ToolCall};
use lockgate::{Builder, CacheMode, CallOptions, Gateway};
use lockgate_sim::{Options, Provider, Recorded, Sim};
use serde_json::{Value, json};

pub(crate) const GEMINI: Provider = Provider::Gemini;
pub(crate) const ARGON: &str = "gemini-4-argon";
pub(crate) const FLASH: &str = "gemini-2.5-flash";
const KEY: &str = "AIza-the-gateways-own";

pub(crate) async fn sim() -> Sim {
    Sim::start(Options::default()).await.unwrap()
}

/// Both providers, found by their variables.
pub(crate) fn builder(sim: &Sim) -> Builder {
    let environment = Environment::empty()
        .with("GEMINI_API_KEY", KEY)
        .with("GEMINI_BASE_URL", sim.base_url(GEMINI))
        .with("OPENAI_API_KEY", "sk-test")
        .with("OPENAI_BASE_URL", sim.openai_base_url());
    // A failure is seen as it is, not after another try.
    Gateway::builder().environment(environment).set("store", "memory").set("routing.retries", 0)
}

pub(crate) async fn gateway(sim: &Sim) -> Gateway {
    builder(sim).build().await.unwrap()
}

fn uncached() -> CallOptions {
    CallOptions { cache: CacheMode::Off, ..CallOptions::default() }
}

/// All of a stream, past the cache.
pub(crate) async fn stream(gateway: &Gateway, request: ChatRequest) -> lockgate::Result<Vec<Chunk>> {
    let mut stream = gateway.chat_stream_with(request, uncached()).await?;
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        chunks.push(chunk?);
    }
    Ok(chunks)
}

/// The text of the chunks.
pub(crate) fn text(chunks: &[Chunk]) -> String {
    let deltas = chunks.iter().flat_map(|chunk| &chunk.choices).map(|choice| &choice.delta);
    deltas.filter_map(|delta| delta.content.as_deref()).collect()
}

/// The message that the chunks make, put together as a caller does it.
pub(crate) fn message(chunks: &[Chunk]) -> Message {
    let mut message = Message { role: Role::Assistant, ..Message::default() };
    let (mut said, mut thought) = (String::new(), String::new());
    for delta in chunks.iter().flat_map(|chunk| &chunk.choices).map(|choice| &choice.delta) {
        said.push_str(delta.content.as_deref().unwrap_or_default());
        thought.push_str(delta.reasoning_content.as_deref().unwrap_or_default());
        message.thinking_blocks.extend(delta.thinking_blocks.clone());
        for call in &delta.tool_calls {
            let function = call.function.clone().unwrap();
            let function = FunctionCall {
                name: function.name.unwrap(),
                arguments: function.arguments.unwrap(),
                ..FunctionCall::default()
            };
            let (id, extra) = (call.id.clone().unwrap(), call.extra.clone());
            message.tool_calls.push(ToolCall { id, function: Some(function), extra, ..ToolCall::default() });
        }
    }
    message.content = (!said.is_empty()).then(|| said.into());
    message.reasoning_content = (!thought.is_empty()).then_some(thought);
    message
}

pub(crate) fn weather() -> Tool {
    let parameters = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    Tool::function("get_weather", "Tells the weather", Raw::parse(parameters).unwrap())
}

/// A request from its body.
pub(crate) fn read(body: Value) -> ChatRequest {
    ChatRequest::from_slice(body.to_string().as_bytes()).unwrap()
}

/// A question, with more fields.
pub(crate) fn ask(model: &str, question: &str, fields: Value) -> ChatRequest {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": question}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    read(body)
}

/// The last request that Gemini got. Each of them has the key where it belongs.
pub(crate) async fn last(sim: &Sim) -> Recorded {
    let requests: Vec<Recorded> =
        sim.settled().await.into_iter().filter(|request| request.provider == GEMINI).collect();
    for request in &requests {
        assert_eq!(request.header("x-goog-api-key"), Some(KEY));
        assert_eq!(request.header("authorization"), None);
        let query = request.query.as_deref().unwrap_or_default();
        assert!(matches!(query, "" | "alt=sse"), "{query}");
        assert!(!request.path.contains(KEY) && !request.body.to_string().contains(KEY));
    }
    requests.into_iter().next_back().unwrap()
}
