//! The sums that a batch of rows changes: one statement for all counters, one for all lines.

use super::line::Change;
use crate::error::Result;
use crate::limits::CounterId;
use crate::store::rollup::{Rollup, Sums, UsageKey, subject};

/// Books the differences. Both come in order, so that processes that book at the same time wait for one another and
/// never for each other.
pub(super) async fn book(rollup: Rollup, change: &mut Change) -> Result<()> {
    if !rollup.spend.is_empty() {
        spend(&rollup, change).await?;
    }
    if !rollup.usage.is_empty() {
        usage(&rollup, change).await?;
    }
    Ok(())
}

async fn spend(rollup: &Rollup, change: &mut Change) -> Result<()> {
    let counters = || rollup.spend.keys().map(|(_, counter)| counter);
    let (scopes, subjects): (Vec<&str>, Vec<String>) =
        counters().map(|CounterId { scope, .. }| subject(*scope)).unzip();
    let query = sqlx::query(
        "INSERT INTO spend AS kept (project, window_code, scope, subject, amount) \
         SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[]) \
         AS fresh (project, window_code, scope, subject, amount) \
         ORDER BY project COLLATE \"C\", window_code, scope COLLATE \"C\", subject COLLATE \"C\" \
         ON CONFLICT (project, window_code, scope, subject) DO UPDATE SET amount = kept.amount + excluded.amount",
    )
    .bind(rollup.spend.keys().map(|(project, _)| project.to_string()).collect::<Vec<_>>())
    .bind(counters().map(|counter| counter.window.code()).collect::<Vec<_>>())
    .bind(scopes)
    .bind(subjects)
    .bind(rollup.spend.values().copied().collect::<Vec<_>>());
    change.execute(query).await.map(|_| ())
}

async fn usage(rollup: &Rollup, change: &mut Change) -> Result<()> {
    let line = |text: fn(&UsageKey) -> &str| rollup.usage.keys().map(text).collect::<Vec<_>>();
    let sum = |part: fn(&Sums) -> i64| rollup.usage.values().map(part).collect::<Vec<_>>();
    let query = sqlx::query(
        "INSERT INTO daily_usage AS kept (project, day, gateway_key, customer, provider, model, requests, cache_hits, \
         input_tokens, output_tokens, cost, saved, unpriced) \
         SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], \
         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[]) \
         AS fresh (project, day, gateway_key, customer, provider, model, requests, cache_hits, input_tokens, \
         output_tokens, cost, saved, unpriced) \
         ORDER BY project COLLATE \"C\", day, gateway_key COLLATE \"C\", customer COLLATE \"C\", \
         provider COLLATE \"C\", model COLLATE \"C\" \
         ON CONFLICT (project, day, gateway_key, customer, provider, model) DO UPDATE SET \
         requests = kept.requests + excluded.requests, cache_hits = kept.cache_hits + excluded.cache_hits, \
         input_tokens = kept.input_tokens + excluded.input_tokens, \
         output_tokens = kept.output_tokens + excluded.output_tokens, cost = kept.cost + excluded.cost, \
         saved = kept.saved + excluded.saved, unpriced = kept.unpriced + excluded.unpriced",
    )
    .bind(rollup.usage.keys().map(|line| line.project.to_string()).collect::<Vec<_>>())
    .bind(rollup.usage.keys().map(|line| line.day).collect::<Vec<_>>())
    .bind(line(|line| &line.key))
    .bind(line(|line| &line.customer))
    .bind(line(|line| &line.provider))
    .bind(line(|line| &line.model))
    .bind(sum(|sums| sums.requests))
    .bind(sum(|sums| sums.cache_hits))
    .bind(sum(|sums| sums.input_tokens))
    .bind(sum(|sums| sums.output_tokens))
    .bind(sum(|sums| sums.cost))
    .bind(sum(|sums| sums.saved))
    .bind(sum(|sums| sums.unpriced));
    change.execute(query).await.map(|_| ())
}
