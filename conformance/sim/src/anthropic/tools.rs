//! The tools on offer and the choice among them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::anthropic::error::{ApiError, invalid};
use crate::anthropic::models::Model;
use crate::anthropic::params::Params;
use crate::anthropic::schema;
use crate::model::{Tool, ToolChoice};

/// Fields of a client tool.
const FIELDS: [&str; 11] = [
    "type",
    "name",
    "description",
    "input_schema",
    "strict",
    "cache_control",
    "defer_loading",
    "allowed_callers",
    "eager_input_streaming",
    "input_examples",
    "toolset_name",
];

/// The tools the model may call, and all tools as text, for their count.
pub(crate) fn read<'a>(params: &Params<'a, '_>, model: &Model) -> Result<Vec<Tool<'a>>, ApiError> {
    let mut tools = Vec::new();
    let mut names = BTreeSet::new();
    for (index, value) in params.array("tools")?.into_iter().flatten().enumerate() {
        let place = format!("tools.{index}");
        let tool = Params::of(value, &place)?;
        let kind = tool.text("type")?.unwrap_or("custom");
        let inner = format!("{place}.{kind}");
        let tool = Params::of(value, &inner)?;
        let name = tool.required_text("name")?;
        if !names.insert(name) {
            return Err(invalid("tools: Tool names must be unique."));
        }
        if kind != "custom" {
            // The vendor's own tools are accepted, and not used.
            continue;
        }
        tool.only(&FIELDS)?;
        check_name(name, &tool)?;
        tool.required("input_schema")?;
        let schema_place = tool.name("input_schema");
        let schema = Params::of(tool.required("input_schema")?, &schema_place)?;
        if schema.required_text("type")? != "object" {
            return Err(schema.wrong("type", "Input should be 'object'"));
        }
        if tool.bool("strict")? == Some(true) {
            if !model.schemas {
                return Err(invalid("Strict tool use is not supported for this model."));
            }
            schema::check(tool.required("input_schema")?, &inner)?;
        }
        tool.text("description")?;
        tools.push(Tool { name, parameters: tool.get("input_schema"), definition: value.to_string() });
    }
    Ok(tools)
}

fn check_name(name: &str, tool: &Params<'_, '_>) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > 128 || !name.chars().all(allowed) {
        return Err(tool.wrong("name", "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"));
    }
    Ok(())
}

/// The choice, and whether several tools may be called at once.
pub(crate) fn choice<'a>(
    params: &Params<'a, '_>,
    tools: &[Tool<'a>],
    model: &Model,
) -> Result<(ToolChoice<'a>, bool), ApiError> {
    let Some(value) = params.get("tool_choice") else { return Ok((ToolChoice::Auto, true)) };
    let place = params.name("tool_choice");
    let own = Params::of(value, &place)?;
    let kind = own.tag(&["auto", "any", "tool", "none"])?;
    if params.get("tools").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(invalid("tool_choice may only be specified while providing tools"));
    }
    if matches!(kind, "any" | "tool") && !model.forced_tools {
        return Err(invalid("tool_choice: type \"tool\" and \"any\" are not supported for this model."));
    }
    let inner = format!("{place}.{kind}");
    let own = Params::of(value, &inner)?;
    own.only(match kind {
        "none" => &["type"],
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        _ => &["type", "disable_parallel_tool_use"],
    })?;
    let parallel = !own.bool("disable_parallel_tool_use")?.unwrap_or(false);
    let choice = match kind {
        "none" => ToolChoice::None,
        "any" => ToolChoice::Required,
        "tool" => {
            let name = own.required_text("name")?;
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(invalid(format!("Tool '{name}' not found in provided tools")));
            }
            ToolChoice::Named(name)
        }
        _ => ToolChoice::Auto,
    };
    Ok((choice, parallel))
}
