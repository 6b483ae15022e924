//! Redis, Valkey and a cluster, as `tests/run` starts them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockgate::clock::ManualClock;
use lockgate::error::Result;
use lockgate::ids::{AdmissionId, ProjectId};
use lockgate::limits::{Admission, CounterId, Held, Raise, Settled, Settlement, Verdict};
use lockgate::money::Nano;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};
use lockgate::store::{Inspection, Limiter};

use crate::world::{START, World};

/// A server that speaks Redis's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Redis,
    Valkey,
    Cluster,
}

pub(crate) const ENGINES: [Engine; 3] = [Engine::Redis, Engine::Valkey, Engine::Cluster];

impl Engine {
    pub(crate) fn address(self) -> RedisAddress {
        let variable = match self {
            Engine::Redis => "LOCKGATE_TEST_REDIS",
            Engine::Valkey => "LOCKGATE_TEST_VALKEY",
            Engine::Cluster => "LOCKGATE_TEST_REDIS_CLUSTER",
        };
        let missing = "is not set: `tests/run rust` starts Redis, Valkey and a cluster for the tests";
        let address = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} {missing}"));
        RedisAddress::parse(&address).unwrap()
    }

    pub(crate) fn options(self) -> RedisOptions {
        RedisOptions { address: self.address(), prefix: "lgt:".to_owned(), timeout: Duration::from_secs(20) }
    }

    /// Limits on the time of `clock`.
    pub(crate) async fn limiter(self, clock: Arc<ManualClock>) -> RedisLimiter {
        RedisLimiter::connect_on_clock(self.options(), clock).await.unwrap()
    }

    /// A project of its own, before which nothing was spent.
    pub(crate) async fn world(self) -> World {
        let clock = ManualClock::at(START);
        let limiter = Unspent(self.limiter(clock.clone()).await);
        World::on(clock, Arc::new(limiter))
    }
}

/// A limiter beside a ledger in which nothing is booked: it is seeded with that whenever it asks.
pub(crate) struct Unspent(pub(crate) RedisLimiter);

#[async_trait]
impl Limiter for Unspent {
    fn in_process(&self) -> bool {
        false
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict> {
        match self.0.admit(admission).await? {
            Verdict::Seed(missing) => {
                let nothing: Vec<_> = missing.into_iter().map(|id| (id, Nano::ZERO)).collect();
                self.0.seed(admission.project, &nothing).await?;
                self.0.admit(admission).await
            }
            verdict => Ok(verdict),
        }
    }

    async fn raise(&self, admission: &Admission, held: &Held, money: Nano, tokens: u64) -> Result<Raise> {
        self.0.raise(admission, held, money, tokens).await
    }

    async fn settle(&self, settlement: &Settlement) -> Result<Settled> {
        self.0.settle(settlement).await
    }

    async fn renew(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<Vec<AdmissionId>> {
        self.0.renew(project, ids).await
    }

    async fn reassert(&self, project: ProjectId, held: &[Held]) -> Result<()> {
        self.0.reassert(project, held).await
    }

    async fn seed(&self, project: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()> {
        self.0.seed(project, spent).await
    }

    async fn revise(&self, project: ProjectId, rev: u64) -> Result<()> {
        self.0.revise(project, rev).await
    }

    async fn lapsed(&self, project: ProjectId, most: usize) -> Result<Vec<Held>> {
        self.0.lapsed(project, most).await
    }

    async fn acknowledge(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<()> {
        self.0.acknowledge(project, ids).await
    }

    async fn inspect(&self, project: ProjectId, counters: &[CounterId]) -> Result<Inspection> {
        self.0.inspect(project, counters).await
    }
}
