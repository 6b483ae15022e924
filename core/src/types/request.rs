//! A request for a chat answer.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use super::content::Content;
use super::extra::Raw;
use super::message::Message;
use super::object::object;
use super::tool::{Tool, ToolChoice};

/// Where the model must stop: one sequence or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Stop {
    /// All sequences.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Stop::One(one) => std::slice::from_ref(one),
            Stop::Many(many) => many,
        }
    }
}

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stop::One(one) => serializer.serialize_str(one),
            Stop::Many(many) => many.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Stop, D::Error> {
        struct Union;

        impl<'de> Visitor<'de> for Union {
            type Value = Stop;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E>(self, one: &str) -> Result<Stop, E> {
                Ok(Stop::One(one.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Stop, A::Error> {
                let mut many = Vec::new();
                while let Some(one) = seq.next_element()? {
                    many.push(one);
                }
                Ok(Stop::Many(many))
            }
        }

        deserializer.deserialize_any(Union)
    }
}

object! {
    /// How a stream is sent.
    pub struct StreamOptions {
        /// Whether the last chunk carries usage.
        opt include_usage: bool = "include_usage",
    }
}

object! {
    /// A schema that the answer must match.
    pub struct JsonSchema {
        /// Its name.
        def name: String = "name" or String::new(),
        /// What the answer is for.
        opt description: String = "description",
        /// The schema.
        opt schema: Raw = "schema",
        /// Whether the answer must match exactly.
        opt strict: bool = "strict",
    }
}

object! {
    /// The form of the answer.
    pub struct ResponseFormat {
        /// `text`, `json_object` or `json_schema`.
        req kind: String = "type",
        /// The schema, where `kind` is `json_schema`.
        opt json_schema: JsonSchema = "json_schema",
    }
}

object! {
    /// A request for a chat answer, as OpenAI's `POST /v1/chat/completions` takes it.
    pub struct ChatRequest {
        /// The model, by the name the caller uses.
        req model: String = "model",
        /// The conversation, oldest first.
        req messages: Vec<Message> = "messages",
        /// Whether the answer comes in pieces.
        opt stream: bool = "stream",
        /// How the pieces come.
        opt stream_options: StreamOptions = "stream_options",
        /// Sampling temperature, 0 to 2.
        opt temperature: Number = "temperature",
        /// Nucleus sampling, 0 to 1.
        opt top_p: Number = "top_p",
        /// −2 to 2.
        opt frequency_penalty: Number = "frequency_penalty",
        /// −2 to 2.
        opt presence_penalty: Number = "presence_penalty",
        /// How many answers, 1 to 128.
        opt n: u32 = "n",
        /// Most tokens to answer with (older name).
        opt max_tokens: u64 = "max_tokens",
        /// Most tokens to answer with, thinking included.
        opt max_completion_tokens: u64 = "max_completion_tokens",
        /// Where to stop.
        opt stop: Stop = "stop",
        /// Asks for the same answer each time.
        opt seed: i64 = "seed",
        /// Bias by token id, −100 to 100.
        opt logit_bias: Raw = "logit_bias",
        /// Whether to give log probabilities.
        opt logprobs: bool = "logprobs",
        /// How many alternatives at each position, 0 to 20.
        opt top_logprobs: u32 = "top_logprobs",
        /// The end user.
        opt user: String = "user",
        /// What the model may call.
        opt tools: Vec<Tool> = "tools",
        /// What it must call.
        opt tool_choice: ToolChoice = "tool_choice",
        /// Whether several calls may come at once.
        opt parallel_tool_calls: bool = "parallel_tool_calls",
        /// The form of the answer.
        opt response_format: ResponseFormat = "response_format",
        /// How hard to think.
        opt reasoning_effort: String = "reasoning_effort",
        /// How much to say.
        opt verbosity: String = "verbosity",
        /// The caller's own notes.
        opt metadata: Raw = "metadata",
        /// Whether the provider keeps the answer.
        opt store: bool = "store",
        /// The provider's class of service.
        opt service_tier: String = "service_tier",
        /// The end user, hashed.
        opt safety_identifier: String = "safety_identifier",
        /// Groups requests that share a prefix.
        opt prompt_cache_key: String = "prompt_cache_key",
        /// `text`, `audio`.
        opt modalities: Vec<String> = "modalities",
        /// The voice and format of spoken output.
        opt audio: Raw = "audio",
        /// Text that the answer is expected to repeat.
        opt prediction: Raw = "prediction",
    }
}

impl ChatRequest {
    /// A request to `model` without messages yet.
    pub fn new(model: impl Into<String>) -> ChatRequest {
        ChatRequest { model: model.into(), ..ChatRequest::default() }
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, message: Message) -> ChatRequest {
        self.messages.push(message);
        self
    }

    /// Adds what the caller says.
    #[must_use]
    pub fn user(self, content: impl Into<Content>) -> ChatRequest {
        self.message(Message::user(content))
    }

    /// Adds instructions.
    #[must_use]
    pub fn system(self, content: impl Into<Content>) -> ChatRequest {
        self.message(Message::system(content))
    }

    /// Adds what the model said before.
    #[must_use]
    pub fn assistant(self, content: impl Into<Content>) -> ChatRequest {
        self.message(Message::assistant(content))
    }

    /// Adds a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> ChatRequest {
        self.tools.get_or_insert_default().push(tool);
        self
    }

    /// Sets the sampling temperature; a number that JSON cannot hold is ignored.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> ChatRequest {
        self.temperature = Number::from_f64(temperature);
        self
    }

    /// Sets the most tokens to answer with.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u64) -> ChatRequest {
        self.max_completion_tokens = Some(tokens);
        self
    }

    /// Asks for a stream.
    #[must_use]
    pub fn streaming(mut self) -> ChatRequest {
        self.stream = Some(true);
        self
    }

    /// Whether a stream is asked for.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether the caller wants usage at the end of a stream.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }

    /// How many answers are asked for.
    #[must_use]
    pub fn answers(&self) -> u32 {
        self.n.unwrap_or(1)
    }

    /// The most tokens the caller allows for one answer.
    #[must_use]
    pub fn output_limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }
}
