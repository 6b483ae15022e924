//! Answers in pieces: each crossing brings all that is there.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, Fuse};
use futures_util::{FutureExt, StreamExt};
use lockgate::{ChatStream, Error};
use napi::Result;
use napi_derive::napi;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, Ended, Value};
use crate::desk::{Leave, Line};
use crate::host::{self, Work};

/// Most pieces in one crossing.
const MOST_AT_ONCE: usize = 64;

/// Where the pieces come from.
pub(crate) enum Source {
    /// Chunks of a chat.
    Chunks(Fuse<ChatStream>),
    /// Bytes of an HTTP body.
    Bytes(Fuse<BoxStream<'static, std::result::Result<Bytes, Infallible>>>),
}

/// A stream under way. Closing it, or losing it, cancels the request upstream and settles it.
#[napi]
pub struct Stream {
    line: Arc<Line>,
    shared: Arc<Shared>,
}

struct Shared {
    place: Mutex<Place>,
    stop: CancellationToken,
}

enum Place {
    Idle(Box<Under>),
    /// A read has it.
    Reading,
    Ended,
}

struct Under {
    source: Source,
    /// What to throw after the pieces that came before it.
    failed: Option<Error>,
}

impl Stream {
    pub(crate) fn new(line: &Arc<Line>, source: Source) -> Stream {
        let under = Under { source, failed: None };
        let place = Mutex::new(Place::Idle(Box::new(under)));
        let shared = Arc::new(Shared { place, stop: CancellationToken::new() });
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        line.watch_stream(weak);
        Stream { line: line.clone(), shared }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Shared {
    fn end(&self) {
        self.stop.cancel();
        let taken = {
            let mut place = self.place.lock();
            match &*place {
                Place::Idle(_) => Some(std::mem::replace(&mut *place, Place::Ended)),
                // Whoever reads gives it up.
                Place::Reading | Place::Ended => None,
            }
        };
        host::discard(taken);
    }
}

impl Leave for Shared {
    fn leave(&self, _within: Duration) -> Option<Work<()>> {
        self.end();
        None
    }
}

#[napi]
impl Stream {
    /// The next pieces: a JSON list of chunks, or bytes; an empty answer after the last.
    #[napi]
    pub fn next(&self, ticket: u32) -> Result<Option<Answer>> {
        let taken = std::mem::replace(&mut *self.shared.place.lock(), Place::Reading);
        let under = match taken {
            Place::Idle(under) => under,
            Place::Reading => {
                let busy = Error::invalid("next", "the stream is being read already");
                return Ok(Some(Answer::new(ticket, Err(busy))));
            }
            Place::Ended => {
                *self.shared.place.lock() = Place::Ended;
                return Ok(Some(Answer::new(ticket, Ok(Value::Nothing))));
            }
        };
        let reading = Reading { shared: self.shared.clone(), under: Some(under) };
        self.line.run(ticket, Box::pin(read(reading)))
    }

    /// Cancels the request if it is not over. Never waits.
    #[napi]
    pub fn close(&self) {
        self.shared.end();
    }

    /// Whether there is nothing more to come.
    #[napi(getter)]
    pub fn closed(&self) -> bool {
        matches!(&*self.shared.place.lock(), Place::Ended)
    }
}

/// Takes the source back to its place; a read that is dropped before its end ends the stream.
struct Reading {
    shared: Arc<Shared>,
    under: Option<Box<Under>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let next = match self.under.take() {
            Some(under) if !self.shared.stop.is_cancelled() => Place::Idle(under),
            _ => Place::Ended,
        };
        *self.shared.place.lock() = next;
    }
}

async fn read(mut reading: Reading) -> Ended {
    let stop = reading.shared.stop.clone();
    let Some(mut under) = reading.under.take() else { return Ok(Value::Nothing) };
    // Out of its place while it waits: dropping this future drops the source.
    let next = stop.run_until_cancelled(under.next()).await;
    let Some(pieces) = next.transpose()?.flatten() else {
        drop(under);
        return Ok(Value::Nothing);
    };
    reading.under = Some(under);
    Ok(pieces)
}

impl Under {
    async fn next(&mut self) -> lockgate::Result<Option<Value>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        match &mut self.source {
            Source::Chunks(chunks) => {
                let Some(first) = chunks.next().await else { return Ok(None) };
                let mut batch = vec![first?];
                while batch.len() < MOST_AT_ONCE {
                    match chunks.next().now_or_never() {
                        Some(Some(Ok(chunk))) => batch.push(chunk),
                        Some(Some(Err(error))) => {
                            self.failed = Some(error);
                            break;
                        }
                        Some(None) | None => break,
                    }
                }
                Value::json(&batch).map(Some)
            }
            Source::Bytes(bytes) => {
                let Some(Ok(first)) = bytes.next().await else { return Ok(None) };
                let mut batch = Vec::from(first);
                for _ in 1..MOST_AT_ONCE {
                    match bytes.next().now_or_never() {
                        Some(Some(Ok(more))) => batch.extend_from_slice(&more),
                        Some(_) | None => break,
                    }
                }
                Ok(Some(Value::Bytes(batch)))
            }
        }
    }
}
