//! The request that goes out: the caller's, word for word, but for what the gateway decides.

use http::header::AUTHORIZATION;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Dialect;
use crate::error::Result;
use crate::provider::express::strict;
use crate::provider::outgoing::{EVENT_STREAM, JSON};
use crate::provider::{Call, Endpoint, Outgoing};
use crate::types::StreamOptions;

/// Fields that are written anew, and the gateway's own.
const DECIDED: [&str; 6] =
    ["model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "lockgate"];

pub(super) fn chat(dialect: &Dialect, call: &Call<'_>) -> Result<Outgoing> {
    let (limits, warnings) = limits(dialect, call);
    let accept = if call.stream { EVENT_STREAM } else { JSON };
    let outgoing = post(call.endpoint, "/chat/completions", &Body { call, limits }, accept)?;
    Ok(Outgoing { warnings, ..outgoing })
}

/// A request with the key where this protocol has it.
pub(super) fn post<T: Serialize>(
    endpoint: &Endpoint,
    path: &str,
    body: &T,
    accept: &'static str,
) -> Result<Outgoing> {
    Outgoing::post(endpoint, path, body, accept)?.key(endpoint, AUTHORIZATION, "Bearer ")
}

/// The limits on output, under the names the model takes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Limits {
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

fn limits(dialect: &Dialect, call: &Call<'_>) -> (Limits, Vec<String>) {
    let request = call.request;
    let mut limits =
        Limits { max_tokens: request.max_tokens, max_completion_tokens: request.max_completion_tokens };
    if dialect.wants_completion_limit(call.model) {
        limits = Limits {
            max_tokens: None,
            max_completion_tokens: limits.max_completion_tokens.or(limits.max_tokens),
        };
    }
    let mut warnings = Vec::new();
    if let Some(cap) = call.output_cap {
        let asked = [limits.max_tokens, limits.max_completion_tokens].into_iter().flatten().min();
        if asked.is_none_or(|asked| asked > cap) {
            warnings.push(strict(cap));
        }
        limits.max_tokens = limits.max_tokens.map(|asked| asked.min(cap));
        limits.max_completion_tokens = limits.max_completion_tokens.map(|asked| asked.min(cap));
        if asked.is_none() {
            limits.max_completion_tokens = Some(cap);
        }
    }
    (limits, warnings)
}

struct Body<'a> {
    call: &'a Call<'a>,
    limits: Limits,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.call.request;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.call.model)?;
        request.entries(&mut map, &DECIDED)?;
        if let Some(limit) = self.limits.max_tokens {
            map.serialize_entry("max_tokens", &limit)?;
        }
        if let Some(limit) = self.limits.max_completion_tokens {
            map.serialize_entry("max_completion_tokens", &limit)?;
        }
        if self.call.stream {
            // Without usage a stream could only be billed by guessing, so it is asked for, whatever the caller said.
            let mut options = request.stream_options.clone().unwrap_or_default();
            options.include_usage = Some(true);
            map.serialize_entry("stream", &true)?;
            map.serialize_entry::<_, StreamOptions>("stream_options", &options)?;
        } else if request.stream == Some(false) {
            map.serialize_entry("stream", &false)?;
        }
        map.end()
    }
}
