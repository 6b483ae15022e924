//! Tools, their choice and the form of the text, as a chat request has them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::request::unsupported;
use super::wire::{ResponsesTool, TextFormat};
use crate::error::{Error, Result};
use crate::types::{Extra, FunctionDef, JsonSchema, Raw, ResponseFormat, Tool, ToolChoice};

/// A tool as a chat request has it.
pub(super) fn tool(at: usize, tool: &ResponsesTool) -> Result<Tool> {
    let kind = tool.kind.as_str();
    let name = || {
        tool.name.clone().ok_or_else(|| {
            let field = format!("tools[{at}].name");
            Error::invalid(field.clone(), format!("{field}: is required and missing."))
        })
    };
    match kind {
        "function" => {
            let function = FunctionDef {
                name: name()?,
                description: tool.description.clone(),
                parameters: tool.parameters.clone(),
                strict: tool.strict,
                ..FunctionDef::default()
            };
            Ok(Tool { kind: kind.to_owned(), function: Some(function), extra: tool.extra.clone() })
        }
        "custom" => {
            let custom = CustomTool {
                name: name()?,
                description: tool.description.as_deref(),
                format: tool.format.as_ref().map(grammar).transpose()?,
            };
            let mut extra = tool.extra.clone();
            extra.insert("custom", raw(&custom)?);
            Ok(Tool { kind: kind.to_owned(), function: None, extra })
        }
        other => {
            let field = format!("tools[{at}].type");
            let message = format!("{field}: {other:?} is not supported; function and custom are.");
            Err(unsupported(field, message))
        }
    }
}

#[derive(Serialize)]
struct CustomTool<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Raw>,
}

/// The format of a custom tool: chat has a grammar in an object of its own.
fn grammar(format: &Raw) -> Result<Raw> {
    let Some(mut fields) = format.read::<Extra>() else { return Ok(format.clone()) };
    if fields.get("type").and_then(Raw::read::<String>).as_deref() != Some("grammar") {
        return Ok(format.clone());
    }
    fields.remove("type");
    raw(&json!({"type": "grammar", "grammar": fields}))
}

/// The object form of a choice.
#[derive(Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    tools: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: Option<String>,
}

/// Which tools must be called, as a chat request says it.
pub(super) fn tool_choice(given: &Raw) -> Result<ToolChoice> {
    let bad = || {
        let allowed = "tool_choice: must be none, auto, required, or an object whose type is function, custom or \
                       allowed_tools, with its name or tools.";
        Error::invalid("tool_choice", allowed)
    };
    match given.read::<String>().as_deref() {
        Some("none") => return Ok(ToolChoice::None),
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("required") => return Ok(ToolChoice::Required),
        Some(_) => return Err(bad()),
        None => {}
    }
    let choice: Choice = given.read().ok_or_else(bad)?;
    match (choice.kind.as_str(), choice.name) {
        ("function", Some(name)) => Ok(ToolChoice::function(name)),
        ("custom", Some(name)) => other("custom", &json!({ "name": name })),
        ("allowed_tools", _) => {
            let tools: Vec<_> = choice
                .tools
                .iter()
                .map(|tool| json!({"type": tool.kind, tool.kind.as_str(): {"name": tool.name}}))
                .collect();
            let mode = choice.mode.unwrap_or_else(|| "auto".to_owned());
            other("allowed_tools", &json!({"mode": mode, "tools": tools}))
        }
        _ => Err(bad()),
    }
}

fn other(kind: &str, value: &serde_json::Value) -> Result<ToolChoice> {
    let mut extra = Extra::default();
    extra.insert(kind, raw(value)?);
    Ok(ToolChoice::Other { kind: kind.to_owned(), extra })
}

/// The form of the text, as a chat request has it.
pub(super) fn format(format: &TextFormat) -> ResponseFormat {
    let schema = (format.kind == "json_schema").then(|| JsonSchema {
        name: format.name.clone().unwrap_or_default(),
        description: format.description.clone(),
        schema: format.schema.clone(),
        strict: format.strict,
        ..JsonSchema::default()
    });
    ResponseFormat { kind: format.kind.clone(), json_schema: schema, extra: format.extra.clone() }
}

fn raw(value: &impl Serialize) -> Result<Raw> {
    Raw::of(value).map_err(|source| Error::internal("a setting cannot be written", source))
}
