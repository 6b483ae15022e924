//! The tools on offer.

use super::NAME;
use super::format::ANSWER_TOOL;
use super::json::{Json, Object};
use super::model::Traits;
use super::schema::{self, FreeKeys};
use crate::error::Result;
use crate::provider::express::{left_out, unsupported};
use crate::types::{ChatRequest, Extra, FunctionDef, Raw, Tool};

/// The caller's tools, in order.
pub(super) fn of<'a>(
    request: &'a ChatRequest,
    traits: Traits,
    warnings: &mut Vec<String>,
) -> Result<Vec<Object<'a>>> {
    let tools = request.tools.as_deref().unwrap_or_default();
    tools.iter().enumerate().map(|(at, tool)| offer(tool, at, traits, warnings)).collect()
}

fn offer<'a>(tool: &'a Tool, at: usize, traits: Traits, warnings: &mut Vec<String>) -> Result<Object<'a>> {
    let Some(function) = &tool.function else {
        if tool.kind == "custom" && tool.extra.get("custom").is_some() {
            let why = "it has no tools whose input is free text";
            return Err(unsupported(&format!("tools[{at}]"), NAME, why));
        }
        // Anthropic's own: its server tools, or one in its own form.
        return Ok(Object::of(tool.kind.as_str()).extended(&tool.extra));
    };
    if function.name == ANSWER_TOOL {
        let why = format!("the name {ANSWER_TOOL} is the gateway's");
        return Err(unsupported(&format!("tools[{at}].function.name"), NAME, &why));
    }
    let mut object = Object::default().with("name", function.name.as_str());
    if let Some(text) = &function.description {
        object.set("description", text.as_str());
    }
    let (input, strict) = input(function, at, traits, warnings);
    object.set("input_schema", input);
    if strict {
        object.set("strict", true);
    }
    Ok(object.extended(&function.extra).extended(&tool.extra))
}

/// The schema of the input, and whether a call is held to it.
fn input<'a>(
    function: &'a FunctionDef,
    at: usize,
    traits: Traits,
    warnings: &mut Vec<String>,
) -> (Json<'a>, bool) {
    let empty = || Object::of("object").with("properties", Object::default());
    let Some(raw) = &function.parameters else { return (empty().into(), false) };
    let plain = || plain(raw);
    if function.strict != Some(true) {
        return (plain(), false);
    }
    let strict = format!("tools[{at}].function.strict");
    if !traits.schemas {
        warnings.push(left_out(&strict, NAME));
        return (plain(), false);
    }
    // A function without arguments cannot go wrong.
    if raw.read::<Empty>().is_some() {
        return (plain(), false);
    }
    match schema::closed(raw) {
        Ok(schema) => {
            if !schema.told.is_empty() {
                let told = schema.told.join(", ");
                warnings
                    .push(format!("{strict}: {told} was put into words: {NAME} does not hold a call to it"));
            }
            (schema.object.into(), true)
        }
        Err(FreeKeys) => {
            warnings.push(format!("{strict} was left out: an object with free keys cannot be held to"));
            (plain(), false)
        }
    }
}

/// An object without properties.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(default, rename = "properties")]
    _properties: Nothing,
    #[serde(default, rename = "required")]
    _required: [(); 0],
    #[serde(default, rename = "additionalProperties")]
    _free: bool,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The schema as it is; Anthropic wants to be told that it is an object's.
fn plain(raw: &Raw) -> Json<'_> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        _kind: serde::de::IgnoredAny,
    }
    match (raw.read::<Typed>(), raw.read()) {
        (None, Some::<Extra>(extra)) => {
            let mut object = Object::from(extra);
            object.set("type", "object");
            object.into()
        }
        _ => raw.into(),
    }
}
