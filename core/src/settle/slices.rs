//! Policy `lease`: a slice of the project's cap that this process holds in advance, to spend while the limiter is away.
//!
//! A slice is an ordinary reservation: 1 % of what is left of the cap, taken with the first admission, renewed like any
//! other, and given back at the end. What is served from it is counted once the limiter is back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Outcome, Reserve, Settler};
use crate::error::Result;
use crate::ids::{AdmissionId, KeyId, ProjectId};
use crate::limits::{
    Admission, Caps, Charge, CounterId, Held, Plan, Rates, Scope, Settled, Settlement, Verdict, Window,
};
use crate::money::Nano;

/// Slices are counted on a key of nobody's, so that they take no slot of anybody's.
const SLICE_KEY: &str = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

/// What a slice is of the cap, and of what is left of it.
const PART: i64 = 100;

/// The slices of this process, by project.
#[derive(Debug, Default)]
pub(super) struct Slices(Mutex<HashMap<ProjectId, Slice>>);

#[derive(Debug, Default)]
struct Slice {
    held: Option<Held>,
    taking: bool,
    /// Something was served from it, so that a new one is taken when all of that is counted.
    used: bool,
    /// What is not lent. Below 0: a request cost more than it was lent.
    free: Nano,
    /// Lent to requests that the limiter has not counted yet.
    lent: HashMap<AdmissionId, Nano>,
}

/// Whether a reservation is a slice.
pub(super) fn is_slice(held: &Held) -> bool {
    held.key == slice_key()
}

fn slice_key() -> KeyId {
    SLICE_KEY.parse().unwrap_or(KeyId::NONE)
}

impl Slices {
    /// Whether a slice is to be taken, and the one that it replaces: of another month, or used.
    fn wanted(&self, project: ProjectId, month: Window) -> Option<Option<Held>> {
        let mut slices = self.0.lock();
        let slice = slices.entry(project).or_default();
        let fresh = slice.held.as_ref().is_some_and(|held| Window::month(held.admitted_at) == month);
        if (fresh && !slice.used) || slice.taking || !slice.lent.is_empty() {
            return None;
        }
        (slice.taking, slice.used, slice.free) = (true, false, Nano::ZERO);
        Some(slice.held.take())
    }

    fn taken(&self, project: ProjectId, held: Option<Held>) {
        let mut slices = self.0.lock();
        let slice = slices.entry(project).or_default();
        slice.taking = false;
        slice.free = held.as_ref().map_or(Nano::ZERO, |held| held.money);
        slice.held = held;
    }

    fn lend(&self, project: ProjectId, id: AdmissionId, money: Nano) -> bool {
        let mut slices = self.0.lock();
        let Some(slice) = slices.get_mut(&project).filter(|slice| slice.held.is_some()) else { return false };
        if money > slice.free {
            return false;
        }
        slice.free = slice.free.saturating_sub(money);
        slice.lent.insert(id, money);
        slice.used = true;
        true
    }

    /// Lends a request that was lent to before so much in all.
    fn lend_more(&self, held: &Held, money: Nano) -> bool {
        let mut slices = self.0.lock();
        let Some(slice) = slices.get_mut(&held.project).filter(|slice| slice.held.is_some()) else {
            return false;
        };
        let Some(lent) = slice.lent.get_mut(&held.id) else { return false };
        let more = money.saturating_sub(*lent);
        if more > slice.free {
            return false;
        }
        slice.free = slice.free.saturating_sub(more);
        *lent = money;
        true
    }

    /// The request cost this; what it was lent beyond that can be lent again.
    fn cost(&self, held: &Held, cost: Nano) {
        let mut slices = self.0.lock();
        let Some(slice) = slices.get_mut(&held.project) else { return };
        if let Some(lent) = slice.lent.get_mut(&held.id) {
            slice.free = slice.free.saturating_add(*lent).saturating_sub(cost);
            *lent = cost;
        }
    }

    /// The limiter has counted the request.
    pub(super) fn counted(&self, held: &Held) {
        if let Some(slice) = self.0.lock().get_mut(&held.project) {
            slice.lent.remove(&held.id);
        }
    }

    fn drain(&self) -> Vec<Held> {
        self.0.lock().drain().filter_map(|(_, slice)| slice.held).collect()
    }
}

impl Settler {
    /// Takes a slice of the project's cap in the background, unless this process has one.
    pub(crate) fn hold_slice(self: &Arc<Self>, admission: &Admission, admitted: &Held, lease: Duration) {
        let Some(cap) = admission.caps.project_month else { return };
        let month = Window::month(admitted.admitted_at);
        let Some(replaced) = self.slices.wanted(admission.project, month) else { return };
        let asked = Admission {
            id: AdmissionId::new(self.clock.now()),
            project: admission.project,
            key: slice_key(),
            customer: None,
            rev: admission.rev,
            charge: Charge::Full,
            rates: Rates::default(),
            caps: Caps { project_month: Some(cap), ..Caps::default() },
            first: Plan { cache_key: None, cached: false, version: None, money: Nano::ZERO, tokens: 0 },
            second: None,
            lease,
            follow: false,
        };
        let settler = self.clone();
        self.tasks.spawn_on(
            async move {
                if let Some(replaced) = replaced {
                    settler.end_slice(replaced).await;
                }
                let project = asked.project;
                let held = settler.take_slice(asked, cap, month).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "no slice of the cap could be taken");
                    None
                });
                settler.slices.taken(project, held);
            },
            &self.runtime,
        );
    }

    async fn take_slice(&self, mut asked: Admission, cap: Nano, month: Window) -> Result<Option<Held>> {
        let counter = CounterId { window: month, scope: Scope::Project };
        let seen = self.limiter.inspect(asked.project, &[counter]).await?;
        let (settled, reserved) = seen.spend.first().copied().unwrap_or_default();
        let left = cap.saturating_sub(settled).saturating_sub(reserved);
        asked.first.money = Nano::from_nano(cap.min(left).nano() / PART);
        if asked.first.money <= Nano::ZERO {
            return Ok(None);
        }
        match self.limiter.admit(&asked).await? {
            Verdict::Admitted(admitted) => {
                self.watch(&admitted.held);
                // For the next start, should this process be killed.
                self.record_reserve(&Reserve::unknown(admitted.held.clone()))?;
                Ok(Some(admitted.held))
            }
            _ => Ok(None),
        }
    }

    /// Lends from the slice, where it has so much.
    pub(crate) fn lend(&self, project: ProjectId, id: AdmissionId, money: Nano) -> bool {
        self.slices.lend(project, id, money)
    }

    /// Lends a request that was lent to before so much in all, where the slice has it.
    pub(crate) fn lend_more(&self, held: &Held, money: Nano) -> bool {
        self.slices.lend_more(held, money)
    }

    pub(super) fn lent_cost(&self, settlement: &Settlement) {
        if settlement.held.uncounted {
            self.slices.cost(&settlement.held, settlement.money);
        }
    }

    /// Gives a slice back. One that has lapsed meanwhile was charged, and is no more.
    async fn end_slice(&self, held: Held) {
        self.unwatch(&held);
        let mut row =
            Reserve::unknown(held.clone()).expired(super::ExpiredReservations::Release, self.clock.now());
        row.outcome = Outcome::Cancelled;
        let settlement = Settlement { held, money: Nano::ZERO, tokens: 0 };
        let ticket = self.journal.settled(row, Some(&settlement));
        let settled = {
            let _turn = self.turns.settle(self.limiter.as_ref()).await;
            self.limiter.settle(&settlement).await
        };
        match settled {
            Ok(Settled::Booked | Settled::Late | Settled::Already) => self.journal.acknowledged(ticket),
            Err(error) => tracing::warn!(%error, "a slice of the cap is given back at the next start"),
        }
    }

    /// Gives all slices back.
    pub(super) async fn end_slices(&self) {
        for held in self.slices.drain() {
            self.end_slice(held).await;
        }
    }
}
