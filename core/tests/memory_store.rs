//! The store in memory is bounded. That it keeps the books of every store: `tests/store`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod rows;

use lockgate::clock::{ManualClock, Millis};
use lockgate::ids::ProjectId;
use lockgate::money::Nano;
use lockgate::settle::Row;
use lockgate::store::memory::{KEPT_ROWS, MemoryStore};
use lockgate::store::{Ledger, RowFilter, UsageQuery};
use rows::{NOON, row};

#[tokio::test]
async fn rows_are_bounded_and_sums_are_not() {
    let store = MemoryStore::new(ManualClock::at(NOON));
    let project = ProjectId::new(NOON);
    let rows: Vec<Row> =
        (0..KEPT_ROWS + 500).map(|n| row(project, Millis(NOON.0 + i64::try_from(n).unwrap()), 7)).collect();
    store.append(&rows).await.unwrap();
    let kept = store.rows(&RowFilter { most: u32::MAX, ..RowFilter::default() }).await.unwrap();
    assert_eq!(kept.len(), KEPT_ROWS);
    assert_eq!(kept.first().map(|row| row.id), rows.last().map(|row| row.id));
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!(total[0].requests, 10_500);
    let counters: Vec<_> = rows[0].counters().collect();
    let all = Nano::from_nano(7 * 10_500);
    assert_eq!(store.spent(project, &counters).await.unwrap(), vec![all; counters.len()]);
}
