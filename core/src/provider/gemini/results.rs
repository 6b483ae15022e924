//! What the called functions gave.

use serde::Serialize;

use super::model::Model;
use super::warnings::Warnings;
use super::wire::{FunctionResult, Part};
use super::{NAME, history, parts};
use crate::error::{Error, Result};
use crate::provider::express::unsupported;
use crate::types::{Content, Message, Part as Said, Raw, Role};

/// The results in `group`, whose first message is at `at`, in the order of the calls they answer. `before` holds the
/// messages with the calls.
pub(super) fn parts<'a>(
    group: &'a [Message],
    at: usize,
    before: &'a [Message],
    model: Model<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<Part<'a>>> {
    let mut results = Vec::new();
    for (at, message) in (at..).zip(group) {
        let (order, id, name) = answered(message, at, before)?;
        let (response, files) = given(message, at, model, warnings)?;
        let result = FunctionResult { id, name, response, parts: files };
        results.push((order, Part::Result { function_response: result }));
    }
    // Where ids are missing, Gemini goes by the order.
    results.sort_by_key(|(order, _)| *order);
    Ok(results.into_iter().map(|(_, part)| part).collect())
}

/// Which call of its turn the message answers, by what id and name.
fn answered<'a>(
    message: &'a Message,
    at: usize,
    before: &'a [Message],
) -> Result<(usize, Option<&'a str>, &'a str)> {
    if message.role == Role::Function {
        return Ok((0, None, message.name.as_deref().unwrap_or_default()));
    }
    let asked = message.tool_call_id.as_deref().unwrap_or_default();
    let calls = before.iter().rev().flat_map(|message| message.tool_calls.iter().enumerate());
    let call = calls.into_iter().find(|(_, call)| call.id == asked);
    let named = call.and_then(|(order, call)| Some((order, call, call.function.as_ref()?)));
    let Some((order, call, function)) = named else {
        let param = format!("messages[{at}].tool_call_id");
        let message = format!("{param}: {asked:?} is not the id of a call in the messages before it.");
        return Err(Error::invalid(param, message));
    };
    Ok((order, history::id(call), &function.name))
}

#[derive(Serialize)]
struct Output<'a> {
    output: &'a str,
}

/// The result as an object, and the images and files in it.
fn given<'a>(
    message: &'a Message,
    at: usize,
    model: Model<'_>,
    warnings: &mut Warnings,
) -> Result<(Raw, Vec<Part<'a>>)> {
    let text = message.text();
    let response = match Raw::parse(text.as_str()).ok().filter(Raw::is_object) {
        Some(object) => object,
        None => Raw::of(&Output { output: &text })
            .map_err(|error| Error::internal("the request could not be written", error))?,
    };
    let mut files = Vec::new();
    if let Some(Content::Parts(said)) = &message.content
        && said.iter().any(|part| !matches!(part, Said::Text { .. }))
    {
        if !model.takes_files_in_results() {
            let why = format!("{} reads only the text of results", model.name());
            return Err(unsupported(&format!("messages[{at}].content"), NAME, &why));
        }
        let all = parts::of(message, at, model, warnings)?;
        files.extend(all.into_iter().filter(|part| !matches!(part, Part::Text { .. })));
    } else if let Some(Content::Parts(said)) = &message.content {
        said.iter().for_each(|part| warnings.fields("messages[].content[]", part.extra(), &[]));
    }
    Ok((response, files))
}
