//! Which tools may or must be called.

use serde::Deserialize;

use super::NAME;
use super::json::Object;
use super::model::Traits;
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::types::{ChatRequest, Extra, Raw, ToolChoice};

const FIELD: &str = "tool_choice";

/// A choice to send.
#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    /// None: as the model likes.
    pub(super) object: Option<Object<'a>>,
    /// Whether it makes the model call a tool.
    pub(super) forces: bool,
    /// The only tools to offer, where not all are.
    pub(super) only: Option<Vec<String>>,
}

pub(super) fn of<'a>(request: &'a ChatRequest, model: &str, traits: Traits) -> Result<Choice<'a>> {
    if request.tools.as_ref().is_none_or(Vec::is_empty) {
        return Ok(Choice::default());
    }
    let mut choice = read(request.tool_choice.as_ref())?;
    if choice.forces && !traits.forced_tools {
        return Err(unsupported(FIELD, NAME, &format!("{model} cannot be made to call a tool")));
    }
    let none = matches!(request.tool_choice, Some(ToolChoice::None));
    if request.parallel_tool_calls == Some(false) && !none {
        let mut object = choice.object.unwrap_or_else(|| Object::of("auto"));
        object.set("disable_parallel_tool_use", true);
        choice.object = Some(object);
    }
    Ok(choice)
}

fn read(choice: Option<&ToolChoice>) -> Result<Choice<'_>> {
    let plain = |object, forces| Choice { object: Some(object), forces, only: None };
    Ok(match choice {
        None => Choice::default(),
        Some(ToolChoice::None) => plain(Object::of("none"), false),
        Some(ToolChoice::Auto) => plain(Object::of("auto"), false),
        Some(ToolChoice::Required) => plain(Object::of("any"), true),
        Some(ToolChoice::Function { function, .. }) => {
            plain(Object::of("tool").with("name", function.name.as_str()), true)
        }
        Some(ToolChoice::Other { kind, extra }) => match kind.as_str() {
            "allowed_tools" => allowed(extra)?,
            // Anthropic's own words.
            "auto" | "none" => plain(Object::of(kind.as_str()).extended(extra), false),
            "any" | "tool" => plain(Object::of(kind.as_str()).extended(extra), true),
            _ => return Err(unsupported(FIELD, NAME, &format!("the type {kind:?} has no counterpart"))),
        },
    })
}

/// Some of the tools: only those are offered.
fn allowed<'a>(extra: &Extra) -> Result<Choice<'a>> {
    #[derive(Deserialize)]
    struct Allowed {
        mode: String,
        tools: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        function: Function,
    }
    #[derive(Deserialize)]
    struct Function {
        name: String,
    }
    let told = extra.get("allowed_tools").and_then(Raw::read::<Allowed>);
    let (Some(allowed), Some(forces)) = (
        &told,
        told.as_ref().and_then(|told| match told.mode.as_str() {
            "auto" => Some(false),
            "required" => Some(true),
            _ => None,
        }),
    ) else {
        return Err(unsupported(
            FIELD,
            NAME,
            "allowed_tools can name functions, in the mode auto or required",
        ));
    };
    Ok(Choice {
        object: Some(Object::of(if forces { "any" } else { "auto" })),
        forces,
        only: Some(allowed.tools.iter().map(|tool| tool.function.name.clone()).collect()),
    })
}
