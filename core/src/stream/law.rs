//! The laws of the grammar, executable: every sequence of events that keeps them can be encoded, assembled and
//! billed. Test and debug builds check each event.

use std::collections::BTreeMap;

use super::event::{Delta, Event, Piece};
use crate::provider::{Decoder, Failure};
use crate::types::Usage;

/// A law that a sequence of events broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Something came before the start.
    #[error("an event came before the start")]
    BeforeStart,
    /// The start came again.
    #[error("the start came twice")]
    StartTwice,
    /// Something came after the end or an error.
    #[error("an event came after the end")]
    AfterEnd,
    /// A delta came after its answer had finished.
    #[error("a delta came after its answer had finished")]
    AfterFinish,
    /// An answer finished again.
    #[error("an answer finished twice")]
    FinishTwice,
    /// A tool call skipped an index.
    #[error("the indexes of tool calls are not dense from 0")]
    ToolIndex,
    /// A tool call began without id or name.
    #[error("a tool call began without id or name")]
    ToolUnnamed,
    /// A tool call got its id or name twice.
    #[error("a tool call got an id or a name after its first piece")]
    ToolRenamed,
    /// Usage came again.
    #[error("usage came twice")]
    UsageTwice,
    /// The end came while an answer was open, or before any answer.
    #[error("the stream ended before every answer had finished")]
    Unfinished,
}

#[derive(Debug, Default)]
struct Answer {
    finished: bool,
    tools: u32,
}

/// Checks one sequence of events, one by one.
#[derive(Debug, Default)]
pub struct Laws {
    started: bool,
    ended: bool,
    usage: bool,
    answers: BTreeMap<u32, Answer>,
}

impl Laws {
    /// Checks the next event.
    pub fn check(&mut self, event: &Event) -> Result<(), Broken> {
        if self.ended {
            return Err(Broken::AfterEnd);
        }
        match event {
            Event::Error(_) => {
                self.ended = true;
                return Ok(());
            }
            Event::Start(_) if self.started => return Err(Broken::StartTwice),
            Event::Start(_) => {
                self.started = true;
                return Ok(());
            }
            _ if !self.started => return Err(Broken::BeforeStart),
            _ => {}
        }
        match event {
            Event::Delta(delta) => self.delta(delta),
            Event::Finish { choice, .. } => {
                let answer = self.answers.entry(*choice).or_default();
                if std::mem::replace(&mut answer.finished, true) { Err(Broken::FinishTwice) } else { Ok(()) }
            }
            Event::Usage(_) => {
                if std::mem::replace(&mut self.usage, true) {
                    Err(Broken::UsageTwice)
                } else {
                    Ok(())
                }
            }
            Event::End if self.answers.is_empty() || self.answers.values().any(|a| !a.finished) => {
                Err(Broken::Unfinished)
            }
            Event::End => {
                self.ended = true;
                Ok(())
            }
            Event::Start(_) | Event::Error(_) => Ok(()),
        }
    }

    fn delta(&mut self, delta: &Delta) -> Result<(), Broken> {
        let answer = self.answers.entry(delta.choice).or_default();
        if answer.finished {
            return Err(Broken::AfterFinish);
        }
        let Piece::Tool(tool) = &delta.piece else { return Ok(()) };
        if tool.index < answer.tools {
            return if tool.id.is_some() || tool.name.is_some() { Err(Broken::ToolRenamed) } else { Ok(()) };
        }
        if tool.index > answer.tools {
            return Err(Broken::ToolIndex);
        }
        let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        if !given(&tool.id) || !given(&tool.name) {
            return Err(Broken::ToolUnnamed);
        }
        answer.tools += 1;
        Ok(())
    }
}

/// A decoder under the laws: a sequence that breaks one fails as malformed instead of going on.
pub struct Lawful<D> {
    inner: D,
    laws: Laws,
}

impl<D: Decoder> Lawful<D> {
    /// Puts `inner` under the laws.
    pub fn new(inner: D) -> Lawful<D> {
        Lawful { inner, laws: Laws::default() }
    }

    fn check(&mut self, from: usize, out: &mut Vec<Event>) -> Result<(), Failure> {
        for at in from..out.len() {
            let Some(Err(broken)) = out.get(at).map(|event| self.laws.check(event)) else { continue };
            out.truncate(at);
            return Err(Failure::malformed(broken.to_string()));
        }
        Ok(())
    }
}

impl<D: Decoder> Decoder for Lawful<D> {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        let from = out.len();
        let pushed = self.inner.push(bytes, out);
        self.check(from, out)?;
        pushed
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        let from = out.len();
        let ended = self.inner.end(out);
        self.check(from, out)?;
        ended
    }

    fn usage(&self) -> Option<&Usage> {
        self.inner.usage()
    }
}
