//! Forgetting a customer's name.

use sqlx::SqliteConnection;

use super::failure::failed;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{CustomerId, ProjectId};

const FORGETTING: &str = "the customer could not be forgotten";

/// Removes the customer's limits and name; says whether there was anything of them. The sums stay: spend counters
/// know the customer by a hash, daily usage moves to the line without a customer.
pub(super) async fn customer(
    change: &mut SqliteConnection,
    project: ProjectId,
    id: &CustomerId,
    now: Millis,
) -> Result<bool> {
    let project = project.to_string();
    let mut found = 0;
    for statement in [
        "DELETE FROM customer WHERE project = ? AND id = ?",
        "DELETE FROM meaning WHERE project = ? AND customer = ?",
        "UPDATE ledger SET customer = NULL WHERE project = ? AND customer = ?",
        "INSERT INTO daily_usage (project, day, gateway_key, customer, provider, model, requests, cache_hits, \
         input_tokens, output_tokens, cost, saved, unpriced) \
         SELECT project, day, gateway_key, '', provider, model, requests, cache_hits, input_tokens, output_tokens, \
         cost, saved, unpriced FROM daily_usage WHERE project = ? AND customer = ? AND customer <> '' \
         ON CONFLICT (project, day, gateway_key, customer, provider, model) DO UPDATE SET \
         requests = requests + excluded.requests, cache_hits = cache_hits + excluded.cache_hits, \
         input_tokens = input_tokens + excluded.input_tokens, \
         output_tokens = output_tokens + excluded.output_tokens, \
         cost = cost + excluded.cost, saved = saved + excluded.saved, unpriced = unpriced + excluded.unpriced",
        "DELETE FROM daily_usage WHERE project = ? AND customer = ? AND customer <> ''",
    ] {
        let done = sqlx::query(statement).bind(&project).bind(id.as_str()).execute(&mut *change).await;
        found += done.map_err(failed(FORGETTING))?.rows_affected();
    }
    // Rows still on their way were admitted before this moment: they come in without the name.
    sqlx::query(
        "INSERT INTO forgotten_customer (project, tag, forgotten_at) VALUES (?, ?, ?) \
         ON CONFLICT (project, tag) DO UPDATE SET forgotten_at = max(forgotten_at, excluded.forgotten_at)",
    )
    .bind(&project)
    .bind(id.tag().0.to_vec())
    .bind(now.0)
    .execute(change)
    .await
    .map_err(failed(FORGETTING))?;
    Ok(found > 0)
}
