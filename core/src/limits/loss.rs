//! The limiter cannot be asked: what the project's policy says (`on_store_loss`).

use super::{Admission, Admitted, Charge, Held, Standing, Verdict};
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
    match caller.project.settings.on_store_loss {
        OnStoreLoss::Closed | OnStoreLoss::Lease => Err(error),
        OnStoreLoss::Open if core.settler.waiting() >= MOST_WAITING => {
            let full = "too many settlements wait for the limits' store to come back";
            Err(Error::new(Kind::StoreUnavailable, full).retrying(Retry::Later).caused_by(error))
        }
        OnStoreLoss::Open => Ok(uncounted(core, admission)),
    }
}

/// Served now, counted when the limiter is back. An answer that this process has is given as ever.
fn uncounted(core: &Core, admission: &Admission) -> Verdict {
    let standing = Standing::default();
    if admission.first.cached {
        return Verdict::Hit { plan: 0, body: None, standing };
    }
    let now = core.clock.now();
    let first = &admission.first;
    let follows = admission.charge == Charge::RateOnly;
    let held = Held {
        id: admission.id,
        project: admission.project,
        key: admission.key,
        customer: admission.customer,
        admitted_at: now,
        money: if follows { Nano::ZERO } else { first.money.max(Nano::ZERO) },
        tokens: if follows { 0 } else { first.tokens },
        tokens_per_minute: admission.rates.tokens_per_minute,
        lease_until: now.after(admission.lease),
        uncounted: true,
    };
    Verdict::Admitted(Admitted { plan: 0, held, standing })
}
