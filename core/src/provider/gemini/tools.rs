//! Tools: what may be called, what must be called.

use serde::Deserialize;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::NAME;
use super::model::Model;
use super::warnings::Warnings;
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::types::{ChatRequest, FunctionDef, Raw, Tool as Asked, ToolChoice};

/// Gemini's own tools, by the names a caller may give as `type`, and the field of theirs.
const OWN: [(&str, &str); 6] = [
    ("google_search", "googleSearch"),
    ("google_maps", "googleMaps"),
    ("code_execution", "codeExecution"),
    ("url_context", "urlContext"),
    ("file_search", "fileSearch"),
    ("computer_use", "computerUse"),
];

/// A tool of the request.
#[derive(Debug)]
pub(super) enum Tool<'a> {
    Functions(Vec<Declaration<'a>>),
    Own { field: &'static str, settings: Raw },
}

/// A function that may be called.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a Raw>,
}

impl Serialize for Tool<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Tool::Functions(functions) => map.serialize_entry("functionDeclarations", functions)?,
            Tool::Own { field, settings } => map.serialize_entry(field, settings)?,
        }
        map.end()
    }
}

/// The tools of the request: all functions as one, then Gemini's own.
pub(super) fn declarations<'a>(request: &'a ChatRequest, warnings: &mut Warnings) -> Result<Vec<Tool<'a>>> {
    let (mut functions, mut own) = (Vec::new(), Vec::new());
    for (at, tool) in request.tools.iter().flatten().enumerate() {
        match &tool.function {
            Some(function) if tool.kind == "function" => {
                warnings.fields("tools[]", &tool.extra, &[]);
                functions.push(declaration(function, warnings));
            }
            _ => own.push(builtin(tool, at)?),
        }
    }
    let functions = (!functions.is_empty()).then_some(Tool::Functions(functions));
    Ok(functions.into_iter().chain(own).collect())
}

fn declaration<'a>(function: &'a FunctionDef, warnings: &mut Warnings) -> Declaration<'a> {
    warnings.fields("tools[].function", &function.extra, &[]);
    Declaration {
        name: &function.name,
        description: function.description.as_deref(),
        parameters_json_schema: function.parameters.as_ref(),
    }
}

fn builtin<'a>(tool: &Asked, at: usize) -> Result<Tool<'a>> {
    let known = OWN.iter().find(|(name, field)| tool.kind == *name || tool.kind == *field);
    let Some((name, field)) = known else {
        let why = format!("it has no tools of the type {:?}", tool.kind);
        return Err(unsupported(&format!("tools[{at}].type"), NAME, &why));
    };
    // {"type": "google_search", "google_search": {…}}, with or without its settings.
    let settings = tool.extra.get(name).or_else(|| tool.extra.get(field)).cloned();
    let settings = settings.filter(Raw::is_object).or_else(|| Raw::parse("{}").ok()).unwrap_or_default();
    Ok(Tool::Own { field, settings })
}

/// What must be called.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallingConfig<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<std::borrow::Cow<'a, str>>,
}

/// OpenAI's `allowed_tools`.
#[derive(Deserialize)]
struct AllowedTools {
    mode: String,
    tools: Vec<Asked>,
}

pub(super) fn choice<'a>(
    request: &'a ChatRequest,
    model: Model<'_>,
    warnings: &mut Warnings,
) -> Result<Option<CallingConfig<'a>>> {
    let functions = || request.tools.iter().flatten().filter_map(|tool| tool.function.as_ref());
    if functions().next().is_none() {
        // Its own tools it uses as it likes.
        return match &request.tool_choice {
            None | Some(ToolChoice::Auto | ToolChoice::None) => Ok(None),
            Some(_) => Err(unsupported("tool_choice", NAME, "it can be told to call functions only")),
        };
    }
    let mode = |mode| Ok(Some(CallingConfig { mode, allowed_function_names: Vec::new() }));
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {
            // Gemini keeps to the schemas of what it must call; of what it may call, only if told so.
            if !functions().any(|function| function.strict == Some(true)) {
                return Ok(None);
            }
            if !model.validates_calls() {
                warnings.left_out("tools[].function.strict");
                return Ok(None);
            }
            mode("VALIDATED")
        }
        Some(ToolChoice::None) => mode("NONE"),
        Some(ToolChoice::Required) => mode("ANY"),
        Some(ToolChoice::Function { function, extra }) => {
            warnings.fields("tool_choice", extra, &[]);
            let names = vec![function.name.as_str().into()];
            Ok(Some(CallingConfig { mode: "ANY", allowed_function_names: names }))
        }
        Some(ToolChoice::Other { kind, extra }) => {
            let allowed = extra.get("allowed_tools").and_then(Raw::read::<AllowedTools>);
            let Some(allowed) = allowed.filter(|_| kind == "allowed_tools") else {
                let why = format!("it has no choice of the type {kind:?}");
                return Err(unsupported("tool_choice", NAME, &why));
            };
            let mode = if allowed.mode == "required" { "ANY" } else { "VALIDATED" };
            let names = allowed.tools.into_iter().filter_map(|tool| tool.function);
            let names = names.map(|function| function.name.into()).collect();
            Ok(Some(CallingConfig { mode, allowed_function_names: names }))
        }
    }
}
