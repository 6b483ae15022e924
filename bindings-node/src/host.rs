//! The runtime inside the host process: one for all its threads, made when first needed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use napi::{Error, Result, Status};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};

/// One thread reads from providers and writes to them: it waits far more than it works. A second one would be woken to
/// look for work at every step of every call. Stages before a provider run on the caller's thread, counting and
/// databases have threads of their own.
const WORKERS: usize = 1;

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// A future that runs on the runtime.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The runtime of this process.
pub(crate) fn runtime() -> Result<Handle> {
    let mut slot = RUNTIME.lock();
    if let Some(runtime) = &*slot {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("lockgate")
        .enable_all()
        .build()
        .map_err(|error| Error::new(Status::GenericFailure, format!("no runtime: {error}")))?;
    let handle = runtime.handle().clone();
    *slot = Some(runtime);
    Ok(handle)
}

/// Polls once, so that what needs no waiting is done here and now.
pub(crate) fn poll_once<T>(handle: &Handle, work: &mut Work<T>) -> Poll<T> {
    let _runtime = handle.enter();
    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Drops something of the gateway's where its runtime can be found: what it leaves to do needs to know where.
pub(crate) fn discard<T>(value: T) {
    // Without a runtime there is nothing that needs one.
    if let Ok(handle) = runtime() {
        let _runtime = handle.enter();
        drop(value);
    }
}
