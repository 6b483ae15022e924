//! Tools going out, and calls in both directions. Ollama's arguments are objects, ours JSON in a string.

use std::borrow::Cow;

use serde::Serialize;

use super::NAME;
use super::request::warn;
use super::wire::Called;
use crate::error::{Error, Result};
use crate::provider::express::{left_out, unsupported};
use crate::provider::foreign;
use crate::provider::openai::made_up_id;
use crate::types::{ChatRequest, Extra, Raw, ToolCall, ToolChoice};

/// A tool on offer.
#[derive(Serialize)]
pub(super) struct Offered<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
    #[serde(flatten)]
    extra: &'a Extra,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Parameters<'a>,
    #[serde(flatten)]
    extra: &'a Extra,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Parameters<'a> {
    Given(&'a Raw),
    /// A function without arguments. Templates write the schema out, so there must be one.
    None {
        #[serde(rename = "type")]
        kind: &'static str,
        properties: Extra,
    },
}

/// The tools to offer: none of them where the model may call none.
pub(super) fn offered<'a>(request: &'a ChatRequest, warnings: &mut Vec<String>) -> Result<Vec<Offered<'a>>> {
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => return Ok(Vec::new()),
        Some(_) => {
            let why = "it leaves the choice to the model; \"auto\" and \"none\" can be sent";
            return Err(unsupported("tool_choice", NAME, why));
        }
    }
    let mut offered = Vec::new();
    for (at, tool) in request.tools.iter().flatten().enumerate() {
        let Some(function) = tool.function.as_ref().filter(|_| tool.kind == "function") else {
            let field = format!("tools[{at}].type");
            return Err(unsupported(&field, NAME, "it takes functions only"));
        };
        if function.strict == Some(true) {
            warn(warnings, left_out("tools[].function.strict", NAME));
        }
        let parameters = match &function.parameters {
            Some(schema) => Parameters::Given(schema),
            None => Parameters::None { kind: "object", properties: Extra::default() },
        };
        let description = function.description.as_deref();
        let function = Function { name: &function.name, description, parameters, extra: &function.extra };
        offered.push(Offered { kind: "function", function, extra: &tool.extra });
    }
    Ok(offered)
}

/// A call that the model made before.
#[derive(Serialize)]
pub(super) struct Made<'a> {
    id: &'a str,
    function: MadeFunction<'a>,
    #[serde(flatten)]
    extra: Cow<'a, Extra>,
}

#[derive(Serialize)]
struct MadeFunction<'a> {
    name: &'a str,
    arguments: Raw,
    #[serde(flatten)]
    extra: &'a Extra,
}

impl<'a> Made<'a> {
    /// Takes over `call`; `place` is where it stands in the request.
    pub(super) fn of(call: &'a ToolCall, place: &str, warnings: &mut Vec<String>) -> Result<Made<'a>> {
        let Some(function) = call.function.as_ref().filter(|_| call.kind == "function") else {
            return Err(unsupported(&format!("{place}.type"), NAME, "it knows calls of functions only"));
        };
        let text = function.arguments.trim();
        let arguments = Raw::parse(if text.is_empty() { "{}" } else { text });
        let Some(arguments) = arguments.ok().filter(Raw::is_object) else {
            return Err(not_an_object(&format!("{place}.function.arguments")));
        };
        let function = MadeFunction { name: &function.name, arguments, extra: &function.extra };
        let mut extra = Cow::Borrowed(&call.extra);
        for field in foreign::IN_CALLS.into_iter().filter(|field| call.extra.get(field).is_some()) {
            warn(warnings, left_out(&format!("messages[].tool_calls[].{field}"), NAME));
            extra.to_mut().remove(field);
        }
        Ok(Made { id: &call.id, function, extra })
    }
}

fn not_an_object(field: &str) -> Error {
    unsupported(field, NAME, "it takes arguments as a JSON object, and this text is none")
}

/// A call coming in, with its arguments as text.
pub(super) struct Told {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    /// Unknown fields of the call.
    pub(super) extra: Extra,
    /// Unknown fields of its function.
    pub(super) inner: Extra,
}

/// Reads the call at `index`. One without an id gets one made of `answer`, which is unlike any other answer's.
pub(super) fn told(call: Called, answer: &str, index: u32) -> Told {
    let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| made_up_id(answer, 0, index));
    let arguments = call.function.arguments.filter(|arguments| !arguments.is_null());
    let arguments = arguments.map_or_else(
        || "{}".to_owned(),
        // Some servers of this protocol send them as text, as OpenAI does.
        |arguments| arguments.read::<String>().unwrap_or_else(|| arguments.get().to_owned()),
    );
    Told { id, name: call.function.name, arguments, extra: call.extra, inner: call.function.extra }
}
