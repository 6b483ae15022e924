//! Limits that several processes share: every admission and every settlement is one transaction of the file, and
//! decides by the same pure functions as the limiter in process.
//!
//! Time is the process's clock: processes that share a file run on one machine.

mod counters;
mod keys;
mod reservations;

use async_trait::async_trait;
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::failure::failed;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{AdmissionId, KeyId, ProjectId};
use crate::limits::{
    self, Admission, Admitted, Charge, CounterId, Held, Line, Phase, Raise, Reservation, Settled, Settlement,
    Verdict, View,
};
use crate::money::Nano;
use crate::store::{Inspection, Limiter};

const READING: &str = "the limits could not be read";
const WRITING: &str = "the limits could not be written";

/// Expired leases that one admission clears away.
const SWEEP: usize = 16;

/// The limits of a SQLite file that was opened as shared.
#[derive(Debug, Clone)]
pub struct SqliteLimiter {
    store: SqliteStore,
}

impl SqliteLimiter {
    /// The limits of `store`. Raises counters to what the ledger has booked, in case a gateway ran on this file alone
    /// since they were last used.
    pub async fn open(store: SqliteStore) -> Result<SqliteLimiter> {
        let limiter = SqliteLimiter { store };
        let mut step = limiter.step(ProjectId::NONE).await?;
        counters::raise_to_booked(&mut step.change).await?;
        step.commit().await?;
        Ok(limiter)
    }

    /// Begins a step: from here to its commit nobody else changes the file.
    async fn step(&self, project: ProjectId) -> Result<Step> {
        let change = self.store.write(WRITING).await?;
        // Read under the lock, so that time never runs back between two steps.
        Ok(Step { change, project: project.to_string(), now: self.store.clock().now() })
    }
}

/// One atomic step on one project. Dropped without a commit, nothing has happened.
struct Step {
    change: Transaction<'static, Sqlite>,
    project: String,
    now: Millis,
}

/// The state of a step before it changed anything.
struct Loaded {
    key: KeyId,
    view: View,
}

impl Step {
    async fn load(&mut self, key: KeyId, ids: impl Iterator<Item = CounterId>) -> Result<Loaded> {
        let (requests, tokens, slots) = keys::load(&mut self.change, &self.project, key).await?;
        let mut spend = Vec::with_capacity(4);
        for id in ids {
            let counter = counters::load(&mut *self.change, &self.project, id).await?;
            spend.push(Line { id, counter: Some(counter) });
        }
        let rev = keys::rev(&mut self.change, &self.project).await?;
        Ok(Loaded { key, view: View { rev, requests, tokens, slots, spend } })
    }

    /// Writes what has changed since it was loaded. `pins`: reservations that came to these counters, or left.
    async fn keep(&mut self, before: &Loaded, after: &View, pins: i64) -> Result<()> {
        let known = &before.view;
        if (known.requests, known.tokens, known.slots) != (after.requests, after.tokens, after.slots) {
            keys::keep(&mut self.change, &self.project, before.key, after).await?;
        }
        for (known, line) in known.spend.iter().zip(&after.spend) {
            if pins != 0 || known != line {
                counters::keep(&mut self.change, &self.project, line, pins).await?;
            }
        }
        Ok(())
    }

    /// Moves up to `most` reservations whose lease has ended to lapsed. Returns whether there was one.
    async fn sweep(&mut self, most: usize) -> Result<bool> {
        let over = reservations::expired(&mut self.change, &self.project, self.now, most).await?;
        for mut reservation in over.iter().cloned() {
            let before = self.load(reservation.held.key, reservation.held.counters()).await?;
            let mut view = before.view.clone();
            limits::lapse(&mut view, &mut reservation);
            self.keep(&before, &view, 0).await?;
            reservations::set_phase(&mut self.change, &reservation).await?;
        }
        Ok(!over.is_empty())
    }

    async fn commit(self) -> Result<()> {
        self.change.commit().await.map_err(failed(WRITING))
    }

    /// Ends a step that changed nothing.
    async fn leave(self) -> Result<()> {
        self.change.rollback().await.map_err(failed(READING))
    }

    async fn end(self, changed: bool) -> Result<()> {
        if changed { self.commit().await } else { self.leave().await }
    }
}

#[async_trait]
impl Limiter for SqliteLimiter {
    fn in_process(&self) -> bool {
        false
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict> {
        let mut step = self.step(admission.project).await?;
        let swept = step.sweep(SWEEP).await?;
        let counters = CounterId::booked(step.now, admission.key, admission.customer);
        let before = step.load(admission.key, counters).await?;
        let mut view = before.view.clone();
        if admission.charge != Charge::RateOnly
            && let Some(known) = reservations::load(&mut step.change, &step.project, admission.id).await?
            && !known.is_over(step.now)
        {
            // Asked again under the same id, because the first answer was lost: the same answer.
            let standing = limits::standing(&view, admission, step.now);
            step.end(swept).await?;
            return Ok(Verdict::Admitted(Admitted { plan: known.plan, held: known.held, standing }));
        }
        let decision = limits::decide(&mut view, admission, step.now);
        let taken = matches!(decision.verdict, Verdict::Admitted(_) | Verdict::Hit { .. });
        let newer = view.rev != before.view.rev;
        if newer {
            keys::revise(&mut step.change, &step.project, view.rev).await?;
        }
        if taken {
            step.keep(&before, &view, i64::from(decision.reservation.is_some())).await?;
            counters::prune(&mut step.change, &step.project, step.now).await?;
        }
        if let Some(reservation) = &decision.reservation {
            reservations::add(&mut step.change, reservation).await?;
        }
        step.end(swept || newer || taken).await?;
        Ok(decision.verdict)
    }

    async fn raise(&self, admission: &Admission, held: &Held, money: Nano, tokens: u64) -> Result<Raise> {
        let mut step = self.step(held.project).await?;
        let Some(mut reservation) = reservations::load(&mut step.change, &step.project, held.id).await?
        else {
            step.leave().await?;
            return Ok(Raise::Gone);
        };
        let before = step.load(reservation.held.key, reservation.held.counters()).await?;
        let mut view = before.view.clone();
        let raise = limits::raise(&mut view, &mut reservation, admission, (money, tokens), step.now);
        let raised = matches!(raise, Raise::Raised(_));
        if raised {
            step.keep(&before, &view, 0).await?;
            reservations::set_amounts(&mut step.change, &reservation).await?;
        }
        step.end(raised).await?;
        Ok(raise)
    }

    async fn settle(&self, settlement: &Settlement) -> Result<Settled> {
        let mut step = self.step(settlement.held.project).await?;
        let Some(reservation) =
            reservations::load(&mut step.change, &step.project, settlement.held.id).await?
        else {
            step.leave().await?;
            return Ok(Settled::Already);
        };
        reservations::remove(&mut step.change, settlement.held.id).await?;
        if reservation.is_over(step.now) {
            step.commit().await?;
            return Ok(Settled::Already);
        }
        let before = step.load(reservation.held.key, reservation.held.counters()).await?;
        let mut view = before.view.clone();
        let settled = limits::settle(&mut view, &reservation, settlement, step.now);
        let pins = if reservation.phase == Phase::Acknowledged { 0 } else { -1 };
        step.keep(&before, &view, pins).await?;
        step.commit().await?;
        Ok(settled)
    }

    async fn renew(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<Vec<AdmissionId>> {
        let mut step = self.step(project).await?;
        let mut unknown = Vec::new();
        for id in ids {
            if !reservations::renew(&mut step.change, *id, step.now).await?
                && reservations::load(&mut step.change, &step.project, *id)
                    .await?
                    .is_none_or(|known| known.is_over(step.now))
            {
                unknown.push(*id);
            }
        }
        step.commit().await?;
        Ok(unknown)
    }

    async fn seed(&self, project: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()> {
        let mut step = self.step(project).await?;
        for (id, amount) in spent {
            let mut counter = counters::load(&mut *step.change, &step.project, *id).await?;
            counter.settled = counter.settled.max(*amount);
            let line = Line { id: *id, counter: Some(counter) };
            counters::keep(&mut step.change, &step.project, &line, 0).await?;
        }
        step.commit().await
    }

    async fn revise(&self, project: ProjectId, rev: u64) -> Result<()> {
        let mut step = self.step(project).await?;
        keys::revise(&mut step.change, &step.project, rev).await?;
        step.commit().await
    }

    async fn lapsed(&self, project: ProjectId, most: usize) -> Result<Vec<Held>> {
        let mut step = self.step(project).await?;
        let swept = step.sweep(most).await?;
        let lapsed = reservations::lapsed(&mut step.change, &step.project, most).await?;
        step.end(swept).await?;
        Ok(lapsed.into_iter().map(|reservation| reservation.held).collect())
    }

    async fn acknowledge(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<()> {
        let mut step = self.step(project).await?;
        for id in ids {
            let known = reservations::load(&mut step.change, &step.project, *id).await?;
            let Some(mut reservation) = known.filter(|known| known.phase == Phase::Lapsed) else { continue };
            reservation.phase = Phase::Acknowledged;
            reservations::set_phase(&mut step.change, &reservation).await?;
            let before = step.load(reservation.held.key, reservation.held.counters()).await?;
            step.keep(&before, &before.view, -1).await?;
        }
        let over = step.now.0.saturating_sub(i64::try_from(Reservation::LATE_MS).unwrap_or(i64::MAX));
        reservations::forget(&mut step.change, &step.project, Millis(over)).await?;
        step.commit().await
    }

    async fn inspect(&self, project: ProjectId, ids: &[CounterId]) -> Result<Inspection> {
        let project = project.to_string();
        let mut spend = Vec::with_capacity(ids.len());
        for id in ids {
            let counter = counters::load(self.store.readers(), &project, *id).await?;
            spend.push((counter.settled, counter.reserved));
        }
        let open = reservations::count_open(self.store.readers(), &project).await?;
        Ok(Inspection { spend, open })
    }
}
