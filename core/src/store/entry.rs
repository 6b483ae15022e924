//! Rows of the ledger as every store bounds them, and as both databases hold them.

use super::columns::{Columns, Fetched};
use crate::error::Result;
use crate::money::Nano;
use crate::pricing::TokenCounts;
use crate::settle::Row;

/// Tokens of one kind in one row. More is a provider's mistake, and sums of it would leave the databases' integers.
const MOST_TOKENS: u64 = 1 << 40;

/// The row with amounts that can be summed a thousand times over.
pub(super) fn bounded(mut row: Row) -> Row {
    let money = |nano: Nano| nano.clamp(Nano::ZERO, Nano::MAX_CAP);
    row.cost = row.cost.map(money);
    row.saved = money(row.saved);
    row.reserved = money(row.reserved);
    let counts = &mut row.tokens;
    for count in [
        &mut counts.input,
        &mut counts.cached_input,
        &mut counts.cache_write,
        &mut counts.cache_write_1h,
        &mut counts.output,
        &mut counts.reasoning,
        &mut counts.audio_input,
        &mut counts.audio_output,
    ] {
        *count = (*count).min(MOST_TOKENS);
    }
    row
}

/// The row of a ledger, with its columns by their names.
pub(super) fn read(row: &impl Fetched) -> Result<Row> {
    let row = Columns(row);
    let customer = row.word_opt("customer")?;
    Ok(Row {
        id: row.id("id")?,
        request_id: row.text("request_id")?.to_owned(),
        client_request_id: row.text_opt("client_request_id")?.map(str::to_owned),
        project: row.id("project")?,
        key: row.id_opt("gateway_key")?,
        customer_tag: if customer.is_some() { None } else { row.tag_opt("customer_tag")? },
        customer,
        labels: row.json("labels")?,
        endpoint: row.text("endpoint")?.to_owned(),
        requested_model: row.text("requested_model")?.to_owned(),
        served_model: row.text_opt("served_model")?.map(str::to_owned),
        provider: row.text_opt("provider")?.map(str::to_owned),
        attempts: row.json("attempts")?,
        tokens: TokenCounts {
            input: row.number("input_tokens")?,
            cached_input: row.number("cached_input_tokens")?,
            cache_write: row.number("cache_write_tokens")?,
            cache_write_1h: row.number("cache_write_1h_tokens")?,
            output: row.number("output_tokens")?,
            reasoning: row.number("reasoning_tokens")?,
            audio_input: row.number("audio_input_tokens")?,
            audio_output: row.number("audio_output_tokens")?,
        },
        cost: row.nano_opt("cost")?,
        reserved: row.nano("reserved")?,
        saved: row.nano("saved")?,
        latency_us: row.number("latency_us")?,
        first_byte_us: row.number_opt("first_byte_us")?,
        cache: row.word("cache")?,
        similarity: row.real_opt("similarity")?,
        outcome: row.word("outcome")?,
        status: row.number("status")?,
        stream: row.flag("stream")?,
        estimated: row.flag("estimated")?,
        decisions: row.json_opt("decisions")?,
        downgraded_from: row.text_opt("downgraded_from")?.map(str::to_owned),
        admitted_at: row.millis("admitted_at")?,
        ended_at: row.millis("ended_at")?,
    })
}
