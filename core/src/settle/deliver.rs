//! Rows to the ledger, for as long as it takes.

use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::store::Ledger;

use super::Row;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pauses between tries: doubling, and back to the start after a success.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff(FIRST_PAUSE)
    }
}

impl Backoff {
    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = pause.saturating_mul(2).min(LONGEST_PAUSE);
        pause
    }

    pub(super) fn reset(&mut self) {
        self.0 = FIRST_PAUSE;
    }
}

/// Appends `rows`. A store that is away fails the call, and the whole of it can be repeated. Rows that the store
/// itself refuses come back with the reason, so that one of them does not hold up all others.
pub(super) async fn deliver(ledger: &dyn Ledger, rows: &[Row]) -> Result<Vec<(Row, Error)>> {
    match ledger.append(rows).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error) if error.kind() == Kind::StoreUnavailable => return Err(error),
        Err(error) => {
            tracing::warn!(%error, rows = rows.len(), "the ledger refused a batch; trying row by row")
        }
    }
    let mut refused = Vec::new();
    for row in rows {
        match ledger.append(std::slice::from_ref(row)).await {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::StoreUnavailable => return Err(error),
            Err(error) => refused.push((row.clone(), error)),
        }
    }
    Ok(refused)
}
