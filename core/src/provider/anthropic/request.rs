//! The request that goes out.

use http::{HeaderName, HeaderValue};

use super::conversation::Conversation;
use super::format::{ANSWER_TOOL, Format};
use super::json::{Json, Object};
use super::model::Traits;
use super::{NAME, format, part, sampling, thinking, tool_choice, tools, user};
use crate::error::Result;
use crate::provider::express::{left_out, output_limit, unsupported};
use crate::provider::outgoing::{EVENT_STREAM, JSON};
use crate::provider::{Call, Endpoint, Outgoing};
use crate::types::{ChatRequest, Extra, Raw};

/// Output tokens for a model whose maximum is not known. Anthropic wants to be told a number.
const DEFAULT_OUTPUT_TOKENS: u64 = 4096;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

pub(super) fn chat(call: &Call<'_>) -> Result<Outgoing> {
    let mut warnings = Vec::new();
    let body = body(call, &mut warnings)?;
    let accept = if call.stream { EVENT_STREAM } else { JSON };
    let outgoing = Outgoing::post(call.endpoint, path(call.endpoint), &body, accept)?;
    let mut outgoing = outgoing.key(call.endpoint, API_KEY, "")?;
    let headers = outgoing.request.headers_mut();
    headers.entry(VERSION).or_insert(HeaderValue::from_static("2023-06-01"));
    Ok(Outgoing { warnings, ..outgoing })
}

/// Anthropic's clients want the address without the version, ours with it; both are understood.
fn path(endpoint: &Endpoint) -> &'static str {
    if endpoint.base_url().ends_with("/v1") { "/messages" } else { "/v1/messages" }
}

fn body<'a>(call: &Call<'a>, warnings: &mut Vec<String>) -> Result<Object<'a>> {
    let request = call.request;
    refuse(request)?;
    let traits = Traits::of(call.model);
    let limit = limit(call, warnings);
    let (system, messages) = Conversation::read(&request.messages, warnings)?.into_parts();
    let format = format::of(request, call.model, traits, warnings)?;
    let mut choice = tool_choice::of(request, call.model, traits)?;
    let mut offered = tools::of(request, traits, warnings)?;
    if let Some(only) = &choice.only {
        offered = kept(request, offered, only);
    }
    if let Format::Tool(_) = &format {
        choice.object = Some(Object::of("tool").with("name", ANSWER_TOOL));
        choice.forces = true;
    }
    let plan = thinking::plan(request, traits, limit, choice.forces, warnings)?;
    let sampling = sampling::of(request, traits, plan.asked, warnings);

    let mut body = Object::default().with("model", call.model).with("max_tokens", limit);
    let mut system = instructions(request, system);
    if let Format::Words(words) = &format {
        system.extend(part::text(words).map(Json::from));
    }
    if !system.is_empty() {
        body.set("system", system);
    }
    body.set("messages", messages);
    let config = output_config(request, plan.effort, &format);
    if let Format::Tool(tool) = format {
        offered.push(tool);
    }
    if !offered.is_empty() {
        body.set("tools", offered);
    }
    if let Some(choice) = choice.object {
        body.set("tool_choice", choice);
    }
    if let Some(thinking) = plan.thinking {
        body.set("thinking", thinking);
    }
    if let Some(config) = config {
        body.set("output_config", config);
    }
    for (name, number) in [("temperature", sampling.temperature), ("top_p", sampling.top_p)] {
        if let Some(raw) = number.and_then(|number| Raw::of(&number).ok()) {
            body.set(name, raw);
        }
    }
    if let Some(stop) = &request.stop {
        body.set("stop_sequences", stop.as_slice().iter().map(String::as_str).collect::<Vec<_>>());
    }
    if let Some(metadata) = user::metadata(request, warnings) {
        body.set("metadata", metadata);
    }
    if let Some(tier) = service_tier(request, warnings) {
        body.set("service_tier", tier);
    }
    if call.stream {
        body.set("stream", true);
    }
    hints(request, warnings);
    unknown(&mut body, request);
    Ok(body)
}

/// Parts of the contract that Anthropic cannot keep.
fn refuse(request: &ChatRequest) -> Result<()> {
    let no = |field: &str, why: &str| Err(unsupported(field, NAME, why));
    if request.answers() > 1 {
        return no("n", "it gives one answer");
    }
    if request.logprobs == Some(true) {
        return no("logprobs", "it tells no probabilities");
    }
    if request.audio.is_some() || request.modalities.iter().flatten().any(|kind| kind != "text") {
        return no("modalities", "it answers with text only");
    }
    if request.stop.iter().flat_map(|stop| stop.as_slice()).any(|stop| stop.trim().is_empty()) {
        return no("stop", "a stop sequence of white space alone is not taken");
    }
    for (field, why) in [
        ("functions", "the older form of tools has no counterpart; use tools"),
        ("function_call", "the older form of tools has no counterpart; use tool_choice"),
        ("web_search_options", "its search is a tool of its own; use tools"),
    ] {
        if request.extra.get(field).is_some_and(|value| !value.is_null()) {
            return no(field, why);
        }
    }
    Ok(())
}

/// The most output: the caller's limit or the strict cap's, else all that the model can.
fn limit(call: &Call<'_>, warnings: &mut Vec<String>) -> u64 {
    let most = call.max_output_tokens;
    match (output_limit(call, warnings), most) {
        (Some(asked), Some(most)) if asked > most => {
            warnings
                .push(format!("the limit of {asked} output tokens was lowered to {most}, the model's own"));
            most
        }
        (Some(asked), _) => asked,
        (None, most) => most.unwrap_or(DEFAULT_OUTPUT_TOKENS),
    }
}

/// All instructions: those of Anthropic's own field, which is unknown to OpenAI, come first.
fn instructions<'a>(request: &'a ChatRequest, system: Vec<Object<'a>>) -> Vec<Json<'a>> {
    let own = request.extra.get("system");
    let text = own.and_then(Raw::read::<String>).filter(|text| !text.is_empty());
    let text = text.map(|text| Object::of("text").with("text", text).into());
    let blocks = own.and_then(Raw::read::<Vec<Raw>>).unwrap_or_default();
    text.into_iter()
        .chain(blocks.into_iter().map(Json::from))
        .chain(system.into_iter().map(Json::from))
        .collect()
}

/// Effort and format, beside what the caller says in Anthropic's own field, which decides.
fn output_config<'a>(
    request: &ChatRequest,
    effort: Option<&'static str>,
    format: &Format<'a>,
) -> Option<Object<'a>> {
    let own: Extra = request.extra.get("output_config").and_then(Raw::read).unwrap_or_default();
    let mut config = Object::from(own);
    if let (Some(effort), false) = (effort, config.has("effort")) {
        config.set("effort", effort);
    }
    if let (Format::Schema(schema), false) = (format, config.has("format")) {
        config.set("format", schema.clone());
    }
    (!config.is_empty()).then_some(config)
}

/// The tools whose names the choice allows.
fn kept<'a>(request: &ChatRequest, offered: Vec<Object<'a>>, only: &[String]) -> Vec<Object<'a>> {
    let tools = request.tools.iter().flatten();
    let allowed =
        tools.map(|tool| tool.function.as_ref().is_some_and(|function| only.contains(&function.name)));
    offered.into_iter().zip(allowed).filter_map(|(tool, allowed)| allowed.then_some(tool)).collect()
}

fn service_tier(request: &ChatRequest, warnings: &mut Vec<String>) -> Option<&'static str> {
    match request.service_tier.as_deref()? {
        // Capacity that was paid for in advance, where there is some.
        "auto" | "priority" => Some("auto"),
        "default" | "standard_only" => Some("standard_only"),
        _ => {
            warnings.push(left_out("service_tier", NAME));
            None
        }
    }
}

/// Hints that Anthropic does not take. One that says nothing is left out unsaid.
fn hints(request: &ChatRequest, warnings: &mut Vec<String>) {
    let zero = |number: &serde_json::Number| number.as_f64() == Some(0.0);
    let extra = |name: &str| request.extra.get(name).is_some_and(|value| !value.is_null());
    for (field, given) in [
        ("frequency_penalty", request.frequency_penalty.as_ref().is_some_and(|number| !zero(number))),
        ("presence_penalty", request.presence_penalty.as_ref().is_some_and(|number| !zero(number))),
        ("seed", request.seed.is_some()),
        ("logit_bias", request.logit_bias.as_ref().is_some_and(|bias| bias.get() != "{}")),
        ("verbosity", request.verbosity.is_some()),
        ("store", request.store == Some(true)),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("prediction", request.prediction.is_some()),
        ("prompt_cache_retention", extra("prompt_cache_retention")),
    ] {
        if given {
            warnings.push(left_out(field, NAME));
        }
    }
}

/// Fields nobody here knows go out word for word: `top_k`, `thinking`, `mcp_servers` …
fn unknown<'a>(body: &mut Object<'a>, request: &'a ChatRequest) {
    let read = ["system", "output_config", "prompt_cache_retention", "lockgate"];
    // Refused, unless they say nothing.
    let refused = ["functions", "function_call", "web_search_options"];
    for (name, value) in request.extra.iter() {
        if !read.contains(&name) && !refused.contains(&name) && !body.has(name) {
            body.set(name, value);
        }
    }
}
