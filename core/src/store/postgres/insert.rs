//! Rows on their way into the table: one statement for a batch, a column at a time.

use sqlx::Row as _;

use super::failure::failed;
use super::ledger::WRITING;
use super::line::Change;
use crate::error::Result;
use crate::ids::CustomerId;
use crate::money::Nano;
use crate::settle::Row;
use crate::store::columns::{integer, json, word};

/// Adds the rows whose ids are not there yet. Returns the ids of those that were added.
pub(super) async fn insert(change: &mut Change, rows: &[Row]) -> Result<Vec<String>> {
    let query = sqlx::query(
        "INSERT INTO ledger (id, request_id, client_request_id, project, gateway_key, customer, customer_tag, labels, \
         endpoint, requested_model, served_model, provider, attempts, input_tokens, cached_input_tokens, \
         cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens, \
         audio_output_tokens, cost, reserved, saved, latency_us, first_byte_us, cache, similarity, outcome, status, \
         stream, estimated, downgraded_from, decisions, admitted_at, ended_at) \
         SELECT id, request_id, client_request_id, project, gateway_key, customer, customer_tag, labels::jsonb, \
         endpoint, requested_model, served_model, provider, attempts::jsonb, input_tokens, cached_input_tokens, \
         cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens, \
         audio_output_tokens, cost, reserved, saved, latency_us, first_byte_us, cache, similarity, outcome, status, \
         stream, estimated, downgraded_from, decisions::jsonb, admitted_at, ended_at \
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[], \
         $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::bigint[], \
         $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], \
         $24::bigint[], $25::bigint[], $26::bigint[], $27::text[], $28::real[], $29::text[], $30::integer[], \
         $31::boolean[], $32::boolean[], $33::text[], $34::text[], $35::bigint[], $36::bigint[]) \
         AS fresh (id, request_id, client_request_id, project, gateway_key, customer, customer_tag, labels, endpoint, \
         requested_model, served_model, provider, attempts, input_tokens, cached_input_tokens, cache_write_tokens, \
         cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, cost, \
         reserved, saved, latency_us, first_byte_us, cache, similarity, outcome, status, stream, estimated, \
         downgraded_from, decisions, admitted_at, ended_at) ON CONFLICT (id) DO NOTHING RETURNING id",
    )
    .bind(column(rows, |row| row.id.to_string()))
    .bind(column(rows, |row| text(&row.request_id)))
    .bind(column(rows, |row| row.client_request_id.as_deref().map(text)))
    .bind(column(rows, |row| row.project.to_string()))
    .bind(column(rows, |row| row.key.map(|key| key.to_string())))
    .bind(column(rows, |row| row.customer.as_ref().map(CustomerId::as_str)))
    .bind(column(rows, |row| row.tag().map(|tag| tag.0.to_vec())))
    .bind(all(rows, |row| json(&row.labels).map(without_nul))?)
    .bind(column(rows, |row| text(&row.endpoint)))
    .bind(column(rows, |row| text(&row.requested_model)))
    .bind(column(rows, |row| row.served_model.as_deref().map(text)))
    .bind(column(rows, |row| row.provider.as_deref().map(text)))
    .bind(all(rows, |row| json(&row.attempts).map(without_nul))?)
    .bind(column(rows, |row| integer(row.tokens.input)))
    .bind(column(rows, |row| integer(row.tokens.cached_input)))
    .bind(column(rows, |row| integer(row.tokens.cache_write)))
    .bind(column(rows, |row| integer(row.tokens.cache_write_1h)))
    .bind(column(rows, |row| integer(row.tokens.output)))
    .bind(column(rows, |row| integer(row.tokens.reasoning)))
    .bind(column(rows, |row| integer(row.tokens.audio_input)))
    .bind(column(rows, |row| integer(row.tokens.audio_output)))
    .bind(column(rows, |row| row.cost.map(Nano::nano)))
    .bind(column(rows, |row| row.reserved.nano()))
    .bind(column(rows, |row| row.saved.nano()))
    .bind(column(rows, |row| integer(row.latency_us)))
    .bind(column(rows, |row| row.first_byte_us.map(integer)))
    .bind(all(rows, |row| word(&row.cache))?)
    .bind(column(rows, |row| row.similarity.filter(|similarity| similarity.is_finite())))
    .bind(all(rows, |row| word(&row.outcome))?)
    .bind(column(rows, |row| i32::from(row.status)))
    .bind(column(rows, |row| row.stream))
    .bind(column(rows, |row| row.estimated))
    .bind(column(rows, |row| row.downgraded_from.as_deref().map(text)))
    .bind(all(rows, |row| row.decisions.as_ref().map(json).transpose().map(|text| text.map(without_nul)))?)
    .bind(column(rows, |row| row.admitted_at.0))
    .bind(column(rows, |row| row.ended_at.0));
    let added = change.fetch(query).await?;
    added.iter().map(|row| row.try_get("id").map_err(failed(WRITING))).collect()
}

/// One column of all rows.
fn column<'r, T>(rows: &'r [Row], value: impl Fn(&'r Row) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

fn all<T>(rows: &[Row], value: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(value).collect()
}

/// Postgres takes no NUL in a text; a row must not be lost for one.
fn text(given: &str) -> String {
    given.replace('\0', "\u{fffd}")
}

/// The same for JSON, where a NUL is written as `\u0000`. A backslash before that is itself escaped.
fn without_nul(json: String) -> String {
    if !json.contains("\\u0000") {
        return json;
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some((before, after)) = rest.split_once('\\') {
        clean.push_str(before);
        if let Some(after) = after.strip_prefix("u0000") {
            clean.push_str("\\ufffd");
            rest = after;
        } else {
            let mut signs = after.chars();
            clean.push('\\');
            clean.extend(signs.next());
            rest = signs.as_str();
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_replaced_and_nothing_else() {
        for given in ["", "plain", "a\0b", "\\u0000", "\\\0", "\"\\\0\\\\\0\n", "é\0"] {
            let written = serde_json::to_string(given).unwrap();
            let read: String = serde_json::from_str(&without_nul(written)).unwrap();
            assert_eq!(read, given.replace('\0', "\u{fffd}"));
            assert_eq!(text(given), read);
        }
    }
}
