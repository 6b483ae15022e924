//! Forgetting a customer's name.

use super::PostgresStore;
use super::directory::{move_project, publish};
use super::line::within;
use super::lock::{BEGIN, BEGIN_FORGET};
use crate::error::Result;
use crate::ids::{CustomerId, ProjectId};
use crate::store::columns::Columns;

const FORGETTING: &str = "the customer could not be forgotten";
/// Rows that lose their name in one transaction.
const AT_ONCE: i64 = 5000;

/// Removes the customer's limits and name; says whether there was anything of them. The sums stay: spend counters
/// know the customer by a hash, daily usage moves to the line without a customer.
///
/// The name may be in millions of rows, so it leaves them in portions. What fails in between can be repeated.
pub(super) async fn customer(store: &PostgresStore, project: ProjectId, id: &CustomerId) -> Result<bool> {
    let name = project.to_string();
    let mut found = store
        .told(async {
            let mut change = store.change(BEGIN_FORGET, FORGETTING).await?;
            move_project(&mut change, project).await?;
            let mut found = 0;
            for statement in [
                "DELETE FROM customer WHERE project = $1 AND id = $2",
                "DELETE FROM meaning WHERE project = $1 AND customer = $2",
                "INSERT INTO daily_usage AS kept (project, day, gateway_key, customer, provider, model, requests, \
                 cache_hits, input_tokens, output_tokens, cost, saved, unpriced) \
                 SELECT project, day, gateway_key, '', provider, model, requests, cache_hits, input_tokens, \
                 output_tokens, cost, saved, unpriced FROM daily_usage \
                 WHERE project = $1 AND customer = $2 AND customer <> '' \
                 ORDER BY project, day, gateway_key, provider, model \
                 ON CONFLICT (project, day, gateway_key, customer, provider, model) DO UPDATE SET \
                 requests = kept.requests + excluded.requests, cache_hits = kept.cache_hits + excluded.cache_hits, \
                 input_tokens = kept.input_tokens + excluded.input_tokens, \
                 output_tokens = kept.output_tokens + excluded.output_tokens, cost = kept.cost + excluded.cost, \
                 saved = kept.saved + excluded.saved, unpriced = kept.unpriced + excluded.unpriced",
                "DELETE FROM daily_usage WHERE project = $1 AND customer = $2 AND customer <> ''",
            ] {
                let done = change.execute(sqlx::query(statement).bind(&name).bind(id.as_str())).await?;
                found += done.rows_affected();
            }
            // Rows still on their way were admitted before this moment: they come in without the name.
            let query = sqlx::query(
                "INSERT INTO forgotten_customer AS known (project, tag, forgotten_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (project, tag) DO UPDATE SET \
                 forgotten_at = greatest(known.forgotten_at, excluded.forgotten_at)",
            );
            let query = query.bind(&name).bind(id.tag().0.to_vec()).bind(store.clock().now().0);
            change.execute(query).await?;
            Ok((found, publish(change).await?))
        })
        .await?;
    let mut last = String::new();
    loop {
        let portion = within(store.deadlines().change, FORGETTING, async {
            let mut change = store.change(BEGIN, FORGETTING).await?;
            // From where the last portion ended: what it changed is not read again.
            let query = sqlx::query(
                "UPDATE ledger SET customer = NULL WHERE id = ANY (ARRAY(SELECT id FROM ledger \
                 WHERE customer = $1 AND project = $2 AND id > $3 ORDER BY id LIMIT $4 FOR UPDATE)) RETURNING id",
            );
            let query = query.bind(id.as_str()).bind(&name).bind(&last).bind(AT_ONCE);
            let changed = change.fetch(query).await?;
            change.commit().await?;
            changed.iter().map(|row| Columns(row).text("id").map(str::to_owned)).collect::<Result<Vec<String>>>()
        })
        .await?;
        found += portion.len() as u64;
        match portion.into_iter().max() {
            Some(end) => last = end,
            None => return Ok(found > 0),
        }
    }
}
