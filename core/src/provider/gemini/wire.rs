//! Gemini's shapes: those that go out, those that come in.

use std::borrow::Cow;

use serde::Serialize;

use crate::types::Raw;
use crate::types::object::object;

/// One turn of the conversation, going out.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    /// `user` or `model`; none for instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    pub(super) parts: Vec<Part<'a>>,
}

/// One part of a turn, going out.
#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum Part<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        thought: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<&'a str>,
    },
    Inline {
        inline_data: Blob<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        media_resolution: Option<Resolution>,
    },
    File {
        file_data: FileData<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        media_resolution: Option<Resolution>,
    },
    Call {
        function_call: Call<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<Cow<'a, str>>,
    },
    Result {
        function_response: FunctionResult<'a>,
    },
    /// A part of Gemini's own, handed back as it came.
    Own(Raw),
}

impl<'a> Part<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Part<'a> {
        Part::Text { text: text.into(), thought: false, thought_signature: None }
    }
}

/// Bytes in base64.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: Cow<'a, str>,
    pub(super) data: &'a str,
}

/// A file for Gemini to fetch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'static str>,
    pub(super) file_uri: &'a str,
}

/// How closely an image is looked at.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Resolution {
    pub(super) level: &'static str,
}

/// A call the model made before.
#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: Cow<'a, str>,
    pub(super) args: Raw,
}

/// What a call gave.
#[derive(Debug, Serialize)]
pub(super) struct FunctionResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) response: Raw,
    /// Images and files among the result.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part<'a>>,
}

object! {
    /// An answer, or a piece of one, coming in.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Reply {
        /// Its id.
        opt id: String = "responseId",
        /// The model that answers.
        opt model: String = "modelVersion",
        /// When the request came, RFC 3339; the developer API leaves it out.
        opt created: String = "createTime",
        /// The answers.
        list candidates: Candidate = "candidates",
        /// What the filters say of the prompt.
        opt feedback: Feedback = "promptFeedback",
        /// Tokens so far.
        opt usage: UsageReport = "usageMetadata",
        /// In a stream: what went wrong.
        opt error: Raw = "error",
    }
}

object! {
    /// One of the answers.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Candidate {
        /// Its number, from 0.
        opt index: u32 = "index",
        /// What the model says.
        opt content: Said = "content",
        /// Why it ended.
        opt finish: String = "finishReason",
        /// Log probabilities.
        opt logprobs: LogprobsResult = "logprobsResult",
    }
}

object! {
    /// What the model says.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Said {
        /// Always `model`.
        opt role: String = "role",
        /// Part by part.
        list parts: Raw = "parts",
    }
}

object! {
    /// One part of what the model says.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct SaidPart {
        /// Text.
        opt text: String = "text",
        /// Whether it is thinking.
        opt thought: bool = "thought",
        /// The thinking behind it, sealed.
        opt signature: String = "thoughtSignature",
        /// A call.
        opt call: FunctionCall = "functionCall",
    }
}

object! {
    /// A call the model makes.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct FunctionCall {
        /// Its id, where the model gives one.
        opt id: String = "id",
        /// The function.
        def name: String = "name" or String::new(),
        /// Its arguments, an object.
        opt args: Raw = "args",
    }
}

object! {
    /// What the filters say of the prompt.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Feedback {
        /// Why the prompt was blocked, if it was.
        opt block_reason: String = "blockReason",
        /// The same in a sentence.
        opt block_message: String = "blockReasonMessage",
    }
}

object! {
    /// Tokens of one kind.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct ModalityCount {
        /// `TEXT`, `AUDIO` …
        opt modality: String = "modality",
        /// How many.
        def tokens: u64 = "tokenCount" or 0,
    }
}

object! {
    /// Tokens of the whole request.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct UsageReport {
        /// What went in, the cached part too.
        opt prompt: u64 = "promptTokenCount",
        /// What Gemini's own tools put in.
        opt tool_prompt: u64 = "toolUsePromptTokenCount",
        /// The part of the prompt that came from a cache.
        opt cached: u64 = "cachedContentTokenCount",
        /// What came out, without the thinking.
        opt answer: u64 = "candidatesTokenCount",
        /// The thinking.
        opt thoughts: u64 = "thoughtsTokenCount",
        /// All of it.
        opt total: u64 = "totalTokenCount",
        /// The prompt by kind.
        opt prompt_kinds: Vec<ModalityCount> = "promptTokensDetails",
        /// What tools put in, by kind.
        opt tool_prompt_kinds: Vec<ModalityCount> = "toolUsePromptTokensDetails",
        /// The cached part by kind.
        opt cached_kinds: Vec<ModalityCount> = "cacheTokensDetails",
        /// The answer by kind.
        opt answer_kinds: Vec<ModalityCount> = "candidatesTokensDetails",
    }
}

object! {
    /// Log probabilities of an answer.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct LogprobsResult {
        /// The tokens of the answer.
        list chosen: TokenLogprob = "chosenCandidates",
        /// What else could have stood in each place.
        list top: TopLogprobs = "topCandidates",
    }
}

object! {
    /// The likeliest tokens in one place.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct TopLogprobs {
        /// Likeliest first.
        list candidates: TokenLogprob = "candidates",
    }
}

object! {
    /// A token and its log probability.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct TokenLogprob {
        /// Its text.
        def token: String = "token" or String::new(),
        /// Its log probability.
        opt logprob: Raw = "logProbability",
    }
}
