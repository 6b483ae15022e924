//! OpenAI's protocol: routes, keys, headers.

mod chat;
mod embeddings;
mod error;
mod models;
mod params;
mod reply;
mod request;
mod schema;
mod stream;
mod tokens;
mod tools;
mod usage;
mod validate;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::fault::{ErrorInStream, Fault, StatusFault};
use crate::openai::error::ApiError;
use crate::plan::{Answer, Content, Dialect, set_header};
use crate::server::{Arrived, Vendor};

/// The simulated vendor.
pub(crate) struct OpenAi {
    started: Instant,
    started_unix: u64,
    fixed: bool,
}

impl OpenAi {
    pub(crate) fn new(created: Option<u64>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "`created` is true time on the wire; nothing here waits for it"
        )]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { started: Instant::now(), started_unix: created.unwrap_or(now), fixed: created.is_some() }
    }

    /// Unix seconds for `created`.
    fn created(&self) -> u64 {
        let elapsed = if self.fixed { 0 } else { self.started.elapsed().as_secs() };
        self.started_unix + elapsed
    }

    fn route(&self, arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, ApiError> {
        let wrong_method = |allowed: &str| Err(error::method(&arrived.method, &arrived.path, allowed));
        let unknown = || Err(error::unknown_url(&arrived.method, &arrived.path));
        let Some(rest) = arrived.path.strip_prefix("/v1/") else { return unknown() };
        authorise(&arrived.headers)?;
        match (&arrived.method, rest) {
            (&Method::POST, "chat/completions") => chat::answer(arrived, faults, self.created()),
            (&Method::POST, "embeddings") => embeddings::answer(arrived, faults),
            (&Method::GET, "models") => Ok(models::list()),
            (_, "chat/completions" | "embeddings") => wrong_method("POST"),
            (_, "models") => wrong_method("GET"),
            (&Method::GET, rest) => match rest.strip_prefix("models/") {
                Some(name) if !name.is_empty() => models::one(name),
                _ => unknown(),
            },
            _ => unknown(),
        }
    }
}

impl Vendor for OpenAi {
    fn answer(&self, arrived: &Arrived, faults: &[&Fault]) -> Answer {
        let mut answer = self.route(arrived, faults).unwrap_or_else(ApiError::into_answer);
        vendor_headers(&mut answer, arrived.id);
        answer
    }

    fn status(&self, arrived: &Arrived, fault: &StatusFault) -> Answer {
        let mut answer = error::scripted(fault).into_answer();
        if let Some(body) = &fault.body {
            answer.content = Content::Whole { bytes: body.clone().into(), usage: None };
        }
        vendor_headers(&mut answer, arrived.id);
        if let Some(seconds) = &fault.retry_after {
            set_header(&mut answer.headers, "retry-after", seconds);
        }
        if let Some(ms) = fault.retry_after_ms {
            set_header(&mut answer.headers, "retry-after-ms", &ms.to_string());
        }
        for (name, value) in &fault.headers {
            set_header(&mut answer.headers, name, value);
        }
        answer
    }
}

impl Dialect for OpenAi {
    fn error_inside(&self, fault: &ErrorInStream, framed: bool) -> Bytes {
        let error = error::inside(fault).body();
        if framed { stream::frame(&error) } else { error.into() }
    }
}

fn authorise(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Err(error::no_key()) };
    let value = value.to_str().unwrap_or_default();
    let scheme = value.get(..7).unwrap_or_default();
    let key = value.get(7..).unwrap_or_default().trim();
    if !scheme.eq_ignore_ascii_case("bearer ") || key.is_empty() {
        return Err(error::no_key());
    }
    if key.starts_with("sk-bad") {
        return Err(error::bad_key(key));
    }
    Ok(())
}

/// Requests and tokens a minute, as an ordinary account has them.
const LIMIT_REQUESTS: u64 = 10_000;
const LIMIT_TOKENS: u64 = 2_000_000;

/// The headers that every answer carries.
fn vendor_headers(answer: &mut Answer, id: u64) {
    let tokens = answer.usage.as_ref().and_then(|usage| usage.get("total_tokens")).and_then(Value::as_u64);
    let tokens = tokens.unwrap_or_default().min(LIMIT_TOKENS);
    // Two million tokens a minute are one every 30 µs.
    let reset_tokens_ms = (tokens * 60_000).div_ceil(LIMIT_TOKENS);
    let request_id = format!("req_{}", hex(id));
    let fixed: [(&str, &str); 11] = [
        ("access-control-expose-headers", "X-Request-ID"),
        ("openai-organization", "org-lockgate-sim"),
        ("openai-processing-ms", "1"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", &LIMIT_REQUESTS.to_string()),
        ("x-ratelimit-limit-tokens", &LIMIT_TOKENS.to_string()),
        ("x-ratelimit-remaining-requests", &(LIMIT_REQUESTS - 1).to_string()),
        ("x-ratelimit-remaining-tokens", &(LIMIT_TOKENS - tokens).to_string()),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", &format!("{reset_tokens_ms}ms")),
        ("x-request-id", &request_id),
    ];
    for (name, value) in fixed {
        set_header(&mut answer.headers, name, value);
    }
}

/// A JSON answer with status 200.
fn json_answer(body: &impl Serialize, usage: Option<Value>, reported: Option<Value>) -> Answer {
    let mut headers = HeaderMap::new();
    set_header(&mut headers, "content-type", "application/json");
    let bytes = serde_json::to_vec(body).unwrap_or_default().into();
    Answer { status: StatusCode::OK, headers, content: Content::Whole { bytes, usage: reported }, usage }
}

/// One step of splitmix64: well mixed, and the same on every machine.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a with a final mix.
fn hash(bytes: &[u8]) -> u64 {
    mix(bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// `length` letters and digits drawn from `seed`.
fn letters(seed: u64, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = mix(state);
        let place = usize::try_from(state % 62).unwrap_or_default();
        ALPHABET.get(place).copied().map_or('A', char::from)
    })
    .take(length)
    .collect()
}

/// 32 hexadecimal digits drawn from `seed`.
fn hex(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(mix(seed)));
    format!("{high:016x}{low:016x}")
}
