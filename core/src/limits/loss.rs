//! The limiter cannot be asked: what the project's policy says (`on_store_loss`).

use super::{Admission, Admitted, Caps, Charge, Held, Raise, Standing, Verdict};
use crate::auth::{Caller, OnStoreLoss};
use crate::error::{Error, Kind, Result, Retry};
use crate::gateway::Core;
use crate::money::Nano;

/// With so many settlements waiting for the store nothing more is served without it.
const MOST_WAITING: usize = 65_536;

/// A verdict without the limiter, or `error`.
pub(super) fn without_limiter(
    core: &Core,
    caller: &Caller,
    admission: &Admission,
    error: Error,
) -> Result<Verdict> {
    let full = core.settler.waiting() >= MOST_WAITING;
    match caller.project.settings.on_store_loss {
        OnStoreLoss::Open if !full => Ok(uncounted(core, admission)),
        OnStoreLoss::Open => {
            let full = "too many settlements wait for the limits' store to come back";
            Err(Error::new(Kind::StoreUnavailable, full).retrying(Retry::Later).caused_by(error))
        }
        OnStoreLoss::Lease if !full && lends(core, caller, admission) => Ok(uncounted(core, admission)),
        OnStoreLoss::Closed | OnStoreLoss::Lease => {
            // Its answer was lost, perhaps not the step itself: what it may have taken is given back. Beyond the bound
            // leases do that.
            if !full && admission.charge != Charge::RateOnly {
                core.settler.release(held(core, admission), None);
            }
            Err(error)
        }
    }
}

/// Raises a reservation to `money`, before a dearer attempt. Where the limiter does not know it, or cannot be asked, the
/// policy decides.
pub(crate) async fn raise(
    core: &Core,
    policy: OnStoreLoss,
    admission: &Admission,
    held: &Held,
    money: Nano,
) -> Result<Raise> {
    let raised = || Raise::Raised(Held { money, ..held.clone() });
    if held.uncounted {
        let allowed = policy == OnStoreLoss::Open || core.settler.lend_more(held, money);
        return if allowed { Ok(raised()) } else { Ok(Raise::Gone) };
    }
    match core.stores.limiter.raise(admission, held, money, held.tokens).await {
        // The limiter holds less than it may cost; what it does cost is booked all the same.
        Err(error) if error.kind() == Kind::StoreUnavailable && policy == OnStoreLoss::Open => Ok(raised()),
        other => other,
    }
}

/// Whether the slice that this process holds has room. It is of the project's cap alone: who has a cap of its own is
/// refused.
fn lends(core: &Core, caller: &Caller, admission: &Admission) -> bool {
    let caps = caller.caps();
    let own = Caps { project_month: None, ..caps };
    let first = &admission.first;
    let free = first.cached || admission.charge == Charge::RateOnly;
    !own.any()
        && caps.project_month.is_some()
        && (free || core.settler.lend(admission.project, admission.id, first.money.max(Nano::ZERO)))
}

/// Served now, counted when the limiter is back. An answer that this process has is given as ever.
fn uncounted(core: &Core, admission: &Admission) -> Verdict {
    let standing = Standing::default();
    if admission.first.cached {
        return Verdict::Hit { plan: 0, body: None, standing };
    }
    let mut held = held(core, admission);
    if admission.charge == Charge::RateOnly {
        (held.money, held.tokens) = (Nano::ZERO, 0);
    }
    Verdict::Admitted(Admitted { plan: 0, held, standing })
}

/// What the admission may have taken. If it did, the limiter knows better.
fn held(core: &Core, admission: &Admission) -> Held {
    let now = core.clock.now();
    Held {
        id: admission.id,
        project: admission.project,
        key: admission.key,
        customer: admission.customer,
        admitted_at: now,
        money: admission.first.money.max(Nano::ZERO),
        tokens: admission.first.tokens,
        tokens_per_minute: admission.rates.tokens_per_minute,
        lease_until: now.after(admission.lease),
        uncounted: true,
    }
}
