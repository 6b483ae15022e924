//! `POST /v1/messages/count_tokens`.

use serde::Serialize;
use serde_json::Value;

use crate::anthropic::error::{ApiError, not_json};
use crate::anthropic::request::{Purpose, Request, Version, object};
use crate::plan::Answer;
use crate::server::Arrived;

#[derive(Serialize)]
struct Count {
    input_tokens: u64,
}

pub(crate) fn answer(arrived: &Arrived, version: Version) -> Result<Answer, ApiError> {
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let request = Request::read(object(&body)?, Purpose::Count, version)?;
    Ok(Answer::json(&Count { input_tokens: request.prompt.tokens() }, None, None))
}
