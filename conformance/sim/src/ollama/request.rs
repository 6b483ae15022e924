//! Chat and generate requests, read and checked.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::{Call, Format, Message, Prompt, Role, Tool, ToolChoice};
use crate::ollama::error::{Refusal, bad, broken, unreadable};
use crate::ollama::library::Pulled;

/// Tokens of an image.
const IMAGE: u64 = 768;

/// The options that are numbers without a point, and all other numbers.
const INTEGERS: [&str; 13] = [
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "repeat_last_n",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "draft_num_predict",
    "mirostat",
    "numa",
];
const DECIMALS: [&str; 7] =
    ["top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spoken {
    pub(crate) role: Option<String>,
    pub(crate) content: Option<String>,
    images: Option<Vec<String>>,
    tool_calls: Option<Vec<Called>>,
    tool_name: Option<String>,
    tool_call_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Called {
    #[serde(default)]
    id: String,
    function: CalledFunction,
}

#[derive(Debug, Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// What both routes take.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) model: Option<String>,
    stream: Option<bool>,
    format: Option<Value>,
    keep_alive: Option<Value>,
    options: Option<Map<String, Value>>,
    think: Option<Value>,
    logprobs: Option<bool>,
    top_logprobs: Option<i64>,
    // Of a chat.
    pub(crate) messages: Option<Vec<Spoken>>,
    tools: Option<Vec<Value>>,
    // Of a generation.
    prompt: Option<String>,
    system: Option<String>,
    images: Option<Vec<String>>,
}

/// Reads a body. `null` is the same as absent in every field.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|problem| unreadable(body, &problem))
}

impl Asked {
    /// Whether the answer comes in pieces: it does unless told otherwise.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.unwrap_or(true)
    }

    /// Whether the model is only to be loaded, or unloaded: for how an answer without a question ends.
    pub(crate) fn unloads(&self) -> bool {
        match &self.keep_alive {
            Some(Value::Number(seconds)) => seconds.as_f64() == Some(0.0),
            Some(Value::String(span)) => span.trim_end_matches(['s', 'm', 'h']) == "0",
            _ => false,
        }
    }

    /// The question of a generation as a conversation.
    pub(crate) fn generation(&mut self) {
        let mut messages = Vec::new();
        if let Some(system) = self.system.take().filter(|system| !system.is_empty()) {
            messages.push(Spoken {
                role: Some("system".to_owned()),
                content: Some(system),
                ..Spoken::default()
            });
        }
        if let Some(prompt) = self.prompt.take().filter(|prompt| !prompt.is_empty()) {
            let images = self.images.take();
            let role = Some("user".to_owned());
            messages.push(Spoken { role, content: Some(prompt), images, ..Spoken::default() });
        }
        self.messages = Some(messages);
    }

    /// Alternatives wanted at every token, where log probabilities are.
    pub(crate) fn logprobs(&self) -> Result<Option<u64>, Refusal> {
        let top = u64::try_from(self.top_logprobs.unwrap_or(0)).ok().filter(|top| *top <= 20);
        let top = top.ok_or_else(|| bad("top_logprobs must be between 0 and 20"))?;
        Ok(self.logprobs.unwrap_or(false).then_some(top))
    }

    /// Tokens to think. A model that can does so unless told otherwise, and gpt-oss even then.
    fn thinking(&self, asked: &str, model: &Pulled) -> Result<u64, Refusal> {
        let level = match &self.think {
            None | Some(Value::Null) => None,
            Some(Value::Bool(whether)) => Some(if *whether { 32 } else { 0 }),
            Some(Value::String(level)) => Some(match level.as_str() {
                "low" => 16,
                "medium" => 32,
                "high" => 64,
                "max" => 128,
                _ => {
                    let allowed = "must be \"high\", \"medium\", \"low\", \"max\", true, or false";
                    return Err(bad(format!("invalid think value: {level:?} ({allowed})")));
                }
            }),
            Some(_) => {
                let allowed = "(\"high\", \"medium\", \"low\", \"max\", true, or false)";
                return Err(bad(format!("think must be a boolean or string {allowed}")));
            }
        };
        match (model.can("thinking"), level) {
            (false, Some(1..)) => Err(bad(format!("{asked:?} does not support thinking"))),
            (false, _) => Ok(0),
            (true, Some(0)) if model.name.starts_with("gpt-oss") => Ok(16),
            (true, level) => Ok(level.unwrap_or(32)),
        }
    }

    /// The prompt for the simulated model, as `model` takes it.
    pub(crate) fn prompt<'a>(&'a self, asked: &str, model: &Pulled) -> Result<Prompt<'a>, Refusal> {
        let thinking = self.thinking(asked, model)?;
        let tools = self.tools.as_deref().unwrap_or_default();
        if !tools.is_empty() && !model.can("tools") {
            return Err(bad(format!("registry.ollama.ai/library/{} does not support tools", model.name)));
        }
        let (limit, stop) = self.options()?;
        Ok(Prompt {
            messages: self.messages.iter().flatten().map(message).collect::<Result<_, _>>()?,
            tools: tools.iter().map(tool).collect(),
            tool_choice: ToolChoice::Auto,
            parallel: true,
            format: self.format()?,
            stop,
            limit,
            n: 1,
            thinking,
        })
    }

    fn format(&self) -> Result<Format<'_>, Refusal> {
        match &self.format {
            None | Some(Value::Null) => Ok(Format::Text),
            Some(Value::String(word)) if word.is_empty() => Ok(Format::Text),
            Some(Value::String(word)) if word == "json" => Ok(Format::JsonObject),
            Some(schema @ Value::Object(_)) => Ok(Format::JsonSchema(schema)),
            Some(other) => {
                let expected = "expected \"json\" or a valid JSON Schema object";
                Err(broken(format!("invalid format: {:?}; {expected}", other.to_string())))
            }
        }
    }

    /// The most tokens, and where to stop. Wrong types are found when the model is loaded.
    fn options(&self) -> Result<(Option<u64>, Vec<&str>), Refusal> {
        let options = self.options.iter().flatten().filter(|(_, value)| !value.is_null());
        let (mut limit, mut stop) = (None, Vec::new());
        for (name, value) in options {
            let wrong = |kind: &str| broken(format!("option {name:?} must be {kind}"));
            match name.as_str() {
                "stop" => {
                    let list = value.as_array().ok_or_else(|| wrong("of type array"))?;
                    let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                    stop = texts.ok_or_else(|| wrong("of an array of strings"))?;
                }
                name if INTEGERS.contains(&name) && !value.is_number() => {
                    return Err(wrong("of type integer"));
                }
                name if DECIMALS.contains(&name) && !value.is_number() => {
                    return Err(wrong("of type float32"));
                }
                // Below 0 is without end.
                "num_predict" => limit = value.as_u64().filter(|limit| *limit > 0),
                _ => {}
            }
        }
        Ok((limit, stop))
    }
}

fn message(spoken: &Spoken) -> Result<Message<'_>, Refusal> {
    let role = spoken.role.as_deref().unwrap_or_default().to_lowercase();
    let mut message = Message::new(match role.as_str() {
        "system" => Role::System,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => Role::User,
    });
    message.push_text(spoken.content.as_deref().unwrap_or_default());
    message.name = spoken.tool_name.as_deref();
    message.tool_call_id = spoken.tool_call_id.as_deref();
    for media in spoken.images.iter().flatten() {
        let bytes = STANDARD.decode(media).map_err(|_| bad("illegal base64 data at input byte 0"))?;
        // Sound stands where images do.
        if bytes.starts_with(b"RIFF") || bytes.starts_with(b"ID3") {
            message.attachments += 1;
        } else {
            message.images.push(IMAGE);
        }
    }
    for call in spoken.tool_calls.iter().flatten() {
        let arguments = serde_json::to_string(&call.function.arguments).unwrap_or_default();
        message.tool_calls.push(Call {
            id: &call.id,
            name: &call.function.name,
            arguments: Cow::Owned(arguments),
        });
    }
    Ok(message)
}

fn tool(definition: &Value) -> Tool<'_> {
    let function = definition.get("function");
    let field =
        |name: &str| function.and_then(|function| function.get(name)).filter(|value| !value.is_null());
    Tool {
        name: field("name").and_then(Value::as_str).unwrap_or_default(),
        parameters: field("parameters"),
        definition: definition.to_string(),
    }
}
