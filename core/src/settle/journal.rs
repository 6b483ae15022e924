//! The way from a settlement to the ledger.

use std::time::Duration;

use async_trait::async_trait;

use super::Row;
use crate::error::Result;
use crate::limits::Held;

/// Names a record until its settlement is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Takes rows on their way to the ledger, and loses none when the process is killed (where it has a disk).
///
/// The first three calls are synchronous and cheap: they stand on a request's path, and in drops.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// A reservation was made; written before bytes go upstream. `row` is the row to enter if it is never settled.
    fn reserve(&self, held: &Held, row: &Row) -> Result<()>;

    /// The request ended; written before the answer's last byte. The row enters the ledger once acknowledged.
    fn settled(&self, row: &Row) -> Ticket;

    /// The limiter has booked it.
    fn acknowledged(&self, ticket: Ticket);

    /// Waits until all acknowledged rows are in the ledger, at most for `within`. Returns whether they are.
    async fn flush(&self, within: Duration) -> bool;
}
