//! From a whole answer back to events: a stored answer told again as a stream.

use super::event::{Carry, Delta, Event, Piece, Start, ToolForm, ToolPiece};
use crate::types::{ChatResponse, Choice, Content, Message, Raw, SharedStr, ThinkingBlock, ToolCall};

/// The events that assemble to `response`, with nothing left out.
#[must_use]
pub fn replay(response: &ChatResponse) -> Vec<Event> {
    let mut events = vec![Event::Start(Box::new(Start {
        id: SharedStr::from(response.id.as_str()),
        model: SharedStr::from(response.model.as_str()),
        created: response.created,
        system_fingerprint: response.system_fingerprint.as_deref().map(SharedStr::from),
        service_tier: response.service_tier.as_deref().map(SharedStr::from),
        extra: response.extra.clone(),
    }))];
    for choice in &response.choices {
        replay_choice(choice, &mut events);
    }
    if let Some(usage) = &response.usage {
        events.push(Event::Usage(Box::new(usage.clone())));
    }
    events.push(Event::End);
    events
}

fn replay_choice(choice: &Choice, events: &mut Vec<Event>) {
    let from = events.len();
    let message = &choice.message;
    let mut tell = |piece| events.push(Event::Delta(Delta::new(choice.index, piece)));
    thinking(message, &mut tell);
    match &message.content {
        Some(Content::Text(text)) => tell(Piece::Text(text.clone())),
        Some(parts @ Content::Parts(_)) => tell(Piece::Text(parts.texts().collect())),
        Some(Content::Null) | None => {}
    }
    if let Some(refusal) = &message.refusal {
        tell(Piece::Refusal(refusal.clone()));
    }
    for (index, call) in (0..).zip(&message.tool_calls) {
        tell(Piece::Tool(Box::new(tool_piece(index, call))));
    }
    if let Some(carry) = carry(choice) {
        match events.get_mut(from) {
            Some(Event::Delta(first)) => first.carry = Some(carry),
            _ => {
                let delta = Delta { choice: choice.index, piece: Piece::Nothing, carry: Some(carry) };
                events.push(Event::Delta(delta));
            }
        }
    }
    // Every answer in a store has a reason; one without is told as stopped for a reason nobody gave.
    let reason = choice.finish_reason.clone().unwrap_or_else(|| "unknown".into());
    events.push(Event::Finish { choice: choice.index, reason });
}

/// Thinking, block by block where the blocks are its text, else apart from them.
fn thinking(message: &Message, tell: &mut impl FnMut(Piece)) {
    let text = message.reasoning_content.as_deref();
    let blocks = &message.thinking_blocks;
    let plain = |block: &ThinkingBlock| block.kind == "thinking";
    let said: String = blocks.iter().filter(|b| plain(b)).filter_map(|b| b.thinking.as_deref()).collect();
    let same = !said.is_empty() && text == Some(said.as_str());
    if let (Some(text), false) = (text, same) {
        tell(Piece::Reasoning(text.to_owned()));
    }
    for block in blocks {
        let mut block = block.clone();
        if same && plain(&block) {
            tell(Piece::Reasoning(block.thinking.take().unwrap_or_default()));
        }
        tell(Piece::Thinking(Box::new(block)));
    }
}

fn carry(choice: &Choice) -> Option<Box<Carry>> {
    let mut carry = Carry {
        choice: choice.extra.clone(),
        logprobs: choice.logprobs.clone(),
        delta: choice.message.extra.clone(),
        ..Carry::default()
    };
    if let Some(audio) = &choice.message.audio {
        carry.delta.insert("audio", audio.clone());
    }
    // A delta's content is text. What the parts say beyond it goes beside it.
    if let Some(parts @ Content::Parts(_)) = &choice.message.content
        && let Ok(raw) = Raw::of(parts)
    {
        carry.delta.insert("content_parts", raw);
    }
    (!carry.is_empty()).then(|| Box::new(carry))
}

fn tool_piece(index: u32, call: &ToolCall) -> ToolPiece {
    let piece =
        ToolPiece { index, id: Some(call.id.clone()), extra: call.extra.clone(), ..ToolPiece::default() };
    match (&call.function, &call.custom) {
        (None, Some(custom)) => ToolPiece {
            form: ToolForm::Custom,
            name: Some(custom.name.clone()),
            arguments: custom.input.clone(),
            inner: custom.extra.clone(),
            ..piece
        },
        (Some(function), _) => ToolPiece {
            name: Some(function.name.clone()),
            arguments: function.arguments.clone(),
            inner: function.extra.clone(),
            ..piece
        },
        // A kind that nobody knows: all it has is in its unknown fields.
        (None, None) => ToolPiece { name: Some(call.kind.clone()), ..piece },
    }
}
