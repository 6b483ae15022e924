//! The sums that a batch of rows changes: one update for each counter and line, however many rows.

use sqlx::SqliteConnection;

use super::failure::failed;
use super::ledger::WRITING;
use crate::error::Result;
use crate::store::rollup::{Rollup, subject};

/// Books the differences.
pub(super) async fn book(rollup: Rollup, change: &mut SqliteConnection) -> Result<()> {
    for ((project, counter), amount) in rollup.spend {
        let (scope, subject) = subject(counter.scope);
        sqlx::query(
            "INSERT INTO spend (project, window_code, scope, subject, amount) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (project, window_code, scope, subject) DO UPDATE SET amount = amount + excluded.amount",
        )
        .bind(project.to_string())
        .bind(counter.window.code())
        .bind(scope)
        .bind(subject)
        .bind(amount)
        .execute(&mut *change)
        .await
        .map_err(failed(WRITING))?;
    }
    for (line, sums) in rollup.usage {
        let upsert = sqlx::query(
            "INSERT INTO daily_usage (project, day, gateway_key, customer, provider, model, requests, \
             cache_hits, input_tokens, output_tokens, cost, saved, unpriced) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (project, day, gateway_key, customer, provider, model) DO UPDATE SET \
             requests = requests + excluded.requests, cache_hits = cache_hits + excluded.cache_hits, \
             input_tokens = input_tokens + excluded.input_tokens, \
             output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost, \
             saved = saved + excluded.saved, unpriced = unpriced + excluded.unpriced",
        )
        .bind(line.project.to_string())
        .bind(line.day)
        .bind(line.key)
        .bind(line.customer)
        .bind(line.provider)
        .bind(line.model)
        .bind(sums.requests)
        .bind(sums.cache_hits)
        .bind(sums.input_tokens)
        .bind(sums.output_tokens)
        .bind(sums.cost)
        .bind(sums.saved)
        .bind(sums.unpriced);
        upsert.execute(&mut *change).await.map_err(failed(WRITING))?;
    }
    Ok(())
}
