//! Gemini's protocol: routes, keys, headers.

mod chunk;
mod config;
mod contents;
mod count;
mod embeddings;
mod error;
mod fields;
mod generate;
mod models;
mod request;
mod signature;
mod stream;
mod tools;
mod turns;
mod usage;

use bytes::Bytes;
use http::Method;

use crate::fault::{ErrorInStream, Fault, StatusFault};
use crate::gemini::error::ApiError;
use crate::plan::{Answer, Content, Dialect, set_header};
use crate::server::{Arrived, Vendor};

/// The simulated vendor.
pub(crate) struct Gemini;

impl Gemini {
    fn route(arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, ApiError> {
        let Some(rest) = arrived.path.strip_prefix(&format!("/{}/models", version(arrived))) else {
            return Err(error::unknown_url());
        };
        authorise(arrived)?;
        let Some(rest) = rest.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
            return match (&arrived.method, rest) {
                (&Method::GET, "") => models::list(arrived.query.as_deref()),
                _ => Err(error::unknown_url()),
            };
        };
        match (&arrived.method, rest.split_once(':')) {
            (&Method::GET, None) => models::one(arrived, rest),
            (&Method::POST, Some((model, method))) => match method {
                "generateContent" => generate::whole(arrived, model, faults),
                "streamGenerateContent" => {
                    let events = parameter(arrived, "alt") == Some("sse");
                    generate::streamed(arrived, model, faults, events)
                }
                "embedContent" => embeddings::one(arrived, model, faults),
                "batchEmbedContents" => embeddings::batch(arrived, model, faults),
                "countTokens" => count::answer(arrived, model),
                _ => Err(error::unknown_url()),
            },
            _ => Err(error::unknown_url()),
        }
    }
}

impl Vendor for Gemini {
    fn answer(&self, arrived: &Arrived, faults: &[&Fault]) -> Answer {
        let answer = Gemini::route(arrived, faults).unwrap_or_else(ApiError::into_answer);
        with_vendor_headers(answer)
    }

    fn status(&self, _: &Arrived, fault: &StatusFault) -> Answer {
        let mut answer = with_vendor_headers(error::scripted(fault).into_answer());
        if let Some(body) = &fault.body {
            answer.content = Content::Whole { bytes: body.clone().into(), usage: None };
        }
        if let Some(seconds) = &fault.retry_after {
            set_header(&mut answer.headers, "retry-after", seconds);
        }
        for (name, value) in &fault.headers {
            set_header(&mut answer.headers, name, value);
        }
        answer
    }
}

impl Dialect for Gemini {
    fn error_inside(&self, fault: &ErrorInStream, framed: bool) -> Bytes {
        let error = error::inside(fault);
        if framed { stream::frame(&error.line()) } else { error.body().into() }
    }

    fn frame_end(&self) -> &'static [u8] {
        stream::FRAME_END
    }
}

/// The version of the API that is asked. Both that are served are the same.
fn version(arrived: &Arrived) -> &'static str {
    if arrived.path.starts_with("/v1/") { "v1" } else { "v1beta" }
}

/// The key, in the header or, as Google's services also take it, in the address.
fn authorise(arrived: &Arrived) -> Result<(), ApiError> {
    let header = arrived.headers.get("x-goog-api-key").map(|key| key.to_str().unwrap_or_default());
    match header.or_else(|| parameter(arrived, "key")) {
        None | Some("") => Err(error::no_key()),
        Some(key) if key.starts_with("sk-bad") => Err(error::bad_key()),
        Some(_) => Ok(()),
    }
}

/// A parameter of the query, as it is written.
fn parameter<'a>(arrived: &'a Arrived, name: &str) -> Option<&'a str> {
    arrived.query.as_deref().and_then(|query| in_query(query, name))
}

fn in_query<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// The headers that every answer carries.
fn with_vendor_headers(mut answer: Answer) -> Answer {
    for (name, value) in [
        ("vary", "Origin, X-Origin, Referer"),
        ("server", "scaffolding on HTTPServer2"),
        ("x-xss-protection", "0"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", "gfet4t7; dur=1"),
    ] {
        set_header(&mut answer.headers, name, value);
    }
    answer
}
