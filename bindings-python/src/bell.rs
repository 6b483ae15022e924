//! How the runtime tells an event loop that something is done: a pipe that the loop watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
#[cfg(not(unix))]
use pyo3::exceptions::PyNotImplementedError;
#[cfg(unix)]
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// Tokens of work that is done, and a pipe that says there are some. One for each event loop.
#[pyclass(frozen, module = "lockgate._native")]
pub(crate) struct Bell {
    line: Arc<Line>,
}

pub(crate) struct Line {
    done: Mutex<Vec<u64>>,
    /// A byte is in the pipe, or about to be.
    rung: AtomicBool,
    #[cfg(unix)]
    pipe: (std::os::fd::OwnedFd, std::os::fd::OwnedFd),
}

impl Bell {
    pub(crate) fn line(&self) -> Arc<Line> {
        self.line.clone()
    }
}

impl Line {
    /// Called by threads of the runtime.
    pub(crate) fn ring(&self, token: u64) {
        self.done.lock().push(token);
        if !self.rung.swap(true, Ordering::SeqCst) {
            // Full cannot be with one byte at most in it; a loop that is gone needs no bell.
            #[cfg(unix)]
            let _ = rustix::io::write(&self.pipe.1, &[1]);
        }
    }
}

#[pymethods]
impl Bell {
    #[new]
    fn new() -> PyResult<Bell> {
        #[cfg(unix)]
        {
            let broken = |error: rustix::io::Errno| PyOSError::new_err(error.to_string());
            let pipe = rustix::pipe::pipe().map_err(broken)?;
            for end in [&pipe.0, &pipe.1] {
                rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).map_err(broken)?;
                rustix::io::ioctl_fionbio(end, true).map_err(broken)?;
            }
            let line = Line { done: Mutex::default(), rung: AtomicBool::new(false), pipe };
            Ok(Bell { line: Arc::new(line) })
        }
        #[cfg(not(unix))]
        Err(PyNotImplementedError::new_err("event loops watch no pipes here"))
    }

    /// What the event loop watches.
    fn fileno(&self) -> PyResult<i32> {
        #[cfg(unix)]
        {
            use std::os::fd::AsRawFd;
            Ok(self.line.pipe.0.as_raw_fd())
        }
        #[cfg(not(unix))]
        Err(PyNotImplementedError::new_err("event loops watch no pipes here"))
    }

    /// Tokens of what is done since the last time.
    fn drain(&self) -> Vec<u64> {
        #[cfg(unix)]
        {
            let mut bytes = [0_u8; 8];
            let _ = rustix::io::read(&self.line.pipe.0, &mut bytes);
        }
        // In this order: whoever comes after it rings again.
        self.line.rung.store(false, Ordering::SeqCst);
        std::mem::take(&mut *self.line.done.lock())
    }
}
