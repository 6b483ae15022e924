//! The form of the answer. Models from Claude 4.5 on are held to a schema; for older ones the schema is the input of
//! a tool that they must call, and that input becomes the text. JSON without a schema is only asked for.

use super::NAME;
use super::json::Object;
use super::model::Traits;
use super::schema::{self, FreeKeys};
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::types::{ChatRequest, JsonSchema, Raw};

/// The tool whose input is the answer. A name that no caller's tool has.
pub(super) const ANSWER_TOOL: &str = "lockgate_answer";

const FIELD: &str = "response_format";

/// What is said where the answer can only be asked to be JSON.
const WORDS: &str = "Answer with one JSON object and nothing else: no text around it, no code fence.";

/// How the form is asked for.
#[derive(Debug)]
pub(super) enum Format<'a> {
    /// Any.
    Text,
    /// `output_config.format`.
    Schema(Object<'static>),
    /// [`ANSWER_TOOL`], whose input has this schema.
    Tool(Object<'a>),
    /// In words, as one more instruction.
    Words(&'static str),
}

pub(super) fn of<'a>(
    request: &'a ChatRequest,
    model: &str,
    traits: Traits,
    warnings: &mut Vec<String>,
) -> Result<Format<'a>> {
    let Some(format) = &request.response_format else { return Ok(Format::Text) };
    let described = format.json_schema.as_ref().and_then(|told| told.schema.as_ref().map(|raw| (told, raw)));
    match (format.kind.as_str(), described) {
        ("text", _) => Ok(Format::Text),
        (_, Some((told, raw))) if traits.schemas => held(told, raw, warnings).map(Format::Schema),
        (_, Some((told, raw))) => tool(request, told, raw, model, traits).map(Format::Tool),
        (kind, None) => {
            warnings.push(format!(
                "{FIELD}: {kind} was asked for in words: {NAME} holds no answer to JSON without a schema"
            ));
            Ok(Format::Words(WORDS))
        }
    }
}

fn held(told: &JsonSchema, raw: &Raw, warnings: &mut Vec<String>) -> Result<Object<'static>> {
    let schema = schema::closed(raw).map_err(|FreeKeys| {
        unsupported(&format!("{FIELD}.json_schema.schema"), NAME, "it has an object whose keys are free")
    })?;
    if !schema.told.is_empty() {
        warnings.push(format!(
            "{FIELD}: {} of the schema was put into words: {NAME} does not hold an answer to it",
            schema.told.join(", ")
        ));
    }
    let mut object = schema.object;
    if !object.has("title") && !told.name.is_empty() {
        object.set("title", told.name.clone());
    }
    if let (false, Some(text)) = (object.has("description"), &told.description) {
        object.set("description", text.clone());
    }
    Ok(Object::of("json_schema").with("schema", object))
}

fn tool<'a>(
    request: &'a ChatRequest,
    told: &'a JsonSchema,
    raw: &'a Raw,
    model: &str,
    traits: Traits,
) -> Result<Object<'a>> {
    let tools = request.tools.as_ref().is_some_and(|tools| !tools.is_empty());
    if tools || !traits.forced_tools {
        let why = format!("{model} can be held to a schema or given tools, not both");
        return Err(unsupported(FIELD, NAME, &why));
    }
    let text = told.description.as_deref().unwrap_or("Takes the answer.");
    Ok(Object::default().with("name", ANSWER_TOOL).with("description", text).with("input_schema", raw))
}
