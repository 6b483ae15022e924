//! Where a provider that speaks OpenAI's protocol differs from it: the fields of a row in `compatible.rs`.

use super::compatible;
use super::contract::Contract;

/// A provider that speaks OpenAI's protocol, in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// The name of the provider, and of the dialect in the settings.
    pub name: &'static str,
    /// Where it is; none where every user has an address of their own.
    pub base_url: Option<&'static str>,
    /// Variables that can hold our key; the first that is set counts.
    pub key_variables: &'static [&'static str],
    /// Variables that can hold the address; the first that is set counts.
    pub address_variables: &'static [&'static str],
    /// It runs on this machine or network, and costs nothing.
    pub local: bool,
    /// The header that carries the key.
    pub auth: Auth,
    /// How paths are made.
    pub paths: Paths,
    /// The name of the limit on output.
    pub limit: Limit,
    /// It takes `stream_options`. Where not, it tells usage by itself.
    pub stream_options: bool,
    /// It takes the role `developer`. Where not, that is `system`.
    pub developer: bool,
    /// How thinking of earlier turns goes back to it.
    pub thinking: Thinking,
    /// It counts thinking in the total alone.
    pub thinking_in_total: bool,
    /// Fields of messages and of their tool calls that other providers gave, which it takes all the same.
    pub takes: &'static [&'static str],
    /// With tools every message of the assistant must bring its thinking, if need be an empty one.
    pub thinking_required: bool,
    /// It takes `cache_control` on messages, parts and tools.
    pub cache_control: bool,
    /// The only fields of messages it takes; none where it takes all.
    pub message_fields: Option<&'static [&'static str]>,
    /// Ids of tool calls must be nine letters or digits.
    pub short_tool_ids: bool,
    /// The word for "call at least one tool".
    pub required: &'static str,
    /// The name of `seed`.
    pub seed: &'static str,
    /// The name of `dimensions`, for embeddings.
    pub dimensions: &'static str,
    /// Hints it does not take: left out with a warning.
    pub left_out: &'static [&'static str],
    /// Parts of the contract it cannot keep: such a request is refused.
    pub refused: &'static [Contract],
}

/// The header that carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer …`.
    Bearer,
    /// `api-key: …`.
    ApiKey,
}

/// How paths are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// Below the base URL.
    Plain,
    /// Azure's: with `api_version` one path a deployment, else `/openai/v1`.
    Azure,
}

/// The name of the limit on output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As the caller named it, but `max_completion_tokens` for models that refuse `max_tokens`, by the first part of
    /// their names.
    ByModel(&'static [&'static str]),
    /// Always `max_tokens`.
    MaxTokens,
    /// Always `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How thinking of earlier turns goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all.
    LeftOut,
    /// As text, in this field of the message.
    Field(&'static str),
    /// As text, in a part of the content of type `thinking`.
    Part,
}

impl Dialect {
    /// OpenAI itself.
    pub const OPENAI: &'static Dialect = &compatible::OPENAI;

    /// The dialect of a provider that is not in the table.
    pub const GENERIC: &'static Dialect = &compatible::GENERIC;

    /// Every dialect that has a name.
    pub fn all() -> impl Iterator<Item = &'static Dialect> {
        compatible::ROWS.iter().copied()
    }

    /// The dialect of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Dialect> {
        Dialect::all().find(|dialect| dialect.name == name)
    }

    /// Whether `model` refuses `max_tokens`. A name counts up to a `-` or a `.`; a fine-tuned one by its base.
    pub(super) fn wants_completion_limit(&self, model: &str) -> bool {
        let families = match self.limit {
            Limit::ByModel(families) => families,
            Limit::MaxTokens => return false,
            Limit::MaxCompletionTokens => return true,
        };
        let base = model.strip_prefix("ft:").unwrap_or(model);
        families.iter().any(|family| {
            base.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
        })
    }
}
