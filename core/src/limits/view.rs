//! The state that one admission reads and changes. Engines load it, decide on it, and write back what changed.

use serde::{Deserialize, Serialize};

use super::{Bucket, CapStanding, Caps, CounterId, Held, Scope, Window};
use crate::clock::Millis;
use crate::money::Nano;

/// A spend counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counter {
    /// What ended requests cost.
    pub settled: Nano,
    /// What requests under way hold.
    pub reserved: Nano,
}

impl Counter {
    /// Settled and reserved.
    #[must_use]
    pub fn spend(&self) -> Nano {
        self.settled.saturating_add(self.reserved)
    }
}

/// One spend counter of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub id: CounterId,
    /// Its state; none where the store does not have it.
    pub counter: Option<Counter>,
}

impl Line {
    /// The cap that applies to this counter.
    #[must_use]
    pub fn cap(&self, caps: &Caps) -> Option<Nano> {
        match (self.id.scope, self.id.window) {
            (Scope::Project, _) => caps.project_month,
            (Scope::Key(_), _) => caps.key_month,
            (Scope::Customer(_), Window::Day(_)) => caps.customer_day,
            (Scope::Customer(_), Window::Month(_)) => caps.customer_month,
        }
    }

    /// The counter, 0 where it is not there.
    #[must_use]
    pub fn state(&self) -> Counter {
        self.counter.unwrap_or_default()
    }
}

/// All that one admission depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The newest known revision of the project's configuration.
    pub rev: u64,
    /// The key's request rate.
    pub requests: Bucket,
    /// The key's token rate.
    pub tokens: Bucket,
    /// The key's requests under way.
    pub slots: u32,
    /// The spend counters that the request is booked into, capped or not: a cap set later is right at once.
    pub spend: Vec<Line>,
}

impl View {
    /// The counters that are not there.
    #[must_use]
    pub fn missing(&self) -> Vec<CounterId> {
        self.spend.iter().filter(|line| line.counter.is_none()).map(|line| line.id).collect()
    }

    /// Changes every counter that is there. Counters that are gone belong to windows nobody spends in any more; the
    /// ledger keeps them.
    pub(super) fn book(&mut self, change: impl Fn(&mut Counter)) {
        self.spend.iter_mut().filter_map(|line| line.counter.as_mut()).for_each(change);
    }

    /// The cap with the least left.
    pub(super) fn tightest(&self, caps: &Caps) -> Option<CapStanding> {
        let standings = self.spend.iter().filter_map(|line| {
            line.cap(caps).map(|cap| CapStanding { counter: line.id, cap, spend: line.state().spend() })
        });
        standings.min_by_key(|standing| standing.cap.saturating_sub(standing.spend))
    }
}

/// How far a reservation has come. One that was settled is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Under way: holds money and a slot.
    Open,
    /// Its lease ran out: charged at the estimate, the slot is free. The ledger does not show it yet.
    Lapsed,
    /// As lapsed, and the ledger shows it. Kept a while for a settlement that comes late.
    Acknowledged,
}

/// A reservation as engines keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// What it holds.
    pub held: Held,
    /// Which plan was admitted: 0 or 1.
    pub plan: usize,
    /// How long its lease is, in milliseconds.
    pub lease_ms: u64,
    /// How far it has come.
    pub phase: Phase,
}

impl Reservation {
    /// So long after its lease an acknowledged reservation may still be settled, in milliseconds.
    pub const LATE_MS: u64 = 24 * 3_600_000;

    /// Whether it is too late to settle it: only the ledger takes what comes now.
    #[must_use]
    pub fn is_over(&self, now: Millis) -> bool {
        self.phase == Phase::Acknowledged && now.since(self.held.lease_until) >= Reservation::LATE_MS
    }
}
