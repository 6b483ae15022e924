//! What is known of the providers' health: a breaker and the time to the first byte, for each provider and model.
//!
//! A breaker puts a model that fails at the end of the plan; it never takes it out, so a plan is never emptied. The
//! load of equal candidates goes by peak EWMA (Finagle's load balancer): the time to the first byte, weighted by the
//! calls under way, forgotten with time so that a slow one is asked again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::Candidate;
use crate::clock::{Millis, SharedClock};
use crate::config::Breaker;

/// Most models that are remembered. Callers may name models nobody has; old ones make room.
const MOST_MODELS: usize = 4096;
/// What a time to the first byte is worth halves in so many milliseconds.
const HALF_LIFE_MS: f64 = 10_000.0;

/// The health of every provider's models.
pub(crate) struct Health {
    models: Cache<(String, String), Arc<Mutex<Vital>>>,
    clock: SharedClock,
    breaker: Breaker,
}

/// What is known of one model.
#[derive(Debug, Default)]
struct Vital {
    /// In a row.
    failures: u32,
    /// How often it opened in a row.
    opened: u32,
    open_until: Option<Millis>,
    /// A call under way that may close it.
    probing: bool,
    under_way: u32,
    /// Microseconds to the first byte.
    latency: f64,
    measured_at: Millis,
}

/// Whether a model may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// As far as is known.
    Well,
    /// It failed, and its time is up: one request may try it.
    Probe,
    /// It fails.
    Open,
}

impl Health {
    pub(crate) fn new(breaker: Breaker, clock: SharedClock) -> Health {
        Health { models: Cache::new(MOST_MODELS), clock, breaker }
    }

    fn vital(&self, candidate: &Candidate) -> Arc<Mutex<Vital>> {
        let key = (candidate.provider.name.clone(), candidate.model.clone());
        self.models.get(&key).unwrap_or_else(|| {
            let fresh = Arc::new(Mutex::new(Vital::default()));
            self.models.insert(key, fresh.clone());
            fresh
        })
    }

    /// Whether `candidate` may be asked.
    pub(crate) fn standing(&self, candidate: &Candidate) -> Standing {
        self.vital(candidate).lock().standing(self.clock.now())
    }

    /// The candidates in the order in which to ask them: those that are well first, each group as the plan has it,
    /// equal ones by load.
    pub(crate) fn order<'a>(&self, candidates: impl Iterator<Item = &'a Candidate>) -> Vec<&'a Candidate> {
        let now = self.clock.now();
        let mut rated: Vec<(bool, u16, f64, &Candidate)> = candidates
            .map(|candidate| {
                let vital = self.vital(candidate);
                let vital = vital.lock();
                let open = vital.standing(now) == Standing::Open;
                (open, candidate.rank, vital.load(now), candidate)
            })
            .collect();
        rated.sort_by(|one, other| {
            (one.0, one.1).cmp(&(other.0, other.1)).then_with(|| one.2.total_cmp(&other.2))
        });
        rated.into_iter().map(|(_, _, _, candidate)| candidate).collect()
    }

    /// The models whose breaker is open.
    pub(crate) fn open(&self) -> Vec<(String, String)> {
        let now = self.clock.now();
        self.models
            .iter()
            .filter(|(_, vital)| vital.lock().standing(now) == Standing::Open)
            .map(|(name, _)| name)
            .collect()
    }

    /// A call to `candidate` begins.
    pub(crate) fn watch(&self, candidate: &Candidate) -> Watch {
        let vital = self.vital(candidate);
        let began = self.clock.now();
        let probe = {
            let mut vital = vital.lock();
            vital.under_way += 1;
            let probe = vital.standing(began) == Standing::Probe;
            vital.probing |= probe;
            probe
        };
        Watch { vital, clock: self.clock.clone(), breaker: self.breaker, probe }
    }
}

impl Vital {
    fn standing(&self, now: Millis) -> Standing {
        match self.open_until {
            None => Standing::Well,
            Some(until) if now >= until && !self.probing => Standing::Probe,
            Some(_) => Standing::Open,
        }
    }

    /// What a call more would wait for.
    fn load(&self, now: Millis) -> f64 {
        self.remembered(now) * f64::from(self.under_way.saturating_add(1))
    }

    fn remembered(&self, now: Millis) -> f64 {
        let age = now.since(self.measured_at) as f64;
        self.latency * (-age / HALF_LIFE_MS * std::f64::consts::LN_2).exp()
    }

    fn measure(&mut self, now: Millis, latency: Duration) {
        let new = latency.as_secs_f64() * 1e6;
        let known = self.remembered(now);
        // A peak counts at once, an improvement by and by.
        self.latency = if new > known { new } else { known + (new - known) * 0.3 };
        self.measured_at = now;
    }
}

/// A call under way. Dropped without a verdict it says nothing of the provider: its caller left.
#[must_use = "a call that is not watched tells nothing"]
pub(crate) struct Watch {
    vital: Arc<Mutex<Vital>>,
    clock: SharedClock,
    breaker: Breaker,
    probe: bool,
}

impl Watch {
    /// The first byte came after `latency`.
    pub(crate) fn first_byte(&self, latency: Duration) {
        self.vital.lock().measure(self.clock.now(), latency);
    }

    /// The provider did its part: it answered, or what went wrong is not its fault.
    pub(crate) fn well(self) {
        let mut vital = self.vital.lock();
        vital.failures = 0;
        vital.opened = 0;
        vital.open_until = None;
    }

    /// The provider failed.
    pub(crate) fn failed(self) {
        let now = self.clock.now();
        let mut vital = self.vital.lock();
        vital.failures = vital.failures.saturating_add(1);
        let fails = self.breaker.failures > 0 && (self.probe || vital.failures >= self.breaker.failures);
        // One that was asked while it is open, because there was nobody else, does not stay open for longer.
        let open = vital.open_until.is_some_and(|until| now < until);
        if fails && !open {
            let span = self.breaker.open_ms.saturating_mul(1 << vital.opened.min(16));
            let span = Duration::from_millis(span.min(self.breaker.longest_open_ms));
            vital.opened = vital.opened.saturating_add(1);
            vital.open_until = Some(now.after(span));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut vital = self.vital.lock();
        vital.under_way = vital.under_way.saturating_sub(1);
        if self.probe {
            vital.probing = false;
        }
    }
}
