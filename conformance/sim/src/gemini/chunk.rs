//! The shapes of an answer, their fields in the vendor's order.

use serde::Serialize;
use serde_json::Value;

use crate::gemini::usage::Usage;
use crate::model::{Reported, hash, letters};

/// The usage reported with an answer.
pub(crate) type Told = Reported<Usage>;

/// An answer, or a piece of one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chunk<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<Candidate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_feedback: Option<Feedback>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage_metadata: Option<Told>,
    pub(crate) model_version: &'a str,
    pub(crate) response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Feedback {
    pub(crate) block_reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_reason: Option<String>,
    pub(crate) index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avg_logprobs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs_result: Option<Logprobs>,
}

#[derive(Serialize)]
pub(crate) struct Content {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Part>,
    pub(crate) role: &'static str,
}

impl Content {
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        Self { parts, role: "model" }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function_call: Option<FunctionCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thought_signature: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct FunctionCall {
    pub(crate) name: String,
    pub(crate) args: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

/// Log probabilities of an answer, or of a piece of one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Logprobs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_candidates: Vec<Top>,
    chosen_candidates: Vec<Token>,
    log_probability_sum: f64,
}

#[derive(Serialize)]
struct Top {
    candidates: Vec<Token>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    token: String,
    token_id: u64,
    log_probability: f64,
}

impl Token {
    fn new(token: String, log_probability: f64) -> Self {
        Self { token_id: hash(token.as_bytes()) % 262_144, token, log_probability }
    }
}

/// Between 0 and -1, in steps that JSON prints shortly.
fn probability(token: &str) -> f64 {
    -((hash(token.as_bytes()) % 1024) as f64) / 1024.0
}

impl Logprobs {
    /// Those of `tokens`, each with `top` that could have stood in its place.
    pub(crate) fn new(tokens: &[String], top: u64) -> Self {
        let tops = |token: &String| {
            let candidates = (0..top).map(|rank| {
                let other = || letters(hash(token.as_bytes()) ^ rank, 3);
                let name = if rank == 0 { token.clone() } else { other() };
                Token::new(name, probability(token) - rank as f64)
            });
            Top { candidates: candidates.collect() }
        };
        Self {
            top_candidates: if top == 0 { Vec::new() } else { tokens.iter().map(tops).collect() },
            chosen_candidates: tokens
                .iter()
                .map(|token| Token::new(token.clone(), probability(token)))
                .collect(),
            log_probability_sum: tokens.iter().map(|token| probability(token)).sum(),
        }
    }

    /// The mean over `tokens`.
    pub(crate) fn average(tokens: &[String]) -> Option<f64> {
        let sum: f64 = tokens.iter().map(|token| probability(token)).sum();
        (!tokens.is_empty()).then(|| sum / tokens.len() as f64)
    }
}
