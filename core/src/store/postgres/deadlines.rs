//! How long anything may take.

use std::time::Duration;

/// How long the store waits for its database.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For a look-up that a request waits for.
    pub lookup: Duration,
    /// For a change, or a batch of rows.
    pub change: Duration,
    /// For sums over much, and for clearing away.
    pub long: Duration,
    /// The connection that hears of changes shows that it lives so often, and within so long.
    pub beat: Duration,
    /// Between two tries to connect again.
    pub retry: Duration,
    /// So long after its last sign of life a gateway that keeps limits in its memory goes on with what it knows of
    /// callers. After that every request asks the database.
    pub trust: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines {
            lookup: Duration::from_secs(2),
            change: Duration::from_secs(10),
            long: Duration::from_secs(60),
            beat: Duration::from_secs(1),
            retry: Duration::from_millis(250),
            trust: Duration::from_secs(5),
        }
    }
}
