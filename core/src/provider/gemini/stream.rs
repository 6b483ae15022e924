//! A stream coming in.

use super::answer::Answers;
use super::error;
use super::stray::Stray;
use super::wire::Reply;
use crate::provider::{Decoder, Failure};
use crate::stream::{Event, Framer};
use crate::types::Usage;

/// Largest event: a chunk can hold an image.
const MAX_EVENT: usize = 8 << 20;

/// Reads Gemini's stream: server-sent events, each a piece of the answer in the form of a whole one.
///
/// There is no last event. The stream is whole when its body ends and every candidate has its reason by then.
#[derive(Debug)]
pub(super) struct ChatDecoder {
    framer: Framer,
    stray: Stray,
    answers: Answers,
}

impl Default for ChatDecoder {
    fn default() -> ChatDecoder {
        ChatDecoder { framer: Framer::new(MAX_EVENT), stray: Stray::default(), answers: Answers::default() }
    }
}

impl Decoder for ChatDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        let events = self.stray.events(bytes)?;
        let answers = &mut self.answers;
        self.framer.push(events, |frame| {
            let reply: Reply = serde_json::from_slice(frame.data).map_err(|problem| {
                error::within(frame.data).unwrap_or_else(|| {
                    Failure::malformed(format!("A chunk of the provider's stream cannot be read: {problem}."))
                })
            })?;
            answers.take(reply, out)
        })?;
        // An error is told at once, even where the connection stays open after it.
        match self.stray.is_whole().then(|| error::within(self.stray.text())).flatten() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        if self.stray.is_found() {
            self.read_stray(out)?;
        }
        if !self.answers.finished() {
            return Err(self.answers.cut());
        }
        self.answers.end(out);
        Ok(())
    }

    fn usage(&self) -> Option<&Usage> {
        self.answers.usage()
    }
}

impl ChatDecoder {
    /// The answer as plain JSON: an array of chunks, or one of them.
    fn read_stray(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        if !self.stray.is_whole() {
            return Err(self.answers.cut());
        }
        let text = self.stray.text();
        let replies = serde_json::from_slice::<Vec<Reply>>(text)
            .or_else(|_| serde_json::from_slice::<Reply>(text).map(|reply| vec![reply]))
            .map_err(|problem| {
                Failure::malformed(format!("The provider's stream cannot be read: {problem}."))
            })?;
        replies.into_iter().try_for_each(|reply| self.answers.take(reply, out))
    }
}
