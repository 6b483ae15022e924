//! The limiter in process: one lock for each project, never held over an await.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};

use super::account::Account;
use super::counters::Start;
use crate::clock::SharedClock;
use crate::error::{Error, Kind, Result};
use crate::ids::{AdmissionId, ProjectId};
use crate::limits::{Admission, CounterId, Held, Raise, Settled, Settlement, Verdict};
use crate::money::Nano;
use crate::store::{Inspection, Limiter};

/// Limits of one process, on its own clock. Every call is done when it returns: none waits.
pub struct MemoryLimiter {
    clock: SharedClock,
    start: Start,
    accounts: RwLock<HashMap<ProjectId, Arc<Mutex<Account>>>>,
    /// Set once somebody else keeps these limits.
    ousted: Arc<AtomicBool>,
}

impl MemoryLimiter {
    /// A limiter with no spend yet: [`Start::Zero`] where it is the only memory, [`Start::Seeded`] beside a ledger.
    #[must_use]
    pub fn new(clock: SharedClock, start: Start) -> MemoryLimiter {
        MemoryLimiter { clock, start, accounts: RwLock::default(), ousted: Arc::default() }
    }

    /// Admits nothing any more once `ousted` is set: another process keeps these limits, and does not see this one's.
    #[must_use]
    pub(crate) fn until(self, ousted: Arc<AtomicBool>) -> MemoryLimiter {
        MemoryLimiter { ousted, ..self }
    }

    fn account(&self, project: ProjectId) -> Arc<Mutex<Account>> {
        if let Some(account) = self.known(project) {
            return account;
        }
        let mut accounts = self.accounts.write();
        accounts.entry(project).or_insert_with(|| Arc::new(Mutex::new(Account::new(self.start)))).clone()
    }

    fn known(&self, project: ProjectId) -> Option<Arc<Mutex<Account>>> {
        self.accounts.read().get(&project).cloned()
    }
}

impl std::fmt::Debug for MemoryLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLimiter").field("start", &self.start).finish_non_exhaustive()
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    fn in_process(&self) -> bool {
        true
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict> {
        if self.ousted.load(Ordering::Acquire) {
            let message = "Another gateway has taken the limits of this store over.";
            return Err(Error::new(Kind::StoreUnavailable, message));
        }
        let account = self.account(admission.project);
        let mut account = account.lock();
        // Read under the lock, so that time never runs back between two steps.
        Ok(account.admit(admission, self.clock.now()))
    }

    async fn raise(&self, admission: &Admission, held: &Held, money: Nano, tokens: u64) -> Result<Raise> {
        let Some(account) = self.known(held.project) else { return Ok(Raise::Gone) };
        let mut account = account.lock();
        Ok(account.raise(admission, held, (money, tokens), self.clock.now()))
    }

    async fn settle(&self, settlement: &Settlement) -> Result<Settled> {
        let Some(account) = self.known(settlement.held.project) else { return Ok(Settled::Already) };
        let mut account = account.lock();
        Ok(account.settle(settlement, self.clock.now()))
    }

    async fn renew(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<Vec<AdmissionId>> {
        let Some(account) = self.known(project) else { return Ok(ids.to_vec()) };
        let mut account = account.lock();
        Ok(account.renew(ids, self.clock.now()))
    }

    async fn seed(&self, project: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()> {
        self.account(project).lock().seed(spent, self.clock.now());
        Ok(())
    }

    async fn revise(&self, project: ProjectId, rev: u64) -> Result<()> {
        self.account(project).lock().revise(rev);
        Ok(())
    }

    async fn lapsed(&self, project: ProjectId, most: usize) -> Result<Vec<Held>> {
        Ok(self
            .known(project)
            .map(|account| account.lock().lapsed(most, self.clock.now()))
            .unwrap_or_default())
    }

    async fn acknowledge(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<()> {
        if let Some(account) = self.known(project) {
            account.lock().acknowledge(ids);
        }
        Ok(())
    }

    async fn inspect(&self, project: ProjectId, counters: &[CounterId]) -> Result<Inspection> {
        let Some(account) = self.known(project) else {
            return Ok(Inspection { spend: vec![(Nano::ZERO, Nano::ZERO); counters.len()], open: 0 });
        };
        let account = account.lock();
        let spend = counters.iter().map(|id| account.counter(*id));
        let spend = spend.map(|counter| (counter.settled, counter.reserved)).collect();
        Ok(Inspection { spend, open: account.open() })
    }
}
