//! A limiter as simple as can be: it adds everything up anew for every question. Rates are kept as the theoretical
//! arrival time of GCRA, in parts, so that it shares no arithmetic with the engines. Rates of a key must not change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockgate::clock::{Clock, ManualClock, Millis};
use lockgate::error::Result;
use lockgate::ids::{AdmissionId, KeyId, ProjectId};
use lockgate::limits::{
    Admission, Admitted, Charge, CounterId, Held, LimitKind, Plan, Raise, Refusal, Scope, Settled,
    Settlement, Standing, Trigger, Verdict, Window,
};
use lockgate::money::Nano;
use lockgate::store::{Inspection, Limiter};
use parking_lot::Mutex;

use crate::world::nano;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Lapsed,
    Acknowledged,
    Settled(i64),
}

struct Entry {
    held: Held,
    plan: usize,
    state: State,
}

#[derive(Default)]
struct Books {
    rev: u64,
    entries: Vec<Entry>,
    /// The most that was ever seeded beyond what the entries say, found when it was seeded.
    seeded: Vec<(CounterId, i64)>,
    requests: HashMap<KeyId, i128>,
    tokens: HashMap<KeyId, i128>,
}

pub(crate) struct Naive {
    clock: Arc<ManualClock>,
    books: Mutex<Books>,
}

impl Naive {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Naive {
        Naive { clock, books: Mutex::default() }
    }
}

fn refusal(scope: Scope, limit: LimitKind, numbers: (i64, i64, i64), wait: Option<Duration>) -> Refusal {
    let (allowed, left, asked) = numbers;
    Refusal { scope, limit, allowed, left, asked, retry_after: wait, standing: Standing::default() }
}

/// Parts: `rate` of them arrive in a millisecond, a unit needs 60 000.
fn take(arrival: i128, units: u64, now: Millis, rate: u32) -> std::result::Result<i128, (i64, Duration)> {
    let rate = i128::from(rate);
    let clock = i128::from(now.0) * rate;
    let size = rate * 60_000;
    let start = arrival.max(clock);
    let next = start + i128::from(units) * 60_000;
    if next - clock <= size {
        return Ok(next);
    }
    let left = ((clock + size - start) / 60_000).max(0);
    let mut wait = 0;
    // The first millisecond at which it fits, by definition.
    while next - (clock + rate * wait) > size {
        wait += ((next - clock - rate * wait - size) / rate).max(1);
    }
    Err((i64::try_from(left).unwrap(), Duration::from_millis(u64::try_from(wait).unwrap())))
}

impl Books {
    fn settled(&self, id: CounterId) -> i64 {
        let of_entries: i64 =
            self.entries.iter().filter(|e| e.held.counters().any(|c| c == id)).map(charged).sum();
        of_entries + self.seeded.iter().filter(|(known, _)| *known == id).map(|(_, extra)| extra).sum::<i64>()
    }

    fn reserved(&self, id: CounterId) -> i64 {
        let open = self.entries.iter().filter(|e| e.state == State::Open);
        open.filter(|e| e.held.counters().any(|c| c == id)).map(|e| e.held.money.nano()).sum()
    }

    fn sweep(&mut self, now: Millis, most: usize) {
        let mut over: Vec<&mut Entry> =
            self.entries.iter_mut().filter(|e| e.state == State::Open && e.held.lease_until <= now).collect();
        over.sort_by_key(|e| (e.held.lease_until, e.held.id));
        over.into_iter().take(most).for_each(|e| e.state = State::Lapsed);
    }

    fn live(&mut self, id: AdmissionId, now: Millis) -> Option<&mut Entry> {
        let over = |e: &Entry| e.state == State::Acknowledged && now.0 - e.held.lease_until.0 >= 86_400_000;
        self.entries.iter_mut().find(|e| e.held.id == id && !matches!(e.state, State::Settled(_)) && !over(e))
    }

    fn over_caps(
        &self,
        admission: &Admission,
        held: &Held,
        (total, extra): (i64, i64),
        now: Millis,
    ) -> Vec<Refusal> {
        let caps = &admission.caps;
        let mut over = Vec::new();
        if let (Some(tag), Some(cap)) = (held.customer, caps.customer_request.map(Nano::nano))
            && (cap == 0 || total > cap)
        {
            over.push(refusal(Scope::Customer(tag), LimitKind::SpendPerRequest, (cap, cap, total), None));
        }
        for id in held.counters() {
            let cap = match (id.scope, id.window) {
                (Scope::Project, _) => caps.project_month,
                (Scope::Key(_), _) => caps.key_month,
                (Scope::Customer(_), Window::Day(_)) => caps.customer_day,
                (Scope::Customer(_), Window::Month(_)) => caps.customer_month,
            };
            let Some(cap) = cap.map(Nano::nano) else { continue };
            let left = cap - self.settled(id) - self.reserved(id);
            if cap == 0 || extra > left {
                let wait = Duration::from_millis(id.window.end().since(now));
                let wait = (cap > 0 && extra <= cap).then_some(wait);
                over.push(refusal(id.scope, LimitKind::Spend(id.window), (cap, left, extra), wait));
            }
        }
        let width = |scope: Scope| match scope {
            Scope::Project => 0,
            Scope::Key(_) => 1,
            Scope::Customer(_) => 2,
        };
        over.sort_by_key(|r| (std::cmp::Reverse(r.retry_after.unwrap_or(Duration::MAX)), width(r.scope)));
        over
    }

    /// The token bucket after the plan, or all that refuses it.
    fn try_plan(
        &self,
        admission: &Admission,
        held: &Held,
        plan: &Plan,
    ) -> std::result::Result<Option<i128>, Vec<Refusal>> {
        let (scope, now) = (Scope::Key(admission.key), held.admitted_at);
        if plan.cached {
            return Ok(None);
        }
        let mut arrival = self.tokens.get(&admission.key).copied().unwrap_or(0);
        if let Some(rate) = admission.rates.tokens_per_minute {
            arrival = tokens(arrival, scope, (plan.tokens, plan.tokens), now, rate).map_err(|r| vec![*r])?;
        }
        if let Some(most) = admission.rates.concurrency.map(i64::from) {
            let open =
                self.entries.iter().filter(|e| e.state == State::Open && e.held.key == admission.key).count();
            let left = most - i64::try_from(open).unwrap();
            if left <= 0 {
                let wait = (most > 0).then_some(Duration::from_secs(1));
                return Err(vec![refusal(scope, LimitKind::Concurrency, (most, left, 1), wait)]);
            }
        }
        let money = plan.money.nano().max(0);
        let over = self.over_caps(admission, held, (money, money), now);
        if over.is_empty() { Ok(Some(arrival)) } else { Err(over) }
    }

    fn admit(&mut self, admission: &Admission, now: Millis) -> Verdict {
        self.sweep(now, 16);
        let blank = Held {
            id: admission.id,
            project: admission.project,
            key: admission.key,
            customer: admission.customer,
            admitted_at: now,
            money: nano(0),
            tokens: 0,
            tokens_per_minute: None,
            lease_until: now,
            uncounted: false,
        };
        let standing = Standing::default();
        if admission.charge != Charge::RateOnly
            && let Some(known) = self.live(admission.id, now)
        {
            return Verdict::Admitted(Admitted { plan: known.plan, held: known.held.clone(), standing });
        }
        if admission.rev < self.rev {
            return Verdict::Reload;
        }
        self.rev = admission.rev;
        let mut paid = self.requests.get(&admission.key).copied().unwrap_or(0);
        if let (Some(rate), true) = (admission.rates.requests_per_minute, admission.charge != Charge::Rated) {
            match take(paid, 1, now, rate) {
                Ok(next) => paid = next,
                Err((left, wait)) => {
                    let numbers = (i64::from(rate), left, 1);
                    return Verdict::Refused(refusal(
                        Scope::Key(admission.key),
                        LimitKind::Requests,
                        numbers,
                        Some(wait),
                    ));
                }
            }
        }
        if admission.charge == Charge::RateOnly {
            self.requests.insert(admission.key, paid);
            return if admission.first.cached {
                Verdict::Hit { plan: 0, body: None, standing }
            } else {
                Verdict::Admitted(Admitted { plan: 0, held: blank, standing })
            };
        }
        let mut outcome =
            self.try_plan(admission, &blank, &admission.first).map(|taken| (0, &admission.first, taken));
        if let (Err(over), Some(second)) = (&outcome, &admission.second) {
            let allowed = over.iter().all(|refusal| {
                let spend = matches!(refusal.limit, LimitKind::Spend(_) | LimitKind::SpendPerRequest);
                let customer = matches!(refusal.scope, Scope::Customer(_));
                spend && (second.on == Trigger::AnyCap || customer == (second.on == Trigger::CustomerCap))
            });
            if allowed && let Ok(taken) = self.try_plan(admission, &blank, &second.plan) {
                outcome = Ok((1, &second.plan, taken));
            }
        }
        match outcome {
            Err(over) => Verdict::Refused(over[0].clone()),
            Ok((plan, _, None)) => {
                self.requests.insert(admission.key, paid);
                Verdict::Hit { plan, body: None, standing }
            }
            Ok((index, plan, Some(arrival))) => {
                self.requests.insert(admission.key, paid);
                self.tokens.insert(admission.key, arrival);
                let held = Held {
                    money: nano(plan.money.nano().max(0)),
                    tokens: plan.tokens,
                    tokens_per_minute: admission.rates.tokens_per_minute,
                    lease_until: now.after(admission.lease),
                    ..blank
                };
                self.entries.push(Entry { held: held.clone(), plan: index, state: State::Open });
                Verdict::Admitted(Admitted { plan: index, held, standing })
            }
        }
    }
}

fn charged(entry: &Entry) -> i64 {
    match entry.state {
        State::Open => 0,
        State::Lapsed | State::Acknowledged => entry.held.money.nano(),
        State::Settled(cost) => cost,
    }
}

fn tokens(
    arrival: i128,
    scope: Scope,
    (total, extra): (u64, u64),
    now: Millis,
    rate: u32,
) -> std::result::Result<i128, Box<Refusal>> {
    let asked = i64::try_from(extra).unwrap();
    if total > u64::from(rate) {
        let parts = (arrival - i128::from(now.0) * i128::from(rate)).max(0);
        let left = ((i128::from(rate) * 60_000 - parts) / 60_000).max(0);
        let numbers = (i64::from(rate), i64::try_from(left).unwrap(), asked);
        return Err(Box::new(refusal(scope, LimitKind::TokensTooLarge, numbers, None)));
    }
    take(arrival, extra, now, rate).map_err(|(left, wait)| {
        Box::new(refusal(scope, LimitKind::Tokens, (i64::from(rate), left, asked), Some(wait)))
    })
}

#[async_trait]
impl Limiter for Naive {
    fn in_process(&self) -> bool {
        true
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict> {
        Ok(self.books.lock().admit(admission, self.clock.now()))
    }

    async fn raise(
        &self,
        admission: &Admission,
        held: &Held,
        money: Nano,
        tokens_wanted: u64,
    ) -> Result<Raise> {
        let now = self.clock.now();
        let mut books = self.books.lock();
        let Some(entry) = books.live(held.id, now).filter(|e| e.state == State::Open) else {
            return Ok(Raise::Gone);
        };
        let held = entry.held.clone();
        let (money, wanted) = (money.max(held.money), tokens_wanted.max(held.tokens));
        let (extra, extra_tokens) = (money.nano() - held.money.nano(), wanted - held.tokens);
        let mut arrival = books.tokens.get(&held.key).copied().unwrap_or(0);
        if let (Some(rate), true) = (held.tokens_per_minute, extra_tokens > 0) {
            match tokens(arrival, Scope::Key(held.key), (wanted, extra_tokens), now, rate) {
                Ok(next) => arrival = next,
                Err(refusal) => return Ok(Raise::Refused(*refusal)),
            }
        }
        if extra > 0 {
            let over = books.over_caps(admission, &held, (money.nano(), extra), now);
            if let Some(first) = over.into_iter().next() {
                return Ok(Raise::Refused(first));
            }
        }
        books.tokens.insert(held.key, arrival);
        let raised = Held { money, tokens: wanted, ..held };
        if let Some(entry) = books.live(raised.id, now) {
            entry.held = raised.clone();
        }
        Ok(Raise::Raised(raised))
    }

    async fn settle(&self, settlement: &Settlement) -> Result<Settled> {
        let now = self.clock.now();
        let mut books = self.books.lock();
        let Some(entry) = books.live(settlement.held.id, now) else { return Ok(Settled::Already) };
        let late = entry.state != State::Open;
        entry.state = State::Settled(settlement.money.nano().max(0));
        let held = entry.held.clone();
        if let Some(rate) = held.tokens_per_minute.map(i128::from) {
            let clock = i128::from(now.0) * rate;
            let arrival = books.tokens.get(&held.key).copied().unwrap_or(0).max(clock);
            let unused = (i128::from(held.tokens) - i128::from(settlement.tokens)) * 60_000;
            let drained = i128::from(now.0 - held.admitted_at.0) * rate;
            let undrained = (i128::from(held.tokens) * 60_000 - drained).max(0);
            let back = unused.min(undrained);
            books.tokens.insert(held.key, (arrival - back).max(clock));
        }
        Ok(if late { Settled::Late } else { Settled::Booked })
    }

    async fn renew(&self, _: ProjectId, ids: &[AdmissionId]) -> Result<Vec<AdmissionId>> {
        let now = self.clock.now();
        let mut books = self.books.lock();
        let mut unknown = Vec::new();
        for id in ids {
            match books.live(*id, now) {
                Some(entry) if entry.state == State::Open => {
                    entry.held.lease_until = entry.held.lease_until.max(now.after(crate::world::LEASE));
                }
                Some(_) => {}
                None => unknown.push(*id),
            }
        }
        Ok(unknown)
    }

    async fn seed(&self, _: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()> {
        let mut books = self.books.lock();
        for (id, amount) in spent {
            let short = amount.nano() - books.settled(*id);
            if short > 0 {
                books.seeded.push((*id, short));
            }
        }
        Ok(())
    }

    async fn revise(&self, _: ProjectId, rev: u64) -> Result<()> {
        let mut books = self.books.lock();
        books.rev = books.rev.max(rev);
        Ok(())
    }

    async fn lapsed(&self, _: ProjectId, most: usize) -> Result<Vec<Held>> {
        let mut books = self.books.lock();
        books.sweep(self.clock.now(), most);
        let mut lapsed: Vec<Held> =
            books.entries.iter().filter(|e| e.state == State::Lapsed).map(|e| e.held.clone()).collect();
        lapsed.sort_by_key(|held| (held.lease_until, held.id));
        lapsed.truncate(most);
        Ok(lapsed)
    }

    async fn acknowledge(&self, _: ProjectId, ids: &[AdmissionId]) -> Result<()> {
        let now = self.clock.now();
        let mut books = self.books.lock();
        for id in ids {
            if let Some(entry) = books.live(*id, now).filter(|e| e.state == State::Lapsed) {
                entry.state = State::Acknowledged;
            }
        }
        Ok(())
    }

    async fn inspect(&self, _: ProjectId, counters: &[CounterId]) -> Result<Inspection> {
        let books = self.books.lock();
        let spend = counters.iter().map(|id| (nano(books.settled(*id)), nano(books.reserved(*id)))).collect();
        let open = books.entries.iter().filter(|e| e.state == State::Open).count();
        Ok(Inspection { spend, open: u64::try_from(open).unwrap() })
    }
}
