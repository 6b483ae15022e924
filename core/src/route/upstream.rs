//! A provider's stream, as events.

use std::collections::VecDeque;

use tokio::time::{Instant, timeout_at};

use super::failed::Failed;
use crate::provider::{Decoder, Failure, FailureClass};
use crate::settle::Reservation;
use crate::stream::Event;
use crate::transport::Incoming;

/// Most events held back before the first content; more than any provider sends.
const MOST_HELD: usize = 256;
/// Most bytes read before it; as many as the largest event of a provider may have.
const MOST_READ: usize = 8 << 20;

/// Most output tokens of an answer that says nothing.
const MOST_UNSAID: u64 = 16;

fn hollow() -> Failure {
    Failure::new(FailureClass::Cut, "The provider's stream reports an answer and has none.")
}

/// Reads a provider's bytes and hands out events.
pub(crate) struct EventSource {
    incoming: Incoming,
    decoder: Box<dyn Decoder>,
    ready: VecDeque<Event>,
    scratch: Vec<Event>,
    /// Bytes so far.
    read: usize,
    ended: bool,
    /// What went wrong after the events that are ready.
    failed: Option<Failed>,
}

impl EventSource {
    pub(crate) fn new(incoming: Incoming, decoder: Box<dyn Decoder>) -> EventSource {
        EventSource {
            incoming,
            decoder,
            ready: VecDeque::new(),
            scratch: Vec::new(),
            read: 0,
            ended: false,
            failed: None,
        }
    }

    /// Reads until the first content (or the end of a stream without any) is there, so that whatever goes wrong
    /// before it goes wrong unseen. One that goes on and on without any is handed on as it is, after so many events or
    /// bytes, or at `until`: it does nothing wrong, and nobody holds back for ever.
    pub(crate) async fn until_content(
        &mut self,
        until: Instant,
        reservation: &mut Reservation,
    ) -> Result<(), Failed> {
        loop {
            let enough = self.ready.len() >= MOST_HELD || self.read >= MOST_READ;
            if enough || self.ready.iter().any(Event::commits) {
                return Ok(());
            }
            if let Some(failed) = self.failed.take() {
                return Err(failed);
            }
            if self.ended {
                return if self.is_hollow() { Err(hollow().into()) } else { Ok(()) };
            }
            if timeout_at(until, self.more(reservation)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Whether an answer was reported and none delivered. A model may say nothing at all, which takes hardly a token.
    fn is_hollow(&self) -> bool {
        self.ready.iter().any(|event| {
            let Event::Usage(usage) = event else { return false };
            let thought = usage.completion_tokens_details.as_ref().and_then(|of| of.reasoning_tokens);
            usage.completion_tokens.saturating_sub(thought.unwrap_or(0)) > MOST_UNSAID
        })
    }

    /// The next event; none after the last. What came before a failure is handed out before it.
    pub(crate) async fn next(&mut self, reservation: &mut Reservation) -> Result<Option<Event>, Failed> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if let Some(failed) = self.failed.take() {
                return Err(failed);
            }
            if self.ended {
                return Ok(None);
            }
            self.more(reservation).await;
        }
    }

    /// Whether the next event, or the end, is there without a wait.
    pub(crate) fn has_more(&self) -> bool {
        !self.ready.is_empty() || self.failed.is_some() || self.ended
    }

    /// Waits for more bytes. Nothing is lost when it is dropped while it waits.
    async fn more(&mut self, reservation: &mut Reservation) {
        let outcome = match self.incoming.chunk().await {
            Ok(Some(bytes)) => {
                reservation.first_byte();
                self.read = self.read.saturating_add(bytes.len());
                self.decoder.push(&bytes, &mut self.scratch).map_err(Failed::from)
            }
            Ok(None) => {
                self.ended = true;
                self.decoder.end(&mut self.scratch).map_err(Failed::from)
            }
            Err(broken) => Err(Failed::from(broken)),
        };
        self.failed = outcome.err();
        self.ended |= self.failed.is_some() || self.scratch.contains(&Event::End);
        self.ready.extend(self.scratch.drain(..));
    }
}
