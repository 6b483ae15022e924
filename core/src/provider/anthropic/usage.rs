//! Anthropic's usage. What was read from the cache and written to it is not part of `input_tokens`; here it is part
//! of the prompt, as it is everywhere else.

use crate::types::object::object;
use crate::types::{self, CompletionDetails, PromptDetails};

object! {
    /// What was written to the cache, by how long it is kept.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct CacheCreation {
        opt for_an_hour: u64 = "ephemeral_1h_input_tokens",
        opt for_minutes: u64 = "ephemeral_5m_input_tokens",
    }
}

object! {
    /// What the output was.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct OutputDetails {
        opt thinking_tokens: u64 = "thinking_tokens",
    }
}

object! {
    /// Tokens, as Anthropic counts them.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Usage {
        opt input_tokens: u64 = "input_tokens",
        opt cache_creation_input_tokens: u64 = "cache_creation_input_tokens",
        opt cache_read_input_tokens: u64 = "cache_read_input_tokens",
        opt cache_creation: CacheCreation = "cache_creation",
        opt output_tokens: u64 = "output_tokens",
        opt output_tokens_details: OutputDetails = "output_tokens_details",
        opt service_tier: String = "service_tier",
    }
}

impl Usage {
    /// Takes over a later report, which is a total like the one before. A zero never replaces a number.
    pub(super) fn merge(&mut self, newer: Usage) {
        let later = |old: &mut Option<u64>, new: Option<u64>| match (old.as_ref(), new) {
            (Some(known), Some(0)) if *known != 0 => {}
            (_, Some(new)) => *old = Some(new),
            (_, None) => {}
        };
        later(&mut self.input_tokens, newer.input_tokens);
        later(&mut self.cache_creation_input_tokens, newer.cache_creation_input_tokens);
        later(&mut self.cache_read_input_tokens, newer.cache_read_input_tokens);
        later(&mut self.output_tokens, newer.output_tokens);
        match (&mut self.cache_creation, newer.cache_creation) {
            (Some(old), Some(new)) => {
                later(&mut old.for_an_hour, new.for_an_hour);
                later(&mut old.for_minutes, new.for_minutes);
            }
            (old @ None, new) => *old = new,
            (Some(_), None) => {}
        }
        match (&mut self.output_tokens_details, newer.output_tokens_details) {
            (Some(old), Some(new)) => later(&mut old.thinking_tokens, new.thinking_tokens),
            (old @ None, new) => *old = new,
            (Some(_), None) => {}
        }
        self.service_tier = newer.service_tier.or_else(|| self.service_tier.take());
        self.extra.absorb(newer.extra);
    }

    /// In OpenAI's counts.
    pub(super) fn told(&self) -> types::Usage {
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        let parts = [self.input_tokens, read, written].into_iter().flatten();
        let prompt = parts.fold(0, u64::saturating_add);
        let for_an_hour = self.cache_creation.as_ref().and_then(|written| written.for_an_hour);
        let thinking = self.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens);
        let mut usage = types::Usage::of(prompt, self.output_tokens.unwrap_or(0));
        if read.is_some() || written.is_some() {
            usage.prompt_tokens_details = Some(PromptDetails {
                cached_tokens: read,
                cache_creation_tokens: written,
                cache_creation_1h_tokens: for_an_hour,
                ..PromptDetails::default()
            });
        }
        if thinking.is_some() {
            usage.completion_tokens_details =
                Some(CompletionDetails { reasoning_tokens: thinking, ..CompletionDetails::default() });
        }
        for (name, value) in self.extra.iter().filter(|(_, value)| !value.is_null()) {
            usage.extra.insert(name, value.clone());
        }
        usage
    }
}
