//! A request for content, read and checked.

use serde_json::Value;

use crate::gemini::config::{self, Config};
use crate::gemini::error::{ApiError, invalid};
use crate::gemini::fields::Fields;
use crate::gemini::models::{INPUT_LIMIT, Model};
use crate::gemini::{contents, tools, turns};
use crate::model::{Prompt, ToolChoice};

/// What shapes an answer.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) prompt: Prompt<'a>,
    pub(crate) config: Config<'a>,
}

const NAME: &str = "GenerateContentRequest";

const KNOWN: [&str; 11] = [
    "model",
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "serviceTier",
    "store",
    "labels",
];

impl<'a> Request<'a> {
    /// Reads the body as the vendor would: what JSON it is first, then what it means.
    pub(crate) fn read(body: &'a Value, model: Model<'_>) -> Result<Self, ApiError> {
        let body = Fields::body(body)?;
        body.only(&KNOWN)?;
        Self::of(&body, model)
    }

    /// Reads the fields of a request.
    pub(crate) fn of(body: &Fields<'a>, model: Model<'_>) -> Result<Self, ApiError> {
        let config = config::read(body, model, NAME)?;
        let turns = contents::turns(body, NAME)?;
        turns::check(&turns, model)?;
        let offered = tools::tools(body, NAME)?;
        let (tools, tool_choice) = tools::choice(body, offered)?;
        for setting in body.objects("safetySettings")? {
            setting.only(&["category", "threshold"])?;
        }
        let mut messages = Vec::new();
        if let Some(instructions) = body.object("systemInstruction")? {
            messages.push(contents::instructions(&instructions)?);
        }
        messages.extend(contents::messages(turns));
        let prompt = Prompt {
            messages,
            // Text that follows results is a new question, and gets a call; the results themselves do not.
            tool_choice: if tools.is_empty() { ToolChoice::None } else { tool_choice },
            tools,
            parallel: true,
            format: config.format,
            stop: config.stop.clone(),
            limit: config.limit,
            n: config.candidates,
            thinking: config.thinking,
        };
        let tokens = prompt.tokens();
        if tokens > INPUT_LIMIT {
            return Err(invalid(format!(
                "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({INPUT_LIMIT})."
            )));
        }
        Ok(Self { prompt, config })
    }
}
