//! Tokens, as providers report them.

use super::object::object;

object! {
    /// What the prompt's tokens were.
    pub struct PromptDetails {
        /// Read from the provider's cache; a part of `prompt_tokens`.
        opt cached_tokens: u64 = "cached_tokens",
        /// Written to the provider's cache; a part of `prompt_tokens`.
        opt cache_creation_tokens: u64 = "cache_creation_tokens",
        /// Written to the provider's cache to be kept for an hour; a part of `cache_creation_tokens`.
        opt cache_creation_1h_tokens: u64 = "cache_creation_1h_tokens",
        /// Written to the provider's cache, under its other name.
        opt cache_write_tokens: u64 = "cache_write_tokens",
        /// Sound; a part of `prompt_tokens`.
        opt audio_tokens: u64 = "audio_tokens",
    }
}

object! {
    /// What the answer's tokens were.
    pub struct CompletionDetails {
        /// Thinking; a part of `completion_tokens`.
        opt reasoning_tokens: u64 = "reasoning_tokens",
        /// Sound; a part of `completion_tokens`.
        opt audio_tokens: u64 = "audio_tokens",
        /// Predicted tokens that appeared in the answer.
        opt accepted_prediction_tokens: u64 = "accepted_prediction_tokens",
        /// Predicted tokens that did not; billed as output and a part of `completion_tokens`.
        opt rejected_prediction_tokens: u64 = "rejected_prediction_tokens",
    }
}

object! {
    /// Tokens of one request.
    pub struct Usage {
        /// All tokens that went in.
        def prompt_tokens: u64 = "prompt_tokens" or 0,
        /// All tokens that came out.
        def completion_tokens: u64 = "completion_tokens" or 0,
        /// Both.
        def total_tokens: u64 = "total_tokens" or 0,
        /// What went in, by kind.
        opt prompt_tokens_details: PromptDetails = "prompt_tokens_details",
        /// What came out, by kind.
        opt completion_tokens_details: CompletionDetails = "completion_tokens_details",
    }
}

/// A later number wins unless it is a zero over a number: some providers close a stream with an empty report. An
/// explicit zero stays where nothing was known.
fn later(old: &mut u64, new: u64) {
    if new != 0 {
        *old = new;
    }
}

fn later_known(old: &mut Option<u64>, new: Option<u64>) {
    match (old.as_mut(), new) {
        (Some(old), Some(new)) => later(old, new),
        (None, new) => *old = new,
        (Some(_), None) => {}
    }
}

impl Usage {
    /// `prompt` tokens in, `completion` tokens out.
    #[must_use]
    pub fn of(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt.saturating_add(completion),
            ..Usage::default()
        }
    }

    /// Takes over a later report on the same answer: reports are totals, so the later one wins, but a zero never
    /// replaces a number.
    pub fn merge(&mut self, newer: Usage) {
        later(&mut self.prompt_tokens, newer.prompt_tokens);
        later(&mut self.completion_tokens, newer.completion_tokens);
        later(&mut self.total_tokens, newer.total_tokens);
        match (&mut self.prompt_tokens_details, newer.prompt_tokens_details) {
            (Some(old), Some(new)) => old.merge(new),
            (old @ None, new) => *old = new,
            (Some(_), None) => {}
        }
        match (&mut self.completion_tokens_details, newer.completion_tokens_details) {
            (Some(old), Some(new)) => old.merge(new),
            (old @ None, new) => *old = new,
            (Some(_), None) => {}
        }
        self.extra.absorb(newer.extra);
    }
}

impl PromptDetails {
    fn merge(&mut self, newer: PromptDetails) {
        later_known(&mut self.cached_tokens, newer.cached_tokens);
        later_known(&mut self.cache_creation_tokens, newer.cache_creation_tokens);
        later_known(&mut self.cache_creation_1h_tokens, newer.cache_creation_1h_tokens);
        later_known(&mut self.cache_write_tokens, newer.cache_write_tokens);
        later_known(&mut self.audio_tokens, newer.audio_tokens);
        self.extra.absorb(newer.extra);
    }
}

impl CompletionDetails {
    fn merge(&mut self, newer: CompletionDetails) {
        later_known(&mut self.reasoning_tokens, newer.reasoning_tokens);
        later_known(&mut self.audio_tokens, newer.audio_tokens);
        later_known(&mut self.accepted_prediction_tokens, newer.accepted_prediction_tokens);
        later_known(&mut self.rejected_prediction_tokens, newer.rejected_prediction_tokens);
        self.extra.absorb(newer.extra);
    }
}
