//! The runtime inside the host process: made when first needed, made anew in a forked child, silent at exit.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::home::Home;

/// One thread reads from providers and writes to them: it waits far more than it works. A second one would be woken to
/// look for work at every step of every call, which costs a call more than it gains. Stages before a provider run on the
/// caller's thread, counting and databases have threads of their own.
const WORKERS: usize = 1;
/// A blocked call looks so often whether Ctrl-C was pressed.
const SIGNALS: Duration = Duration::from_millis(100);
/// Exit waits so long for threads on their way back to Python.
const RETURN: Duration = Duration::from_secs(1);

static RUNTIME: Mutex<Option<Home<Runtime>>> = Mutex::new(None);
/// The thread that ends the interpreter, once it does.
static CLOSER: OnceLock<ThreadId> = OnceLock::new();
static CLOSING: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
/// Threads about to attach to Python again.
static RETURNING: AtomicUsize = AtomicUsize::new(0);

/// A future that runs on the runtime.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The runtime of this process.
pub(crate) fn runtime(_attached: Python<'_>) -> PyResult<Handle> {
    let mut slot = RUNTIME.lock();
    if let Some(runtime) = slot.as_ref().and_then(Home::get) {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("lockgate")
        .enable_all()
        .build()
        .map_err(|error| PyRuntimeError::new_err(format!("the runtime cannot be started: {error}")))?;
    let handle = runtime.handle().clone();
    *slot = Some(Home::new(runtime));
    Ok(handle)
}

/// Does `work` without holding Python up.
///
/// While the interpreter ends, a thread that comes back would be killed inside it; such threads stop here instead.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let value = py.detach(|| {
        let value = work();
        RETURNING.fetch_add(1, Ordering::SeqCst);
        if is_ending_elsewhere() {
            RETURNING.fetch_sub(1, Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        }
        value
    });
    RETURNING.fetch_sub(1, Ordering::SeqCst);
    value
}

fn is_ending_elsewhere() -> bool {
    CLOSER.get().is_some_and(|closer| *closer != std::thread::current().id())
}

/// Polls once, so that what needs no waiting is done here and now.
pub(crate) fn poll_once<T>(handle: &Handle, work: &mut Work<T>) -> Poll<T> {
    let _runtime = handle.enter();
    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits for `work` on this thread. Ctrl-C drops it.
pub(crate) fn wait<T: Send>(py: Python<'_>, work: Work<T>) -> PyResult<T> {
    wait_until(py, work, None)?.ok_or_else(|| PyRuntimeError::new_err("the wait ended before the work did"))
}

/// Waits, as [`wait`] does, until the work is done or dropped for being late: then there is no value.
pub(crate) fn wait_until<T: Send>(
    py: Python<'_>,
    work: Work<T>,
    until: Option<Instant>,
) -> PyResult<Option<T>> {
    let handle = runtime(py)?;
    let mut work = Some(work);
    loop {
        let done = detached(py, || step(&handle, &mut work, until));
        if done.is_some() {
            return Ok(done);
        }
        let interrupt = py.check_signals().err();
        if interrupt.is_some() || until.is_some_and(|until| until <= Instant::now()) {
            discard(py, &handle, work.take());
            return interrupt.map_or(Ok(None), Err);
        }
    }
}

/// Drives `work` until it is done, it is late, or signals are to be looked at.
fn step<T>(handle: &Handle, work: &mut Option<Work<T>>, until: Option<Instant>) -> Option<T> {
    let _runtime = handle.enter();
    let here = std::thread::current();
    let closer = CLOSER.get().is_some_and(|closer| *closer == here.id());
    let waker = Waker::from(Arc::new(Woken(here)));
    let mut task = Context::from_waker(&waker);
    let mut closing = pin!(CLOSING.cancelled());
    let signals = Instant::now() + SIGNALS;
    let stop = until.map_or(signals, |until| until.min(signals));
    loop {
        if let Poll::Ready(value) = work.as_mut()?.as_mut().poll(&mut task) {
            return Some(value);
        }
        if !closer && closing.as_mut().poll(&mut task).is_ready() {
            // Settles what this thread will never come back for.
            work.take();
            return None;
        }
        let left = stop.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        // Not by the runtime's clock: to set a timer there wakes the thread that waits for providers.
        std::thread::park_timeout(left);
    }
}

/// Wakes a thread that waits in [`step`].
struct Woken(Thread);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Drops something of the gateway's where its runtime can be found, without holding Python up.
pub(crate) fn discard<T: Send>(py: Python<'_>, handle: &Handle, value: T) {
    detached(py, || {
        let _runtime = handle.enter();
        drop(value);
    });
}

/// The interpreter ends: no other thread comes back to Python from here on.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    // Set already: then it is this thread's second call, or another interpreter's.
    let _ = CLOSER.set(std::thread::current().id());
    CLOSING.cancel();
    py.detach(|| {
        let begun = Instant::now();
        while RETURNING.load(Ordering::SeqCst) > 0 && begun.elapsed() < RETURN {
            std::thread::park_timeout(Duration::from_micros(200));
        }
    });
}

/// This is a forked child: the parent's other threads are not here.
#[pyfunction]
pub(crate) fn forked() {
    RETURNING.store(0, Ordering::SeqCst);
}
