//! A reservation as the scripts write it (`lua/scripts/parts/reservation.lua`).

use std::str::FromStr;

use super::failure::garbled;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{AdmissionId, ProjectId};
use crate::limits::{Held, Phase, Reservation, Window};
use crate::money::Nano;

/// The most that a script takes: 2^53 − 1.
pub(super) const MOST: u64 = (1 << 53) - 1;

/// Money as a script takes it: not below 0, and not more than it can add up exactly.
pub(super) fn money(amount: Nano) -> i64 {
    amount.nano().clamp(0, MOST as i64)
}

pub(super) fn tokens(number: u64) -> u64 {
    number.min(MOST)
}

pub(super) fn read(project: ProjectId, id: AdmissionId, text: &str) -> Result<Reservation> {
    parse(project, id, text).ok_or_else(|| garbled("a reservation"))
}

fn parse(project: ProjectId, id: AdmissionId, text: &str) -> Option<Reservation> {
    let mut fields = text.split(' ');
    let phase = match fields.next()? {
        "o" => Phase::Open,
        "l" => Phase::Lapsed,
        "a" => Phase::Acknowledged,
        _ => return None,
    };
    let plan = number(fields.next()?)?;
    let admitted_at = Millis(number(fields.next()?)?);
    let money = Nano::from_nano(number(fields.next()?)?);
    let tokens = number(fields.next()?)?;
    let tokens_per_minute = optional(fields.next()?)?;
    let lease_until = Millis(number(fields.next()?)?);
    let lease_ms = number(fields.next()?)?;
    // What the windows hold of it, and which they are, concerns the scripts alone.
    let mut fields = fields.skip(4);
    let key = number(fields.next()?)?;
    let customer = optional(fields.next()?)?;
    let held = Held {
        id,
        project,
        key,
        customer,
        admitted_at,
        money,
        tokens,
        tokens_per_minute,
        lease_until,
        uncounted: false,
    };
    Some(Reservation { held, plan, lease_ms, phase })
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn optional<T: FromStr>(text: &str) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { text.parse().ok().map(Some) }
}

/// The text of a reservation under way of which nothing is booked.
pub(super) fn unbooked(held: &Held, lease_ms: u128) -> String {
    let rate = held.tokens_per_minute.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
    let customer = held.customer.map_or_else(|| "-".to_owned(), |tag| tag.to_string());
    let (at, until) = (held.admitted_at.0, held.lease_until.0);
    let (month, day) = (Window::month(held.admitted_at), Window::day(held.admitted_at));
    let (money, tokens) = (money(held.money), tokens(held.tokens));
    format!("o 0 {at} {money} {tokens} {rate} {until} {lease_ms} 0 0 {month} {day} {} {customer}", held.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CustomerId, KeyId};

    #[test]
    fn a_reservation_reads_as_it_is_written() {
        let now = Millis(1_795_428_000_000);
        let held = Held {
            id: AdmissionId::new(now),
            project: ProjectId::new(now),
            key: KeyId::new(now),
            customer: Some(CustomerId::new("ada").unwrap().tag()),
            admitted_at: now,
            money: Nano::from_nano(7),
            tokens: 9,
            tokens_per_minute: Some(60),
            lease_until: Millis(now.0 + 60_000),
            uncounted: false,
        };
        for held in [Held { customer: None, tokens_per_minute: None, ..held.clone() }, held] {
            let known = read(held.project, held.id, &unbooked(&held, 60_000)).unwrap();
            assert_eq!((known.held, known.plan, known.lease_ms, known.phase), (held, 0, 60_000, Phase::Open));
        }
    }
}
