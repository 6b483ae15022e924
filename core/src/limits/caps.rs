//! Whether money fits under the caps, and what to say where it does not.

use std::time::Duration;

use super::shortfall::Shortfall;
use super::{Caps, LimitKind, Line, Scope, Trigger, Window};
use crate::clock::Millis;
use crate::ids::CustomerTag;
use crate::money::Nano;

/// Caps that a plan fails on.
#[derive(Debug)]
pub(super) struct OverCap {
    /// The one to report.
    pub(super) shortfall: Shortfall,
    /// Whether one of them is the customer's.
    customer: bool,
    /// Whether one of them is the project's or the key's.
    owner: bool,
}

impl OverCap {
    /// Whether all of them allow a cheaper plan.
    pub(super) fn allows(&self, trigger: Trigger) -> bool {
        match trigger {
            Trigger::CustomerCap => !self.owner,
            Trigger::OwnerCap => !self.customer,
            Trigger::AnyCap => true,
        }
    }
}

/// Checks `extra` on top of what is spent against every cap, and `total`, all that the request holds, against the cap
/// for one request.
///
/// Debt blocks also what costs nothing, and a cap of 0 allows nothing. Of several caps that fail the one that lasts
/// longest is reported, so that waiting as told is not followed by another wait; among equals the widest, which is the
/// one that must be raised to let anybody through.
pub(super) fn check(
    spend: &[Line],
    caps: &Caps,
    customer: Option<CustomerTag>,
    (total, extra): (Nano, Nano),
    now: Millis,
) -> Result<(), OverCap> {
    let request = customer.and_then(|tag| request_cap(caps, tag, total));
    let windows =
        spend.iter().filter_map(|line| line.cap(caps).and_then(|cap| window_cap(line, cap, extra, now)));
    let mut worst: Option<Shortfall> = None;
    let (mut of_customer, mut of_owner) = (false, false);
    for shortfall in request.into_iter().chain(windows) {
        match shortfall.scope {
            Scope::Customer(_) => of_customer = true,
            Scope::Project | Scope::Key(_) => of_owner = true,
        }
        if worst.as_ref().is_none_or(|known| rank(&shortfall) > rank(known)) {
            worst = Some(shortfall);
        }
    }
    worst.map_or(Ok(()), |shortfall| Err(OverCap { shortfall, customer: of_customer, owner: of_owner }))
}

/// Longest wait first, for ever before all; then the widest scope.
fn rank(shortfall: &Shortfall) -> (Duration, u8) {
    let width = match shortfall.scope {
        Scope::Project => 2,
        Scope::Key(_) => 1,
        Scope::Customer(_) => 0,
    };
    (shortfall.retry_after.unwrap_or(Duration::MAX), width)
}

fn request_cap(caps: &Caps, tag: CustomerTag, total: Nano) -> Option<Shortfall> {
    let cap = caps.customer_request?;
    (cap <= Nano::ZERO || total > cap).then(|| Shortfall {
        scope: Scope::Customer(tag),
        limit: LimitKind::SpendPerRequest,
        allowed: cap.nano(),
        left: cap.nano(),
        asked: total.nano(),
        retry_after: None,
    })
}

fn window_cap(line: &Line, cap: Nano, extra: Nano, now: Millis) -> Option<Shortfall> {
    let spend = line.state().spend();
    (cap <= Nano::ZERO || spend.saturating_add(extra) > cap).then(|| Shortfall {
        scope: line.id.scope,
        limit: LimitKind::Spend(line.id.window),
        allowed: cap.nano(),
        left: cap.saturating_sub(spend).nano(),
        asked: extra.nano(),
        // A new window does not make room for what is larger than the whole cap.
        retry_after: (cap > Nano::ZERO && extra <= cap).then(|| until_end(line.id.window, now)),
    })
}

fn until_end(window: Window, now: Millis) -> Duration {
    Duration::from_millis(window.end().since(now))
}
