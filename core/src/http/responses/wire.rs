//! What a request to `/v1/responses` is made of.
#![allow(unreachable_pub, reason = "the macro declares everything `pub`")]

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use crate::types::object::object;
use crate::types::{Raw, Role};

/// Text, or a list.
#[derive(Debug, Clone, PartialEq)]
pub enum TextOr<T> {
    Text(String),
    List(Vec<T>),
}

impl<T> Default for TextOr<T> {
    fn default() -> TextOr<T> {
        TextOr::List(Vec::new())
    }
}

impl<T: Serialize> Serialize for TextOr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            TextOr::Text(text) => serializer.serialize_str(text),
            TextOr::List(list) => list.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOr<T>, D::Error> {
        struct Union<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Union<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<TextOr<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(next) = seq.next_element()? {
                    list.push(next);
                }
                Ok(TextOr::List(list))
            }
        }

        deserializer.deserialize_any(Union(PhantomData))
    }
}

object! {
    /// A part of what is said: `input_text`, `output_text`, `input_image`, `input_file`, `input_audio`, `refusal`,
    /// `summary_text`, `reasoning_text`.
    pub struct ItemPart {
        req kind: String = "type",
        opt text: String = "text",
        opt refusal: String = "refusal",
        opt image_url: String = "image_url",
        opt detail: String = "detail",
        opt file_id: String = "file_id",
        opt file_data: String = "file_data",
        opt file_url: String = "file_url",
        opt filename: String = "filename",
        opt input_audio: Raw = "input_audio",
        opt annotations: Raw = "annotations",
        opt logprobs: Raw = "logprobs",
    }
}

object! {
    /// An item of the conversation: a message, a call and its result, or thinking.
    pub struct Item {
        def kind: String = "type" or "message".to_owned(),
        opt id: String = "id",
        opt status: String = "status",
        opt role: Role = "role",
        opt content: TextOr<ItemPart> = "content",
        opt call_id: String = "call_id",
        opt name: String = "name",
        opt arguments: String = "arguments",
        opt input: String = "input",
        opt output: TextOr<ItemPart> = "output",
        list summary: ItemPart = "summary",
        opt encrypted_content: String = "encrypted_content",
    }
}

object! {
    /// A tool on offer.
    pub struct ResponsesTool {
        req kind: String = "type",
        opt name: String = "name",
        opt description: String = "description",
        opt parameters: Raw = "parameters",
        opt strict: bool = "strict",
        opt format: Raw = "format",
    }
}

object! {
    /// The form of the text.
    pub struct TextFormat {
        req kind: String = "type",
        opt name: String = "name",
        opt description: String = "description",
        opt schema: Raw = "schema",
        opt strict: bool = "strict",
    }
}

object! {
    /// How the text is to be.
    pub struct TextConfig {
        opt format: TextFormat = "format",
        opt verbosity: String = "verbosity",
    }
}

object! {
    /// How to think.
    pub struct Reasoning {
        opt effort: String = "effort",
        opt summary: String = "summary",
    }
}

object! {
    /// A request, as OpenAI's `POST /v1/responses` takes it.
    pub struct ResponsesRequest {
        req model: String = "model",
        req input: TextOr<Item> = "input",
        opt instructions: String = "instructions",
        opt stream: bool = "stream",
        opt stream_options: Raw = "stream_options",
        opt max_output_tokens: u64 = "max_output_tokens",
        opt temperature: Number = "temperature",
        opt top_p: Number = "top_p",
        opt tools: Vec<ResponsesTool> = "tools",
        opt tool_choice: Raw = "tool_choice",
        opt parallel_tool_calls: bool = "parallel_tool_calls",
        opt max_tool_calls: u64 = "max_tool_calls",
        opt text: TextConfig = "text",
        opt reasoning: Reasoning = "reasoning",
        opt top_logprobs: u32 = "top_logprobs",
        opt include: Vec<String> = "include",
        opt truncation: String = "truncation",
        opt metadata: Raw = "metadata",
        opt user: String = "user",
        opt safety_identifier: String = "safety_identifier",
        opt prompt_cache_key: String = "prompt_cache_key",
        opt service_tier: String = "service_tier",
        opt store: bool = "store",
        opt background: bool = "background",
        opt previous_response_id: String = "previous_response_id",
        opt conversation: Raw = "conversation",
        opt prompt: Raw = "prompt",
    }
}
