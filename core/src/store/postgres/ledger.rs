//! The ledger: rows, and their sums in the same transaction.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::failure::failed;
use super::insert::insert;
use super::line::{Change, within};
use super::lock::{BEGIN, BEGIN_APPEND, TRY_CLEAR};
use super::{PostgresStore, rollup, usage};
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{AdmissionId, CustomerTag, ProjectId};
use crate::limits::{CounterId, Scope, Window};
use crate::money::Nano;
use crate::settle::{Outcome, Row};
use crate::store::columns::{Columns, word};
use crate::store::entry::{bounded, read};
use crate::store::rollup::{Rollup, scope, subject};
use crate::store::{Ledger, RowFilter, StoreSize, UsageLine, UsageQuery};

pub(super) const READING: &str = "the ledger could not be read";
pub(super) const WRITING: &str = "the ledger could not be written";

/// Counters of past days that go in one transaction.
const COUNTERS_AT_ONCE: i64 = 10_000;

/// The columns of a row, in the forms that it is read from.
macro_rules! row_columns {
    () => {
        "id, request_id, client_request_id, project, gateway_key, customer, customer_tag, labels::text AS labels, \
         endpoint, requested_model, served_model, provider, attempts::text AS attempts, input_tokens, \
         cached_input_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, \
         audio_input_tokens, audio_output_tokens, cost, reserved, saved, latency_us, first_byte_us, cache, similarity, \
         outcome, status::bigint AS status, stream, estimated, downgraded_from, \
         decisions::text AS decisions, admitted_at, ended_at"
    };
}

#[async_trait]
impl Ledger for PostgresStore {
    async fn append(&self, rows: &[Row]) -> Result<()> {
        let rows = once_each(rows);
        if rows.is_empty() {
            return Ok(());
        }
        within(self.deadlines().change, WRITING, async {
            let mut change = self.change(BEGIN_APPEND, WRITING).await?;
            let rows = leave_out_names(&mut change, rows).await?;
            let mut rollup = Rollup::default();
            let added: HashSet<String> = insert(&mut change, &rows).await?.into_iter().collect();
            let (new, known): (Vec<Row>, Vec<Row>) =
                rows.into_iter().partition(|row| added.contains(&row.id.to_string()));
            new.iter().for_each(|row| rollup.add(row));
            replace_expired(&mut change, known, &mut rollup).await?;
            rollup::book(rollup, &mut change).await?;
            change.commit().await
        })
        .await
    }

    async fn spent(&self, project: ProjectId, counters: &[CounterId]) -> Result<Vec<Nano>> {
        let (scopes, subjects): (Vec<&str>, Vec<String>) =
            counters.iter().map(|counter| subject(counter.scope)).unzip();
        let windows: Vec<i32> = counters.iter().map(|counter| counter.window.code()).collect();
        let query = sqlx::query(
            "SELECT coalesce(spend.amount, 0) AS amount \
             FROM unnest($2::integer[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (window_code, scope, subject, n) \
             LEFT JOIN spend ON spend.project = $1 AND spend.window_code = asked.window_code \
             AND spend.scope = asked.scope AND spend.subject = asked.subject ORDER BY asked.n",
        )
        .bind(project.to_string())
        .bind(windows)
        .bind(scopes)
        .bind(subjects);
        let found = self.look_up_all(query, READING).await?;
        found.iter().map(|row| Columns(row).nano("amount")).collect()
    }

    async fn booked(
        &self,
        project: ProjectId,
        window: Window,
        after: Option<Scope>,
        most: u32,
    ) -> Result<Vec<(Scope, Nano)>> {
        let (after_scope, after_subject) = after.map(subject).unwrap_or_default();
        let query = sqlx::query(
            "SELECT scope, subject, amount FROM spend WHERE project = $1 AND window_code = $2 \
             AND (scope, subject) > ($3, $4) ORDER BY scope, subject LIMIT $5",
        )
        .bind(project.to_string())
        .bind(window.code())
        .bind(after_scope)
        .bind(after_subject)
        .bind(i64::from(most));
        let found = self.list(query, READING).await?;
        let read = |row: &PgRow| {
            let (of, whose): (String, String) = (
                row.try_get("scope").map_err(failed(READING))?,
                row.try_get("subject").map_err(failed(READING))?,
            );
            Ok((scope(&of, &whose)?, Columns(row).nano("amount")?))
        };
        found.iter().map(read).collect()
    }

    async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        let mut query =
            QueryBuilder::<Postgres>::new(concat!("SELECT ", row_columns!(), " FROM ledger WHERE true"));
        if let Some(project) = filter.project {
            query.push(" AND project = ").push_bind(project.to_string());
        }
        if let Some(id) = filter.id {
            query.push(" AND id = ").push_bind(id.to_string());
        }
        query.push(" ORDER BY admitted_at DESC, id DESC LIMIT ").push_bind(i64::from(filter.at_most()));
        self.list(query.build(), READING).await?.iter().map(read).collect()
    }

    async fn size(&self) -> Result<StoreSize> {
        // Counting many rows takes minutes; past a million the planner's estimate is near enough.
        let query = sqlx::query(
            "SELECT coalesce((SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
             WHERE relnamespace = to_regnamespace('lockgate') AND relkind = 'r'), 0) AS bytes, \
             (SELECT CASE WHEN reltuples > 1000000 THEN reltuples::bigint ELSE (SELECT count(*) FROM ledger) END \
             FROM pg_class WHERE oid = to_regclass('lockgate.ledger')) AS ledger_rows, \
             (SELECT count(*) FROM answer) AS answers",
        );
        let rows = self.list(query, READING).await?;
        let Some(row) = rows.first() else { return Ok(StoreSize::default()) };
        let row = Columns(row);
        Ok(StoreSize {
            bytes: row.number("bytes")?,
            ledger_rows: row.number("ledger_rows")?,
            answers: row.number("answers")?,
        })
    }

    async fn retire(&self, before: Millis, most: u32) -> Result<u64> {
        let query = || {
            sqlx::query(
                "DELETE FROM ledger WHERE id = ANY (ARRAY(SELECT id FROM ledger WHERE admitted_at < $1 \
                 ORDER BY admitted_at, id LIMIT $2))",
            )
            .bind(before.0)
            .bind(i64::from(most))
        };
        let retired = self.clear(query()).await?;
        // Codes of days have 8 digits, of months 6.
        let days = || {
            sqlx::query(
                "DELETE FROM spend WHERE ctid = ANY (ARRAY(SELECT ctid FROM spend \
                 WHERE window_code >= 10000000 AND window_code < $1 LIMIT $2))",
            )
            .bind(Window::day(before).code())
            .bind(COUNTERS_AT_ONCE)
        };
        while self.clear(days()).await? == COUNTERS_AT_ONCE.unsigned_abs() {}
        self.clear(sqlx::query("DELETE FROM forgotten_customer WHERE forgotten_at < $1").bind(before.0))
            .await?;
        Ok(retired)
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        usage::sum(self, query).await
    }
}

impl PostgresStore {
    /// Removes something in a transaction of its own; nothing while another process is clearing away.
    pub(super) async fn clear(&self, removal: super::line::Statement<'_>) -> Result<u64> {
        within(self.deadlines().long, WRITING, async {
            let mut change = self.change(BEGIN, WRITING).await?;
            let free = change.find(sqlx::query(TRY_CLEAR)).await?;
            let free: Option<bool> = free.map(|row| row.try_get(0)).transpose().map_err(failed(WRITING))?;
            let removed = if free == Some(true) { change.execute(removal).await?.rows_affected() } else { 0 };
            change.commit().await?;
            Ok(removed)
        })
        .await
    }
}

/// Each row once, by id, so that processes that add the same rows take their locks in the same order. Of several of one
/// id the first counts, save that a settled one replaces an expired one.
fn once_each(rows: &[Row]) -> Vec<Row> {
    let mut first: BTreeMap<AdmissionId, &Row> = BTreeMap::new();
    for row in rows {
        first
            .entry(row.id)
            .and_modify(|known| {
                if known.outcome == Outcome::Expired && row.outcome != Outcome::Expired {
                    *known = row;
                }
            })
            .or_insert(row);
    }
    first.into_values().map(|row| bounded(row.clone())).collect()
}

/// Rows admitted before their customer was forgotten come in without the name.
async fn leave_out_names(change: &mut Change, mut rows: Vec<Row>) -> Result<Vec<Row>> {
    let named: Vec<(String, CustomerTag)> = rows
        .iter()
        .filter_map(|row| Some((row.project.to_string(), row.customer.as_ref()?.tag())))
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    if named.is_empty() {
        return Ok(rows);
    }
    let (projects, tags): (Vec<String>, Vec<Vec<u8>>) =
        named.into_iter().map(|(project, tag)| (project, tag.0.to_vec())).unzip();
    let query = sqlx::query(
        "SELECT project, tag, forgotten_at FROM forgotten_customer \
         JOIN unnest($1::text[], $2::bytea[]) AS named (project, tag) USING (project, tag)",
    );
    let found = change.fetch(query.bind(projects).bind(tags)).await?;
    let mut forgotten = BTreeMap::new();
    for row in &found {
        let row = Columns(row);
        let Some(tag) = row.tag_opt("tag")? else { continue };
        forgotten.insert((row.id::<ProjectId>("project")?, tag), row.millis("forgotten_at")?);
    }
    for row in &mut rows {
        let tag = row.tag();
        let until = tag.and_then(|tag| forgotten.get(&(row.project, tag)));
        if row.customer.is_some() && until.is_some_and(|until| *until >= row.admitted_at) {
            row.customer_tag = tag;
            row.customer = None;
        }
    }
    Ok(rows)
}

/// Puts settled rows in the place of expired ones that are there.
async fn replace_expired(change: &mut Change, known: Vec<Row>, rollup: &mut Rollup) -> Result<()> {
    let mut settled: BTreeMap<AdmissionId, Row> =
        known.into_iter().filter(|row| row.outcome != Outcome::Expired).map(|row| (row.id, row)).collect();
    if settled.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = settled.keys().map(AdmissionId::to_string).collect();
    let query = sqlx::query(concat!(
        "DELETE FROM ledger WHERE id = ANY ($1) AND outcome = $2 RETURNING ",
        row_columns!()
    ));
    let taken: Vec<PgRow> = change.fetch(query.bind(ids).bind(word(&Outcome::Expired)?)).await?;
    let mut fresh = Vec::with_capacity(taken.len());
    for row in &taken {
        let expired = read(row)?;
        if let Some(row) = settled.remove(&expired.id) {
            rollup.remove(&expired);
            rollup.add(&row);
            fresh.push(row);
        }
    }
    if !fresh.is_empty() {
        insert(change, &fresh).await?;
    }
    Ok(())
}
