//! What is kept of a project and of each of its keys.

use sqlx::SqliteConnection;

use super::{READING, WRITING};
use crate::error::Result;
use crate::ids::KeyId;
use crate::limits::{Bucket, View};
use crate::store::columns::Columns;
use crate::store::sqlite::failure::failed;

/// The newest known revision; 0 where none was shown.
pub(super) async fn rev(change: &mut SqliteConnection, project: &str) -> Result<u64> {
    let rev: Option<i64> = sqlx::query_scalar("SELECT rev FROM limit_project WHERE project = ?")
        .bind(project)
        .fetch_optional(change)
        .await
        .map_err(failed(READING))?;
    Ok(u64::try_from(rev.unwrap_or(0)).unwrap_or(0))
}

/// Makes `rev` the newest known revision, unless a newer one is.
pub(super) async fn revise(change: &mut SqliteConnection, project: &str, rev: u64) -> Result<()> {
    sqlx::query(
        "INSERT INTO limit_project (project, rev, pruned) VALUES (?, ?, 0) \
         ON CONFLICT (project) DO UPDATE SET rev = max(rev, excluded.rev)",
    )
    .bind(project)
    .bind(i64::try_from(rev).unwrap_or(i64::MAX))
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(())
}

/// Request rate, token rate, slots in use.
pub(super) async fn load(
    change: &mut SqliteConnection,
    project: &str,
    key: KeyId,
) -> Result<(Bucket, Bucket, u32)> {
    let row = sqlx::query("SELECT * FROM limit_key WHERE project = ? AND gateway_key = ?")
        .bind(project)
        .bind(key.to_string())
        .fetch_optional(change)
        .await
        .map_err(failed(READING))?;
    let Some(row) = row else { return Ok(Default::default()) };
    let row = Columns(&row);
    let bucket = |used: &str, at: &str, rate: &str| -> Result<Bucket> {
        Ok(Bucket { used: row.number(used)?, at: row.millis(at)?, rate: row.number(rate)? })
    };
    Ok((
        bucket("requests_used", "requests_at", "requests_rate")?,
        bucket("tokens_used", "tokens_at", "tokens_rate")?,
        row.number("slots")?,
    ))
}

pub(super) async fn keep(
    change: &mut SqliteConnection,
    project: &str,
    key: KeyId,
    view: &View,
) -> Result<()> {
    // Never above 2^53.
    let used = |bucket: &Bucket| i64::try_from(bucket.used).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO limit_key (project, gateway_key, requests_used, requests_at, requests_rate, tokens_used, \
         tokens_at, tokens_rate, slots) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (project, gateway_key) DO UPDATE SET requests_used = excluded.requests_used, \
         requests_at = excluded.requests_at, requests_rate = excluded.requests_rate, \
         tokens_used = excluded.tokens_used, tokens_at = excluded.tokens_at, \
         tokens_rate = excluded.tokens_rate, slots = excluded.slots",
    )
    .bind(project)
    .bind(key.to_string())
    .bind(used(&view.requests))
    .bind(view.requests.at.0)
    .bind(view.requests.rate)
    .bind(used(&view.tokens))
    .bind(view.tokens.at.0)
    .bind(view.tokens.rate)
    .bind(view.slots)
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(())
}
