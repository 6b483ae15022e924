//! The request that goes out.

use http::HeaderName;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::contents::{Conversation, conversation};
use super::generation::generation;
use super::model::Model;
use super::tools::{choice, declarations};
use super::warnings::Warnings;
use super::{NAME, wire};
use crate::error::{Error, Result};
use crate::provider::express::unsupported;
use crate::provider::outgoing::{EVENT_STREAM, JSON};
use crate::provider::{Call, Endpoint, Outgoing};
use crate::types::{ChatRequest, Extra, Raw};

/// Fields of Gemini's that the messages and tools of the request become.
const MADE: [&str; 4] = ["contents", "systemInstruction", "system_instruction", "model"];

/// OpenAI's older form of tools.
const OLDER: [&str; 2] = ["functions", "function_call"];

pub(super) fn chat(call: &Call<'_>) -> Result<Outgoing> {
    let model = Model::new(call.model);
    let mut warnings = Warnings::default();
    let body = body(call, model, &mut warnings)?;
    let (method, accept) =
        if call.stream { ("streamGenerateContent?alt=sse", EVENT_STREAM) } else { ("generateContent", JSON) };
    let outgoing = post(call.endpoint, &model.path(method)?, &body, accept)?;
    Ok(Outgoing { warnings: warnings.0, ..outgoing })
}

/// A request with the key where Gemini has it: in a header. The address could hold it too, and would be logged.
pub(super) fn post<T: Serialize>(
    endpoint: &Endpoint,
    path: &str,
    body: &T,
    accept: &'static str,
) -> Result<Outgoing> {
    const KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
    Outgoing::post(endpoint, path, body, accept)?.key(endpoint, KEY, "")
}

/// Sets field `name`.
pub(super) fn put<T: Serialize + ?Sized>(object: &mut Extra, name: &str, value: &T) -> Result<()> {
    let raw = Raw::of(value).map_err(|error| Error::internal("the request could not be written", error))?;
    object.insert(name, raw);
    Ok(())
}

struct Body<'a> {
    conversation: Conversation<'a>,
    /// Everything else, in order.
    fields: Extra,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.conversation.instructions.is_empty() {
            map.serialize_entry(
                "systemInstruction",
                &Instructions { parts: &self.conversation.instructions },
            )?;
        }
        map.serialize_entry("contents", &self.conversation.contents)?;
        for (name, value) in self.fields.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Instructions<'a> {
    parts: &'a [wire::Part<'a>],
}

fn body<'a>(call: &'a Call<'a>, model: Model<'_>, warnings: &mut Warnings) -> Result<Body<'a>> {
    let request = call.request;
    let mut own = Own::read(request)?;
    let conversation = conversation(request, model, warnings)?;
    if conversation.contents.is_empty() {
        return Err(unsupported("messages", NAME, "it answers nothing but a user's turn"));
    }
    let mut fields = Extra::default();
    let tools = declarations(request, warnings)?;
    if !tools.is_empty() {
        put(&mut fields, "tools", &tools)?;
    }
    if let Some(choice) = choice(request, model, warnings)? {
        let mut config = own.tool_config.take().unwrap_or_default();
        put(&mut config, "functionCallingConfig", &choice)?;
        put(&mut fields, "toolConfig", &config)?;
    } else if let Some(config) = own.tool_config.take() {
        put(&mut fields, "toolConfig", &config)?;
    }
    let mut config = generation(call, model, warnings)?;
    config.absorb(own.generation);
    if !config.is_empty() {
        put(&mut fields, "generationConfig", &config)?;
    }
    if let Some(store) = request.store {
        put(&mut fields, "store", &store)?;
    }
    hints(request, warnings);
    for (name, value) in own.fields {
        fields.insert(name, value);
    }
    Ok(Body { conversation, fields })
}

/// Hints that Gemini has no word for.
fn hints(request: &ChatRequest, warnings: &mut Warnings) {
    for (name, given) in [
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
        ("logit_bias", request.logit_bias.is_some()),
        // Gemini's tiers have other prices than the table's.
        ("service_tier", request.service_tier.as_deref().is_some_and(|tier| tier != "auto")),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("prediction", request.prediction.is_some()),
        // Several calls at once are Gemini's way; it cannot be told otherwise.
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
    ] {
        if given {
            warnings.left_out(name);
        }
    }
}

/// Fields that the caller wrote in Gemini's own words.
#[derive(Debug, Default)]
struct Own {
    generation: Extra,
    tool_config: Option<Extra>,
    /// All others.
    fields: Extra,
}

impl Own {
    fn read(request: &ChatRequest) -> Result<Own> {
        let mut own = Own::default();
        for (name, value) in request.extra.iter().filter(|(name, _)| *name != "lockgate") {
            own.take(name, value)?;
        }
        Ok(own)
    }

    fn take(&mut self, name: &str, value: &Raw) -> Result<()> {
        match name {
            "generationConfig" | "generation_config" => {
                self.generation.absorb(generation_config(name, value)?)
            }
            "toolConfig" | "tool_config" => self.tool_config = Some(object(name, value)?),
            "extra_body" => {
                // The form that Google's own OpenAI-compatible endpoint takes: {"google": {…}}.
                let mut body = object(name, value)?;
                let google = body.remove("google").unwrap_or_default();
                for (name, value) in google.read::<Extra>().unwrap_or_default() {
                    match name.as_str() {
                        "thinking_config" | "thinkingConfig" => {
                            self.generation.insert("thinkingConfig", value)
                        }
                        "cached_content" => self.fields.insert("cachedContent", value),
                        other => self.take(other, &value)?,
                    }
                }
                if !body.is_empty() {
                    put(&mut self.fields, name, &body)?;
                }
            }
            _ if MADE.contains(&name) => {
                return Err(unsupported(name, NAME, "it is made of the request's messages and model"));
            }
            _ if OLDER.contains(&name) => {
                return Err(unsupported(name, NAME, "use tools and tool_choice"));
            }
            _ => self.fields.insert(name, value.clone()),
        }
        Ok(())
    }
}

/// A generation config of the caller's. What decides the most a request may cost goes by OpenAI's names, which the
/// spend caps know.
fn generation_config(name: &str, value: &Raw) -> Result<Extra> {
    let config = object(name, value)?;
    for (field, instead) in [
        ("maxOutputTokens", "max_completion_tokens"),
        ("max_output_tokens", "max_completion_tokens"),
        ("candidateCount", "n"),
        ("candidate_count", "n"),
    ] {
        if config.get(field).is_some() {
            let field = format!("{name}.{field}");
            return Err(unsupported(&field, NAME, &format!("use {instead}, which the spend caps know")));
        }
    }
    Ok(config)
}

fn object(name: &str, value: &Raw) -> Result<Extra> {
    value.read().ok_or_else(|| Error::invalid(name, format!("{name}: expected an object.")))
}
