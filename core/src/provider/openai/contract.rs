//! Parts of a request that a provider must keep to the letter, or not be asked.

use super::Dialect;
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::types::{ChatRequest, Content, Part};

/// A part of the contract that some providers cannot keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// Several answers.
    Answers,
    /// Log probabilities.
    LogProbs,
    /// An answer that matches a schema.
    JsonSchema,
    /// Tools.
    Tools,
    /// Sound in messages.
    Hearing,
    /// Spoken answers.
    Speech,
}

impl Contract {
    /// The field that asks for it, where `request` does, and why it cannot be had.
    fn asked(self, request: &ChatRequest) -> Option<(&'static str, &'static str)> {
        match self {
            Contract::Answers => (request.answers() > 1).then_some(("n", "it gives one answer")),
            Contract::LogProbs => {
                (request.logprobs == Some(true)).then_some(("logprobs", "it gives no log probabilities"))
            }
            Contract::JsonSchema => {
                let schema = request.response_format.as_ref().is_some_and(|form| form.kind == "json_schema");
                schema.then_some(("response_format", "it keeps to no schema; json_object asks for any JSON"))
            }
            Contract::Tools => {
                let tools = request.tools.as_ref().is_some_and(|tools| !tools.is_empty());
                tools.then_some(("tools", "it calls no tools"))
            }
            Contract::Hearing => hears(request).then_some(("messages", "it takes no sound (input_audio)")),
            Contract::Speech => {
                let modality = request.modalities.iter().flatten().any(|modality| modality == "audio");
                (modality || request.audio.is_some()).then_some(("modalities", "it does not speak"))
            }
        }
    }

    /// The fields that ask for it. With a value that asks for nothing (`n` = 1) they are not sent: such a provider
    /// refuses the bare name.
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Contract::Answers => &["n"],
            Contract::LogProbs => &["logprobs", "top_logprobs"],
            Contract::Speech => &["modalities", "audio"],
            Contract::Tools => &["tools", "tool_choice", "parallel_tool_calls"],
            Contract::JsonSchema | Contract::Hearing => &[],
        }
    }
}

fn hears(request: &ChatRequest) -> bool {
    let parts = request.messages.iter().filter_map(|message| match &message.content {
        Some(Content::Parts(parts)) => Some(parts),
        _ => None,
    });
    parts.flatten().any(|part| matches!(part, Part::Audio { .. }))
}

/// Refuses what the provider cannot keep.
pub(super) fn check(dialect: &Dialect, request: &ChatRequest) -> Result<()> {
    match dialect.refused.iter().find_map(|contract| contract.asked(request)) {
        Some((field, why)) => Err(unsupported(field, dialect.name, why)),
        None => Ok(()),
    }
}
