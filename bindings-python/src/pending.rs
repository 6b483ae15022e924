//! Work under way for an event loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::bell::Bell;
use crate::errors::Failure;
use crate::home::Home;
use crate::host::{self, Work};

/// Makes the result a Python object, back in the thread that asked.
pub(crate) type Finish = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;
/// How work ends.
pub(crate) type Ended = Result<Finish, Failure>;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Runs `work`: to its end where `block`, else only as far as it needs no waiting; the rest is a [`Pending`].
/// It has `limit` to end in; a timer of the runtime's is set only once it has to wait there.
pub(crate) fn run(
    py: Python<'_>,
    mut work: Work<Ended>,
    limit: Option<Duration>,
    block: bool,
) -> PyResult<Py<PyAny>> {
    if block {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let ended = host::wait_until(py, work, until)?;
        return finish(py, ended.unwrap_or(Err(Failure::ReadTimeout)));
    }
    let handle = host::runtime(py)?;
    let polled = host::detached(py, || host::poll_once(&handle, &mut work));
    match polled {
        Poll::Ready(ended) => finish(py, ended),
        Poll::Pending => Ok(Py::new(py, Pending::new(within(work, limit)))?.into_any()),
    }
}

fn within(work: Work<Ended>, limit: Option<Duration>) -> Work<Ended> {
    match limit {
        None => work,
        Some(limit) => {
            Box::pin(
                async move { tokio::time::timeout(limit, work).await.unwrap_or(Err(Failure::ReadTimeout)) },
            )
        }
    }
}

fn finish(py: Python<'_>, ended: Ended) -> PyResult<Py<PyAny>> {
    match ended {
        Ok(finish) => finish(py),
        Err(failure) => Err(failure.raise(py)),
    }
}

/// Work that was begun and has to wait. Dropping it cancels.
#[pyclass(frozen, module = "lockgate._native")]
pub(crate) struct Pending {
    token: u64,
    parts: Mutex<Home<Parts>>,
}

struct Parts {
    /// Until it goes on elsewhere.
    work: Option<Work<Ended>>,
    ended: Arc<Mutex<Option<Ended>>>,
    running: Option<AbortHandle>,
    stop: CancellationToken,
}

impl Pending {
    fn new(work: Work<Ended>) -> Pending {
        let parts =
            Parts { work: Some(work), ended: Arc::default(), running: None, stop: CancellationToken::new() };
        Pending { token: NEXT.fetch_add(1, Ordering::Relaxed), parts: Mutex::new(Home::new(parts)) }
    }
}

#[pymethods]
impl Pending {
    /// Names it to the bell.
    #[getter]
    fn token(&self) -> u64 {
        self.token
    }

    /// Goes on in the background and rings `bell` at the end.
    fn spawn(&self, py: Python<'_>, bell: &Bell) -> PyResult<()> {
        let handle = host::runtime(py)?;
        let mut parts = self.parts.lock();
        let parts = parts.get_mut().ok_or_else(elsewhere)?;
        let work = parts.work.take().ok_or_else(begun)?;
        let (ended, line, token) = (parts.ended.clone(), bell.line(), self.token);
        let running = handle.spawn(async move {
            let end = work.await;
            *ended.lock() = Some(end);
            line.ring(token);
        });
        parts.running = Some(running.abort_handle());
        Ok(())
    }

    /// The result, after the bell.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let ended = {
            let parts = self.parts.lock();
            let parts = parts.get().ok_or_else(elsewhere)?;
            parts.ended.lock().take()
        };
        finish(py, ended.ok_or_else(begun)?)
    }

    /// Waits for the result on this thread, for event loops that cannot watch a bell.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (work, stop) = {
            let mut parts = self.parts.lock();
            let parts = parts.get_mut().ok_or_else(elsewhere)?;
            (parts.work.take().ok_or_else(begun)?, parts.stop.clone())
        };
        let ended = host::wait(py, Box::pin(async move { stop.run_until_cancelled_owned(work).await }))?;
        finish(py, ended.ok_or_else(begun)?)
    }

    /// Drops the work; what it reserved is settled.
    fn cancel(&self) {
        let parts = self.parts.lock().take();
        drop(parts);
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
        self.stop.cancel();
    }
}

fn elsewhere() -> PyErr {
    PyRuntimeError::new_err("this call was cancelled, or begun before the process was forked")
}

fn begun() -> PyErr {
    PyRuntimeError::new_err("the result of this call is not here")
}
