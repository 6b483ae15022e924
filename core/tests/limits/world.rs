//! One project at the door of a limiter, on a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use lockgate::clock::{ManualClock, Millis};
use lockgate::ids::{AdmissionId, CustomerId, CustomerTag, KeyId, ProjectId};
use lockgate::limits::{
    Admission, Admitted, Caps, Charge, CounterId, Downgrade, Held, LimitKind, Plan, Rates, Refusal, Scope,
    Settled, Settlement, Trigger, Verdict, Window,
};
use lockgate::money::Nano;
use lockgate::store::Limiter;
use lockgate::store::memory::{MemoryLimiter, Start};
use lockgate::store::sqlite::{Access, SqliteLimiter, SqliteStore};
use tempfile::TempDir;

/// 2026-11-23T10:00:00Z.
pub(crate) const START: Millis = Millis(1_795_428_000_000);
pub(crate) const LEASE: Duration = Duration::from_secs(60);

pub(crate) fn nano(amount: i64) -> Nano {
    Nano::from_nano(amount)
}

pub(crate) fn tag(name: &str) -> CustomerTag {
    CustomerId::new(name).unwrap().tag()
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) project: ProjectId,
    pub(crate) key: KeyId,
    pub(crate) customer: Option<CustomerTag>,
    pub(crate) rates: Rates,
    pub(crate) caps: Caps,
    /// Removed with the last world in it.
    pub(crate) _folder: Option<Arc<TempDir>>,
}

/// A limiter on the file in `folder`, with connections of its own.
pub(crate) async fn shared_limiter(folder: &TempDir, clock: Arc<ManualClock>) -> SqliteLimiter {
    let url = format!("sqlite://{}", folder.path().join("limits.db").display());
    SqliteLimiter::open(SqliteStore::open(&url, Access::Shared, clock).await.unwrap()).await.unwrap()
}

impl World {
    pub(crate) fn memory() -> World {
        let clock = ManualClock::at(START);
        let limiter = Arc::new(MemoryLimiter::new(clock.clone(), Start::Zero));
        World::on(clock, limiter)
    }

    /// On a file of its own that is shared, as far as the limiter knows, with other processes.
    pub(crate) async fn sqlite_shared() -> World {
        let clock = ManualClock::at(START);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let limiter = Arc::new(shared_limiter(&folder, clock.clone()).await);
        World { _folder: Some(folder), ..World::on(clock, limiter) }
    }

    pub(crate) fn on(clock: Arc<ManualClock>, limiter: Arc<dyn Limiter>) -> World {
        World {
            clock,
            limiter,
            project: ProjectId::new(START),
            key: KeyId::new(START),
            customer: Some(tag("ada")),
            rates: Rates::default(),
            caps: Caps::default(),
            _folder: None,
        }
    }

    pub(crate) fn capped(self, caps: Caps) -> World {
        World { caps, ..self }
    }

    pub(crate) fn rated(self, rates: Rates) -> World {
        World { rates, ..self }
    }

    /// A request that may cost `money` and use `tokens`.
    pub(crate) fn request(&self, money: i64, tokens: u64) -> Admission {
        Admission {
            id: AdmissionId::new(START),
            project: self.project,
            key: self.key,
            customer: self.customer,
            rev: 1,
            charge: Charge::Full,
            rates: self.rates,
            caps: self.caps,
            first: plan(money, tokens),
            second: None,
            lease: LEASE,
            follow: false,
        }
    }

    pub(crate) async fn ask(&self, money: i64, tokens: u64) -> Verdict {
        self.limiter.admit(&self.request(money, tokens)).await.unwrap()
    }

    pub(crate) async fn enter(&self, money: i64, tokens: u64) -> Held {
        admitted(self.ask(money, tokens).await).held
    }

    pub(crate) async fn refusal(&self, money: i64, tokens: u64) -> Refusal {
        refused(self.ask(money, tokens).await)
    }

    pub(crate) async fn settle(&self, held: &Held, money: i64, tokens: u64) -> Settled {
        let settlement = Settlement { held: held.clone(), money: nano(money), tokens };
        self.limiter.settle(&settlement).await.unwrap()
    }

    pub(crate) fn wait(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    /// Settled and reserved of one counter.
    pub(crate) async fn spend(&self, scope: Scope, window: Window) -> (i64, i64) {
        let seen = self.limiter.inspect(self.project, &[CounterId { window, scope }]).await.unwrap();
        (seen.spend[0].0.nano(), seen.spend[0].1.nano())
    }

    /// Settled and reserved of all that a request is booked into now, and open reservations.
    pub(crate) async fn state(&self) -> (Vec<(i64, i64)>, u64) {
        let now = lockgate::clock::Clock::now(&*self.clock);
        let counters: Vec<CounterId> = CounterId::booked(now, self.key, self.customer).collect();
        let seen = self.limiter.inspect(self.project, &counters).await.unwrap();
        (seen.spend.iter().map(|(settled, reserved)| (settled.nano(), reserved.nano())).collect(), seen.open)
    }
}

pub(crate) fn plan(money: i64, tokens: u64) -> Plan {
    Plan { cache_key: None, cached: false, version: None, money: nano(money), tokens }
}

pub(crate) fn downgrade(money: i64, tokens: u64, on: Trigger) -> Option<Downgrade> {
    Some(Downgrade { plan: plan(money, tokens), on })
}

pub(crate) fn per_minute(requests: Option<u32>, tokens: Option<u32>, concurrency: Option<u32>) -> Rates {
    Rates { requests_per_minute: requests, tokens_per_minute: tokens, concurrency }
}

#[track_caller]
pub(crate) fn admitted(verdict: Verdict) -> Admitted {
    match verdict {
        Verdict::Admitted(admitted) => admitted,
        other => panic!("expected an admission, got {other:?}"),
    }
}

#[track_caller]
pub(crate) fn refused(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refused(refusal) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(crate) fn month() -> Window {
    Window::month(START)
}

pub(crate) fn day() -> Window {
    Window::day(START)
}

pub(crate) fn is_spend(limit: LimitKind) -> bool {
    matches!(limit, LimitKind::Spend(_))
}
