//! Spend counters of one project, in bounded memory.

use std::collections::HashMap;

use crate::clock::Millis;
use crate::ids::CustomerTag;
use crate::limits::{Counter, CounterId, Scope, Window};
use crate::money::Nano;

/// What a counter is taken for that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Zero: the limiter is the only memory of what was spent.
    Zero,
    /// Unknown: the limiter asks for it to be seeded from a ledger.
    Seeded,
}

/// A counter that nobody used for this long may go: seeded ones because by then the ledger shows what was settled on
/// them (a row reaches it within seconds), those of past windows because the window has ended for every clock.
const IDLE_MS: u64 = 10 * 60_000;
/// Counters of customers that stay, however idle, where they could be seeded again.
const KEPT_CUSTOMERS: usize = 100_000;
/// Looking for idle counters at most so often.
const PRUNE_MS: u64 = 60_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry {
    counter: Counter,
    /// Reservations that will still change it.
    pins: u32,
    touched: Millis,
}

/// The counters of one project.
///
/// Without a ledger to seed from, a customer's counters stay until their window ends: about 130 bytes for each
/// customer and window. With one, idle customers are let go beyond a bound.
#[derive(Debug)]
pub(super) struct Counters {
    start: Start,
    /// The project's and its keys': as many as there are keys.
    owners: HashMap<CounterId, Entry>,
    /// The customers'. Keyed by the window's code, which is smaller.
    customers: HashMap<(i32, CustomerTag), Entry>,
    pruned_at: Millis,
    /// No counter belongs to a window that ends before this.
    first_end: Millis,
}

impl Counters {
    pub(super) fn new(start: Start) -> Counters {
        Counters {
            start,
            owners: HashMap::new(),
            customers: HashMap::new(),
            pruned_at: Millis(0),
            first_end: Millis(i64::MAX),
        }
    }

    fn entry(&self, id: CounterId) -> Option<&Entry> {
        match id.scope {
            Scope::Customer(tag) => self.customers.get(&(id.window.code(), tag)),
            Scope::Project | Scope::Key(_) => self.owners.get(&id),
        }
    }

    /// The entry, made where it is not there.
    fn made(&mut self, id: CounterId) -> &mut Entry {
        match id.scope {
            Scope::Customer(tag) => self.customers.entry((id.window.code(), tag)).or_insert_with(|| {
                self.first_end = self.first_end.min(id.window.end());
                Entry::default()
            }),
            Scope::Project | Scope::Key(_) => self.owners.entry(id).or_default(),
        }
    }

    /// The counter; none where it is unknown and has to be seeded.
    pub(super) fn get(&self, id: CounterId) -> Option<Counter> {
        match (self.entry(id), self.start) {
            (Some(entry), _) => Some(entry.counter),
            (None, Start::Zero) => Some(Counter::default()),
            (None, Start::Seeded) => None,
        }
    }

    pub(super) fn set(&mut self, id: CounterId, counter: Counter, now: Millis) {
        let entry = self.made(id);
        entry.counter = counter;
        entry.touched = now;
    }

    /// Raises what is settled to at least `spent`.
    pub(super) fn seed(&mut self, id: CounterId, spent: Nano, now: Millis) {
        let entry = self.made(id);
        entry.counter.settled = entry.counter.settled.max(spent);
        entry.touched = now;
    }

    /// A reservation will change this counter again: it stays until then.
    pub(super) fn pin(&mut self, id: CounterId) {
        let entry = self.made(id);
        entry.pins = entry.pins.saturating_add(1);
    }

    pub(super) fn unpin(&mut self, id: CounterId) {
        let entry = self.made(id);
        entry.pins = entry.pins.saturating_sub(1);
    }

    /// Lets go what nobody will miss. Returns whether it looked.
    pub(super) fn prune(&mut self, now: Millis) -> bool {
        if now.since(self.pruned_at) < PRUNE_MS {
            return false;
        }
        self.pruned_at = now;
        let idle = |entry: &Entry| entry.pins == 0 && now.since(entry.touched) >= IDLE_MS;
        let over = |window: Window| now.since(window.end()) >= IDLE_MS;
        self.owners.retain(|id, entry| !(over(id.window) && idle(entry)));
        let crowded = self.start == Start::Seeded && self.customers.len() > KEPT_CUSTOMERS;
        if crowded || now.since(self.first_end) >= IDLE_MS {
            // Few windows, many customers: ends are computed once for each window.
            let mut ends: HashMap<i32, Millis> = HashMap::new();
            let mut first_end = Millis(i64::MAX);
            self.customers.retain(|(code, _), entry| {
                let end = *ends
                    .entry(*code)
                    .or_insert_with(|| Window::try_from(*code).map_or(Millis(i64::MIN), Window::end));
                let goes = idle(entry) && (crowded || now.since(end) >= IDLE_MS);
                if !goes {
                    first_end = first_end.min(end);
                }
                !goes
            });
            self.customers.shrink_to(KEPT_CUSTOMERS);
            self.first_end = first_end;
        }
        true
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.owners.len() + self.customers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CustomerId, KeyId};

    fn customer(n: u32, window: Window) -> CounterId {
        CounterId { window, scope: Scope::Customer(CustomerId::new(format!("c{n}")).unwrap().tag()) }
    }

    fn spent(nano: i64) -> Counter {
        Counter { settled: Nano::from_nano(nano), ..Counter::default() }
    }

    #[test]
    fn past_windows_go_and_present_ones_stay() {
        let now = Millis(1_790_000_000_000);
        let (day, month) = (Window::day(now), Window::month(now));
        let mut counters = Counters::new(Start::Zero);
        for n in 0..100 {
            counters.set(customer(n, day), spent(1), now);
            counters.set(customer(n, month), spent(1), now);
        }
        counters.set(CounterId { window: month, scope: Scope::Project }, spent(100), now);
        counters.set(CounterId { window: month, scope: Scope::Key(KeyId::NONE) }, spent(100), now);
        counters.pin(customer(7, day));
        assert!(counters.prune(Millis(day.end().0 + 599_999)));
        assert_eq!(counters.len(), 202);
        assert!(!counters.prune(Millis(day.end().0 + 600_000)), "at most once a minute");
        assert!(counters.prune(Millis(day.end().0 + 700_000)));
        assert_eq!(counters.len(), 103, "the day's are gone, save the one still in use");
        counters.unpin(customer(7, day));
        assert!(counters.prune(Millis(day.end().0 + 800_000)));
        assert_eq!(counters.len(), 102);
        assert!(counters.prune(Millis(month.end().0 + 600_000)));
        assert_eq!(counters.len(), 0);
    }

    #[test]
    fn idle_customers_go_only_where_they_can_be_seeded_again() {
        let now = Millis(1_790_000_000_000);
        let month = Window::month(now);
        for (start, kept) in [(Start::Zero, 200_000), (Start::Seeded, 1)] {
            let mut counters = Counters::new(start);
            for n in 0..200_000 {
                counters.set(customer(n, month), spent(1), now);
            }
            counters.pin(customer(5, month));
            assert!(counters.prune(Millis(now.0 + 599_999)));
            assert_eq!(counters.len(), 200_000, "{start:?}: nobody is idle yet");
            assert!(counters.prune(Millis(now.0 + 700_000)));
            assert_eq!(counters.len(), kept, "{start:?}");
            assert_eq!(counters.get(customer(5, month)), Some(spent(1)));
            let gone = if start == Start::Zero { Some(spent(1)) } else { None };
            assert_eq!(counters.get(customer(6, month)), gone);
        }
    }

    #[test]
    fn seeding_only_raises() {
        let now = Millis(1_790_000_000_000);
        let id = customer(1, Window::month(now));
        let mut counters = Counters::new(Start::Seeded);
        assert_eq!(counters.get(id), None);
        counters.seed(id, Nano::from_nano(50), now);
        counters.seed(id, Nano::from_nano(20), now);
        assert_eq!(counters.get(id), Some(spent(50)));
    }
}
