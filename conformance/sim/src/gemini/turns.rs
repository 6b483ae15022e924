//! The order of a conversation with calls: each is answered in the next turn, and carries the thinking behind it.

use crate::gemini::contents::{Read, Result as Given};
use crate::gemini::error::{ApiError, invalid};
use crate::gemini::models::Model;
use crate::model::Role;

/// Checks the turns, one by one.
pub(crate) fn check(turns: &[Read<'_>], model: Model<'_>) -> Result<(), ApiError> {
    let mut open: &[crate::model::Call<'_>] = &[];
    for turn in turns {
        if !turn.results.is_empty() {
            answers(&turn.results, open)?;
        } else if !open.is_empty() {
            return Err(miscounted());
        }
        open = &turn.message.tool_calls;
    }
    sealed(turns, model)
}

fn answers(results: &[Given<'_>], calls: &[crate::model::Call<'_>]) -> Result<(), ApiError> {
    if calls.is_empty() {
        return Err(invalid(
            "Please ensure that function response turn comes immediately after a function call turn.",
        ));
    }
    let mut left: Vec<_> = calls.iter().collect();
    for result in results {
        let found = left.iter().position(|call| match result.id {
            Some(id) if !call.id.is_empty() => call.id == id && call.name == result.name,
            _ => call.name == result.name,
        });
        let Some(found) = found else { return Err(miscounted()) };
        left.remove(found);
    }
    if left.is_empty() { Ok(()) } else { Err(miscounted()) }
}

fn miscounted() -> ApiError {
    invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts of the \
         function call turn.",
    )
}

/// In the turn that is not over, the first call of each step carries its seal.
fn sealed(turns: &[Read<'_>], model: Model<'_>) -> Result<(), ApiError> {
    if !model.seals() {
        return Ok(());
    }
    let asked = turns.iter().rposition(|turn| turn.message.role == Role::User && turn.results.is_empty());
    for (place, turn) in turns.iter().enumerate().skip(asked.unwrap_or(0)) {
        if let (Some(call), false) = (turn.message.tool_calls.first(), turn.first_call_sealed) {
            return Err(invalid(format!(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work \
                 correctly, and missing thought_signature may lead to degraded model performance. Additional data, \
                 function call `default_api:{}` , position {}. Please refer to \
                 https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                call.name,
                place + 1
            )));
        }
    }
    Ok(())
}
