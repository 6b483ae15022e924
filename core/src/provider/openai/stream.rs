//! A stream coming in.

use std::collections::BTreeMap;

use super::tools::Calls;
use super::{Dialect, content, error, response, usage};
use crate::provider::{Decoder, Failure, FailureClass};
use crate::stream::{Carry, Delta, Event, Frame, Framer, Piece, Start, TooLarge};
use crate::types::{Chunk, ChunkChoice, Extra, FinishReason, Raw, SharedStr, Usage};

/// Most answers in one stream; OpenAI allows no more.
const MAX_CHOICES: usize = 128;

/// Reads OpenAI's stream.
///
/// The end of each answer is told when the stream ends, so that what comes late still precedes it. `[DONE]` ends the
/// stream. A body that ends without it is whole only if every answer had its reason and usage came, which is the last
/// thing before `[DONE]`: some providers leave it at that. Anything else is cut.
#[derive(Debug)]
pub(super) struct ChatDecoder {
    framer: Framer,
    state: State,
}

impl ChatDecoder {
    pub(super) fn new(dialect: &'static Dialect) -> ChatDecoder {
        let state = State {
            dialect,
            started: None,
            waiting: Extra::default(),
            answers: BTreeMap::new(),
            usage: None,
            done: false,
        };
        ChatDecoder { framer: Framer::default(), state }
    }
}

#[derive(Debug)]
struct State {
    dialect: &'static Dialect,
    /// Set once the start was told.
    started: Option<Start>,
    /// Unknown fields of chunks that had no choice to carry them.
    waiting: Extra,
    answers: BTreeMap<u32, Answer>,
    usage: Option<Usage>,
    done: bool,
}

#[derive(Debug, Default)]
struct Answer {
    finish: Option<FinishReason>,
    calls: Calls,
}

impl From<TooLarge> for Failure {
    fn from(error: TooLarge) -> Failure {
        Failure::malformed(format!("In the provider's stream {error}."))
    }
}

impl Decoder for ChatDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        let state = &mut self.state;
        self.framer.push(bytes, |frame| state.frame(frame, out))
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        let state = &mut self.state;
        if state.done {
            return Ok(());
        }
        if state.usage.is_some() && state.all_finished() {
            return state.end(out);
        }
        Err(Failure::new(FailureClass::Cut, "The provider's stream ended before its end."))
    }

    fn usage(&self) -> Option<&Usage> {
        self.state.usage.as_ref()
    }
}

impl State {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Failure> {
        if self.done {
            return Ok(());
        }
        if frame.data.trim_ascii() == b"[DONE]" {
            return self.end(out);
        }
        let mut chunk: Result<Chunk, _> = serde_json::from_slice(frame.data);
        if chunk.is_err()
            && let Some(plain) = content::plain(frame.data)
        {
            chunk = serde_json::from_slice(&plain);
        }
        let told = match &chunk {
            Ok(chunk) => error::of_chunk(&chunk.extra),
            Err(_) => error::body(frame.data),
        };
        if let Some(told) = told {
            return Err(told.into_failure(FailureClass::InBand, None));
        }
        if frame.event == b"error" {
            let told = serde_json::from_slice::<Raw>(frame.data).map(|raw| error::value(&raw));
            return Err(told.unwrap_or_default().into_failure(FailureClass::InBand, None));
        }
        let chunk = chunk.map_err(|problem| {
            Failure::malformed(format!("A chunk of the provider's stream cannot be read: {problem}."))
        })?;
        self.chunk(chunk, out)
    }

    fn chunk(&mut self, chunk: Chunk, out: &mut Vec<Event>) -> Result<(), Failure> {
        // `lockgate` of a gateway upstream is left behind: ours takes its place.
        let Chunk { id, created, model, choices, usage, system_fingerprint, service_tier, mut extra, .. } =
            chunk;
        let mut usage = usage.or_else(|| usage::of_groq(&extra));
        if let Some(told) = &mut usage {
            usage::settle(told, self.dialect);
        }
        match (&mut self.usage, usage) {
            (Some(known), Some(usage)) => known.merge(usage),
            (none @ None, usage) => *none = usage,
            (Some(_), None) => {}
        }
        match &mut self.started {
            // A first chunk without id and choices (prompt filters) is not the start yet.
            None if id.is_empty() && choices.is_empty() => {
                self.waiting.absorb(extra);
                return Ok(());
            }
            None => {
                let mut fields = std::mem::take(&mut self.waiting);
                fields.absorb(extra);
                extra = Extra::default();
                let start = Start { id, model, created, system_fingerprint, service_tier, extra: fields };
                self.started = Some(Start { extra: Extra::default(), ..start.clone() });
                out.push(Event::Start(Box::new(start)));
            }
            Some(start) => {
                changed(&mut start.system_fingerprint, system_fingerprint, "system_fingerprint", &mut extra);
                changed(&mut start.service_tier, service_tier, "service_tier", &mut extra);
            }
        }
        if choices.is_empty() {
            self.waiting.absorb(extra);
            return Ok(());
        }
        if !self.waiting.is_empty() {
            let mut fields = std::mem::take(&mut self.waiting);
            fields.absorb(extra);
            extra = fields;
        }
        for choice in choices {
            self.choice(choice, std::mem::take(&mut extra), out)?;
        }
        Ok(())
    }

    fn choice(&mut self, choice: ChunkChoice, chunk: Extra, out: &mut Vec<Event>) -> Result<(), Failure> {
        let ChunkChoice { index, delta, finish_reason, logprobs, extra } = choice;
        if !self.answers.contains_key(&index) && self.answers.len() >= MAX_CHOICES {
            return Err(Failure::malformed("The provider's stream has too many choices."));
        }
        let answer = self.answers.entry(index).or_default();
        if let Some(reason) = finish_reason.and_then(response::finish) {
            answer.finish = Some(reason);
        }
        let mut carry = Carry { chunk, choice: extra, logprobs, delta: delta.extra };
        let reasoning = response::reasoning(delta.reasoning_content, &mut carry.delta);
        let mut carry = (!carry.is_empty()).then(|| Box::new(carry));
        let mut tell = |piece| out.push(Event::Delta(Delta { choice: index, piece, carry: carry.take() }));

        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(text) = given(reasoning) {
            tell(Piece::Reasoning(text));
        }
        for block in delta.thinking_blocks {
            tell(Piece::Thinking(Box::new(block)));
        }
        if let Some(text) = given(delta.content) {
            tell(Piece::Text(text));
        }
        if let Some(text) = given(delta.refusal) {
            tell(Piece::Refusal(text));
        }
        let id = self.started.as_ref().map_or("", |start| start.id.as_str());
        for call in delta.tool_calls {
            if let Some(piece) = answer.calls.piece(id, index, call)? {
                tell(Piece::Tool(Box::new(piece)));
            }
        }
        if carry.is_some() {
            out.push(Event::Delta(Delta { choice: index, piece: Piece::Nothing, carry }));
        }
        Ok(())
    }

    fn all_finished(&self) -> bool {
        !self.answers.is_empty() && self.answers.values().all(|answer| answer.finish.is_some())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        if !self.all_finished() {
            let message = "The provider's stream ended without a reason for every answer.";
            return Err(Failure::new(FailureClass::Cut, message));
        }
        for answer in self.answers.values() {
            answer.calls.end()?;
        }
        self.done = true;
        if !self.waiting.is_empty() {
            let chunk = std::mem::take(&mut self.waiting);
            let choice = self.answers.keys().next().copied().unwrap_or(0);
            let carry = Some(Box::new(Carry { chunk, ..Carry::default() }));
            out.push(Event::Delta(Delta { choice, piece: Piece::Nothing, carry }));
        }
        for (index, answer) in &mut self.answers {
            if let Some(reason) = answer.finish.take() {
                out.push(Event::Finish { choice: *index, reason });
            }
        }
        if let Some(usage) = &self.usage {
            out.push(Event::Usage(Box::new(usage.clone())));
        }
        out.push(Event::End);
        Ok(())
    }
}

/// A field of the chunk that differs from the start's goes on with the chunk's unknown fields.
fn changed(known: &mut Option<SharedStr>, new: Option<SharedStr>, name: &str, extra: &mut Extra) {
    if let Some(new) = new
        && known.as_ref() != Some(&new)
    {
        if let Ok(raw) = Raw::of(&new) {
            extra.insert(name, raw);
        }
        *known = Some(new);
    }
}
