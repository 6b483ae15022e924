//! Stage 5: one atomic step at the limiter, and the two answers that ask for another try.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::loss::without_limiter;
use super::seed::seed;
use super::{Admission, Admitted, Charge, Downgrade, HotAnswer, Plan, Standing, Trigger, Verdict};
use crate::auth::{Caller, OnLimit, OnStoreLoss};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::gateway::Core;
use crate::ids::CustomerId;
use crate::settle::{LEASE, Settler};

/// How often counters may be found missing for one request before the store is called broken.
const MOST_SEEDINGS: usize = 4;

/// What came of the step.
pub(crate) enum Entry {
    /// Reserved.
    Admitted(Box<Admission>, Admitted),
    /// The exact cache has the answer to this plan; the request rate alone was paid.
    Hit { plan: usize, answer: Option<HotAnswer>, standing: Standing },
    /// Another process calls for the same answer; the request rate alone was paid.
    Wait { standing: Standing },
    /// The caller's record is out of date: identify again.
    Reload,
}

/// What a request would take: as asked, and the cheaper way where there is one.
pub(crate) struct Plans {
    pub(crate) first: Plan,
    pub(crate) second: Option<Plan>,
    /// Whether to wait for an equal request of another process.
    pub(crate) follow: bool,
}

/// Takes all that the request needs, or nothing.
pub(crate) async fn admit(
    core: &Core,
    cx: &Context,
    caller: &Caller,
    plans: Plans,
    charge: Charge,
) -> Result<Entry> {
    let admission = Admission {
        id: cx.id,
        project: caller.project.id,
        key: caller.key_id(),
        customer: caller.customer.as_ref().map(CustomerId::tag),
        rev: caller.project.rev,
        charge,
        rates: caller.rates,
        caps: caller.caps(),
        first: plans.first,
        second: plans.second.and_then(|plan| Some(Downgrade { plan, on: trigger(caller)? })),
        lease: LEASE,
        follow: plans.follow,
    };
    for _ in 0..MOST_SEEDINGS {
        let verdict = match step(core, &admission).await {
            Err(error) if error.kind() == Kind::StoreUnavailable => {
                without_limiter(core, caller, &admission, error)?
            }
            other => other?,
        };
        match verdict {
            Verdict::Admitted(admitted) => {
                if caller.project.settings.on_store_loss == OnStoreLoss::Lease && !admitted.held.uncounted {
                    core.settler.hold_slice(&admission, &admitted.held, LEASE);
                }
                return Ok(Entry::Admitted(Box::new(admission), admitted));
            }
            Verdict::Hit { plan, body, standing } => return Ok(Entry::Hit { plan, answer: body, standing }),
            Verdict::Wait { standing } => return Ok(Entry::Wait { standing }),
            Verdict::Refused(refusal) => {
                return Err(refusal.into_error(caller.customer.as_ref().map(CustomerId::as_str)));
            }
            Verdict::Reload => return Ok(Entry::Reload),
            // They are loaded now: asked again.
            Verdict::Seed(_) => {}
        }
    }
    Err(Error::new(Kind::StoreUnavailable, "The spend counters do not stay in their store."))
}

/// Asks the limiter, and loads the counters it has not got.
async fn step(core: &Core, admission: &Admission) -> Result<Verdict> {
    let verdict = ask(core, admission).await?;
    if let Verdict::Seed(counters) = &verdict {
        seed(core, admission.project, counters).await?;
    }
    Ok(verdict)
}

/// Asks the limiter. Where that waits for a store, a caller who leaves meanwhile must not leave a reservation behind:
/// the step then runs to its end in a task, and what nobody takes is given back.
async fn ask(core: &Core, admission: &Admission) -> Result<Verdict> {
    if core.stores.limiter.in_process() {
        return core.stores.limiter.admit(admission).await;
    }
    let (limiter, settler, admission) =
        (core.stores.limiter.clone(), core.settler.clone(), admission.clone());
    let (give, take) = oneshot::channel();
    let token = core.settler.tasks.token();
    core.runtime.spawn(async move {
        let verdict = Some(limiter.admit(&admission).await);
        // To one who has left it is given back by being dropped.
        let _ = give.send(Untaken { verdict, holds: admission.charge != Charge::RateOnly, settler });
        drop(token);
    });
    let taken = take.await.map(Untaken::take);
    taken.unwrap_or_else(|gone| Err(Error::internal("an admission ended without a verdict", gone)))
}

/// A verdict on its way to who asked, who may leave even after it was sent.
struct Untaken {
    verdict: Option<Result<Verdict>>,
    /// Whether an admission reserves anything.
    holds: bool,
    settler: Arc<Settler>,
}

impl Untaken {
    fn take(mut self) -> Result<Verdict> {
        let missing = || Err(Error::new(Kind::Internal, "An admission ended without a verdict."));
        self.verdict.take().unwrap_or_else(missing)
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        if let Some(Ok(Verdict::Admitted(admitted))) = self.verdict.take()
            && self.holds
        {
            self.settler.release(admitted.held, None);
        }
    }
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
