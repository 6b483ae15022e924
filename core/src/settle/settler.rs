//! Stage 8: every reservation ends here, off the caller's path.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::slices::Slices;
use super::{ExpiredReservations, Journal, Meter, Reserve, Row, Ticket};
use crate::clock::SharedClock;
use crate::error::Result;
use crate::ids::{AdmissionId, ProjectId};
use crate::limits::{Held, HotAnswer, Settlement};
use crate::money::Nano;
use crate::pricing::{Price, TokenCounts};
use crate::store::{Ledger, Limiter};
use crate::telemetry::{Metrics, trace};

/// A lease lives so long without renewal.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// Leases are renewed so often.
const RENEWAL: Duration = Duration::from_secs(20);
/// First wait after a store failed to settle.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// Longest wait between two tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// How often a flush looks whether it is done.
const POLL: Duration = Duration::from_millis(2);
/// Lapsed reservations entered in the ledger at once.
const LAPSED_AT_ONCE: usize = 64;

/// Settles reservations and writes the ledger.
pub(crate) struct Settler {
    pub(super) limiter: Arc<dyn Limiter>,
    ledger: Arc<dyn Ledger>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: SharedClock,
    metrics: Arc<Metrics>,
    pub(super) runtime: Handle,
    /// What a reservation costs that nobody settles.
    expired: ExpiredReservations,
    /// Settlements under way: shutdown waits for them.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Reservations whose leases this process renews.
    open: Mutex<HashMap<ProjectId, HashMap<AdmissionId, Held>>>,
    pub(super) slices: Arc<Slices>,
    pub(super) turns: Turns,
}

/// Keeps settling and giving back apart: a store that is given back what has been settled there a moment before would hold
/// it again. Settlements are readers, whoever gives back is the writer.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<RwLock<()>>);

impl Turns {
    /// Until it is dropped nothing is given back. A limiter in process never asks for anything to be.
    pub(super) async fn settle(&self, limiter: &dyn Limiter) -> Option<RwLockReadGuard<'_, ()>> {
        if limiter.in_process() { None } else { Some(self.0.read().await) }
    }

    /// Until it is dropped nothing is settled.
    async fn give_back(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().await
    }
}

impl Settler {
    pub(crate) fn start(
        limiter: Arc<dyn Limiter>,
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        clock: SharedClock,
        metrics: Arc<Metrics>,
        runtime: Handle,
        expired: ExpiredReservations,
    ) -> Arc<Settler> {
        let settler = Arc::new(Settler {
            limiter,
            ledger,
            journal,
            clock,
            metrics,
            runtime,
            expired,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            open: Mutex::default(),
            slices: Arc::default(),
            turns: Turns::default(),
        });
        // A weak reference: the loop must not keep the gateway alive.
        let weak = Arc::downgrade(&settler);
        let stop = settler.stop.clone();
        settler.runtime.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(RENEWAL)).await.is_some() {
                let Some(settler) = weak.upgrade() else { return };
                settler.renew().await;
            }
        });
        settler
    }

    /// Its lease is renewed until it is settled. Again after it was raised.
    pub(crate) fn watch(&self, held: &Held) {
        let mut open = self.open.lock();
        let of_project = open.entry(held.project).or_default();
        if !held.uncounted {
            of_project.insert(held.id, held.clone());
        }
    }

    /// The projects that this process has served.
    pub(super) fn projects(&self) -> Vec<ProjectId> {
        self.open.lock().keys().copied().collect()
    }

    /// Gives a limiter that has lost its data what this process holds in `project`.
    pub(crate) async fn reassert(&self, project: ProjectId) -> Result<()> {
        let _turn = self.turns.give_back().await;
        let held: Vec<Held> = {
            let open = self.open.lock();
            open.get(&project).map(|open| open.values().cloned().collect()).unwrap_or_default()
        };
        if held.is_empty() { Ok(()) } else { self.limiter.reassert(project, &held).await }
    }

    /// What settlements wait for their store.
    pub(crate) fn waiting(&self) -> usize {
        self.tasks.len()
    }

    /// Writes a reservation down before bytes go upstream, so that a kill cannot hide it.
    pub(crate) fn record_reserve(&self, reserve: &Reserve) -> Result<()> {
        self.journal.reserve(reserve)
    }

    /// Books reported usage. Returns the cost; none where the price is unknown.
    pub(crate) fn book(
        &self,
        held: Held,
        price: Option<&Price>,
        tokens: TokenCounts,
        mut row: Row,
        answer: Option<HotAnswer>,
    ) -> Option<Nano> {
        row.tokens = tokens;
        row.cost = price.map(|price| price.cost(&tokens));
        let money = row.cost.unwrap_or(Nano::ZERO);
        let used = tokens.input.saturating_add(tokens.output);
        let cost = row.cost;
        self.settle(Settlement { held, money, tokens: used }, row, answer);
        cost
    }

    /// Counts what was read and books it. Counting takes a while at first, so it has a thread of its own.
    pub(crate) fn count_and_book(
        self: &Arc<Self>,
        held: Held,
        price: Option<Price>,
        meter: Meter,
        row: Row,
        answer: Option<HotAnswer>,
    ) {
        let settler = self.clone();
        let token = self.tasks.token();
        self.runtime.spawn_blocking(move || {
            let tokens = meter.count();
            settler.book(held, price.as_ref(), tokens, row, answer);
            drop(token);
        });
    }

    /// Gives a reservation back that cost nothing and has no row. `answer`: what was found instead, for the hot tier.
    pub(crate) fn release(&self, held: Held, answer: Option<HotAnswer>) {
        self.unwatch(&held);
        let settlement = Settlement { held, money: Nano::ZERO, tokens: 0 };
        self.lent_cost(&settlement);
        self.book_at_limiter(settlement, answer, None);
    }

    /// Settles: spool, then limiter, then ledger. The spool is written before this returns; so is the rest, where
    /// the stores are in process.
    pub(crate) fn settle(&self, settlement: Settlement, mut row: Row, answer: Option<HotAnswer>) {
        row.ended_at = self.clock.now();
        self.tell(&row);
        self.unwatch(&settlement.held);
        self.lent_cost(&settlement);
        let ticket = self.journal.settled(row, Some(&settlement));
        self.book_at_limiter(settlement, answer, Some(ticket));
    }

    /// What is seen of a request that has ended: numbers, and its record of decisions in the trace.
    fn tell(&self, row: &Row) {
        self.metrics.ended(row);
        trace::ended(row);
    }

    /// How many reservations this process holds.
    pub(crate) fn reservations(&self) -> u64 {
        self.open.lock().values().map(|held| held.len() as u64).sum()
    }

    /// How many rows wait for the ledger.
    pub(crate) fn rows_waiting(&self) -> u64 {
        self.journal.waiting()
    }

    pub(super) fn unwatch(&self, held: &Held) {
        if let Some(ids) = self.open.lock().get_mut(&held.project) {
            ids.remove(&held.id);
        }
    }

    fn book_at_limiter(&self, settlement: Settlement, answer: Option<HotAnswer>, ticket: Option<Ticket>) {
        let (limiter, journal, slices) = (self.limiter.clone(), self.journal.clone(), self.slices.clone());
        let turns = self.turns.clone();
        let once = async move |settlement: &Settlement| {
            let _turn = turns.settle(limiter.as_ref()).await;
            match &answer {
                Some(answer) => limiter.settle_and_keep(settlement, answer).await,
                None => limiter.settle(settlement).await,
            }
        };
        self.finish(async move {
            let mut wait = FIRST_BACKOFF;
            // Never given up: a store that is away comes back, and until then the spool holds the row.
            while let Err(error) = once(&settlement).await {
                tracing::warn!(id = %settlement.held.id, %error, "a settlement waits for its store");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_BACKOFF);
            }
            if settlement.held.uncounted {
                slices.counted(&settlement.held);
            }
            if let Some(ticket) = ticket {
                journal.acknowledged(ticket);
            }
        });
    }

    /// Writes the row of a request that reserved nothing, as a cache hit.
    pub(crate) fn record(&self, mut row: Row) {
        row.ended_at = self.clock.now();
        self.tell(&row);
        let ticket = self.journal.settled(row, None);
        self.journal.acknowledged(ticket);
    }

    /// Runs `work` here and now as far as it needs no waiting, the rest on the runtime.
    fn finish(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut work: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(work);
        let _runtime = self.runtime.enter();
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.tasks.spawn_on(work, &self.runtime);
        }
    }

    async fn renew(&self) {
        let open: Vec<(ProjectId, Vec<AdmissionId>)> = {
            // A project stays listed: what another process left in it is this one's to enter, too.
            let open = self.open.lock();
            open.iter().map(|(project, held)| (*project, held.keys().copied().collect())).collect()
        };
        for (project, ids) in open {
            if let Err(error) = self.renew_leases(project, &ids).await {
                tracing::warn!(%project, %error, "leases were not renewed");
            }
            if let Err(error) = self.enter_lapsed(project).await {
                tracing::warn!(%project, %error, "lapsed reservations are not in the ledger yet");
            }
        }
    }

    async fn renew_leases(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let unknown = self.limiter.renew(project, ids).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        let _turn = self.turns.give_back().await;
        // Those that have ended meanwhile are gone from here before they are gone from the limiter.
        let lost: Vec<Held> = {
            let open = self.open.lock();
            let of_project = open.get(&project);
            unknown.iter().filter_map(|id| of_project.and_then(|open| open.get(id)).cloned()).collect()
        };
        if lost.is_empty() { Ok(()) } else { self.limiter.reassert(project, &lost).await }
    }

    /// Enters reservations whose lease ran out in the ledger, as the settings say.
    async fn enter_lapsed(&self, project: ProjectId) -> Result<usize> {
        let lapsed = self.limiter.lapsed(project, LAPSED_AT_ONCE).await?;
        if lapsed.is_empty() {
            return Ok(0);
        }
        let mut rows = Vec::with_capacity(lapsed.len());
        for held in lapsed {
            if self.expired == ExpiredReservations::Release {
                // The limiter charged the estimate; a late settle of nothing gives it back.
                let settlement = Settlement { held: held.clone(), money: Nano::ZERO, tokens: 0 };
                self.limiter.settle(&settlement).await?;
            }
            rows.push(Reserve::unknown(held).expired(self.expired, self.clock.now()));
        }
        self.ledger.append(&rows).await?;
        let ids: Vec<AdmissionId> = rows.iter().map(|row| row.id).collect();
        self.limiter.acknowledge(project, &ids).await?;
        Ok(ids.len())
    }

    /// Waits until everything that has ended is in the ledger, at most for `within`. Returns whether it is.
    pub(crate) async fn flush(&self, within: Duration) -> bool {
        let begun = tokio::time::Instant::now();
        while !self.tasks.is_empty() {
            if begun.elapsed() >= within {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        self.journal.flush(within.saturating_sub(begun.elapsed())).await.is_ok()
    }

    /// Stops renewing leases, then waits as [`Settler::flush`] does.
    pub(crate) async fn close(&self, within: Duration) -> bool {
        self.stop.cancel();
        // A store that is away is given a moment, and the rest to the next start.
        let _ = tokio::time::timeout(within / 2, self.end_slices()).await;
        self.flush(within).await
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
