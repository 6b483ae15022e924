//! The words of the limiter: what is asked, what is answered, what is held.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{CounterId, Window};
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::ids::{AdmissionId, CustomerTag, KeyId, ProjectId};
use crate::money::Nano;

/// Whose limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole project.
    Project,
    /// One key. [`KeyId::NONE`] counts the calls without a key.
    Key(KeyId),
    /// One customer of the project's.
    Customer(CustomerTag),
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Scope::Project => "project",
            Scope::Key(_) => "key",
            Scope::Customer(_) => "customer",
        }
    }
}

/// Rate limits of one key. Absent = no limit, 0 = nothing allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Requests a minute: a bucket of this many, refilled evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, input and output together: a bucket of this many, refilled evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u32>,
    /// Requests under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// Spend caps that apply to one request. Absent = no cap, 0 = nothing allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caps {
    /// The project's, each month.
    pub project_month: Option<Nano>,
    /// The key's, each month.
    pub key_month: Option<Nano>,
    /// The customer's, each day.
    pub customer_day: Option<Nano>,
    /// The customer's, each month.
    pub customer_month: Option<Nano>,
    /// The most that one request of the customer's may be estimated at.
    pub customer_request: Option<Nano>,
}

impl Caps {
    /// Whether any cap applies.
    #[must_use]
    pub fn any(&self) -> bool {
        *self != Caps::default()
    }
}

/// What one way of serving a request would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its key in the exact cache, where the cache may serve it.
    pub cache_key: Option<Fingerprint>,
    /// The caller already holds the cached answer (hot tier in process).
    pub cached: bool,
    /// Which version of it, where the caller has it from the limiter: another one that is there wins.
    pub version: Option<Arc<str>>,
    /// Estimate of its cost, never below it.
    pub money: Nano,
    /// Estimate of its tokens, never below them.
    pub tokens: u64,
}

/// When the second plan may be tried: where every cap that the first fails on allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The first plan failed on caps of the customer alone (`on_limit = "downgrade"`).
    CustomerCap,
    /// The first plan failed on caps of the project or the key alone.
    OwnerCap,
    /// The first plan failed on any spend cap.
    AnyCap,
}

/// The second plan: a cheaper model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downgrade {
    /// What it would take.
    pub plan: Plan,
    /// When it may be tried.
    pub on: Trigger,
}

/// What an admission pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charge {
    /// Everything.
    #[default]
    Full,
    /// The request rate alone: a follower that waits for an equal request under way.
    RateOnly,
    /// Everything but the request rate: a follower that paid it already and becomes leader.
    Rated,
}

/// An answer for the hot tier of the exact cache, where the limiter keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotAnswer {
    /// The fingerprint of its request.
    pub key: Fingerprint,
    /// The answer, as text of the cache's own form.
    pub body: Bytes,
    /// From then on it is no answer, on the process's clock.
    pub expires_at: Millis,
    /// Which version it is, where it comes from the limiter.
    pub version: Option<Arc<str>>,
}

/// One request at the door.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Under which it will be settled.
    pub id: AdmissionId,
    /// The project.
    pub project: ProjectId,
    /// The key; [`KeyId::NONE`] for a call without one.
    pub key: KeyId,
    /// The customer, where the request names one.
    pub customer: Option<CustomerTag>,
    /// The revision of the project's configuration that the caller knows.
    pub rev: u64,
    /// What is to be paid.
    pub charge: Charge,
    /// The key's rates.
    pub rates: Rates,
    /// The caps that apply.
    pub caps: Caps,
    /// The request as asked.
    pub first: Plan,
    /// The cheaper way, where one is configured.
    pub second: Option<Downgrade>,
    /// How long the reservation lives without renewal.
    pub lease: Duration,
    /// Whether to wait for an equal request of another process: [`Verdict::Wait`].
    pub follow: bool,
}

/// The answer of `admit`.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Reserved.
    Admitted(Admitted),
    /// Answered from the exact cache; only the request rate was paid.
    Hit {
        /// Which plan's answer it is: 0 or 1.
        plan: usize,
        /// The stored answer, where the store holds it; none where the caller does.
        body: Option<HotAnswer>,
        /// For the rate headers.
        standing: Standing,
    },
    /// Another process calls a provider for the same answer: wait for it. Only the request rate was paid.
    Wait {
        /// For the rate headers.
        standing: Standing,
    },
    /// Nothing was changed.
    Refused(Refusal),
    /// The project's configuration is newer than the caller's. Nothing was changed.
    Reload,
    /// These counters are not there. Nothing was changed; seed them and ask again.
    Seed(Vec<CounterId>),
}

/// A reservation was made.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Which plan: 0 or 1.
    pub plan: usize,
    /// What is held.
    pub held: Held,
    /// For the rate headers.
    pub standing: Standing,
}

/// What one reservation holds. It says all that settling needs, also to a store that has lost it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The admission.
    pub id: AdmissionId,
    /// The project.
    pub project: ProjectId,
    /// The key.
    pub key: KeyId,
    /// The customer.
    pub customer: Option<CustomerTag>,
    /// When it was admitted, on the store's clock: fixes the windows it is booked into.
    pub admitted_at: Millis,
    /// Reserved money.
    pub money: Nano,
    /// Reserved tokens.
    pub tokens: u64,
    /// The token rate it was admitted under.
    pub tokens_per_minute: Option<u32>,
    /// When it lapses unless renewed, on the store's clock.
    pub lease_until: Millis,
    /// Served while the limiter was away: nothing is reserved there, and settling counts it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
}

impl Held {
    /// The counters it is booked into.
    pub fn counters(&self) -> impl Iterator<Item = CounterId> {
        CounterId::booked(self.admitted_at, self.key, self.customer)
    }
}

/// How a reservation ends.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// What was held.
    pub held: Held,
    /// What it cost.
    pub money: Nano,
    /// What it used.
    pub tokens: u64,
}

/// What settling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Booked.
    Booked,
    /// Booked in place of the estimate charged when its lease ran out.
    Late,
    /// It was settled before; nothing changed.
    Already,
}

/// The answer of `raise`.
#[derive(Debug, Clone)]
pub enum Raise {
    /// The reservation now holds the higher amounts.
    Raised(Held),
    /// It does not fit; the reservation is as it was.
    Refused(Refusal),
    /// There is no such reservation any more.
    Gone,
}

/// Which limit refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// More tokens than the bucket holds.
    TokensTooLarge,
    /// Requests under way.
    Concurrency,
    /// Spend in a window.
    Spend(Window),
    /// The most that one request may cost.
    SpendPerRequest,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose limit.
    pub scope: Scope,
    /// Which limit.
    pub limit: LimitKind,
    /// The limit: requests, tokens, slots or nano-USD.
    pub allowed: i64,
    /// What is left of it, in the same unit; negative where debt is recorded.
    pub left: i64,
    /// What the request would have taken, in the same unit.
    pub asked: i64,
    /// When the same request can pass: exact for rates, end of window for spend, a guess of 1 s for concurrency.
    /// None: waiting does not help, as where the request is larger than the whole bucket or cap.
    pub retry_after: Option<Duration>,
    /// For the rate headers.
    pub standing: Standing,
}

/// Where the caller stands after an `admit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Request rate.
    pub requests: Option<Level>,
    /// Token rate.
    pub tokens: Option<Level>,
    /// The cap with the least left.
    pub cap: Option<CapStanding>,
}

/// A bucket's level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The bucket's size.
    pub limit: u32,
    /// Whole units left.
    pub remaining: u32,
    /// Until the bucket is full again.
    pub reset: Duration,
}

/// A spend counter next to its cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapStanding {
    /// Whose, and when.
    pub counter: CounterId,
    /// The cap.
    pub cap: Nano,
    /// Settled and reserved.
    pub spend: Nano,
}
