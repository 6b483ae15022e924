//! Answers in pieces: each crossing brings all that is there.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, Fuse};
use futures_util::{FutureExt, StreamExt};
use lockgate::ChatStream;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio_util::sync::CancellationToken;

use crate::errors::Failure;
use crate::gateway::seconds;
use crate::home::Home;
use crate::pending::{Ended, Finish, run};
use crate::{host, output};

/// Most pieces in one crossing.
const MOST_AT_ONCE: usize = 64;

/// Where the pieces come from.
pub(crate) enum Source {
    /// Chunks of a chat.
    Chunks(Fuse<ChatStream>),
    /// Bytes of an HTTP body.
    Bytes(Fuse<BoxStream<'static, Result<Bytes, Infallible>>>),
}

/// A stream under way. Dropping or closing it cancels the request upstream and settles it.
#[pyclass(frozen, weakref, module = "lockgate._native")]
pub(crate) struct Stream {
    state: Home<Shared>,
}

#[derive(Clone)]
struct Shared {
    place: Arc<Mutex<Place>>,
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
    /// What to raise after the pieces that came before it.
    failed: Option<lockgate::Error>,
    /// Keeps the gateway from being closed for a fork.
    _gateway: Arc<lockgate::Gateway>,
}

impl Stream {
    pub(crate) fn new(source: Source, gateway: Arc<lockgate::Gateway>) -> Stream {
        let under = Under { source, failed: None, _gateway: gateway };
        let place = Arc::new(Mutex::new(Place::Idle(Box::new(under))));
        Stream { state: Home::new(Shared { place, stop: CancellationToken::new() }) }
    }

    fn shared(&self) -> PyResult<&Shared> {
        self.state
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("this stream belongs to the process before the fork"))
    }
}

#[pymethods]
impl Stream {
    /// The next pieces: a list of chunks, or bytes; None after the last. Past `timeout` seconds it is cancelled.
    fn next(&self, py: Python<'_>, timeout: Option<f64>, block: bool) -> PyResult<Py<PyAny>> {
        let limit = seconds(timeout)?;
        let shared = self.shared()?.clone();
        let taken = std::mem::replace(&mut *shared.place.lock(), Place::Reading);
        let under = match taken {
            Place::Idle(under) => under,
            Place::Reading => {
                return Err(PyRuntimeError::new_err("the stream is being read elsewhere"));
            }
            Place::Ended => {
                *shared.place.lock() = Place::Ended;
                return Ok(py.None());
            }
        };
        run(py, Box::pin(read(Reading { shared, under: Some(under) })), limit, block)
    }

    /// Cancels the request if it is not over. Never waits.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(shared) = self.state.get() else { return Ok(()) };
        shared.stop.cancel();
        let taken = {
            let mut place = shared.place.lock();
            match &*place {
                Place::Idle(_) => Some(std::mem::replace(&mut *place, Place::Ended)),
                Place::Reading | Place::Ended => None,
            }
        };
        if let Some(taken) = taken {
            let handle = host::runtime(py)?;
            host::discard(py, &handle, taken);
        }
        Ok(())
    }

    /// Whether there is nothing more to come.
    #[getter]
    fn closed(&self) -> bool {
        self.state.get().is_none_or(|shared| matches!(&*shared.place.lock(), Place::Ended))
    }
}

/// Takes the source back to its place; a read that is dropped before its end ends the stream.
struct Reading {
    shared: Shared,
    under: Option<Box<Under>>,
}

impl Reading {
    fn end(&mut self) {
        self.under = None;
    }
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
    let Some(mut under) = reading.under.take() else { return Ok(nothing()) };
    // Out of its place while it waits: dropping this future drops the source.
    let pieces = stop.run_until_cancelled(under.next()).await;
    let Some(pieces) = pieces.transpose()?.flatten() else {
        drop(under);
        reading.end();
        return Ok(nothing());
    };
    reading.under = Some(under);
    Ok(pieces)
}

impl Under {
    async fn next(&mut self) -> Result<Option<Finish>, Failure> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
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
                Ok(Some(Box::new(move |py| output::object(py, &batch))))
            }
            Source::Bytes(bytes) => {
                let Some(Ok(first)) = bytes.next().await else { return Ok(None) };
                let mut batch = vec![first];
                while batch.len() < MOST_AT_ONCE {
                    match bytes.next().now_or_never() {
                        Some(Some(Ok(more))) => batch.push(more),
                        Some(_) | None => break,
                    }
                }
                let batch = batch.concat();
                Ok(Some(Box::new(move |py| Ok(PyBytes::new(py, &batch).into_any().unbind()))))
            }
        }
    }
}

fn nothing() -> Finish {
    Box::new(|py| Ok(py.None()))
}
