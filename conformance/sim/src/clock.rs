//! The time told in answers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Starts at the true time and runs with it, or stands still where a test wants fixed bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_unix: Duration,
    fixed: bool,
}

impl Clock {
    /// A clock fixed at a Unix time in seconds, or running.
    pub(crate) fn new(fixed: Option<u64>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "`created` is true time on the wire; nothing here waits for it"
        )]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            started_unix: fixed.map_or(now, Duration::from_secs),
            fixed: fixed.is_some(),
        }
    }

    /// The time since 1970.
    pub(crate) fn now(&self) -> Duration {
        if self.fixed { self.started_unix } else { self.started_unix + self.started.elapsed() }
    }
}
