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

pub(super) fn admit(scripts: &'static Scripts, keys: &Keys, admission: &Admission, day: &Day) -> Command {
    let Admission { rates, caps, first, second, .. } = admission;
    let windows = day.windows();
    let mut all = vec![keys.state(), keys.held(), keys.open(), keys.lapsed()];
    all.extend(windows.map(|window| keys.spend(window)));
    all.push(keys.ended(admission.id));
    let mut command = Command::new(&scripts.admit, all)
        .arg(day.begins.0)
        .arg(day.ends.0)
        .arg(windows.map(Window::code).as_slice())
        .arg(admission.id.to_string())
        .arg(admission.key.to_string())
        .arg(admission.customer.map(|tag| tag.to_string()).unwrap_or_default())
        .arg(admission.rev)
        .arg(match admission.charge {
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
    let leader = match first.cache_key.filter(|_| admission.follow) {
        Some(key) => command.key(keys.leader(&key)),
        None => 0,
    };
    command.push(leader);
    push_plan(&mut command, keys, first);
    match second {
        Some(second) => {
            command.push(match second.on {
                Trigger::CustomerCap => "c",
                Trigger::OwnerCap => "o",
                Trigger::AnyCap => "a",
            });
            push_plan(&mut command, keys, &second.plan);
        }
        None => command.push(""),
    }
    command
}

fn push_plan(command: &mut Command, keys: &Keys, plan: &Plan) {
    command.push(money(plan.money));
    command.push(tokens(plan.tokens));
    command.push(u8::from(plan.cached));
    command.push(plan.version.as_deref().unwrap_or_default());
    let index = plan.cache_key.map_or(0, |key| command.key(keys.answer(&key)));
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

/// Without an answer to keep; [`Command::push`] the time it has left and the answer for one.
pub(super) fn settle(scripts: &'static Scripts, keys: &Keys, settlement: &Settlement) -> Command {
    let held = &settlement.held;
    let [month, day] = windows_of(keys, held);
    let all = vec![
        keys.state(),
        keys.held(),
        keys.open(),
        keys.lapsed(),
        keys.late(),
        month,
        day,
        keys.ended(held.id),
    ];
    Command::new(&scripts.settle, all)
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
        Command::new(&scripts.raise, all).arg(held.id.to_string()).arg(money(most)).arg(tokens(used));
    push_caps(&mut command, caps);
    command
}
