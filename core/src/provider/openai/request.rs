//! The request that goes out: the caller's, word for word, but for what the gateway decides and the dialect differs in.

use http::HeaderName;
use http::header::AUTHORIZATION;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::OpenAi;
use super::contract;
use super::conversation::Conversation;
use super::dialect::{Auth, Dialect, Limit};
use crate::error::Result;
use crate::provider::express::{left_out, strict};
use crate::provider::outgoing::{EVENT_STREAM, JSON};
use crate::provider::{Call, Endpoint, Outgoing};
use crate::types::{ChatRequest, StreamOptions, ToolChoice};

/// Fields that are written anew, and the gateway's own.
const DECIDED: [&str; 10] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "tools",
    "tool_choice",
    "lockgate",
];

pub(super) fn chat(openai: &OpenAi, call: &Call<'_>) -> Result<Outgoing> {
    let dialect = openai.dialect;
    contract::check(dialect, call.request)?;
    let (limits, mut warnings) = limits(dialect, call);
    let mut conversation = Conversation::of(dialect, call.request);
    warnings.append(&mut conversation.warnings);
    let skip = skipped(dialect, call.request, &mut warnings);
    let accept = if call.stream { EVENT_STREAM } else { JSON };
    let path = openai.path(call.endpoint, call.model, "/chat/completions")?;
    let body = Body { call, dialect, limits, conversation, skip };
    let outgoing = post(dialect, call.endpoint, &path, &body, accept)?;
    Ok(Outgoing { warnings, ..outgoing })
}

/// A request with the key where the dialect has it.
pub(super) fn post<T: Serialize>(
    dialect: &Dialect,
    endpoint: &Endpoint,
    path: &str,
    body: &T,
    accept: &'static str,
) -> Result<Outgoing> {
    let outgoing = Outgoing::post(endpoint, path, body, accept)?;
    match dialect.auth {
        Auth::Bearer => outgoing.key(endpoint, AUTHORIZATION, "Bearer "),
        Auth::ApiKey => outgoing.key(endpoint, HeaderName::from_static("api-key"), ""),
    }
}

/// The fields that are not sent, with a warning for each that the caller set.
fn skipped(dialect: &Dialect, request: &ChatRequest, warnings: &mut Vec<String>) -> Vec<&'static str> {
    let lost = dialect.left_out.iter().filter(|field| is_set(request, field));
    warnings.extend(lost.map(|field| left_out(field, dialect.name)));
    let refused = dialect.refused.iter().flat_map(|contract| contract.fields());
    DECIDED.iter().chain(dialect.left_out).chain(refused).copied().collect()
}

/// Whether the caller set a hint.
fn is_set(request: &ChatRequest, hint: &str) -> bool {
    match hint {
        "frequency_penalty" => request.frequency_penalty.is_some(),
        "presence_penalty" => request.presence_penalty.is_some(),
        "seed" => request.seed.is_some(),
        "logit_bias" => request.logit_bias.is_some(),
        "user" => request.user.is_some(),
        "parallel_tool_calls" => request.parallel_tool_calls.is_some(),
        "reasoning_effort" => request.reasoning_effort.is_some(),
        "verbosity" => request.verbosity.is_some(),
        "metadata" => request.metadata.is_some(),
        "store" => request.store.is_some(),
        "service_tier" => request.service_tier.is_some(),
        "safety_identifier" => request.safety_identifier.is_some(),
        "prompt_cache_key" => request.prompt_cache_key.is_some(),
        "prediction" => request.prediction.is_some(),
        other => request.extra.get(other).is_some(),
    }
}

/// The limits on output, under the names the model takes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Limits {
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

impl Limits {
    fn least(self) -> Option<u64> {
        [self.max_tokens, self.max_completion_tokens].into_iter().flatten().min()
    }
}

fn limits(dialect: &Dialect, call: &Call<'_>) -> (Limits, Vec<String>) {
    let request = call.request;
    let mut limits =
        Limits { max_tokens: request.max_tokens, max_completion_tokens: request.max_completion_tokens };
    let named = |limit: Option<u64>| {
        if dialect.limit == Limit::MaxTokens {
            Limits { max_tokens: limit, max_completion_tokens: None }
        } else {
            Limits { max_tokens: None, max_completion_tokens: limit }
        }
    };
    if dialect.limit == Limit::MaxTokens || dialect.wants_completion_limit(call.model) {
        limits = named(request.output_limit());
    }
    let mut warnings = Vec::new();
    if let Some(cap) = call.output_cap {
        let asked = limits.least();
        if asked.is_none_or(|asked| asked > cap) {
            warnings.push(strict(cap));
        }
        limits.max_tokens = limits.max_tokens.map(|asked| asked.min(cap));
        limits.max_completion_tokens = limits.max_completion_tokens.map(|asked| asked.min(cap));
        if asked.is_none() {
            limits = named(Some(cap));
        }
    }
    (limits, warnings)
}

struct Body<'a> {
    call: &'a Call<'a>,
    dialect: &'a Dialect,
    limits: Limits,
    conversation: Conversation<'a>,
    skip: Vec<&'static str>,
}

impl Body<'_> {
    fn sends(&self, field: &str) -> bool {
        // What is decided here stands in the list, too; only a dialect's own words count.
        !self.dialect.left_out.contains(&field)
            && !self.dialect.refused.iter().any(|contract| contract.fields().contains(&field))
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.call.request;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.call.model)?;
        map.serialize_entry("messages", &self.conversation.messages)?;
        request.entries(&mut map, &self.skip)?;
        if let Some(limit) = self.limits.max_tokens {
            map.serialize_entry("max_tokens", &limit)?;
        }
        if let Some(limit) = self.limits.max_completion_tokens {
            map.serialize_entry("max_completion_tokens", &limit)?;
        }
        if let Some(seed) = request.seed.filter(|_| self.sends("seed")) {
            map.serialize_entry(self.dialect.seed, &seed)?;
        }
        if let Some(tools) = request.tools.as_ref().filter(|_| self.sends("tools")) {
            map.serialize_entry("tools", self.conversation.tools.as_ref().unwrap_or(tools))?;
        }
        match request.tool_choice.as_ref().filter(|_| self.sends("tool_choice")) {
            Some(ToolChoice::Required) => map.serialize_entry("tool_choice", self.dialect.required)?,
            Some(choice) => map.serialize_entry("tool_choice", choice)?,
            None => {}
        }
        if self.call.stream {
            map.serialize_entry("stream", &true)?;
            if self.dialect.stream_options {
                // Without usage a stream could only be billed by guessing, so it is asked for, whatever the caller
                // said.
                let mut options = request.stream_options.clone().unwrap_or_default();
                options.include_usage = Some(true);
                map.serialize_entry::<_, StreamOptions>("stream_options", &options)?;
            }
        } else if request.stream == Some(false) {
            map.serialize_entry("stream", &false)?;
        }
        map.end()
    }
}
