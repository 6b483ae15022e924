//! The chat request that goes out.

use http::header::AUTHORIZATION;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::messages::{Turn, turns};
use super::tools::{Offered, offered};
use super::{NAME, options};
use crate::error::Result;
use crate::provider::express::{left_out, unsupported};
use crate::provider::outgoing::JSON;
use crate::provider::{Call, Outgoing};
use crate::types::{ChatRequest, Extra, Raw};

/// What Ollama streams.
const NDJSON: &str = "application/x-ndjson";

/// Unknown fields that are not passed on as they are.
const DECIDED: [&str; 2] = ["options", "lockgate"];

pub(super) fn chat(call: &Call<'_>) -> Result<Outgoing> {
    let request = call.request;
    let mut warnings = Vec::new();
    contract(request)?;
    let body = Body {
        model: call.model,
        messages: turns(request, &mut warnings)?,
        stream: call.stream,
        format: format(request, &mut warnings),
        think: think(request, &mut warnings),
        tools: offered(request, &mut warnings)?,
        logprobs: request.logprobs == Some(true),
        top_logprobs: request.top_logprobs,
        options: options::options(call, &mut warnings)?,
        extra: &request.extra,
    };
    for (name, field, written) in [
        ("format", "response_format", body.format.is_some()),
        ("think", "reasoning_effort", body.think.is_some()),
    ] {
        if written && request.extra.get(name).is_some() {
            warn(&mut warnings, format!("{name} was left out: {field} stands for it"));
        }
    }
    hints(request, &mut warnings);
    let accept = if call.stream { NDJSON } else { JSON };
    let outgoing = Outgoing::post(call.endpoint, "/api/chat", &body, accept)?.key(
        call.endpoint,
        AUTHORIZATION,
        "Bearer ",
    )?;
    Ok(Outgoing { warnings, ..outgoing })
}

/// Adds a warning, once.
pub(super) fn warn(warnings: &mut Vec<String>, warning: String) {
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
}

/// What cannot be left out and cannot be sent.
fn contract(request: &ChatRequest) -> Result<()> {
    if request.answers() > 1 {
        return Err(unsupported("n", NAME, "it gives one answer at a time"));
    }
    if request.modalities.iter().flatten().any(|kind| kind != "text") {
        return Err(unsupported("modalities", NAME, "it answers in text only"));
    }
    if request.audio.is_some() {
        return Err(unsupported("audio", NAME, "it answers in text only"));
    }
    // OpenAI's older form. As an unknown field it would be passed on, and nobody would read it.
    if request.extra.get("functions").is_some_and(|functions| !functions.is_null()) {
        return Err(unsupported("functions", NAME, "it knows functions as tools"));
    }
    Ok(())
}

/// What is left out with a warning: all hints that ask for something Ollama does not do anyway.
fn hints(request: &ChatRequest, warnings: &mut Vec<String>) {
    for (name, asked) in [
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("logit_bias", request.logit_bias.is_some()),
        ("user", request.user.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("metadata", request.metadata.is_some()),
        ("store", request.store == Some(true)),
        ("service_tier", request.service_tier.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("prediction", request.prediction.is_some()),
    ] {
        if asked {
            warn(warnings, left_out(name, NAME));
        }
    }
}

/// The form of the answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Format<'a> {
    Word(&'static str),
    Schema(&'a Raw),
}

fn format<'a>(request: &'a ChatRequest, warnings: &mut Vec<String>) -> Option<Format<'a>> {
    let asked = request.response_format.as_ref()?;
    let schema = asked.json_schema.as_ref();
    if schema.is_some_and(|schema| schema.description.is_some()) {
        warn(warnings, left_out("response_format.json_schema.description", NAME));
    }
    match (asked.kind.as_str(), schema.and_then(|schema| schema.schema.as_ref())) {
        ("json_schema", Some(schema)) => Some(Format::Schema(schema)),
        ("json_schema" | "json_object", _) => Some(Format::Word("json")),
        _ => None,
    }
}

/// How hard to think, in Ollama's words: those of OpenAI's that it does not know become the nearest it does.
#[derive(Serialize)]
#[serde(untagged)]
enum Think<'a> {
    Whether(bool),
    Level(&'a str),
}

fn think<'a>(request: &'a ChatRequest, warnings: &mut Vec<String>) -> Option<Think<'a>> {
    let effort = request.reasoning_effort.as_deref()?;
    let level = match effort {
        "none" => return Some(Think::Whether(false)),
        "minimal" => "low",
        "xhigh" => "max",
        level => level,
    };
    if level != effort {
        warn(warnings, format!("reasoning_effort {effort:?} was sent to {NAME} as {level:?}"));
    }
    Some(Think::Level(level))
}

struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    stream: bool,
    format: Option<Format<'a>>,
    think: Option<Think<'a>>,
    tools: Vec<Offered<'a>>,
    logprobs: bool,
    top_logprobs: Option<u32>,
    options: Extra,
    extra: &'a Extra,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut written = Vec::from(DECIDED);
        map.serialize_entry("model", self.model)?;
        map.serialize_entry("messages", &self.messages)?;
        // A stream is what Ollama sends unless it is told not to.
        map.serialize_entry("stream", &self.stream)?;
        if let Some(format) = &self.format {
            map.serialize_entry("format", format)?;
            written.push("format");
        }
        if let Some(think) = &self.think {
            map.serialize_entry("think", think)?;
            written.push("think");
        }
        if !self.tools.is_empty() {
            map.serialize_entry("tools", &self.tools)?;
        }
        if self.logprobs {
            map.serialize_entry("logprobs", &true)?;
            if let Some(top) = self.top_logprobs {
                map.serialize_entry("top_logprobs", &top)?;
            }
        }
        if !self.options.is_empty() {
            map.serialize_entry("options", &self.options)?;
        }
        let known = |name: &&str| written.contains(name) || options::OWN.contains(name);
        for (name, value) in self.extra.iter().filter(|(name, _)| !known(name)) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
