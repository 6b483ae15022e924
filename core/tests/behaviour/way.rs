//! Two ways to make a call: Rust's own, and HTTP without a socket.

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Request};
use lockgate::http::Body;
use lockgate::types::{ChatRequest, Chunk};
use lockgate::{CacheMode, CallOptions, Error, Gateway};
use serde_json::{Value, json};

use crate::case::{Call, Wait, WhichKey};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Native,
    Http,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// OpenAI's answer; of a stream, its pieces put together.
    pub(crate) answer: Option<Value>,
    pub(crate) code: Option<String>,
    /// The Python exception that the error is raised as, where the way says it.
    pub(crate) exception: Option<&'static str>,
    pub(crate) retry_after: Wait,
}

impl Way {
    pub(crate) async fn call(self, gateway: &Gateway, call: &Call, own: Option<&str>) -> Seen {
        let unknown = format!("lg_{}", "A".repeat(43));
        let key = match call.options.key {
            Some(WhichKey::Own) => Some(own.expect("the case has a key")),
            Some(WhichKey::Unknown) => Some(unknown.as_str()),
            None => None,
        };
        match self {
            Way::Native => natively(gateway, call, key).await.unwrap_or_else(|error| refused(&error)),
            Way::Http => over_http(gateway, call, key).await,
        }
    }
}

async fn natively(gateway: &Gateway, call: &Call, key: Option<&str>) -> Result<Seen, Error> {
    let request = ChatRequest::from_slice(call.request.to_string().as_bytes())?;
    let options = CallOptions {
        key: key.map(str::to_owned),
        customer: call.options.customer.clone(),
        labels: call.options.labels.clone(),
        cache: CacheMode::parse(call.options.cache.as_deref().unwrap_or_default())?,
        ..CallOptions::default()
    };
    if !request.is_stream() {
        let answer = gateway.chat_with(request, options).await?;
        return Ok(answered(serde_json::to_value(answer).unwrap()));
    }
    let mut stream = gateway.chat_stream_with(request, options).await?;
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk: Chunk = chunk?;
        chunks.push(serde_json::to_value(chunk).unwrap());
    }
    Ok(answered(together(&chunks)))
}

async fn over_http(gateway: &Gateway, call: &Call, key: Option<&str>) -> Seen {
    let mut request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    if let Some(customer) = &call.options.customer {
        request = request.header("x-customer-id", customer);
    }
    if let Some(cache) = &call.options.cache {
        request = request.header("x-lockgate-cache", cache);
    }
    for (name, value) in &call.options.labels {
        request = request.header(format!("x-lockgate-label-{name}"), value);
    }
    let response = gateway.handle(request.body(Bytes::from(call.request.to_string())).unwrap()).await;
    let (head, body) = response.into_parts();
    let text = match body {
        Body::Full(bytes) => bytes.to_vec(),
        Body::Stream(pieces) => pieces.map(|piece| piece.unwrap().to_vec()).concat().await,
    };
    let text = String::from_utf8(text).unwrap();
    read(head.status.as_u16(), &head.headers, &text)
}

/// An HTTP answer.
fn read(status: u16, headers: &HeaderMap, text: &str) -> Seen {
    if status != 200 {
        let body: Value = serde_json::from_str(text).unwrap();
        let retry_after = if headers.contains_key("retry-after") { Wait::Known } else { Wait::None };
        let code = body["error"]["code"].as_str().map(str::to_owned);
        return Seen { status, answer: None, code, exception: None, retry_after };
    }
    let answer = if headers["content-type"].to_str().unwrap().starts_with("text/event-stream") {
        of_stream(text)
    } else {
        serde_json::from_str(text).unwrap()
    };
    // The headers say the same.
    for (name, field) in [
        ("x-lockgate-provider", "provider"),
        ("x-lockgate-model", "model"),
        ("x-lockgate-downgraded-from", "downgraded_from"),
        ("x-lockgate-attempts", "attempts"),
    ] {
        let header = headers.get(name).map(|value| value.to_str().unwrap()).filter(|value| !value.is_empty());
        assert_eq!(header, answer["lockgate"][field].as_str(), "{name}");
    }
    answered(answer)
}

fn of_stream(text: &str) -> Value {
    let mut events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    together(&chunks)
}

fn answered(answer: Value) -> Seen {
    Seen { status: 200, answer: Some(answer), code: None, exception: None, retry_after: Wait::None }
}

fn refused(error: &Error) -> Seen {
    Seen {
        status: error.status(),
        answer: None,
        code: Some(error.code().to_owned()),
        exception: Some(error.kind().exception()),
        retry_after: if error.retry_after().is_some() { Wait::Known } else { Wait::None },
    }
}

/// A stream's pieces as one answer.
fn together(chunks: &[Value]) -> Value {
    let choices = || chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    let text: String = choices().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
    let calls: Vec<Value> = choices()
        .filter_map(|choice| choice["delta"]["tool_calls"].as_array())
        .flatten()
        .filter(|call| call["function"]["name"].is_string())
        .cloned()
        .collect();
    let reason = choices().filter_map(|choice| choice["finish_reason"].as_str()).next_back();
    let message = json!({ "content": text, "tool_calls": calls });
    json!({
        "choices": [{ "message": message, "finish_reason": reason }],
        "lockgate": chunks.last().unwrap()["lockgate"],
    })
}
