//! Where state lives. The traits are the stages'; the folders below are the only places that name a database.

mod access;
mod codes;
mod columns;
mod database;
mod entry;
mod meaning;
pub mod memory;
mod open;
pub mod postgres;
pub(crate) mod process_lock;
mod records;
pub mod redis;
pub(crate) mod rollup;
mod schema;
pub mod sqlite;
mod usage;

pub use access::Access;
pub(crate) use database::Database;
pub use meaning::{Meaning, MeaningStore, Neighbour, Sought};
pub(crate) use open::{Stores, open, redis as open_redis};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::auth::{Customer, CustomerLimits, Key, KeyHash, Project, ProjectSettings};
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{AdmissionId, CustomerId, KeyId, ProjectId};
use crate::limits::{
    Admission, CounterId, Held, HotAnswer, Raise, Scope, Settled, Settlement, Verdict, Window,
};
use crate::money::Nano;
use crate::settle::Row;

/// Counters of rates, slots and spend.
#[async_trait]
pub trait Limiter: Send + Sync + 'static {
    /// Whether a step never waits: the counters are in this process.
    fn in_process(&self) -> bool;

    /// Takes all that a request needs in one atomic step, or nothing.
    async fn admit(&self, admission: &Admission) -> Result<Verdict>;

    /// Raises a reservation to `money` and `tokens` before a dearer attempt, against the same caps.
    async fn raise(&self, admission: &Admission, held: &Held, money: Nano, tokens: u64) -> Result<Raise>;

    /// Ends a reservation. Idempotent, and never refused.
    async fn settle(&self, settlement: &Settlement) -> Result<Settled>;

    /// As [`Limiter::settle`], and keeps an answer in the hot tier, where this limiter is one.
    async fn settle_and_keep(&self, settlement: &Settlement, _answer: &HotAnswer) -> Result<Settled> {
        self.settle(settlement).await
    }

    /// Prolongs the leases of reservations under way. Gives back those that are not known.
    async fn renew(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<Vec<AdmissionId>>;

    /// Reservations of this process that are under way, for a limiter that may have lost its data.
    async fn reassert(&self, _project: ProjectId, _held: &[Held]) -> Result<()> {
        Ok(())
    }

    /// How counters that are not there are to be loaded.
    fn seeding(&self) -> Seeding {
        Seeding::Counters
    }

    /// Sets counters to at least these amounts; marks them, or their windows, as present.
    async fn seed(&self, project: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()>;

    /// Raises counters to at least these amounts. What is not there stays so.
    async fn catch_up(&self, _project: ProjectId, _spent: &[(CounterId, Nano)]) -> Result<()> {
        Ok(())
    }

    /// Whether the answer is there that another process is calling for.
    async fn follow(&self, _project: ProjectId, _key: &Fingerprint) -> Result<Followed> {
        Ok(Followed::Gone)
    }

    /// Whether it answers.
    async fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Makes `rev` the newest known revision of the project's configuration.
    async fn revise(&self, project: ProjectId, rev: u64) -> Result<()>;

    /// Reservations whose lease ran out and that the ledger does not show yet. They are charged at the estimate.
    async fn lapsed(&self, project: ProjectId, most: usize) -> Result<Vec<Held>>;

    /// The ledger shows these lapsed reservations.
    async fn acknowledge(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<()>;

    /// What is settled and reserved on a counter, and how many reservations are open in the project.
    async fn inspect(&self, project: ProjectId, counters: &[CounterId]) -> Result<Inspection>;
}

/// How a limiter's counters that are not there are to be loaded from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeding {
    /// One by one.
    Counters,
    /// All of their window, the one that is asked for last.
    Windows,
}

/// How a call of another process for the same answer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It is answered.
    Answer(HotAnswer),
    /// It is under way.
    Wait,
    /// Nobody calls for it any more.
    Gone,
}

/// A look at a project's counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// For each counter asked for: settled and reserved.
    pub spend: Vec<(Nano, Nano)>,
    /// Open reservations.
    pub open: u64,
}

/// Projects, keys and customers. Every change moves the project's revision.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// A number that differs once any process has changed something. Asked at every request: it must not wait. A
    /// store that one process alone has never differs.
    fn signal(&self) -> u64 {
        0
    }

    /// A project by its id.
    async fn project(&self, id: ProjectId) -> Result<Option<Project>>;

    /// A project by its name.
    async fn project_named(&self, name: &str) -> Result<Option<Project>>;

    /// All projects, by name.
    async fn projects(&self) -> Result<Vec<Project>>;

    /// Makes a project. A name in use is an error.
    async fn create_project(&self, project: Project) -> Result<Project>;

    /// Replaces a project's settings.
    async fn set_project(&self, id: ProjectId, settings: ProjectSettings) -> Result<Project>;

    /// A key by what is stored of it.
    async fn key(&self, hash: KeyHash) -> Result<Option<Key>>;

    /// A project's keys, newest first.
    async fn keys(&self, project: ProjectId) -> Result<Vec<Key>>;

    /// A key by its id.
    async fn key_by_id(&self, id: KeyId) -> Result<Option<Key>>;

    /// Adds a key.
    async fn create_key(&self, key: Key) -> Result<Key>;

    /// Replaces what can change on a key: name, rates, cap, models, customer, expiry, revocation.
    async fn set_key(&self, key: Key) -> Result<Key>;

    /// A customer's own limits.
    async fn customer(&self, project: ProjectId, id: &CustomerId) -> Result<Option<Customer>>;

    /// Customers with limits of their own, by id, after `after`.
    async fn customers(
        &self,
        project: ProjectId,
        after: Option<&CustomerId>,
        most: u32,
    ) -> Result<Vec<Customer>>;

    /// Sets a customer's limits.
    async fn set_customer(
        &self,
        project: ProjectId,
        id: &CustomerId,
        limits: CustomerLimits,
    ) -> Result<Customer>;

    /// Forgets a customer: its limits, and its name in the ledger. What it spent stays counted.
    async fn forget_customer(&self, project: ProjectId, id: &CustomerId) -> Result<bool>;

    /// Makes a project's cached answers unfindable, those that are being written included: moves its `cache_epoch`.
    /// Returns how many were removed from the store.
    async fn purge_cache(&self, project: ProjectId) -> Result<u64>;

    /// A number that moves with every change by any process.
    async fn version(&self) -> Result<u64>;
}

/// The warm tier of the exact cache.
#[async_trait]
pub trait AnswerStore: Send + Sync + 'static {
    /// The answer under `key` that has not expired at `now`.
    async fn answer(&self, project: ProjectId, key: &Fingerprint, now: Millis) -> Result<Option<WarmAnswer>>;

    /// Keeps answers, each in place of what is there under its key.
    async fn keep_answers(&self, answers: &[WarmAnswer]) -> Result<()>;

    /// Adds to the hit counts.
    async fn count_hits(&self, hits: &[(Fingerprint, u64)]) -> Result<()>;

    /// Removes at most `most` answers that have expired at `now`; returns how many.
    async fn expire_answers(&self, now: Millis, most: u32) -> Result<u64>;

    /// Removes at most `most` answers, the oldest first, as long as all together take more than `bytes`; returns how
    /// many.
    async fn trim_answers(&self, bytes: u64, most: u32) -> Result<u64>;
}

/// An answer in the warm tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmAnswer {
    /// Its project.
    pub project: ProjectId,
    /// The fingerprint of its request.
    pub key: Fingerprint,
    /// The answer, as text of the cache's own form.
    pub body: Bytes,
    /// When it came from the provider.
    pub created_at: Millis,
    /// From then on it is no answer.
    pub expires_at: Millis,
}

/// The ledger.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Adds rows and their sums in one transaction. A row already there is left alone, except that a settled row
    /// replaces an expired one.
    async fn append(&self, rows: &[Row]) -> Result<()>;

    /// What the ledger has booked on each counter.
    async fn spent(&self, project: ProjectId, counters: &[CounterId]) -> Result<Vec<Nano>>;

    /// What the ledger has booked on the counters of a window, a page at a time: those after `after`, in an order of
    /// the store's own.
    async fn booked(
        &self,
        project: ProjectId,
        window: Window,
        after: Option<Scope>,
        most: u32,
    ) -> Result<Vec<(Scope, Nano)>>;

    /// Rows, newest first.
    async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>>;

    /// Removes at most `most` rows admitted before `before`, and spend counters of days before it. Monthly counters
    /// and daily usage stay. Gives the number of rows removed. A row that is appended again afterwards counts anew.
    async fn retire(&self, before: Millis, most: u32) -> Result<u64>;

    /// How much there is.
    async fn size(&self) -> Result<StoreSize>;

    /// Sums, by what `query` groups, in the order of the group's name. Days that are only partly asked for are summed
    /// from rows, so they are exact as long as rows are kept.
    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>>;
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StoreSize {
    /// Bytes on disk; 0 for a store in memory.
    pub bytes: u64,
    /// Rows of the ledger.
    pub ledger_rows: u64,
    /// Answers in the warm cache.
    pub answers: u64,
}

/// Which rows.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Only this admission.
    pub id: Option<AdmissionId>,
    /// At most so many; 0 = 100.
    pub most: u32,
}

impl RowFilter {
    /// How many rows may be given.
    pub(crate) fn at_most(&self) -> u32 {
        if self.most == 0 { 100 } else { self.most }
    }
}

/// What to sum usage by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// One line.
    #[default]
    Total,
    /// A line for each UTC day.
    Day,
    /// A line for each model that answered.
    Model,
    /// A line for each provider.
    Provider,
    /// A line for each key.
    Key,
    /// A line for each customer.
    Customer,
}

/// What usage to sum.
#[derive(Debug, Clone, Default)]
pub struct UsageQuery {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of this key.
    pub key: Option<KeyId>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// Admitted at or after.
    pub from: Option<Millis>,
    /// Admitted before.
    pub to: Option<Millis>,
    /// Grouping.
    pub by: GroupBy,
}

/// Summed usage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// The group: a day `yyyy-mm-dd`, a model, a provider, a key id, a customer; empty for the total.
    pub group: String,
    /// Requests.
    pub requests: u64,
    /// Of them answered without a call to a provider: exact, semantic or coalesced.
    pub cache_hits: u64,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Cost in nano-USD.
    pub cost: Nano,
    /// Saved by caches, in nano-USD.
    pub saved: Nano,
    /// Requests whose price is unknown.
    pub unpriced: u64,
}
