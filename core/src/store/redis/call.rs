//! The calls of the scripts that have many arguments.

use lockgate_lua::Scripts;

use super::command::Command;
use super::day::Day;
use super::keys::Keys;
use super::reservation::{money, tokens};
use crate::limits::{Admission, Caps, Charge, Held, Plan, Settlement, Trigger, Window};
use crate::money::Nano;

/// Expired leases that one admission clears away.
const SWEEP: usize = 16;

pub(super) fn admit(
    scripts: &'static Scripts,
    keys: &Keys,
    admission: &Admission,
    day: &Day,
    new: bool,
) -> Command {
    let Admission { rates, caps, first, second, .. } = admission;
    let mut all = Vec::with_capacity(11);
    all.extend([keys.state(), keys.open(), keys.lapsed(), keys.spend(day.month), keys.spend(day.day)]);
    all.push(keys.ended(admission.id));
    if new {
        // Leases of yesterday's requests end now.
        all.extend([keys.spend(day.month_before), keys.spend(day.day_before)]);
    }
    let mut index = |key: Option<String>| match key {
        Some(key) => {
            all.push(key);
            all.len()
        }
        None => 0,
    };
    let leader = index(first.cache_key.filter(|_| admission.follow).map(|key| keys.leader(&key)));
    let answer = index(first.cache_key.map(|key| keys.answer(&key)));
    let other = index(second.as_ref().and_then(|second| second.plan.cache_key).map(|key| keys.answer(&key)));

    let mut command = Command::new(&scripts.admit, &all)
        .arg(day.begins.0)
        .arg(day.ends.0)
        .arg(day.month.code())
        .arg(day.day.code());
    command.push_limit(new.then(|| day.month_before.code()));
    command.push_limit(new.then(|| day.day_before.code()));
    command.push(admission.id.to_string());
    command.push(admission.key.to_string());
    command.push(admission.customer.map(|tag| tag.to_string()).unwrap_or_default());
    command.push(admission.rev);
    command.push(match admission.charge {
        Charge::Full => "full",
        Charge::RateOnly => "rate",
        Charge::Rated => "rated",
    });
    command.push_limit(rates.requests_per_minute);
    command.push_limit(rates.tokens_per_minute);
    command.push_limit(rates.concurrency);
    push_caps(&mut command, caps);
    command.push(u64::try_from(admission.lease.as_millis()).unwrap_or(u64::MAX));
    command.push(SWEEP);
    command.push(leader);
    push_plan(&mut command, first, answer);
    match second {
        Some(second) => {
            command.push(match second.on {
                Trigger::CustomerCap => "c",
                Trigger::OwnerCap => "o",
                Trigger::AnyCap => "a",
            });
            push_plan(&mut command, &second.plan, other);
        }
        None => command.push(""),
    }
    command
}

fn push_plan(command: &mut Command, plan: &Plan, index: usize) {
    command.push(money(plan.money));
    command.push(tokens(plan.tokens));
    command.push(u8::from(plan.cached));
    command.push(plan.version.as_deref().unwrap_or_default());
    command.push(index);
}

fn push_caps(command: &mut Command, caps: &Caps) {
    let Caps { project_month, key_month, customer_day, customer_month, customer_request } = *caps;
    for cap in [project_month, key_month, customer_day, customer_month, customer_request] {
        command.push_limit(cap.map(Nano::nano));
    }
}

/// Keys of the windows that `held` is booked into: its month, its day.
fn windows_of(keys: &Keys, held: &Held) -> [String; 2] {
    [keys.spend(Window::month(held.admitted_at)), keys.spend(Window::day(held.admitted_at))]
}

/// `answer`: the key of one to keep; the time it has left and the answer itself are to be pushed.
pub(super) fn settle(
    scripts: &'static Scripts,
    keys: &Keys,
    settlement: &Settlement,
    answer: Option<String>,
) -> Command {
    let held = &settlement.held;
    let [month, day] = windows_of(keys, held);
    let mut all = vec![
        keys.state(),
        keys.held(),
        keys.open(),
        keys.lapsed(),
        keys.late(),
        month,
        day,
        keys.ended(held.id),
    ];
    all.extend(answer);
    Command::new(&scripts.settle, &all)
        .arg(held.id.to_string())
        .arg(money(settlement.money))
        .arg(tokens(settlement.tokens))
        .arg(held.key.to_string())
        .arg(held.customer.map_or_else(|| "-".to_owned(), |tag| tag.to_string()))
        .arg(u8::from(held.uncounted))
        .arg(Window::month(held.admitted_at).code())
        .arg(Window::day(held.admitted_at).code())
}

pub(super) fn raise(
    scripts: &'static Scripts,
    keys: &Keys,
    held: &Held,
    caps: &Caps,
    (most, used): (Nano, u64),
) -> Command {
    let [month, day] = windows_of(keys, held);
    let all = vec![keys.state(), keys.held(), month, day];
    let mut command =
        Command::new(&scripts.raise, &all).arg(held.id.to_string()).arg(money(most)).arg(tokens(used));
    push_caps(&mut command, caps);
    command
}
