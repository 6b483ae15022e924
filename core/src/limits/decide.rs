//! The decision: a pure function, the same for every engine.

use std::time::Duration;

use super::bucket::Short;
use super::caps::{self, OverCap};
use super::shortfall::Shortfall;
use super::{
    Admission, Admitted, Bucket, Charge, Held, LimitKind, Phase, Plan, Rates, Reservation, Scope, Standing,
    Verdict, View,
};
use crate::clock::Millis;
use crate::money::Nano;

/// When to come back for a slot: nobody knows, so a guess.
const SLOT_GUESS: Duration = Duration::from_secs(1);

/// What was decided, and the reservation to keep where one was made.
#[derive(Debug)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// To be kept until it is settled. None also for a follower, which holds nothing.
    pub reservation: Option<Reservation>,
}

/// Why one plan cannot be taken.
enum No {
    Cap(OverCap),
    Other(Shortfall),
}

/// What one plan takes.
enum Taken {
    /// The cached answer, and nothing else.
    Answer,
    /// A reservation; the token bucket after it.
    Tokens(Bucket),
}

/// Decides on `admission` at `now`, the store's time.
///
/// The order: revision, counters present, request rate, and for each plan: exact cache, token rate, slots, caps. The
/// second plan is tried only where the first failed on caps that its trigger names, and where it fails too, the first
/// plan's refusal is the answer. `view` changes only with what was admitted or hit, save that a newer revision is
/// always remembered, so that callers with an older one are told to reload.
///
/// A follower ([`Charge::RateOnly`]) pays the request rate and holds nothing: what it is given is all zero, is not
/// kept, and needs no settlement.
pub fn decide(view: &mut View, admission: &Admission, now: Millis) -> Decision {
    if admission.rev < view.rev {
        return Decision { verdict: Verdict::Reload, reservation: None };
    }
    view.rev = admission.rev;
    let missing = view.missing();
    if !missing.is_empty() {
        return Decision { verdict: Verdict::Seed(missing), reservation: None };
    }
    let paid = match pay_request(view, admission, now) {
        Ok(paid) => paid,
        Err(shortfall) => return refused(shortfall, view, admission, now),
    };
    if admission.charge == Charge::RateOnly {
        view.requests = paid;
        return if admission.first.cached {
            hit(0, view, admission, now)
        } else {
            follow(view, admission, now)
        };
    }
    let (index, plan, taken) = match attempt(view, admission, &admission.first, now) {
        Ok(taken) => (0, &admission.first, taken),
        Err(first) => match second(view, admission, &first, now) {
            Some((plan, taken)) => (1, plan, taken),
            None => {
                let (No::Cap(OverCap { shortfall, .. }) | No::Other(shortfall)) = first;
                return refused(shortfall, view, admission, now);
            }
        },
    };
    view.requests = paid;
    match taken {
        Taken::Answer => hit(index, view, admission, now),
        Taken::Tokens(tokens) => {
            view.tokens = tokens;
            reserve(view, admission, (index, plan), now)
        }
    }
}

/// The request bucket after it was paid.
fn pay_request(view: &View, admission: &Admission, now: Millis) -> Result<Bucket, Shortfall> {
    let mut paid = view.requests;
    let Some(rate) = admission.rates.requests_per_minute.filter(|_| admission.charge != Charge::Rated) else {
        return Ok(paid);
    };
    paid.take(1, now, rate).map(|()| paid).map_err(|short| Shortfall {
        scope: Scope::Key(admission.key),
        limit: LimitKind::Requests,
        allowed: i64::from(rate),
        left: i64::from(view.requests.level(now, rate).remaining),
        asked: 1,
        retry_after: short.wait(),
    })
}

/// Whether one plan can be taken: everything but the request rate.
fn attempt(view: &View, admission: &Admission, plan: &Plan, now: Millis) -> Result<Taken, No> {
    if plan.cached {
        return Ok(Taken::Answer);
    }
    let tokens = match admission.rates.tokens_per_minute {
        Some(rate) => {
            tokens_after(view.tokens, admission, (plan.tokens, plan.tokens), rate, now).map_err(No::Other)?
        }
        None => view.tokens,
    };
    if let Some(most) = admission.rates.concurrency.filter(|most| view.slots >= *most) {
        return Err(No::Other(Shortfall {
            scope: Scope::Key(admission.key),
            limit: LimitKind::Concurrency,
            allowed: i64::from(most),
            left: i64::from(most) - i64::from(view.slots),
            asked: 1,
            retry_after: (most > 0).then_some(SLOT_GUESS),
        }));
    }
    let money = plan.money.max(Nano::ZERO);
    caps::check(&view.spend, &admission.caps, admission.customer, (money, money), now).map_err(No::Cap)?;
    Ok(Taken::Tokens(tokens))
}

/// The second plan, where `first` failed on a cap that its trigger names, and where it fits.
fn second<'a>(view: &View, admission: &'a Admission, first: &No, now: Millis) -> Option<(&'a Plan, Taken)> {
    let (Some(second), No::Cap(over)) = (&admission.second, first) else {
        return None;
    };
    if !over.allows(second.on) {
        return None;
    }
    attempt(view, admission, &second.plan, now).ok().map(|taken| (&second.plan, taken))
}

/// The token bucket after `extra` tokens of a request that holds `total` with them.
pub(super) fn tokens_after(
    mut bucket: Bucket,
    admission: &Admission,
    (total, extra): (u64, u64),
    rate: u32,
    now: Millis,
) -> Result<Bucket, Shortfall> {
    let left = bucket.level(now, rate).remaining;
    let outcome = if total > u64::from(rate) { Err(Short::TooLarge) } else { bucket.take(extra, now, rate) };
    outcome.map(|()| bucket).map_err(|short| Shortfall {
        scope: Scope::Key(admission.key),
        limit: if short == Short::TooLarge { LimitKind::TokensTooLarge } else { LimitKind::Tokens },
        allowed: i64::from(rate),
        left: i64::from(left),
        asked: i64::try_from(extra).unwrap_or(i64::MAX),
        retry_after: short.wait(),
    })
}

fn held(admission: &Admission, money: Nano, tokens: u64, now: Millis) -> Held {
    Held {
        id: admission.id,
        project: admission.project,
        key: admission.key,
        customer: admission.customer,
        admitted_at: now,
        money,
        tokens,
        tokens_per_minute: admission.rates.tokens_per_minute,
        lease_until: now.after(admission.lease),
        uncounted: false,
    }
}

fn reserve(view: &mut View, admission: &Admission, (index, plan): (usize, &Plan), now: Millis) -> Decision {
    let money = plan.money.max(Nano::ZERO);
    view.slots = view.slots.saturating_add(1);
    view.book(|counter| counter.reserved = counter.reserved.saturating_add(money));
    let held = held(admission, money, plan.tokens, now);
    let lease_ms = u64::try_from(admission.lease.as_millis()).unwrap_or(u64::MAX);
    let reservation = Reservation { held: held.clone(), plan: index, lease_ms, phase: Phase::Open };
    let standing = standing(view, admission, now);
    let verdict = Verdict::Admitted(Admitted { plan: index, held, standing });
    Decision { verdict, reservation: Some(reservation) }
}

fn follow(view: &View, admission: &Admission, now: Millis) -> Decision {
    let held = held(admission, Nano::ZERO, 0, now);
    let held = Held { tokens_per_minute: None, lease_until: now, ..held };
    let standing = standing(view, admission, now);
    Decision { verdict: Verdict::Admitted(Admitted { plan: 0, held, standing }), reservation: None }
}

fn hit(plan: usize, view: &View, admission: &Admission, now: Millis) -> Decision {
    let standing = standing(view, admission, now);
    Decision { verdict: Verdict::Hit { plan, body: None, standing }, reservation: None }
}

fn refused(shortfall: Shortfall, view: &View, admission: &Admission, now: Millis) -> Decision {
    let refusal = shortfall.refusal(standing(view, admission, now));
    Decision { verdict: Verdict::Refused(refusal), reservation: None }
}

/// Where the caller stands, for the rate headers.
#[must_use]
pub fn standing(view: &View, admission: &Admission, now: Millis) -> Standing {
    let Rates { requests_per_minute, tokens_per_minute, .. } = admission.rates;
    Standing {
        requests: requests_per_minute.map(|rate| view.requests.level(now, rate)),
        tokens: tokens_per_minute.map(|rate| view.tokens.level(now, rate)),
        cap: view.tightest(&admission.caps),
    }
}
