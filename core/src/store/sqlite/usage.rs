//! Usage: whole days from the daily sums, parts of days from rows.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite};

use super::failure::failed;
use super::ledger::READING;
use crate::error::Result;
use crate::limits::Window;
use crate::store::usage::{line, split};
use crate::store::{GroupBy, UsageLine, UsageQuery};

pub(super) async fn sum(readers: &SqlitePool, query: &UsageQuery) -> Result<Vec<UsageLine>> {
    let group = match query.by {
        GroupBy::Total => "''",
        GroupBy::Day => "substr(day, 1, 4) || '-' || substr(day, 5, 2) || '-' || substr(day, 7, 2)",
        GroupBy::Model => "model",
        GroupBy::Provider => "provider",
        GroupBy::Key => "gateway_key",
        GroupBy::Customer => "customer",
    };
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
    sql.push(group).push(
        " AS line, coalesce(sum(requests), 0) AS requests, coalesce(sum(cache_hits), 0) AS cache_hits, \
         coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens, \
         coalesce(sum(cost), 0) AS cost, coalesce(sum(saved), 0) AS saved, \
         coalesce(sum(unpriced), 0) AS unpriced FROM (\
         SELECT day, gateway_key, customer, provider, model, requests, cache_hits, input_tokens, output_tokens, \
         cost, saved, unpriced FROM daily_usage WHERE requests > 0",
    );
    let split = split(query);
    filter(&mut sql, query);
    if let Some(first) = split.days.0 {
        sql.push(" AND day >= ").push_bind(Window::day(first).code());
    }
    if let Some(last) = split.days.1 {
        sql.push(" AND day < ").push_bind(Window::day(last).code());
    }
    for (from, to) in split.parts {
        sql.push(
            " UNION ALL SELECT CAST(strftime('%Y%m%d', admitted_at / 1000, 'unixepoch') AS INTEGER), \
             coalesce(gateway_key, ''), coalesce(customer, ''), coalesce(provider, ''), \
             coalesce(served_model, ''), 1, cache <> 'miss', input_tokens, output_tokens, coalesce(cost, 0), \
             saved, cost IS NULL FROM ledger WHERE admitted_at >= ",
        );
        sql.push_bind(from.0).push(" AND admitted_at < ").push_bind(to.0);
        filter(&mut sql, query);
    }
    sql.push(")");
    if query.by != GroupBy::Total {
        sql.push(" GROUP BY line ORDER BY line");
    }
    let found = sql.build().fetch_all(readers).await.map_err(failed(READING))?;
    found.iter().map(line).collect()
}

fn filter(sql: &mut QueryBuilder<Sqlite>, query: &UsageQuery) {
    if let Some(project) = query.project {
        sql.push(" AND project = ").push_bind(project.to_string());
    }
    if let Some(key) = query.key {
        // Calls without a key have none in the row.
        let key = if key.is_none() { String::new() } else { key.to_string() };
        sql.push(" AND coalesce(gateway_key, '') = ").push_bind(key);
    }
    if let Some(customer) = &query.customer {
        sql.push(" AND customer = ").push_bind(customer.as_str().to_owned());
    }
}
