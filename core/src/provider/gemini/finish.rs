//! Why an answer ended.

use crate::types::FinishReason;

/// OpenAI's word for Gemini's, for an answer with or without calls. Words without a counterpart are kept: what they
/// stand for is no whole answer.
pub(super) fn reason(word: &str, calls: bool) -> FinishReason {
    match word {
        "STOP" if calls => FinishReason::ToolCalls,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" | "CONTINUATION" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED" => FinishReason::ContentFilter,
        other => FinishReason::from(other.to_ascii_lowercase().as_str()),
    }
}

/// Whether OpenAI's word says less than Gemini's, which is then told beside it.
pub(super) fn says_more(word: &str) -> bool {
    !matches!(word, "STOP" | "MAX_TOKENS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_answers_are_complete() {
        assert_eq!(reason("STOP", false), FinishReason::Stop);
        assert_eq!(reason("STOP", true), FinishReason::ToolCalls);
        assert_eq!(reason("MAX_TOKENS", true), FinishReason::Length);
        assert_eq!(reason("RECITATION", false), FinishReason::ContentFilter);
        assert_eq!(reason("MALFORMED_FUNCTION_CALL", false).as_str(), "malformed_function_call");
        for word in ["MAX_TOKENS", "CONTINUATION", "SAFETY", "MALFORMED_FUNCTION_CALL", "OTHER", "NEW_WORD"] {
            assert!(!reason(word, false).is_complete(), "{word}");
        }
    }
}
