//! From token counts to money.

use serde::{Deserialize, Serialize};

use crate::money::{Charge, Nano, PerMillion};

/// Tokens of one request, in one vendor-neutral shape.
///
/// `input` and `output` are totals; every other field is a part of one of them, and the parts of `input` do not
/// overlap. How the vendors report:
/// - OpenAI: `prompt_tokens` already includes cached, cache-write and audio tokens; `completion_tokens` already
///   includes reasoning and audio tokens.
/// - Anthropic: `input_tokens` excludes the cache, so `input` is `input_tokens + cache_read_input_tokens +
///   cache_creation_input_tokens`; `cache_creation` splits the writes by lifetime.
/// - Gemini: `promptTokenCount` includes `cachedContentTokenCount`; `candidatesTokenCount` excludes
///   `thoughtsTokenCount`, so `output` is their sum. Where `toolUsePromptTokenCount` is reported it adds to `input`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenCounts {
    /// All prompt tokens.
    pub input: u64,
    /// Part of `input` read from a prompt cache.
    pub cached_input: u64,
    /// Part of `input` written to a prompt cache with the short lifetime (Anthropic 5 min, OpenAI 30 min).
    pub cache_write: u64,
    /// Part of `input` written to a prompt cache with the long lifetime (Anthropic 1 h, OpenAI 12 h).
    pub cache_write_1h: u64,
    /// All completion tokens.
    pub output: u64,
    /// Part of `output` spent on reasoning; priced as output.
    pub reasoning: u64,
    /// Part of `input` that is audio.
    pub audio_input: u64,
    /// Part of `output` that is audio.
    pub audio_output: u64,
}

/// Rates of one price tier. Only `input` and `output` are always known; a missing rate falls back as stated.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Prompt tokens.
    pub input: PerMillion,
    /// Prompt tokens read from a cache; else `input`.
    pub cached_input: Option<PerMillion>,
    /// Prompt tokens written to a cache, short lifetime; else `input`.
    pub cache_write: Option<PerMillion>,
    /// Prompt tokens written to a cache, long lifetime; else `cache_write`, else `input`.
    pub cache_write_1h: Option<PerMillion>,
    /// Completion tokens, reasoning included.
    pub output: PerMillion,
    /// Audio in the prompt; else `input`.
    pub audio_input: Option<PerMillion>,
    /// Audio in the completion; else `output`.
    pub audio_output: Option<PerMillion>,
}

impl Rates {
    fn cache_write(&self) -> PerMillion {
        self.cache_write.unwrap_or(self.input)
    }

    fn cache_write_1h(&self) -> PerMillion {
        self.cache_write_1h.unwrap_or_else(|| self.cache_write())
    }

    fn audio_input(&self) -> PerMillion {
        self.audio_input.unwrap_or(self.input)
    }

    fn audio_output(&self) -> PerMillion {
        self.audio_output.unwrap_or(self.output)
    }

    fn charge(&self, tokens: &TokenCounts) -> Charge {
        let parts = [tokens.cached_input, tokens.cache_write, tokens.cache_write_1h, tokens.audio_input];
        let plain_input = parts.iter().fold(tokens.input, |rest, part| rest.saturating_sub(*part));
        let plain_output = tokens.output.saturating_sub(tokens.audio_output);
        Charge::NONE
            .plus(plain_input, self.input)
            .plus(tokens.cached_input, self.cached_input.unwrap_or(self.input))
            .plus(tokens.cache_write, self.cache_write())
            .plus(tokens.cache_write_1h, self.cache_write_1h())
            .plus(tokens.audio_input, self.audio_input())
            .plus(plain_output, self.output)
            .plus(tokens.audio_output, self.audio_output())
    }

    /// What an input token costs at most. The hour-long write counts only if asked for: it is opted into by
    /// the request.
    fn dearest_input(&self, long_writes: bool) -> PerMillion {
        let write =
            if long_writes { self.cache_write().max(self.cache_write_1h()) } else { self.cache_write() };
        self.input.max(write).max(self.audio_input())
    }

    fn dearest_output(&self) -> PerMillion {
        self.output.max(self.audio_output())
    }
}

/// The price of a model at a time: base rates, and other rates for long prompts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Price {
    base: Rates,
    /// (prompt tokens, rates) ascending: a prompt of more tokens than the first is billed whole at the second.
    above: Vec<(u64, Rates)>,
}

impl Price {
    /// A price with one tier.
    pub fn flat(rates: Rates) -> Price {
        Price { base: rates, above: Vec::new() }
    }

    /// Adds rates for prompts of more than `prompt_tokens` tokens, which then hold for the whole request.
    #[must_use]
    pub fn with_above(mut self, prompt_tokens: u64, rates: Rates) -> Price {
        self.above.push((prompt_tokens, rates));
        self.above.sort_by_key(|(threshold, _)| *threshold);
        self
    }

    /// Everything costs 0 (declared, not unknown).
    pub fn free() -> Price {
        Price::default()
    }

    /// True if nothing costs anything.
    pub fn is_free(&self) -> bool {
        let free = |rates: &Rates| {
            rates.dearest_input(true) == PerMillion::FREE && rates.dearest_output() == PerMillion::FREE
        };
        free(&self.base) && self.above.iter().all(|(_, rates)| free(rates))
    }

    /// The rates that apply to a prompt of this many tokens.
    pub fn rates(&self, prompt_tokens: u64) -> &Rates {
        let tier = self.above.iter().rev().find(|(threshold, _)| prompt_tokens > *threshold);
        tier.map_or(&self.base, |(_, rates)| rates)
    }

    /// The rates for longer prompts, each with the number of tokens above which it holds, ascending.
    pub(crate) fn above(&self) -> impl Iterator<Item = (u64, &Rates)> {
        self.above.iter().map(|(prompt_tokens, rates)| (*prompt_tokens, rates))
    }

    /// The bill of a finished request, to the nearest nano-USD. Where the parts exceed their total each part is
    /// still billed in full.
    pub fn cost(&self, tokens: &TokenCounts) -> Nano {
        self.rates(tokens.input).charge(tokens).settle()
    }

    /// What to set aside for a request of at most so many tokens, rounded up: every token at the dearest rate it
    /// may meet, in the dearest tier a prompt of up to `input_tokens` may fall into. Writes to the long-lived
    /// cache count at the short-lived rate; see [`Price::reserve_long_writes`].
    pub fn reserve(&self, input_tokens: u64, output_tokens: u64) -> Nano {
        self.set_aside(input_tokens, output_tokens, false)
    }

    /// As [`Price::reserve`] for a request that asks for the long-lived prompt cache.
    pub fn reserve_long_writes(&self, input_tokens: u64, output_tokens: u64) -> Nano {
        self.set_aside(input_tokens, output_tokens, true)
    }

    fn set_aside(&self, input_tokens: u64, output_tokens: u64, long_writes: bool) -> Nano {
        let reachable = self.above.iter().filter(|(threshold, _)| input_tokens > *threshold);
        // A cheaper long-prompt tier is no bargain yet: the true prompt may turn out shorter.
        reachable.map(|(_, rates)| rates).chain([&self.base]).fold(Nano::ZERO, |most, rates| {
            let charge = Charge::NONE
                .plus(input_tokens, rates.dearest_input(long_writes))
                .plus(output_tokens, rates.dearest_output());
            most.max(charge.reserve())
        })
    }
}
