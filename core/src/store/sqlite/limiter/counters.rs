//! Spend counters. One without a row begins at what the ledger has booked.

use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, SqliteExecutor};

use super::{READING, WRITING};
use crate::clock::Millis;
use crate::error::Result;
use crate::limits::{Counter, CounterId, Line, Window};
use crate::money::Nano;
use crate::store::rollup::subject;
use crate::store::sqlite::failure::failed;

/// So long after its end a window's counters may go: no clock of this machine is in it any more.
const OVER: Duration = Duration::from_secs(600);

pub(super) async fn load<'c>(
    reader: impl SqliteExecutor<'c>,
    project: &str,
    id: CounterId,
) -> Result<Counter> {
    let (scope, subject) = subject(id.scope);
    let (settled, reserved): (i64, i64) = sqlx::query_as::<Sqlite, _>(
        "SELECT coalesce(kept.settled, spend.amount, 0), coalesce(kept.reserved, 0) FROM (SELECT 1) \
         LEFT JOIN limit_counter AS kept ON kept.project = ?1 AND kept.window_code = ?2 AND kept.scope = ?3 \
         AND kept.subject = ?4 \
         LEFT JOIN spend ON spend.project = ?1 AND spend.window_code = ?2 AND spend.scope = ?3 \
         AND spend.subject = ?4",
    )
    .bind(project)
    .bind(id.window.code())
    .bind(scope)
    .bind(subject)
    .fetch_one(reader)
    .await
    .map_err(failed(READING))?;
    Ok(Counter { settled: Nano::from_nano(settled), reserved: Nano::from_nano(reserved) })
}

/// Writes a counter, and counts `pins` reservations more, or fewer, that will still change it.
pub(super) async fn keep(change: &mut SqliteConnection, project: &str, line: &Line, pins: i64) -> Result<()> {
    let (scope, subject) = subject(line.id.scope);
    let counter = line.state();
    sqlx::query(
        "INSERT INTO limit_counter (project, window_code, scope, subject, settled, reserved, pins) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, max(?7, 0)) ON CONFLICT (project, window_code, scope, subject) \
         DO UPDATE SET settled = excluded.settled, reserved = excluded.reserved, pins = max(pins + ?7, 0)",
    )
    .bind(project)
    .bind(line.id.window.code())
    .bind(scope)
    .bind(subject)
    .bind(counter.settled.nano())
    .bind(counter.reserved.nano())
    .bind(pins)
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(())
}

/// Once a day, clears away the project's counters of past windows that no reservation will change.
pub(super) async fn prune(change: &mut SqliteConnection, project: &str, now: Millis) -> Result<()> {
    let kept = Millis(now.0.saturating_sub(i64::try_from(OVER.as_millis()).unwrap_or(i64::MAX)));
    let (day, month) = (Window::day(kept).code(), Window::month(kept).code());
    let moved = sqlx::query("UPDATE limit_project SET pruned = ?1 WHERE project = ?2 AND pruned < ?1")
        .bind(day)
        .bind(project)
        .execute(&mut *change)
        .await
        .map_err(failed(WRITING))?;
    if moved.rows_affected() == 0 {
        return Ok(());
    }
    // Codes of days have 8 digits, of months 6.
    sqlx::query(
        "DELETE FROM limit_counter WHERE project = ?1 AND pins = 0 AND \
         ((window_code >= 10000000 AND window_code < ?2) OR window_code < ?3)",
    )
    .bind(project)
    .bind(day)
    .bind(month)
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(())
}

/// Raises every counter to what the ledger has booked on it.
pub(super) async fn raise_to_booked(change: &mut SqliteConnection) -> Result<()> {
    sqlx::query(
        "UPDATE limit_counter SET settled = spend.amount FROM spend \
         WHERE spend.project = limit_counter.project AND spend.window_code = limit_counter.window_code \
         AND spend.scope = limit_counter.scope AND spend.subject = limit_counter.subject \
         AND spend.amount > limit_counter.settled",
    )
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(())
}
