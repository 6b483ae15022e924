//! A stream coming in.

use super::blocks::Blocks;
use super::error;
use super::finish::Ending;
use super::usage::Usage;
use super::wire::{self, EventKind, Message};
use crate::provider::{Decoder, Failure, FailureClass};
use crate::stream::{Carry, Delta, Event, Frame, Framer, Piece, Start};
use crate::types::{self, Extra, SharedStr};

/// Largest event: what the provider's own tools fetch comes in one.
const MAX_EVENT_BYTES: usize = 8 << 20;

/// Reads Anthropic's stream. Only `message_stop` ends it.
#[derive(Debug)]
pub(super) struct MessageDecoder {
    framer: Framer,
    state: State,
}

impl Default for MessageDecoder {
    fn default() -> MessageDecoder {
        MessageDecoder { framer: Framer::new(MAX_EVENT_BYTES), state: State::default() }
    }
}

#[derive(Debug, Default)]
struct State {
    started: bool,
    done: bool,
    blocks: Blocks,
    ending: Ending,
    usage: Option<Usage>,
    /// The same, as it is told.
    told: Option<types::Usage>,
}

impl Decoder for MessageDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        let state = &mut self.state;
        self.framer.push(bytes, |frame| state.frame(frame, out))
    }

    fn end(&mut self, _: &mut Vec<Event>) -> Result<(), Failure> {
        if self.state.done {
            return Ok(());
        }
        Err(Failure::new(FailureClass::Cut, "The provider's stream ended before its end."))
    }

    fn usage(&self) -> Option<&types::Usage> {
        self.state.told.as_ref()
    }
}

impl State {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Failure> {
        if self.done {
            return Ok(());
        }
        let event: wire::Event = match serde_json::from_slice(frame.data) {
            Ok(event) => event,
            Err(_) if frame.event == b"error" => {
                return Err(error::body(frame.data).unwrap_or_default().into_failure(None));
            }
            Err(problem) => {
                return Err(Failure::malformed(format!(
                    "An event of the provider's stream cannot be read: {problem}."
                )));
            }
        };
        match (event.kind, self.started) {
            (EventKind::Error, _) => {
                return Err(error::body(frame.data).unwrap_or_default().into_failure(None));
            }
            (EventKind::Other, _) => return Ok(()),
            (EventKind::MessageStart, false) => {
                let message = event.message.ok_or_else(|| incomplete("message"))?;
                return self.begin(message, out);
            }
            (EventKind::MessageStart, true) => {
                return Err(Failure::malformed("The provider's stream starts twice."));
            }
            (_, false) => {
                return Err(Failure::malformed("The provider's stream does not start with its start."));
            }
            (_, true) => {}
        }
        let index = || event.index.ok_or_else(|| incomplete("index"));
        match event.kind {
            EventKind::ContentBlockStart => {
                let block = event.content_block.as_ref().ok_or_else(|| incomplete("content_block"))?;
                self.blocks.start(index()?, block, out)
            }
            EventKind::ContentBlockDelta => {
                let index = index()?;
                let delta = event.delta.ok_or_else(|| incomplete("delta"))?;
                self.blocks.delta(index, delta, frame.data, out)
            }
            EventKind::ContentBlockStop => self.blocks.stop(index()?, out),
            EventKind::MessageDelta => {
                if let Some(mut delta) = event.delta {
                    self.ending.add(&mut delta);
                }
                if let Some(usage) = event.usage {
                    self.count(usage);
                }
                pass_on(frame.data, out);
                Ok(())
            }
            EventKind::MessageStop => {
                self.blocks.end(out)?;
                finish(&self.ending, &self.blocks, self.usage.as_ref(), out)?;
                self.done = true;
                Ok(())
            }
            EventKind::MessageStart | EventKind::Error | EventKind::Other => Ok(()),
        }
    }

    fn begin(&mut self, message: Message, out: &mut Vec<Event>) -> Result<(), Failure> {
        self.started = true;
        start(&message, out);
        let Message { content, stop_reason, stop_sequence, stop_details, usage, .. } = message;
        self.ending = Ending::new(stop_reason, stop_sequence, stop_details);
        if let Some(usage) = usage {
            self.count(usage);
        }
        // Always empty so far.
        for (index, block) in (0..).zip(&content) {
            self.blocks.start(index, block, out)?;
            self.blocks.stop(index, out)?;
        }
        Ok(())
    }

    fn count(&mut self, usage: Usage) {
        match &mut self.usage {
            Some(known) => known.merge(usage),
            none => *none = Some(usage),
        }
        self.told = self.usage.as_ref().map(Usage::told);
    }
}

fn incomplete(field: &str) -> Failure {
    Failure::malformed(format!("An event of the provider's stream has no {field}."))
}

/// The start of an answer, whole or streamed.
pub(super) fn start(message: &Message, out: &mut Vec<Event>) {
    let mut extra = Extra::default();
    for (name, value) in message.extra.iter().filter(|(_, value)| !value.is_null()) {
        extra.insert(name, value.clone());
    }
    let tier = message.usage.as_ref().and_then(|usage| usage.service_tier.as_deref());
    out.push(Event::Start(Box::new(Start {
        id: SharedStr::from(message.id.as_str()),
        model: SharedStr::from(message.model.as_str()),
        service_tier: tier.map(SharedStr::from),
        extra,
        ..Start::default()
    })));
}

/// The end of an answer, whole or streamed.
pub(super) fn finish(
    ending: &Ending,
    blocks: &Blocks,
    usage: Option<&Usage>,
    out: &mut Vec<Event>,
) -> Result<(), Failure> {
    let Some(reason) = ending.reason(blocks.has_calls()) else {
        return Err(Failure::malformed("The provider's answer ended without a reason."));
    };
    let choice = ending.extra();
    let carry = (!choice.is_empty()).then(|| Box::new(Carry { choice, ..Carry::default() }));
    let piece = ending.refusal().map_or(Piece::Nothing, Piece::Refusal);
    if carry.is_some() || piece != Piece::Nothing {
        out.push(Event::Delta(Delta { choice: 0, piece, carry }));
    }
    out.push(Event::Finish { choice: 0, reason });
    out.extend(usage.map(|usage| Event::Usage(Box::new(usage.told()))));
    out.push(Event::End);
    Ok(())
}

/// Hands on what `message_delta` says beyond the end and the usage.
fn pass_on(event: &[u8], out: &mut Vec<Event>) {
    let known = ["type", "delta", "usage", "stop_reason", "stop_sequence", "stop_details"];
    let mut event: Extra = serde_json::from_slice(event).unwrap_or_default();
    let delta = event.remove("delta").and_then(|delta| delta.read::<Extra>()).unwrap_or_default();
    let mut chunk = Extra::default();
    for (name, value) in event.into_iter().chain(delta) {
        if !known.contains(&name.as_str()) && !value.is_null() {
            chunk.insert(name, value);
        }
    }
    if !chunk.is_empty() {
        let carry = Some(Box::new(Carry { chunk, ..Carry::default() }));
        out.push(Event::Delta(Delta { choice: 0, piece: Piece::Nothing, carry }));
    }
}
