//! OpenAI's usage as token counts.

use super::Dialect;
use crate::pricing::TokenCounts;
use crate::types::{Extra, PromptDetails, Raw, Usage};

/// Names under which providers tell what they read from their cache, where it is not among the details.
const CACHED: [&str; 2] = ["prompt_cache_hit_tokens", "cached_tokens"];

/// Evens out what compatible providers report differently, so that totals include their parts.
pub(super) fn settle(usage: &mut Usage, dialect: &Dialect) {
    if usage.prompt_tokens_details.as_ref().is_none_or(|details| details.cached_tokens.is_none())
        && let Some(cached) = CACHED.iter().find_map(|name| usage.extra.get(name).and_then(Raw::read::<u64>))
    {
        usage.prompt_tokens_details.get_or_insert_with(PromptDetails::default).cached_tokens = Some(cached);
    }
    let details = usage.completion_tokens_details.as_ref();
    let thinking = details.and_then(|details| details.reasoning_tokens).unwrap_or(0);
    let said = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    let unsaid = usage.total_tokens.saturating_sub(said);
    // xAI counts thinking apart from the answer, and Google here does not count it at all; the total tells.
    if unsaid > 0 && (unsaid == thinking || dialect.thinking_in_total) {
        usage.completion_tokens = usage.completion_tokens.saturating_add(unsaid);
        let details = usage.completion_tokens_details.get_or_insert_default();
        details.reasoning_tokens = Some(thinking.max(unsaid));
    }
}

/// Usage where Groq puts it, in a field of its own on the last chunk.
pub(super) fn of_groq(chunk: &Extra) -> Option<Usage> {
    let own: Extra = chunk.get("x_groq")?.read()?;
    own.get("usage")?.read()
}

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
