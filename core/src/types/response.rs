//! A whole answer.

use super::extra::Raw;
use super::finish::FinishReason;
use super::message::Message;
use super::metadata::Metadata;
use super::object::object;
use super::usage::Usage;

object! {
    /// One of the answers asked for.
    pub struct Choice {
        /// Its number, from 0.
        def index: u32 = "index" or 0,
        /// What the model says.
        req message: Message = "message",
        /// Why it ended.
        nul finish_reason: FinishReason = "finish_reason",
        /// Log probabilities, as the provider gave them.
        opt logprobs: Raw = "logprobs",
    }
}

object! {
    /// A whole answer.
    pub struct ChatResponse {
        /// The provider's id of it.
        def id: String = "id" or String::new(),
        /// Always `chat.completion`.
        def object: String = "object" or "chat.completion".to_owned(),
        /// Seconds since 1970.
        def created: i64 = "created" or 0,
        /// The model that answered.
        def model: String = "model" or String::new(),
        /// The answers.
        req choices: Vec<Choice> = "choices",
        /// Tokens used.
        opt usage: Usage = "usage",
        /// The provider's configuration.
        opt system_fingerprint: String = "system_fingerprint",
        /// The class of service that was used.
        opt service_tier: String = "service_tier",
        /// What the gateway did.
        opt lockgate: Metadata = "lockgate",
    }
}

impl ChatResponse {
    /// The text of the first answer; empty if it has none.
    #[must_use]
    pub fn text(&self) -> String {
        self.choices.first().map(|choice| choice.message.text()).unwrap_or_default()
    }

    /// Whether every answer ended well: none was cut, filtered or left without a reason.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.choices.is_empty()
            && self
                .choices
                .iter()
                .all(|choice| choice.finish_reason.as_ref().is_some_and(FinishReason::is_complete))
    }
}
