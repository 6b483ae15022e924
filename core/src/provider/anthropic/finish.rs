//! Why an answer ended.

use super::wire::Delta;
use crate::types::{Extra, FinishReason, Raw};

/// Anthropic's reasons and ours. A reason that is not here keeps its word: `pause_turn` asks to be handed back.
const REASONS: [(&str, FinishReason); 6] = [
    ("end_turn", FinishReason::Stop),
    ("stop_sequence", FinishReason::Stop),
    ("max_tokens", FinishReason::Length),
    ("model_context_window_exceeded", FinishReason::Length),
    ("tool_use", FinishReason::ToolCalls),
    ("refusal", FinishReason::ContentFilter),
];

/// Reasons whose own word says no more than ours does.
const PLAIN: [&str; 4] = ["end_turn", "max_tokens", "tool_use", "refusal"];

/// What is known of the end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    reason: Option<String>,
    sequence: Option<String>,
    details: Option<Raw>,
}

impl Ending {
    pub(super) fn new(reason: Option<String>, sequence: Option<String>, details: Option<Raw>) -> Ending {
        Ending { reason, sequence, details }
    }

    /// Takes over what a later event says.
    pub(super) fn add(&mut self, delta: &mut Delta) {
        self.reason = delta.stop_reason.take().or_else(|| self.reason.take());
        self.sequence = delta.stop_sequence.take().or_else(|| self.sequence.take());
        self.details = delta.stop_details.take().or_else(|| self.details.take());
    }

    /// The reason; none if the provider gave none. `calls` is whether the answer has calls for the caller.
    pub(super) fn reason(&self, calls: bool) -> Option<FinishReason> {
        let word = self.reason.as_deref().filter(|word| !word.is_empty())?;
        let known = REASONS.iter().find(|(theirs, _)| *theirs == word);
        Some(match known.map(|(_, ours)| ours) {
            // The call was the answer itself, as JSON.
            Some(FinishReason::ToolCalls) if !calls => FinishReason::Stop,
            Some(ours) => ours.clone(),
            None => FinishReason::from(word),
        })
    }

    /// What the provider says in place of an answer that it refused.
    pub(super) fn refusal(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Details {
            explanation: Option<String>,
        }
        let details: Details = self.details.as_ref()?.read()?;
        details.explanation.filter(|text| !text.is_empty() && self.reason.as_deref() == Some("refusal"))
    }

    /// What our reason does not say.
    pub(super) fn extra(&self) -> Extra {
        let mut extra = Extra::default();
        let text = |text: &String| Raw::of(text).ok();
        let word = self.reason.as_ref().filter(|word| !PLAIN.contains(&word.as_str()));
        let known = word.filter(|word| REASONS.iter().any(|(theirs, _)| theirs == word));
        for (name, value) in [
            ("stop_reason", known.and_then(text)),
            ("stop_sequence", self.sequence.as_ref().and_then(text)),
            ("stop_details", self.details.clone()),
        ] {
            if let Some(value) = value {
                extra.insert(name, value);
            }
        }
        extra
    }
}
