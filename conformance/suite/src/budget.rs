//! How much a run may ask of an endpoint.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Requests and time, counted over a whole run.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    sent: AtomicU64,
    started: Instant,
    longest: Duration,
}

impl Budget {
    pub(crate) fn new(most: u64, longest: Duration) -> Self {
        Self { most, sent: AtomicU64::new(0), started: Instant::now(), longest }
    }

    /// Takes one request, or says what is used up.
    pub(crate) fn take(&self) -> Result<(), String> {
        if self.started.elapsed() >= self.longest {
            return Err(format!("not run: {} s are over (--max-seconds)", self.longest.as_secs()));
        }
        let taken = self.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sent| {
            (sent < self.most).then_some(sent + 1)
        });
        taken.map(|_| ()).map_err(|_| format!("not run: {} requests were sent (--max-requests)", self.most))
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_and_time_run_out() {
        let budget = Budget::new(2, Duration::from_secs(9));
        assert_eq!((budget.take(), budget.take()), (Ok(()), Ok(())));
        assert!(budget.take().is_err_and(|why| why.contains("2 requests")));
        assert_eq!(budget.sent(), 2);
        let budget = Budget::new(2, Duration::from_secs(9));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(budget.take().is_err_and(|why| why.contains("9 s")));
    }
}
