//! The ledger in memory: the newest rows, and the sums of all.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::MemoryStore;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{AdmissionId, CustomerId, CustomerTag, ProjectId};
use crate::limits::{CounterId, Scope, Window};
use crate::money::Nano;
use crate::settle::{Outcome, Row};
use crate::store::entry::bounded;
use crate::store::rollup::{Rollup, Sums, UsageKey};
use crate::store::{GroupBy, Ledger, RowFilter, StoreSize, UsageLine, UsageQuery};

/// So many rows are kept, the newest. Older ones stay in the sums; one of them that comes in again counts anew.
pub const KEPT_ROWS: usize = 10_000;
/// UTC has no leap seconds on our clock: every day is this long.
const DAY_MS: i64 = 86_400_000;

#[derive(Default)]
pub(super) struct Books {
    /// By admission, oldest first.
    rows: BTreeMap<(Millis, AdmissionId), Row>,
    admitted: HashMap<AdmissionId, Millis>,
    sums: Rollup,
    /// Customers whose name is left out of rows admitted until then.
    forgotten: HashMap<(ProjectId, CustomerTag), Millis>,
}

impl Books {
    fn append(&mut self, row: &Row) {
        if let Some(at) = self.admitted.get(&row.id).copied() {
            let expired = self.rows.get(&(at, row.id)).is_some_and(|known| known.outcome == Outcome::Expired);
            if !expired || row.outcome == Outcome::Expired {
                return;
            }
            if let Some(expired) = self.rows.remove(&(at, row.id)) {
                self.sums.remove(&expired);
            }
        }
        let mut row = bounded(row.clone());
        let tag = row.tag();
        let forgotten = tag.and_then(|tag| self.forgotten.get(&(row.project, tag)));
        if forgotten.is_some_and(|until| *until >= row.admitted_at) {
            row.customer = None;
        }
        row.customer_tag = tag.filter(|_| row.customer.is_none());
        self.sums.add(&row);
        self.admitted.insert(row.id, row.admitted_at);
        self.rows.insert((row.admitted_at, row.id), row);
        while self.rows.len() > KEPT_ROWS {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(((_, id), _)) = self.rows.pop_first() {
            self.admitted.remove(&id);
        }
    }

    /// Removes the customer's name; says whether there was anything of it. The sums stay.
    pub(super) fn forget(&mut self, project: ProjectId, id: &CustomerId, now: Millis) -> bool {
        let tag = id.tag();
        self.forgotten.insert((project, tag), now);
        let mut found = false;
        for row in self.rows.values_mut().filter(|row| row.project == project) {
            if row.customer.as_ref() == Some(id) {
                row.customer_tag = Some(tag);
                row.customer = None;
                found = true;
            }
        }
        let named: Vec<UsageKey> = self
            .sums
            .usage
            .keys()
            .filter(|line| line.project == project && line.customer == id.as_str())
            .cloned()
            .collect();
        for mut line in named {
            let sums = self.sums.usage.remove(&line).unwrap_or_default();
            line.customer.clear();
            self.sums.usage.entry(line).or_default().add(sums, 1);
            found = true;
        }
        found
    }

    fn usage(&self, query: &UsageQuery) -> Vec<UsageLine> {
        let mut lines: BTreeMap<String, Sums> = BTreeMap::new();
        if query.by == GroupBy::Total {
            lines.insert(String::new(), Sums::default());
        }
        let mut count = |key: &UsageKey, sums: Sums| {
            if sums.requests > 0 && asked_for(query, key) {
                lines.entry(group(query.by, key)).or_default().add(sums, 1);
            }
        };
        for (key, sums) in self.sums.usage.iter().filter(|(key, _)| whole_day(query, key.day)) {
            count(key, *sums);
        }
        let from = query.from.unwrap_or(Millis(i64::MIN));
        let to = query.to.unwrap_or(Millis(i64::MAX));
        for ((at, _), row) in self.rows.iter().filter(|((at, _), _)| from <= *at && *at < to) {
            if !whole_day(query, Window::day(*at).code()) {
                count(&UsageKey::of(row), Sums::of(row));
            }
        }
        lines.into_iter().map(|(group, sums)| line(group, sums)).collect()
    }
}

/// Whether all of the day is asked for.
fn whole_day(query: &UsageQuery, day: i32) -> bool {
    let end = Window::Day(day).end();
    let start = Millis(end.0.saturating_sub(DAY_MS));
    query.from.is_none_or(|from| from <= start) && query.to.is_none_or(|to| end <= to)
}

fn asked_for(query: &UsageQuery, line: &UsageKey) -> bool {
    query.project.is_none_or(|project| project == line.project)
        // Calls without a key have none in the row.
        && query.key.is_none_or(|key| if key.is_none() { line.key.is_empty() } else { line.key == key.to_string() })
        && query.customer.as_ref().is_none_or(|customer| line.customer == customer.as_str())
}

fn group(by: GroupBy, line: &UsageKey) -> String {
    match by {
        GroupBy::Total => String::new(),
        GroupBy::Day => {
            let (year, month, day) = (line.day / 10_000, line.day / 100 % 100, line.day % 100);
            format!("{year:04}-{month:02}-{day:02}")
        }
        GroupBy::Model => line.model.clone(),
        GroupBy::Provider => line.provider.clone(),
        GroupBy::Key => line.key.clone(),
        GroupBy::Customer => line.customer.clone(),
    }
}

fn line(group: String, sums: Sums) -> UsageLine {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    UsageLine {
        group,
        requests: count(sums.requests),
        cache_hits: count(sums.cache_hits),
        input_tokens: count(sums.input_tokens),
        output_tokens: count(sums.output_tokens),
        cost: Nano::from_nano(sums.cost),
        saved: Nano::from_nano(sums.saved),
        unpriced: count(sums.unpriced),
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn append(&self, rows: &[Row]) -> Result<()> {
        let mut books = self.inner.ledger.lock();
        rows.iter().for_each(|row| books.append(row));
        Ok(())
    }

    async fn spent(&self, project: ProjectId, counters: &[CounterId]) -> Result<Vec<Nano>> {
        let books = self.inner.ledger.lock();
        let amount = |id: &CounterId| books.sums.spend.get(&(project, *id)).copied().unwrap_or(0);
        Ok(counters.iter().map(|id| Nano::from_nano(amount(id))).collect())
    }

    async fn booked(
        &self,
        project: ProjectId,
        window: Window,
        after: Option<Scope>,
        most: u32,
    ) -> Result<Vec<(Scope, Nano)>> {
        let books = self.inner.ledger.lock();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let of_window = books.sums.spend.iter().filter(|((of, id), _)| *of == project && id.window == window);
        let mut all: Vec<(Scope, Nano)> =
            of_window.map(|((_, id), amount)| (id.scope, Nano::from_nano(*amount))).collect();
        all.retain(|(scope, _)| after.is_none_or(|after| *scope > after));
        all.sort_unstable_by_key(|(scope, _)| *scope);
        all.truncate(most);
        Ok(all)
    }

    async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        let books = self.inner.ledger.lock();
        let most = usize::try_from(filter.at_most()).unwrap_or(usize::MAX);
        let asked = |row: &&Row| {
            filter.project.is_none_or(|project| project == row.project)
                && filter.id.is_none_or(|id| id == row.id)
        };
        Ok(books.rows.values().rev().filter(asked).take(most).cloned().collect())
    }

    async fn size(&self) -> Result<StoreSize> {
        let ledger_rows = self.inner.ledger.lock().rows.len() as u64;
        Ok(StoreSize { ledger_rows, ..StoreSize::default() })
    }

    async fn retire(&self, before: Millis, most: u32) -> Result<u64> {
        let mut books = self.inner.ledger.lock();
        let mut retired = 0;
        while retired < u64::from(most)
            && books.rows.first_key_value().is_some_and(|((at, _), _)| *at < before)
        {
            books.drop_oldest();
            retired += 1;
        }
        let today = Window::day(before);
        books.sums.spend.retain(|(_, id), _| match id.window {
            Window::Day(_) => id.window >= today,
            Window::Month(_) => true,
        });
        books.forgotten.retain(|_, until| *until >= before);
        Ok(retired)
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        Ok(self.inner.ledger.lock().usage(query))
    }
}
