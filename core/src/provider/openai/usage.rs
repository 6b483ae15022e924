//! OpenAI's usage as token counts.

use crate::pricing::TokenCounts;
use crate::types::Usage;

/// The counts that are billed. OpenAI's totals include their parts, as ours do.
#[must_use]
pub fn token_counts(usage: &Usage) -> TokenCounts {
    let prompt = usage.prompt_tokens_details.as_ref();
    let answer = usage.completion_tokens_details.as_ref();
    let written =
        prompt.and_then(|details| details.cache_creation_tokens.or(details.cache_write_tokens)).unwrap_or(0);
    let for_an_hour = prompt.and_then(|details| details.cache_creation_1h_tokens).unwrap_or(0).min(written);
    TokenCounts {
        input: usage.prompt_tokens,
        cached_input: prompt.and_then(|details| details.cached_tokens).unwrap_or(0),
        cache_write: written - for_an_hour,
        cache_write_1h: for_an_hour,
        output: usage.completion_tokens,
        reasoning: answer.and_then(|details| details.reasoning_tokens).unwrap_or(0),
        audio_input: prompt.and_then(|details| details.audio_tokens).unwrap_or(0),
        audio_output: answer.and_then(|details| details.audio_tokens).unwrap_or(0),
    }
}
