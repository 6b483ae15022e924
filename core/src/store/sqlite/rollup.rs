//! The sums that a batch of rows changes: one update for each counter and line, however many rows.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::failure::failed;
use super::ledger::WRITING;
use crate::error::Result;
use crate::limits::{CounterId, Scope, Window};
use crate::money::Nano;
use crate::settle::{CacheVerdict, Row};

/// Where a line of daily usage belongs: project, day, key, customer, provider, model.
type Line = (String, i32, String, String, String, String);

/// Requests, cache hits, input tokens, output tokens, cost, saved, unpriced.
type Sums = [i64; 7];

/// Differences to book.
#[derive(Default)]
pub(super) struct Rollup {
    spend: BTreeMap<(String, CounterId), i64>,
    usage: BTreeMap<Line, Sums>,
}

impl Rollup {
    /// Counts a row that came in.
    pub(super) fn add(&mut self, row: &Row) {
        self.count(row, 1);
    }

    /// Takes back a row that went out.
    pub(super) fn remove(&mut self, row: &Row) {
        self.count(row, -1);
    }

    fn count(&mut self, row: &Row, sign: i64) {
        let project = row.project.to_string();
        let cost = row.cost.unwrap_or(Nano::ZERO).nano();
        if cost != 0 {
            for counter in row.counters() {
                let amount = self.spend.entry((project.clone(), counter)).or_default();
                *amount = amount.saturating_add(sign * cost);
            }
        }
        let line = (
            project,
            Window::day(row.admitted_at).code(),
            row.key.map(|key| key.to_string()).unwrap_or_default(),
            row.customer.as_ref().map(|customer| customer.as_str().to_owned()).unwrap_or_default(),
            row.provider.clone().unwrap_or_default(),
            row.served_model.clone().unwrap_or_default(),
        );
        let change: Sums = [
            1,
            i64::from(row.cache != CacheVerdict::Miss),
            i64::try_from(row.tokens.input).unwrap_or(i64::MAX),
            i64::try_from(row.tokens.output).unwrap_or(i64::MAX),
            cost,
            row.saved.nano(),
            i64::from(row.cost.is_none()),
        ];
        for (sum, part) in self.usage.entry(line).or_default().iter_mut().zip(change) {
            *sum = sum.saturating_add(part.saturating_mul(sign));
        }
    }

    /// Books the differences.
    pub(super) async fn book(self, change: &mut SqliteConnection) -> Result<()> {
        for ((project, counter), amount) in self.spend {
            let (scope, subject) = subject(counter.scope);
            sqlx::query(
                "INSERT INTO spend (project, window_code, scope, subject, amount) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (project, window_code, scope, subject) DO UPDATE SET amount = amount + excluded.amount",
            )
            .bind(project)
            .bind(counter.window.code())
            .bind(scope)
            .bind(subject)
            .bind(amount)
            .execute(&mut *change)
            .await
            .map_err(failed(WRITING))?;
        }
        for ((project, day, key, customer, provider, model), sums) in self.usage {
            let mut upsert = sqlx::query(
                "INSERT INTO daily_usage (project, day, gateway_key, customer, provider, model, requests, \
                 cache_hits, input_tokens, output_tokens, cost, saved, unpriced) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (project, day, gateway_key, customer, provider, model) DO UPDATE SET \
                 requests = requests + excluded.requests, cache_hits = cache_hits + excluded.cache_hits, \
                 input_tokens = input_tokens + excluded.input_tokens, \
                 output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost, \
                 saved = saved + excluded.saved, unpriced = unpriced + excluded.unpriced",
            )
            .bind(project)
            .bind(day)
            .bind(key)
            .bind(customer)
            .bind(provider)
            .bind(model);
            for sum in sums {
                upsert = upsert.bind(sum);
            }
            upsert.execute(&mut *change).await.map_err(failed(WRITING))?;
        }
        Ok(())
    }
}

/// A scope as the table `spend` writes it.
pub(super) fn subject(scope: Scope) -> (&'static str, String) {
    match scope {
        Scope::Project => ("project", String::new()),
        Scope::Key(key) => ("key", key.to_string()),
        Scope::Customer(tag) => ("customer", tag.to_string()),
    }
}
