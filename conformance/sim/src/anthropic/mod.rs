//! Anthropic's protocol: routes, keys, headers.

mod content;
mod count;
mod date;
mod error;
mod message;
mod models;
mod params;
mod request;
mod rules;
mod schema;
mod seal;
mod stream;
mod tools;
mod usage;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::anthropic::error::ApiError;
use crate::anthropic::request::Version;
use crate::clock::Clock;
use crate::fault::{ErrorInStream, Fault, StatusFault};
use crate::model::letters;
use crate::plan::{Answer, Content, Dialect, set_header};
use crate::server::{Arrived, Vendor};

/// The simulated vendor.
pub(crate) struct Anthropic {
    clock: Clock,
}

impl Anthropic {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    fn route(&self, arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, ApiError> {
        authorise(&arrived.headers)?;
        let version = version(&arrived.headers)?;
        let rest = arrived.path.strip_prefix("/v1/").ok_or_else(error::not_found)?;
        match (&arrived.method, rest) {
            (&Method::POST, "messages") => message::answer(arrived, version, faults),
            (&Method::POST, "messages/count_tokens") => count::answer(arrived, version),
            (&Method::GET, "models") => Ok(models::list()),
            (_, "messages" | "messages/count_tokens" | "models") => Err(error::method()),
            (&Method::GET, rest) => match rest.strip_prefix("models/") {
                Some(name) if !name.is_empty() => models::one(name),
                _ => Err(error::not_found()),
            },
            _ => Err(error::not_found()),
        }
    }

    /// The headers that every answer carries.
    fn vendor_headers(&self, answer: &mut Answer, id: u64) {
        let spent = |name: &str| {
            let count = answer.usage.as_ref().and_then(|usage| usage.get(name)).and_then(Value::as_u64);
            count.unwrap_or_default()
        };
        let (input, output) = (spent("input_tokens"), spent("output_tokens"));
        let exhausted = answer.status.as_u16() == 429;
        let requests = if exhausted { LIMIT_REQUESTS } else { 1 };
        for (what, limit, used) in [
            ("requests", LIMIT_REQUESTS, requests),
            ("input-tokens", LIMIT_INPUT, input),
            ("output-tokens", LIMIT_OUTPUT, output),
            ("tokens", LIMIT_INPUT + LIMIT_OUTPUT, input + output),
        ] {
            let used = used.min(limit);
            // A limit a minute fills up again evenly, and is told to the second.
            let full = self.clock.now().as_secs() + (used * 60).div_ceil(limit);
            let header = |field: &str| format!("anthropic-ratelimit-{what}-{field}");
            set_header(&mut answer.headers, &header("limit"), &limit.to_string());
            set_header(&mut answer.headers, &header("remaining"), &(limit - used).to_string());
            set_header(&mut answer.headers, &header("reset"), &date::rfc3339(full));
        }
        set_header(&mut answer.headers, "request-id", &request_id(id));
        set_header(&mut answer.headers, "anthropic-organization-id", "1f0e4bd2-0000-4000-8000-10c49a7e51b0");
    }
}

/// Requests and tokens a minute, as an ordinary account has them.
const LIMIT_REQUESTS: u64 = 4_000;
const LIMIT_INPUT: u64 = 2_000_000;
const LIMIT_OUTPUT: u64 = 400_000;

fn request_id(id: u64) -> String {
    format!("req_011C{}", letters(id, 20))
}

impl Vendor for Anthropic {
    fn answer(&self, arrived: &Arrived, faults: &[&Fault]) -> Answer {
        let failed = |error: ApiError| error.into_answer(&request_id(arrived.id));
        let mut answer = self.route(arrived, faults).unwrap_or_else(failed);
        self.vendor_headers(&mut answer, arrived.id);
        answer
    }

    fn status(&self, arrived: &Arrived, fault: &StatusFault) -> Answer {
        let mut answer = error::scripted(fault).into_answer(&request_id(arrived.id));
        if let Some(body) = &fault.body {
            answer.content = Content::Whole { bytes: body.clone().into(), usage: None };
        }
        self.vendor_headers(&mut answer, arrived.id);
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

impl Dialect for Anthropic {
    fn error_inside(&self, fault: &ErrorInStream, framed: bool) -> Bytes {
        let body = error::inside(fault).body("req_011CSHoEeqs5C35K2UUqR7Fy");
        if framed { stream::frame("error", &body) } else { body.into() }
    }

    fn frame_end(&self) -> &'static [u8] {
        b"\n\n"
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

fn authorise(headers: &HeaderMap) -> Result<(), ApiError> {
    let bearer = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    match header(headers, "x-api-key").or(bearer) {
        None | Some("") => Err(error::no_key()),
        Some(key) if key.starts_with("sk-bad") => Err(error::bad_key()),
        Some(_) => Ok(()),
    }
}

fn version(headers: &HeaderMap) -> Result<Version, ApiError> {
    match header(headers, "anthropic-version") {
        None | Some("") => Err(error::invalid("anthropic-version: header is required")),
        Some("2023-06-01" | "2023-01-01") => Ok(Version::First),
        Some("2026-10-21") => Ok(Version::Second),
        Some(other) => {
            let message = format!("anthropic-version: \"{other}\" is not a valid version");
            Err(error::invalid(message))
        }
    }
}
