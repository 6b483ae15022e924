//! The ledger: rows, and their sums in the same transaction.

use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::failure::failed;
use super::{SqliteStore, rollup, usage};
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::ProjectId;
use crate::limits::{CounterId, Scope, Window};
use crate::money::Nano;
use crate::settle::{Outcome, Row};
use crate::store::columns::{Columns, integer, json, word};
use crate::store::entry::{bounded, read};
use crate::store::rollup::{Rollup, scope as of_table, subject};
use crate::store::{Ledger, RowFilter, StoreSize, UsageLine, UsageQuery};

pub(super) const READING: &str = "the ledger could not be read";
pub(super) const WRITING: &str = "the ledger could not be written";

#[async_trait]
impl Ledger for SqliteStore {
    async fn append(&self, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut change = self.write(WRITING).await?;
        let any_forgotten = any_forgotten(&mut change).await?;
        let mut rollup = Rollup::default();
        for row in rows {
            let mut row = bounded(row.clone());
            if any_forgotten {
                leave_out_name(&mut change, &mut row).await?;
            }
            if insert(&mut change, &row).await? {
                rollup.add(&row);
            } else if row.outcome != Outcome::Expired
                && let Some(expired) = take_expired(&mut change, &row).await?
            {
                insert(&mut change, &row).await?;
                rollup.remove(&expired);
                rollup.add(&row);
            }
        }
        rollup::book(rollup, &mut change).await?;
        change.commit().await.map_err(failed(WRITING))
    }

    async fn spent(&self, project: ProjectId, counters: &[CounterId]) -> Result<Vec<Nano>> {
        let project = project.to_string();
        let mut amounts = Vec::with_capacity(counters.len());
        for counter in counters {
            let (scope, subject) = subject(counter.scope);
            let amount: Option<i64> = sqlx::query_scalar(
                "SELECT amount FROM spend WHERE project = ? AND window_code = ? AND scope = ? AND subject = ?",
            )
            .bind(&project)
            .bind(counter.window.code())
            .bind(scope)
            .bind(subject)
            .fetch_optional(self.readers())
            .await
            .map_err(failed(READING))?;
            amounts.push(Nano::from_nano(amount.unwrap_or(0)));
        }
        Ok(amounts)
    }

    async fn booked(
        &self,
        project: ProjectId,
        window: Window,
        after: Option<Scope>,
        most: u32,
    ) -> Result<Vec<(Scope, Nano)>> {
        let (scope, subject) = after.map(subject).unwrap_or_default();
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT scope, subject, amount FROM spend WHERE project = ? AND window_code = ? \
             AND (scope, subject) > (?, ?) ORDER BY scope, subject LIMIT ?",
        )
        .bind(project.to_string())
        .bind(window.code())
        .bind(scope)
        .bind(subject)
        .bind(most)
        .fetch_all(self.readers())
        .await
        .map_err(failed(READING))?;
        rows.iter()
            .map(|(scope, subject, amount)| Ok((of_table(scope, subject)?, Nano::from_nano(*amount))))
            .collect()
    }

    async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM ledger WHERE 1 = 1");
        if let Some(project) = filter.project {
            query.push(" AND project = ").push_bind(project.to_string());
        }
        if let Some(id) = filter.id {
            query.push(" AND id = ").push_bind(id.to_string());
        }
        query.push(" ORDER BY admitted_at DESC, id DESC LIMIT ").push_bind(filter.at_most());
        let found = query.build().fetch_all(self.readers()).await.map_err(failed(READING))?;
        found.iter().map(read).collect()
    }

    async fn size(&self) -> Result<StoreSize> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM ledger) AS ledger_rows, (SELECT count(*) FROM answer) AS answers, \
             (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) AS bytes",
        )
        .fetch_one(self.readers())
        .await
        .map_err(failed(READING))?;
        let row = Columns(&row);
        Ok(StoreSize {
            bytes: row.number("bytes")?,
            ledger_rows: row.number("ledger_rows")?,
            answers: row.number("answers")?,
        })
    }

    async fn retire(&self, before: Millis, most: u32) -> Result<u64> {
        let mut change = self.write(WRITING).await?;
        let retired = sqlx::query(
            "DELETE FROM ledger WHERE id IN \
             (SELECT id FROM ledger WHERE admitted_at < ? ORDER BY admitted_at LIMIT ?)",
        )
        .bind(before.0)
        .bind(most)
        .execute(&mut *change)
        .await
        .map_err(failed(WRITING))?
        .rows_affected();
        // Codes of days have 8 digits, of months 6.
        sqlx::query("DELETE FROM spend WHERE window_code >= 10000000 AND window_code < ?")
            .bind(Window::day(before).code())
            .execute(&mut *change)
            .await
            .map_err(failed(WRITING))?;
        sqlx::query("DELETE FROM forgotten_customer WHERE forgotten_at < ?")
            .bind(before.0)
            .execute(&mut *change)
            .await
            .map_err(failed(WRITING))?;
        change.commit().await.map_err(failed(WRITING))?;
        if retired > 0 {
            self.give_back_pages().await?;
        }
        Ok(retired)
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        usage::sum(self.readers(), query).await
    }
}

async fn any_forgotten(change: &mut SqliteConnection) -> Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM forgotten_customer)")
        .fetch_one(change)
        .await
        .map_err(failed(WRITING))
}

/// A row admitted before its customer was forgotten comes in without the name.
async fn leave_out_name(change: &mut SqliteConnection, row: &mut Row) -> Result<()> {
    let (Some(_), Some(tag)) = (&row.customer, row.tag()) else { return Ok(()) };
    let forgotten: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM forgotten_customer WHERE project = ? AND tag = ? AND forgotten_at >= ?)",
    )
    .bind(row.project.to_string())
    .bind(tag.0.to_vec())
    .bind(row.admitted_at.0)
    .fetch_one(change)
    .await
    .map_err(failed(WRITING))?;
    if forgotten {
        row.customer_tag = Some(tag);
        row.customer = None;
    }
    Ok(())
}

/// Adds the row; false where one with its id is there.
async fn insert(change: &mut SqliteConnection, row: &Row) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO ledger (id, request_id, client_request_id, project, gateway_key, customer, customer_tag, \
         labels, endpoint, requested_model, served_model, provider, attempts, input_tokens, cached_input_tokens, \
         cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens, \
         audio_output_tokens, cost, reserved, saved, latency_us, first_byte_us, cache, similarity, outcome, status, \
         stream, estimated, downgraded_from, decisions, admitted_at, ended_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
         ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )
    .bind(row.id.to_string())
    .bind(&row.request_id)
    .bind(&row.client_request_id)
    .bind(row.project.to_string())
    .bind(row.key.map(|key| key.to_string()))
    .bind(row.customer.as_ref().map(|customer| customer.as_str()))
    .bind(row.tag().map(|tag| tag.0.to_vec()))
    .bind(json(&row.labels)?)
    .bind(&row.endpoint)
    .bind(&row.requested_model)
    .bind(&row.served_model)
    .bind(&row.provider)
    .bind(json(&row.attempts)?)
    .bind(integer(row.tokens.input))
    .bind(integer(row.tokens.cached_input))
    .bind(integer(row.tokens.cache_write))
    .bind(integer(row.tokens.cache_write_1h))
    .bind(integer(row.tokens.output))
    .bind(integer(row.tokens.reasoning))
    .bind(integer(row.tokens.audio_input))
    .bind(integer(row.tokens.audio_output))
    .bind(row.cost.map(Nano::nano))
    .bind(row.reserved.nano())
    .bind(row.saved.nano())
    .bind(integer(row.latency_us))
    .bind(row.first_byte_us.map(integer))
    .bind(word(&row.cache)?)
    .bind(row.similarity.filter(|similarity| similarity.is_finite()).map(f64::from))
    .bind(word(&row.outcome)?)
    .bind(row.status)
    .bind(row.stream)
    .bind(row.estimated)
    .bind(&row.downgraded_from)
    .bind(row.decisions.as_ref().map(json).transpose()?)
    .bind(row.admitted_at.0)
    .bind(row.ended_at.0)
    .execute(change)
    .await
    .map_err(failed(WRITING))?;
    Ok(done.rows_affected() == 1)
}

/// Takes out the expired row in whose place `settled` comes.
async fn take_expired(change: &mut SqliteConnection, settled: &Row) -> Result<Option<Row>> {
    sqlx::query("DELETE FROM ledger WHERE id = ? AND outcome = ? RETURNING *")
        .bind(settled.id.to_string())
        .bind(word(&Outcome::Expired)?)
        .fetch_optional(change)
        .await
        .map_err(failed(WRITING))?
        .map(|row| read(&row))
        .transpose()
}
