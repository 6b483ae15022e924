//! Stage 5: one atomic step at the limiter, and the two answers that ask for another try.

use super::{Admission, Admitted, CounterId, Downgrade, Plan, Trigger, Verdict};
use crate::auth::{Caller, OnLimit};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::ids::ProjectId;
use crate::settle::LEASE;
use crate::store::{Ledger, Limiter};

/// How often counters may be found missing for one request before the store is called broken.
const MOST_SEEDINGS: usize = 4;

/// What came of the step.
pub(crate) enum Entry {
    /// Reserved.
    Admitted(Box<Admission>, Admitted),
    /// The caller's record is out of date: identify again.
    Reload,
}

/// What a request would take: as asked, and the cheaper way where there is one.
pub(crate) struct Plans {
    pub(crate) first: Plan,
    pub(crate) second: Option<Plan>,
}

/// Takes all that the request needs, or nothing.
pub(crate) async fn admit(
    limiter: &dyn Limiter,
    ledger: &dyn Ledger,
    cx: &Context,
    caller: &Caller,
    plans: Plans,
) -> Result<Entry> {
    let admission = Admission {
        id: cx.id,
        project: caller.project.id,
        key: caller.key_id(),
        customer: caller.customer.as_ref().map(crate::ids::CustomerId::tag),
        rev: caller.project.rev,
        charge: super::Charge::Full,
        rates: caller.rates,
        caps: caller.caps(),
        first: plans.first,
        second: plans.second.and_then(|plan| Some(Downgrade { plan, on: trigger(caller)? })),
        lease: LEASE,
    };
    for _ in 0..MOST_SEEDINGS {
        match limiter.admit(&admission).await? {
            Verdict::Admitted(admitted) => return Ok(Entry::Admitted(Box::new(admission), admitted)),
            // No plan says that its answer is cached yet.
            Verdict::Hit { .. } => return Err(Error::new(Kind::Internal, "a cached answer that nobody has")),
            Verdict::Refused(refusal) => {
                return Err(refusal.into_error(caller.customer.as_ref().map(crate::ids::CustomerId::as_str)));
            }
            Verdict::Reload => return Ok(Entry::Reload),
            Verdict::Seed(counters) => seed(limiter, ledger, admission.project, &counters).await?,
        }
    }
    Err(Error::new(Kind::StoreUnavailable, "The spend counters do not stay in their store."))
}

/// Loads counters from the ledger.
async fn seed(
    limiter: &dyn Limiter,
    ledger: &dyn Ledger,
    project: ProjectId,
    counters: &[CounterId],
) -> Result<()> {
    let spent = ledger.spent(project, counters).await?;
    let pairs: Vec<_> = counters.iter().copied().zip(spent).collect();
    limiter.seed(project, &pairs).await
}

/// Which failures the downgrade table answers.
pub(crate) fn trigger(caller: &Caller) -> Option<Trigger> {
    let customer = caller.customer.is_some() && caller.customer_limits.on_limit == OnLimit::Downgrade;
    match (customer, caller.project.settings.downgrade_on_cap) {
        (true, true) => Some(Trigger::AnyCap),
        (true, false) => Some(Trigger::CustomerCap),
        (false, true) => Some(Trigger::OwnerCap),
        (false, false) => None,
    }
}
