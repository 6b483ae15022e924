//! What a row adds to the sums of the ledger: the same for every store.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::ids::ProjectId;
use crate::limits::{CounterId, Scope, Window};
use crate::money::Nano;
use crate::settle::{CacheVerdict, Row};

/// Where a row counts in daily usage. Empty text = none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UsageKey {
    pub(crate) project: ProjectId,
    /// yyyymmdd.
    pub(crate) day: i32,
    pub(crate) key: String,
    pub(crate) customer: String,
    pub(crate) provider: String,
    pub(crate) model: String,
}

impl UsageKey {
    pub(crate) fn of(row: &Row) -> UsageKey {
        UsageKey {
            project: row.project,
            day: Window::day(row.admitted_at).code(),
            key: row.key.map(|key| key.to_string()).unwrap_or_default(),
            customer: row.customer.as_ref().map(|customer| customer.as_str().to_owned()).unwrap_or_default(),
            provider: row.provider.clone().unwrap_or_default(),
            model: row.served_model.clone().unwrap_or_default(),
        }
    }
}

/// Summed usage, or a difference of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) requests: i64,
    pub(crate) cache_hits: i64,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cost: i64,
    pub(crate) saved: i64,
    pub(crate) unpriced: i64,
}

impl Sums {
    pub(crate) fn of(row: &Row) -> Sums {
        Sums {
            requests: 1,
            cache_hits: i64::from(row.cache != CacheVerdict::Miss),
            input_tokens: i64::try_from(row.tokens.input).unwrap_or(i64::MAX),
            output_tokens: i64::try_from(row.tokens.output).unwrap_or(i64::MAX),
            cost: row.cost.unwrap_or(Nano::ZERO).nano(),
            saved: row.saved.nano(),
            unpriced: i64::from(row.cost.is_none()),
        }
    }

    /// Adds `other`, `sign` times.
    pub(crate) fn add(&mut self, other: Sums, sign: i64) {
        let Sums { requests, cache_hits, input_tokens, output_tokens, cost, saved, unpriced } = self;
        for (sum, part) in [
            (requests, other.requests),
            (cache_hits, other.cache_hits),
            (input_tokens, other.input_tokens),
            (output_tokens, other.output_tokens),
            (cost, other.cost),
            (saved, other.saved),
            (unpriced, other.unpriced),
        ] {
            *sum = sum.saturating_add(part.saturating_mul(sign));
        }
    }
}

/// Sums by counter and by line of daily usage: of all rows of a store, or what a batch changes.
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    pub(crate) spend: BTreeMap<(ProjectId, CounterId), i64>,
    pub(crate) usage: BTreeMap<UsageKey, Sums>,
}

impl Rollup {
    /// Counts a row that came in.
    pub(crate) fn add(&mut self, row: &Row) {
        self.count(row, 1);
    }

    /// Takes back a row that went out.
    pub(crate) fn remove(&mut self, row: &Row) {
        self.count(row, -1);
    }

    fn count(&mut self, row: &Row, sign: i64) {
        let sums = Sums::of(row);
        if sums.cost != 0 {
            for counter in row.counters() {
                let amount = self.spend.entry((row.project, counter)).or_default();
                *amount = amount.saturating_add(sums.cost.saturating_mul(sign));
            }
        }
        self.usage.entry(UsageKey::of(row)).or_default().add(sums, sign);
    }
}

/// A scope as the table `spend` of the databases writes it.
pub(super) fn subject(scope: Scope) -> (&'static str, String) {
    match scope {
        Scope::Project => ("project", String::new()),
        Scope::Key(key) => ("key", key.to_string()),
        Scope::Customer(tag) => ("customer", tag.to_string()),
    }
}

/// The scope that the table `spend` writes so.
pub(super) fn scope(scope: &str, subject: &str) -> Result<Scope> {
    let unknown = |source| Error::internal("a spend counter of nobody's", source);
    match scope {
        "key" => subject.parse().map(Scope::Key).map_err(unknown),
        "customer" => subject.parse().map(Scope::Customer).map_err(unknown),
        _ => Ok(Scope::Project),
    }
}
