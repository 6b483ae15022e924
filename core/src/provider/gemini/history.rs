//! What the model said before, handed back part by part as it came.

use std::borrow::Cow;

use serde::Deserialize;

use super::NAME;
use super::candidate::OWN_PARTS;
use super::ids;
use super::signature::{self, NONE_TO_CHECK};
use super::warnings::Warnings;
use super::wire::{Call, Part};
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::types::{Content, FunctionCall, Message, Raw, ThinkingBlock, ToolCall};

/// Unknown fields of messages that are read here. Annotations are of an answer only.
pub(super) const OWN_FIELDS: &[&str] = &[OWN_PARTS, "function_call", "annotations"];

/// A part of Gemini's own among the message's unknown fields.
#[derive(Deserialize)]
struct OwnPart {
    at: usize,
    part: Raw,
}

/// What stood at a place of the text.
enum Mark<'a> {
    Sealed { start: usize, end: usize, signature: &'a str },
    Own { at: usize, part: Raw },
}

impl Mark<'_> {
    fn start(&self) -> usize {
        match self {
            Mark::Sealed { start, .. } => *start,
            Mark::Own { at, .. } => *at,
        }
    }
}

/// The parts of the assistant's message at `at`. `checked`: Gemini wants the thinking behind its calls.
pub(super) fn parts<'a>(
    message: &'a Message,
    at: usize,
    checked: bool,
    warnings: &mut Warnings,
) -> Result<Vec<Part<'a>>> {
    if message.audio.is_some() {
        return Err(unsupported("messages[].audio", NAME, "it has no spoken answers to refer to"));
    }
    let mut parts = Vec::new();
    let blocks: Vec<&ThinkingBlock> =
        message.thinking_blocks.iter().filter(|block| signature::is_ours(block)).collect();
    let sealed = message.tool_calls.iter().any(|call| signature::of_call(call).is_some());
    let ours = !blocks.is_empty() || sealed || message.extra.get(OWN_PARTS).is_some();
    let foreign = message.reasoning_content.as_ref().is_some_and(|text| !text.is_empty() && !ours);
    if foreign || blocks.len() < message.thinking_blocks.len() {
        warnings.tell("messages[]: another provider's thinking was removed".to_owned());
    }
    thoughts(message, &blocks, ours, &mut parts);
    said(message, &blocks, &mut parts);
    if let Some(refusal) = message.refusal.as_deref().filter(|refusal| !refusal.is_empty()) {
        parts.push(Part::text(refusal));
    }
    calls(message, at, checked && !sealed, &mut parts, warnings)?;
    Ok(parts)
}

fn thoughts<'a>(message: &'a Message, blocks: &[&'a ThinkingBlock], ours: bool, parts: &mut Vec<Part<'a>>) {
    let plain: Vec<_> = blocks.iter().filter(|block| block.kind == "thinking").collect();
    let thought = |text: &'a str, thought_signature| Part::Text {
        text: Cow::Borrowed(text),
        thought: true,
        thought_signature,
    };
    for block in &plain {
        parts.push(thought(block.thinking.as_deref().unwrap_or_default(), block.signature.as_deref()));
    }
    // A summary that nothing seals.
    let summary = message.reasoning_content.as_deref().filter(|text| ours && !text.is_empty());
    if let (Some(text), true) = (summary, plain.is_empty()) {
        parts.push(thought(text, None));
    }
}

/// The text, cut where sealed pieces and parts of Gemini's own stood.
fn said<'a>(message: &'a Message, blocks: &[&'a ThinkingBlock], parts: &mut Vec<Part<'a>>) {
    let marks = marks(message, blocks);
    let texts: Vec<&'a str> =
        message.content.iter().flat_map(Content::texts).filter(|text| !text.is_empty()).collect();
    if marks.is_empty() {
        parts.extend(texts.into_iter().map(Part::text));
        return;
    }
    let whole: Cow<'a, str> = match texts.as_slice() {
        [one] => Cow::Borrowed(one),
        several => Cow::Owned(several.concat()),
    };
    let cut = |from: usize, to: usize| -> Option<Cow<'a, str>> {
        match &whole {
            Cow::Borrowed(text) => text.get(from..to).map(Cow::Borrowed),
            Cow::Owned(text) => text.get(from..to).map(|text| Cow::Owned(text.to_owned())),
        }
    };
    let (mut cursor, mut late) = (0, Vec::new());
    for mark in marks {
        let Some(before) = cut(cursor, mark.start()) else {
            // The text is not the one it came with; what was sealed is still worth handing back.
            late.push(mark);
            continue;
        };
        if !before.is_empty() {
            parts.push(Part::text(before));
        }
        cursor = mark.start();
        match mark {
            Mark::Own { part, .. } => parts.push(Part::Own(part)),
            Mark::Sealed { start, end, signature } => match cut(start, end) {
                Some(text) => {
                    cursor = end;
                    parts.push(Part::Text { text, thought: false, thought_signature: Some(signature) });
                }
                None => late.push(mark),
            },
        }
    }
    if let Some(rest) = cut(cursor, whole.len()).filter(|rest| !rest.is_empty()) {
        parts.push(Part::text(rest));
    }
    parts.extend(late.into_iter().map(|mark| match mark {
        Mark::Own { part, .. } => Part::Own(part),
        Mark::Sealed { signature, .. } => {
            Part::Text { text: Cow::Borrowed(""), thought: false, thought_signature: Some(signature) }
        }
    }));
}

fn marks<'a>(message: &Message, blocks: &[&'a ThinkingBlock]) -> Vec<Mark<'a>> {
    let sealed = blocks.iter().filter_map(|block| {
        let signature = block.data.as_deref()?;
        let (start, end) = signature::place(block).unwrap_or((usize::MAX, usize::MAX));
        Some(Mark::Sealed { start, end, signature })
    });
    let own: Vec<OwnPart> = message.extra.get(OWN_PARTS).and_then(|parts| parts.read()).unwrap_or_default();
    let mut marks: Vec<Mark<'a>> =
        sealed.chain(own.into_iter().map(|own| Mark::Own { at: own.at, part: own.part })).collect();
    marks.sort_by_key(Mark::start);
    marks
}

fn calls<'a>(
    message: &'a Message,
    at: usize,
    unsealed: bool,
    parts: &mut Vec<Part<'a>>,
    warnings: &mut Warnings,
) -> Result<()> {
    // Of calls made at once the first carries the thinking.
    let mut missing = unsealed.then_some(NONE_TO_CHECK);
    if let Some(call) = message.extra.get("function_call").and_then(Raw::read::<FunctionCall>) {
        let args = written(&call, &format!("messages[{at}].function_call"))?.args;
        let name = Cow::Owned(call.name);
        tell(missing, warnings);
        parts.push(Part::Call {
            function_call: Call { id: None, name, args },
            thought_signature: missing.take().map(Cow::Borrowed),
        });
    }
    for (index, call) in message.tool_calls.iter().enumerate() {
        let path = format!("messages[{at}].tool_calls[{index}]");
        warnings.fields("messages[].tool_calls[]", &call.extra, &signature::CALL_FIELDS);
        let Some(function) = &call.function else {
            return Err(unsupported(&path, NAME, &format!("it has no calls of the type {:?}", call.kind)));
        };
        warnings.fields("messages[].tool_calls[].function", &function.extra, &[]);
        let signature = signature::of_call(call).map(Cow::Owned);
        let stand_in = missing.take().map(Cow::Borrowed);
        tell(stand_in.as_deref().filter(|_| signature.is_none()), warnings);
        parts.push(Part::Call {
            function_call: Call { id: id(call), ..written(function, &path)? },
            thought_signature: signature.or(stand_in),
        });
    }
    Ok(())
}

/// Tells that a call goes without the thinking behind it, if it does.
fn tell(stand_in: Option<&str>, warnings: &mut Warnings) {
    if stand_in.is_some() {
        warnings.tell(
            "messages[].tool_calls: gemini was told not to look for the thinking behind calls it did not make"
                .to_owned(),
        );
    }
}

/// The call's id, if Gemini knows it or another provider gave it.
pub(super) fn id(call: &ToolCall) -> Option<&str> {
    Some(call.id.as_str()).filter(|id| !ids::is_made_up(id))
}

fn written<'a>(function: &'a FunctionCall, path: &str) -> Result<Call<'a>> {
    let text = if function.arguments.trim().is_empty() { "{}" } else { function.arguments.as_str() };
    let args = Raw::parse(text)
        .ok()
        .filter(Raw::is_object)
        .ok_or_else(|| unsupported(&format!("{path}.function.arguments"), NAME, "it takes a JSON object"))?;
    Ok(Call { id: None, name: Cow::Borrowed(&function.name), args })
}
