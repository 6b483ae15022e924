//! Log probabilities in OpenAI's shape.

use serde::Serialize;

use super::wire::{LogprobsResult, TokenLogprob};
use crate::types::Raw;

#[derive(Serialize)]
struct Logprobs<'a> {
    content: Vec<Place<'a>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Place<'a> {
    #[serde(flatten)]
    chosen: Token<'a>,
    top_logprobs: Vec<Token<'a>>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    logprob: Raw,
    bytes: &'a [u8],
}

/// The log probabilities of an answer, or of a piece of one.
pub(super) fn read(result: &LogprobsResult) -> Option<Raw> {
    let mut tops = result.top.iter();
    let content = result.chosen.iter().map(|chosen| {
        let top = tops.next().map(|top| top.candidates.as_slice()).unwrap_or_default();
        Place { chosen: token(chosen), top_logprobs: top.iter().map(token).collect() }
    });
    Raw::of(&Logprobs { content: content.collect(), refusal: None }).ok()
}

fn token(told: &TokenLogprob) -> Token<'_> {
    // A zero is left out on Gemini's wire: the token was certain.
    let certain = || Raw::of(&0).unwrap_or_default();
    Token {
        token: &told.token,
        logprob: told.logprob.clone().unwrap_or_else(certain),
        bytes: told.token.as_bytes(),
    }
}
