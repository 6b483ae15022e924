//! The tools of a request, and what must be called.

use crate::gemini::error::{ApiError, field, invalid};
use crate::gemini::fields::Fields;
use crate::model::{Tool, ToolChoice};

/// Tools of Gemini's own; they are taken and not used.
const OWN: [&str; 8] = [
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "googleMaps",
    "fileSearch",
    "computerUse",
    "mcpServers",
];

pub(crate) fn tools<'a>(body: &Fields<'a>, request: &str) -> Result<Vec<Tool<'a>>, ApiError> {
    let mut tools: Vec<Tool<'a>> = Vec::new();
    for (index, tool) in body.objects("tools")?.iter().enumerate() {
        tool.only(&[OWN.as_slice(), &["functionDeclarations"]].concat())?;
        for (at, (function, definition)) in
            tool.objects("functionDeclarations")?.iter().zip(tool.list("functionDeclarations")).enumerate()
        {
            function.only(&[
                "name",
                "description",
                "parameters",
                "parametersJsonSchema",
                "response",
                "responseJsonSchema",
                "behavior",
            ])?;
            let place = format!("tools[{index}].function_declarations[{at}]");
            let name = function.text("name")?.unwrap_or_default();
            if !is_name(name) {
                let message = "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric \
                               (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum \
                               length of 128.";
                return Err(field(request, &format!("{place}.name"), message));
            }
            if tools.iter().any(|known| known.name == name) {
                return Err(invalid(format!("Duplicate function declaration found: {name}")));
            }
            if function.has("parameters") && function.has("parametersJsonSchema") {
                let message = "only one of parameters and parameters_json_schema can be set.";
                return Err(field(request, &place, message));
            }
            function.object("parameters")?;
            function.object("parametersJsonSchema")?;
            let parameters = function.get("parametersJsonSchema").or_else(|| function.get("parameters"));
            tools.push(Tool { name, parameters, definition: definition.to_string() });
        }
    }
    Ok(tools)
}

fn is_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_.:-".contains(letter);
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(allowed)
}

/// What must be called, and the tools it may be.
pub(crate) fn choice<'a>(
    body: &Fields<'a>,
    tools: Vec<Tool<'a>>,
) -> Result<(Vec<Tool<'a>>, ToolChoice<'a>), ApiError> {
    let Some(config) = body.object("toolConfig")? else { return Ok((tools, ToolChoice::Auto)) };
    config.only(&["functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"])?;
    let Some(calling) = config.object("functionCallingConfig")? else { return Ok((tools, ToolChoice::Auto)) };
    calling.only(&["mode", "allowedFunctionNames"])?;
    let modes = ["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"];
    let mode = calling.word("mode", "FunctionCallingConfig.Mode", &modes)?.unwrap_or("AUTO");
    let allowed = calling.texts("allowedFunctionNames")?;
    if !allowed.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        return Err(invalid(
            "Function calling config is set without function_declarations: allowed_function_names may only be set when mode is ANY or VALIDATED.",
        ));
    }
    if let Some(strange) = allowed.iter().find(|name| tools.iter().all(|tool| tool.name != **name)) {
        return Err(invalid(format!(
            "function_calling_config.allowed_function_names contains `{strange}`, which is not among the function declarations."
        )));
    }
    let offered: Vec<Tool<'a>> = if allowed.is_empty() {
        tools
    } else {
        tools.into_iter().filter(|tool| allowed.contains(&tool.name)).collect()
    };
    let choice = match (mode, allowed.as_slice()) {
        ("NONE", _) => ToolChoice::None,
        ("ANY", [only]) => ToolChoice::Named(only),
        ("ANY", _) => ToolChoice::Required,
        _ => ToolChoice::Auto,
    };
    if mode == "ANY" && offered.is_empty() {
        return Err(invalid("Function calling config is set without function_declarations."));
    }
    Ok((offered, choice))
}
