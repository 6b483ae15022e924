//! Gemini's usage in OpenAI's shape.

use super::wire::{ModalityCount, UsageReport};
use crate::types::{CompletionDetails, Extra, PromptDetails, Raw, Usage};

/// The reports of one answer. Each is a total, and comes with every chunk.
#[derive(Debug, Default)]
pub(super) struct Reports {
    report: Option<UsageReport>,
    usage: Option<Usage>,
}

impl Reports {
    /// Takes the next report. A later number wins, but a zero or nothing never replaces a number.
    pub(super) fn take(&mut self, newer: UsageReport) {
        let report = self.report.get_or_insert_default();
        for (known, newer) in [
            (&mut report.prompt, newer.prompt),
            (&mut report.tool_prompt, newer.tool_prompt),
            (&mut report.cached, newer.cached),
            (&mut report.answer, newer.answer),
            (&mut report.thoughts, newer.thoughts),
            (&mut report.total, newer.total),
        ] {
            if newer.is_some_and(|tokens| tokens > 0) || known.is_none() {
                *known = newer;
            }
        }
        for (known, newer) in [
            (&mut report.prompt_kinds, newer.prompt_kinds),
            (&mut report.tool_prompt_kinds, newer.tool_prompt_kinds),
            (&mut report.cached_kinds, newer.cached_kinds),
            (&mut report.answer_kinds, newer.answer_kinds),
        ] {
            if newer.is_some() {
                *known = newer;
            }
        }
        report.extra.absorb(newer.extra);
        self.usage = Some(usage(report));
    }

    /// What is known so far.
    pub(super) fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }
}

/// The report as OpenAI's usage. The thinking is not in Gemini's count of the answer, and what tools put in is not
/// in its count of the prompt; OpenAI's totals hold both.
fn usage(report: &UsageReport) -> Usage {
    let count = |tokens: Option<u64>| tokens.unwrap_or(0);
    let prompt = count(report.prompt).saturating_add(count(report.tool_prompt));
    let completion = count(report.answer).saturating_add(count(report.thoughts));
    // The parts of a prompt must not overlap: cached sound is billed as cached.
    let audio = sound(&report.prompt_kinds).map(|audio| {
        let tools = sound(&report.tool_prompt_kinds).unwrap_or(0);
        audio.saturating_add(tools).saturating_sub(sound(&report.cached_kinds).unwrap_or(0))
    });
    Usage {
        total_tokens: report.total.filter(|total| *total > 0).unwrap_or(prompt.saturating_add(completion)),
        prompt_tokens_details: Some(PromptDetails {
            cached_tokens: Some(count(report.cached)),
            audio_tokens: audio,
            ..PromptDetails::default()
        }),
        completion_tokens_details: Some(CompletionDetails {
            reasoning_tokens: Some(count(report.thoughts)),
            audio_tokens: sound(&report.answer_kinds),
            ..CompletionDetails::default()
        }),
        extra: beside(report),
        ..Usage::of(prompt, completion)
    }
}

/// The tokens of sound; none where the report has none.
fn sound(kinds: &Option<Vec<ModalityCount>>) -> Option<u64> {
    let sound = |kind: &&ModalityCount| kind.modality.as_deref() == Some("AUDIO");
    kinds.iter().flatten().find(sound).map(|kind| kind.tokens)
}

/// What OpenAI's usage has no field for, as it came.
fn beside(report: &UsageReport) -> Extra {
    let mut extra = report.extra.clone();
    let kinds = [
        ("promptTokensDetails", &report.prompt_kinds),
        ("cacheTokensDetails", &report.cached_kinds),
        ("candidatesTokensDetails", &report.answer_kinds),
        ("toolUsePromptTokensDetails", &report.tool_prompt_kinds),
    ];
    for (name, kinds) in kinds {
        if let Some(Ok(raw)) = kinds.as_ref().map(Raw::of) {
            extra.insert(name, raw);
        }
    }
    if let Some(Ok(raw)) = report.tool_prompt.as_ref().map(Raw::of) {
        extra.insert("toolUsePromptTokenCount", raw);
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::token_counts;

    fn read(reports: &[&str]) -> Usage {
        let mut all = Reports::default();
        reports.iter().for_each(|report| all.take(serde_json::from_str(report).unwrap()));
        all.usage().unwrap().clone()
    }

    #[test]
    fn thinking_and_tools_are_in_the_totals() {
        let usage = read(&[r#"{"promptTokenCount": 100, "cachedContentTokenCount": 40,
            "candidatesTokenCount": 20, "thoughtsTokenCount": 300, "toolUsePromptTokenCount": 7,
            "totalTokenCount": 427, "trafficType": "ON_DEMAND"}"#]);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (107, 320, 427));
        let counts = token_counts(&usage);
        assert_eq!((counts.cached_input, counts.reasoning), (40, 300));
        assert_eq!(usage.extra.get("trafficType").unwrap().get(), "\"ON_DEMAND\"");
    }

    #[test]
    fn cached_sound_is_counted_once() {
        let usage =
            read(&[r#"{"promptTokenCount": 100, "cachedContentTokenCount": 60, "promptTokensDetails":
            [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 80}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}]}"#]);
        let counts = token_counts(&usage);
        assert_eq!((counts.input, counts.cached_input, counts.audio_input), (100, 60, 20));
    }

    #[test]
    fn a_later_report_without_thinking_keeps_it() {
        let usage = read(&[
            r#"{"promptTokenCount": 9, "thoughtsTokenCount": 50}"#,
            r#"{"promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 0}"#,
            "{}",
        ]);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (9, 53, 62));
    }
}
