//! A stream coming in: one JSON object a line, the last of them with `done`.

use super::response::{finish, logprobs, parse};
use super::tools::told;
use super::usage::usage;
use super::wire::{Answer, Said};
use crate::provider::{Decoder, Failure, FailureClass};
use crate::stream::{Carry, Delta, Event, Lines, Piece, Start, ToolForm, ToolPiece};
use crate::types::{Extra, Usage};

/// Most calls in one answer; a stream with more is broken.
const MAX_CALLS: u32 = 1024;

/// Reads Ollama's stream.
///
/// Lines that bring nothing (a role and an empty text) have no event. The line with `done` ends the stream, and a body
/// that ends without it is cut.
#[derive(Debug, Default)]
pub(super) struct ChatDecoder {
    lines: Lines,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    /// The time of the first line, once the start was told: it stands for the id that Ollama does not give.
    started: Option<String>,
    /// Unknown fields of the lines so far. Those that stay the same are told once.
    known: Extra,
    calls: u32,
    usage: Option<Usage>,
    done: bool,
}

impl Decoder for ChatDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        let state = &mut self.state;
        self.lines.push(bytes, |line| state.line(line, out))
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        // The last line may lack its line feed. If it cannot be read, it was cut.
        if !self.state.done && serde_json::from_slice::<serde::de::IgnoredAny>(self.lines.rest()).is_ok() {
            self.state.line(self.lines.rest(), out)?;
        }
        if self.state.done {
            return Ok(());
        }
        Err(Failure::new(FailureClass::Cut, "The provider's stream ended before its end."))
    }

    fn usage(&self) -> Option<&Usage> {
        self.state.usage.as_ref()
    }
}

impl State {
    fn line(&mut self, line: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        if self.done {
            return Ok(());
        }
        let answer = parse(line)?;
        match (&mut self.usage, usage(&answer)) {
            (Some(known), Some(usage)) => known.merge(usage),
            (none @ None, usage) => *none = usage,
            (Some(_), None) => {}
        }
        let created = answer.created();
        let Answer { model, created_at, message, done, done_reason, logprobs: tokens, mut extra, .. } =
            answer;
        if self.started.is_none() {
            self.started = Some(created_at.unwrap_or_default());
            self.known = extra.clone();
            let extra = std::mem::take(&mut extra);
            let start = Start { model: model.unwrap_or_default(), created, extra, ..Start::default() };
            out.push(Event::Start(Box::new(start)));
        }
        let carry =
            Carry { chunk: self.changed(extra), logprobs: tokens.and_then(logprobs), ..Carry::default() };
        self.message(message.unwrap_or_default(), carry, out)?;
        if done {
            self.done = true;
            let reason = finish(done_reason.as_deref(), self.calls > 0);
            out.push(Event::Finish { choice: 0, reason });
            out.extend(self.usage.clone().map(|usage| Event::Usage(Box::new(usage))));
            out.push(Event::End);
        }
        Ok(())
    }

    /// The fields that are not as they were in the lines before.
    fn changed(&mut self, extra: Extra) -> Extra {
        let mut changed = Extra::default();
        for (name, value) in extra {
            if self.known.get(&name) != Some(&value) {
                self.known.insert(name.as_str(), value.clone());
                changed.insert(name, value);
            }
        }
        changed
    }

    fn message(&mut self, said: Said, mut carry: Carry, out: &mut Vec<Event>) -> Result<(), Failure> {
        carry.delta = said.extra;
        if let Some(images) = said.images {
            carry.delta.insert("images", images);
        }
        let mut carry = (!carry.is_empty()).then(|| Box::new(carry));
        let mut tell = |piece| out.push(Event::Delta(Delta { choice: 0, piece, carry: carry.take() }));
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(text) = given(said.thinking) {
            tell(Piece::Reasoning(text));
        }
        if let Some(text) = given(said.content) {
            tell(Piece::Text(text));
        }
        for call in said.tool_calls {
            if self.calls >= MAX_CALLS {
                return Err(Failure::malformed("The provider's stream has too many tool calls."));
            }
            let call = told(call, self.started.as_deref().unwrap_or_default(), self.calls);
            if call.name.is_empty() {
                return Err(Failure::malformed("The provider's stream has a tool call without a name."));
            }
            tell(Piece::Tool(Box::new(ToolPiece {
                index: self.calls,
                form: ToolForm::Function,
                id: Some(call.id),
                name: Some(call.name),
                arguments: call.arguments,
                extra: call.extra,
                inner: call.inner,
            })));
            self.calls += 1;
        }
        if carry.is_some() {
            out.push(Event::Delta(Delta { choice: 0, piece: Piece::Nothing, carry }));
        }
        Ok(())
    }
}
