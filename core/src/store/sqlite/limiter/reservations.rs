//! Reservations, in the order in which their leases end.

use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqliteExecutor};

use super::{READING, WRITING};
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::AdmissionId;
use crate::limits::{Held, Reservation};
use crate::store::columns::{Columns, integer, word};
use crate::store::sqlite::failure::failed;

pub(super) async fn load(
    change: &mut SqliteConnection,
    project: &str,
    id: AdmissionId,
) -> Result<Option<Reservation>> {
    sqlx::query("SELECT * FROM reservation WHERE id = ? AND project = ?")
        .bind(id.to_string())
        .bind(project)
        .fetch_optional(change)
        .await
        .map_err(failed(READING))?
        .map(|row| read(&row))
        .transpose()
}

pub(super) async fn add(change: &mut SqliteConnection, reservation: &Reservation) -> Result<()> {
    let Reservation { held, plan, lease_ms, phase } = reservation;
    // A reservation too late to settle may still be there under this id.
    sqlx::query(
        "INSERT OR REPLACE INTO reservation (id, project, gateway_key, customer_tag, admitted_at, money, tokens, \
         tokens_per_minute, lease_until, lease_ms, plan, phase) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(held.id.to_string())
    .bind(held.project.to_string())
    .bind(held.key.to_string())
    .bind(held.customer.map(|tag| tag.0.to_vec()))
    .bind(held.admitted_at.0)
    .bind(held.money.nano())
    .bind(integer(held.tokens))
    .bind(held.tokens_per_minute)
    .bind(held.lease_until.0)
    .bind(integer(*lease_ms))
    .bind(i64::try_from(*plan).unwrap_or(0))
    .bind(word(phase)?)
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(())
}

pub(super) async fn remove(change: &mut SqliteConnection, id: AdmissionId) -> Result<()> {
    sqlx::query("DELETE FROM reservation WHERE id = ?")
        .bind(id.to_string())
        .execute(change)
        .await
        .map_err(failed(WRITING))?;
    Ok(())
}

pub(super) async fn set_amounts(change: &mut SqliteConnection, reservation: &Reservation) -> Result<()> {
    let held = &reservation.held;
    sqlx::query("UPDATE reservation SET money = ?, tokens = ? WHERE id = ?")
        .bind(held.money.nano())
        .bind(integer(held.tokens))
        .bind(held.id.to_string())
        .execute(change)
        .await
        .map_err(failed(WRITING))?;
    Ok(())
}

pub(super) async fn set_phase(change: &mut SqliteConnection, reservation: &Reservation) -> Result<()> {
    sqlx::query("UPDATE reservation SET phase = ? WHERE id = ?")
        .bind(word(&reservation.phase)?)
        .bind(reservation.held.id.to_string())
        .execute(change)
        .await
        .map_err(failed(WRITING))?;
    Ok(())
}

/// Says whether it is under way.
pub(super) async fn renew(change: &mut SqliteConnection, id: AdmissionId, now: Millis) -> Result<bool> {
    let renewed = sqlx::query(
        "UPDATE reservation SET lease_until = max(lease_until, ? + lease_ms) WHERE id = ? AND phase = 'open'",
    )
    .bind(now.0)
    .bind(id.to_string())
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(renewed.rows_affected() > 0)
}

/// Open ones whose lease has ended.
pub(super) async fn expired(
    change: &mut SqliteConnection,
    project: &str,
    now: Millis,
    most: usize,
) -> Result<Vec<Reservation>> {
    let rows = sqlx::query(
        "SELECT * FROM reservation WHERE project = ? AND phase = 'open' AND lease_until <= ? \
         ORDER BY lease_until, id LIMIT ?",
    )
    .bind(project)
    .bind(now.0)
    .bind(count(most))
    .fetch_all(change)
    .await
    .map_err(failed(READING))?;
    rows.iter().map(read).collect()
}

pub(super) async fn lapsed(
    change: &mut SqliteConnection,
    project: &str,
    most: usize,
) -> Result<Vec<Reservation>> {
    let rows = sqlx::query(
        "SELECT * FROM reservation WHERE project = ? AND phase = 'lapsed' ORDER BY lease_until, id LIMIT ?",
    )
    .bind(project)
    .bind(count(most))
    .fetch_all(change)
    .await
    .map_err(failed(READING))?;
    rows.iter().map(read).collect()
}

/// Removes acknowledged ones whose lease ended at `until` or before.
pub(super) async fn forget(change: &mut SqliteConnection, project: &str, until: Millis) -> Result<()> {
    sqlx::query("DELETE FROM reservation WHERE project = ? AND phase = 'acknowledged' AND lease_until <= ?")
        .bind(project)
        .bind(until.0)
        .execute(change)
        .await
        .map_err(failed(WRITING))?;
    Ok(())
}

pub(super) async fn count_open<'c>(reader: impl SqliteExecutor<'c>, project: &str) -> Result<u64> {
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM reservation WHERE project = ? AND phase = 'open'")
            .bind(project)
            .fetch_one(reader)
            .await
            .map_err(failed(READING))?;
    Ok(u64::try_from(open).unwrap_or(0))
}

fn count(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn read(row: &SqliteRow) -> Result<Reservation> {
    let row = Columns(row);
    Ok(Reservation {
        held: Held {
            id: row.id("id")?,
            project: row.id("project")?,
            key: row.id("gateway_key")?,
            customer: row.tag_opt("customer_tag")?,
            admitted_at: row.millis("admitted_at")?,
            money: row.nano("money")?,
            tokens: row.number("tokens")?,
            tokens_per_minute: row.number_opt("tokens_per_minute")?,
            lease_until: row.millis("lease_until")?,
            uncounted: false,
        },
        plan: row.number("plan")?,
        lease_ms: row.number("lease_ms")?,
        phase: row.word("phase")?,
    })
}
