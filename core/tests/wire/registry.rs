//! Every provider has every case, or says here why it has not.

use std::collections::BTreeSet;

use lockgate::provider::openai::{Contract, Dialect};

use crate::PROVIDERS;
use crate::case::cases;

/// The providers with a protocol of their own, each held to the whole list.
const FULL: &[&str] = &["openai", "ollama"];

/// The fewest cases of one provider.
const FEWEST: usize = 25;

/// What there is to show of a provider; `conformance/wire/README.md` says what each means.
const CASES: &[&str] = &[
    "plain",
    "system_several",
    "multi_turn",
    "named_user",
    "tools",
    "tools_choice_named",
    "tools_choice_none",
    "tools_choice_required",
    "tools_parallel",
    "tools_parallel_off",
    "tools_continued",
    "stream_usage",
    "stream_tools_parallel",
    "stream_text_and_tools",
    "image_url",
    "image_base64",
    "json_object",
    "json_schema",
    "stream_json_schema",
    "reasoning_effort",
    "reasoning",
    "reasoning_continued",
    "reasoning_foreign",
    "stream_reasoning",
    "stop_sequences",
    "temperature_zero",
    "length",
    "length_strict_cap",
    "refusal",
    "stream_refusal",
    "content_filter",
    "stream_content_filter",
    "citations",
    "unknown_fields",
    "stream_unknown_fields",
    "hints_left_out",
    "unsupported_n",
    "unsupported_logprobs",
    "unsupported_audio",
    "cached_usage",
    "cache_write_usage",
    "prompt_cache_hints",
    "several_choices",
    "stream_several_choices",
    "logprobs",
    "error_400",
    "error_401",
    "error_403",
    "error_404",
    "error_413",
    "error_429",
    "error_429_quota",
    "error_500",
    "error_502_html",
    "error_overloaded",
    "stream_error_in_band",
    "stream_cut",
    "stream_empty",
    "stream_malformed",
    "embed",
    "embed_error",
];

/// Provider, case, and why there is none.
const ABSENT: &[(&str, &str, &str)] = &[
    ("openai", "hints_left_out", "every hint is a field of its own protocol"),
    ("openai", "unsupported_n", "it answers several times, see several_choices"),
    ("openai", "unsupported_logprobs", "it gives log probabilities, see logprobs"),
    ("openai", "unsupported_audio", "it hears and speaks, see audio_usage"),
    (
        "openai",
        "reasoning",
        "its chat completions keep the thinking to themselves; of compatible providers see vllm",
    ),
    ("openai", "reasoning_continued", "there is no thinking to hand back"),
    ("openai", "stream_reasoning", "its chat completions keep the thinking to themselves"),
    ("ollama", "refusal", "it has no field for a refusal"),
    ("ollama", "stream_refusal", "it has no field for a refusal"),
    ("ollama", "content_filter", "it filters nothing"),
    ("ollama", "stream_content_filter", "it filters nothing"),
    ("ollama", "citations", "its chat gives none"),
    ("ollama", "unsupported_logprobs", "it gives log probabilities, see logprobs"),
    ("ollama", "cached_usage", "it reports no tokens of a cache"),
    ("ollama", "cache_write_usage", "it reports no tokens of a cache"),
    ("ollama", "several_choices", "it answers once, see unsupported_n"),
    ("ollama", "stream_several_choices", "it answers once, see unsupported_n"),
    ("ollama", "error_429_quota", "there is no account that could be used up"),
];

#[test]
fn every_provider_has_every_case_or_says_why_not() {
    let known: BTreeSet<&str> = CASES.iter().copied().collect();
    assert_eq!(known.len(), CASES.len(), "a case is listed twice");
    let mut wrong = Vec::new();
    for provider in FULL {
        let there: BTreeSet<String> = cases(provider).into_iter().map(|case| case.name).collect();
        if there.len() < FEWEST {
            wrong.push(format!("{provider} has {} cases, fewer than {FEWEST}", there.len()));
        }
        for case in CASES {
            let reason = ABSENT.iter().find(|(of, name, _)| of == provider && name == case);
            match (there.contains(*case), reason) {
                (true, Some(_)) => wrong.push(format!("{provider}/{case} is there and declared absent")),
                (false, None) => {
                    wrong.push(format!("{provider}/{case} is missing, and no reason is declared"))
                }
                _ => {}
            }
        }
    }
    for (provider, case, why) in ABSENT {
        if !FULL.contains(provider) || !known.contains(case) || why.len() < 10 {
            wrong.push(format!("the reason for {provider}/{case} is of no use"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The case that shows that a dialect cannot keep a part of the contract.
fn refusal(contract: Contract) -> &'static str {
    match contract {
        Contract::Answers => "unsupported_n",
        Contract::LogProbs => "unsupported_logprobs",
        Contract::JsonSchema => "unsupported_json_schema",
        Contract::Tools => "unsupported_tools",
        Contract::Hearing => "unsupported_input_audio",
        Contract::Speech => "unsupported_audio",
    }
}

#[test]
fn every_dialect_has_a_request_with_everything_typical_answers_and_its_refusals() {
    for dialect in Dialect::all().filter(|dialect| *dialect != Dialect::OPENAI) {
        let name = dialect.name;
        assert!(PROVIDERS.iter().any(|provider| provider.name == name), "{name} is not in main.rs");
        let there: BTreeSet<String> = cases(name).into_iter().map(|case| case.name).collect();
        let refusals = dialect.refused.iter().map(|contract| refusal(*contract));
        for case in ["plain", "dialect", "stream_usage"].into_iter().chain(refusals) {
            assert!(there.contains(case), "{name}/{case} is missing");
        }
        assert!(there.iter().any(|case| case.starts_with("error_")), "{name} has no error");
    }
}
