//! Models, as they are listed.

use super::object::object;
use crate::money::PerMillion;

object! {
    /// Rates for longer prompts, in US dollars per million tokens.
    pub struct LongPromptPricing {
        /// A prompt of more tokens is billed whole at these rates.
        req prompt_tokens: u64 = "prompt_tokens",
        /// Of the prompt.
        req input: PerMillion = "input",
        /// Of the prompt, read from the provider's cache.
        opt cached_input: PerMillion = "cached_input",
        /// Of the answer.
        opt output: PerMillion = "output",
    }
}

object! {
    /// What a model costs now, in US dollars per million tokens.
    pub struct ModelPricing {
        /// Of the prompt.
        req input: PerMillion = "input",
        /// Of the prompt, read from the provider's cache.
        opt cached_input: PerMillion = "cached_input",
        /// Of the prompt, written to the provider's cache.
        opt cache_write: PerMillion = "cache_write",
        /// Of the prompt, written to the provider's cache to be kept for long.
        opt cache_write_1h: PerMillion = "cache_write_1h",
        /// Of the answer.
        opt output: PerMillion = "output",
        /// Of sound in the prompt.
        opt audio_input: PerMillion = "audio_input",
        /// Of sound in the answer.
        opt audio_output: PerMillion = "audio_output",
        /// Rates for longer prompts, ascending.
        list above: LongPromptPricing = "above",
    }
}

object! {
    /// A model.
    pub struct Model {
        /// The name to ask for it by.
        req id: String = "id",
        /// Always `model`.
        def object: String = "object" or "model".to_owned(),
        /// Seconds since 1970; 0 where nobody says.
        def created: i64 = "created" or 0,
        /// Who runs it.
        def owned_by: String = "owned_by" or String::new(),
        /// The provider that is asked for it first.
        opt provider: String = "provider",
        /// `chat` or `embedding`, where known.
        opt kind: String = "kind",
        /// Prompt and answer together, in tokens, where known.
        opt context_window: u64 = "context_window",
        /// The most tokens of one answer, where known.
        opt max_output_tokens: u64 = "max_output_tokens",
        /// What it costs, where known.
        opt pricing: ModelPricing = "pricing",
    }
}

object! {
    /// The models that can be asked.
    pub struct ModelList {
        /// Always `list`.
        def object: String = "object" or "list".to_owned(),
        /// The models.
        req data: Vec<Model> = "data",
    }
}
