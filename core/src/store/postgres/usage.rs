//! Usage: whole days from the daily sums, parts of days from rows.

use sqlx::{Postgres, QueryBuilder};

use super::PostgresStore;
use super::ledger::READING;
use crate::error::Result;
use crate::limits::Window;
use crate::store::usage::{line, split};
use crate::store::{GroupBy, UsageLine, UsageQuery};

pub(super) async fn sum(store: &PostgresStore, query: &UsageQuery) -> Result<Vec<UsageLine>> {
    store.list(statement(query).build(), READING).await?.iter().map(line).collect()
}

/// The statement that sums up what `query` asks for.
fn statement(query: &UsageQuery) -> QueryBuilder<Postgres> {
    let group = match query.by {
        GroupBy::Total => "''",
        GroupBy::Day => "to_char(to_date(day::text, 'YYYYMMDD'), 'YYYY-MM-DD')",
        GroupBy::Model => "model",
        GroupBy::Provider => "provider",
        GroupBy::Key => "gateway_key",
        GroupBy::Customer => "customer",
    };
    let mut sql = QueryBuilder::<Postgres>::new("SELECT ");
    sql.push(group).push("::text COLLATE \"C\" AS line");
    for sum in ["requests", "cache_hits", "input_tokens", "output_tokens", "cost", "saved", "unpriced"] {
        sql.push(format_args!(", coalesce(sum({sum}), 0)::bigint AS {sum}"));
    }
    sql.push(
        " FROM (SELECT day, gateway_key, customer, provider, model, requests, cache_hits, input_tokens, output_tokens, \
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
            " UNION ALL SELECT to_char(to_timestamp(admitted_at / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD')::integer, \
             coalesce(gateway_key, ''), coalesce(customer, ''), coalesce(provider, ''), \
             coalesce(served_model, ''), 1, (cache <> 'miss')::integer, input_tokens, output_tokens, \
             coalesce(cost, 0), saved, (cost IS NULL)::integer FROM ledger WHERE admitted_at >= ",
        );
        sql.push_bind(from.0).push(" AND admitted_at < ").push_bind(to.0);
        filter(&mut sql, query);
    }
    sql.push(") AS counted");
    if query.by != GroupBy::Total {
        sql.push(" GROUP BY line ORDER BY line");
    }
    sql
}

fn filter(sql: &mut QueryBuilder<Postgres>, query: &UsageQuery) {
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
        // Said for the planner: the index has only lines with a customer.
        sql.push(" AND customer <> ''");
    }
}
