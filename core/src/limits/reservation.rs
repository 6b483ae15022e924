//! What happens to a reservation after it was made: raised, lapsed, settled. Pure, as the decision is.

use super::decide::{standing, tokens_after};
use super::shortfall::Shortfall;
use super::{Admission, Counter, Phase, Raise, Reservation, Settled, Settlement, View, caps};
use crate::clock::Millis;
use crate::money::Nano;

/// Raises `reservation` to `money` and `tokens`, against the same caps and token rate, for the difference alone. It
/// never lowers. `view` holds the counters of the windows it was admitted in, and changes only where it was raised.
pub fn raise(
    view: &mut View,
    reservation: &mut Reservation,
    admission: &Admission,
    (money, tokens): (Nano, u64),
    now: Millis,
) -> Raise {
    if reservation.phase != Phase::Open {
        return Raise::Gone;
    }
    let held = &reservation.held;
    let (money, tokens) = (money.max(held.money), tokens.max(held.tokens));
    let extra = money.saturating_sub(held.money);
    let extra_tokens = tokens - held.tokens;
    let refused =
        |shortfall: Shortfall, view: &View| Raise::Refused(shortfall.refusal(standing(view, admission, now)));
    // Under the rate it was admitted under: settling gives back by the same.
    let taken = match held.tokens_per_minute.filter(|_| extra_tokens > 0) {
        Some(rate) => tokens_after(view.tokens, admission, (tokens, extra_tokens), rate, now),
        None => Ok(view.tokens),
    };
    let taken = match taken {
        Ok(taken) => taken,
        Err(shortfall) => return refused(shortfall, view),
    };
    if extra > Nano::ZERO
        && let Err(over) = caps::check(&view.spend, &admission.caps, held.customer, (money, extra), now)
    {
        return refused(over.shortfall, view);
    }
    view.tokens = taken;
    view.book(|counter| counter.reserved = counter.reserved.saturating_add(extra));
    reservation.held.money = money;
    reservation.held.tokens = tokens;
    Raise::Raised(reservation.held.clone())
}

/// Ends the lease of an open reservation: its estimate is charged and its slot is free. Its tokens stay taken.
pub fn lapse(view: &mut View, reservation: &mut Reservation) {
    if reservation.phase == Phase::Open {
        close(view, reservation, reservation.held.money);
        reservation.phase = Phase::Lapsed;
    }
}

/// Ends a reservation at what it truly cost, in the windows it was admitted in, over any cap: what is beyond is debt.
/// After this the reservation is to be forgotten.
///
/// What was reserved is read from the engine's own record, not from the settlement, so that a reservation raised in
/// between is returned whole.
pub fn settle(view: &mut View, reservation: &Reservation, settlement: &Settlement, now: Millis) -> Settled {
    let held = &reservation.held;
    let cost = settlement.money.max(Nano::ZERO);
    if let Some(rate) = held.tokens_per_minute {
        view.tokens.settle(held.tokens, settlement.tokens, held.admitted_at, now, rate);
    }
    match reservation.phase {
        Phase::Open => {
            close(view, reservation, cost);
            Settled::Booked
        }
        Phase::Lapsed | Phase::Acknowledged => {
            view.book(|counter| {
                counter.settled = counter.settled.saturating_sub(held.money).saturating_add(cost);
            });
            Settled::Late
        }
    }
}

fn close(view: &mut View, reservation: &Reservation, cost: Nano) {
    let money = reservation.held.money;
    view.slots = view.slots.saturating_sub(1);
    view.book(|counter| {
        *counter = Counter {
            settled: counter.settled.saturating_add(cost),
            reserved: counter.reserved.saturating_sub(money),
        };
    });
}
