//! Usage as both databases sum it: whole days from the daily sums, parts of days from rows.

use super::columns::{Columns, Fetched};
use super::{UsageLine, UsageQuery};
use crate::clock::Millis;
use crate::error::Result;

/// UTC has no leap seconds on our clock: every day is this long.
const DAY: i64 = 86_400_000;

/// What part of the time asked for comes from where.
pub(super) struct Split {
    /// First whole day, and the day after the last; none = open.
    pub(super) days: (Option<Millis>, Option<Millis>),
    /// Spans within a day.
    pub(super) parts: Vec<(Millis, Millis)>,
}

pub(super) fn split(query: &UsageQuery) -> Split {
    let up = |at: Millis| Millis(at.0.saturating_add(DAY - 1).div_euclid(DAY).saturating_mul(DAY));
    let down = |at: Millis| Millis(at.0.div_euclid(DAY).saturating_mul(DAY));
    let (first, last) = (query.from.map(up), query.to.map(down));
    if let (Some(from), Some(to), Some(first), Some(last)) = (query.from, query.to, first, last)
        && first > last
    {
        // Within one day.
        return Split { days: (Some(first), Some(first)), parts: vec![(from, to)] };
    }
    let head = query.from.zip(first);
    let tail = last.zip(query.to);
    let parts = [head, tail].into_iter().flatten().filter(|(from, to)| from < to).collect();
    Split { days: (first, last), parts }
}

/// A line of sums; its group is in the column `line`.
pub(super) fn line(row: &impl Fetched) -> Result<UsageLine> {
    let row = Columns(row);
    Ok(UsageLine {
        group: row.text("line")?.to_owned(),
        requests: row.number("requests")?,
        cache_hits: row.number("cache_hits")?,
        input_tokens: row.number("input_tokens")?,
        output_tokens: row.number("output_tokens")?,
        cost: row.nano("cost")?,
        saved: row.nano("saved")?,
        unpriced: row.number("unpriced")?,
    })
}
