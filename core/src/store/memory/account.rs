//! All that the limiter knows of one project. Every method is one atomic step under the project's lock.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::counters::{Counters, Start};
use crate::clock::Millis;
use crate::ids::{AdmissionId, KeyId};
use crate::limits::{
    self, Admission, Admitted, Bucket, Charge, Counter, CounterId, Held, Line, Phase, Raise, Reservation,
    Settled, Settlement, Verdict, View,
};
use crate::money::Nano;

/// Expired leases that one admission clears away.
const SWEEP: usize = 16;
/// So many acknowledged reservations wait for a late settlement. One that finds no more than the ledger is booked there
/// alone.
const ACKNOWLEDGED: usize = 10_000;

/// Rates and slots of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct KeyUse {
    requests: Bucket,
    tokens: Bucket,
    slots: u32,
}

#[derive(Debug)]
pub(super) struct Account {
    rev: u64,
    keys: HashMap<KeyId, KeyUse>,
    counters: Counters,
    reservations: HashMap<AdmissionId, Reservation>,
    /// By phase, in the order in which their leases end.
    open: BTreeSet<(Millis, AdmissionId)>,
    lapsed: BTreeSet<(Millis, AdmissionId)>,
    acknowledged: BTreeSet<(Millis, AdmissionId)>,
}

impl Account {
    pub(super) fn new(start: Start) -> Account {
        Account {
            rev: 0,
            keys: HashMap::new(),
            counters: Counters::new(start),
            reservations: HashMap::new(),
            open: BTreeSet::new(),
            lapsed: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
        }
    }

    fn view(&self, key: KeyId, counters: impl Iterator<Item = CounterId>) -> View {
        let KeyUse { requests, tokens, slots } = self.keys.get(&key).copied().unwrap_or_default();
        let spend = counters.map(|id| Line { id, counter: self.counters.get(id) }).collect();
        View { rev: self.rev, requests, tokens, slots, spend }
    }

    fn keep(&mut self, key: KeyId, view: &View, now: Millis) {
        let View { requests, tokens, slots, .. } = *view;
        self.keys.insert(key, KeyUse { requests, tokens, slots });
        for line in &view.spend {
            if let Some(counter) = line.counter {
                self.counters.set(line.id, counter, now);
            }
        }
    }

    fn queue(&mut self, phase: Phase) -> &mut BTreeSet<(Millis, AdmissionId)> {
        match phase {
            Phase::Open => &mut self.open,
            Phase::Lapsed => &mut self.lapsed,
            Phase::Acknowledged => &mut self.acknowledged,
        }
    }

    pub(super) fn admit(&mut self, admission: &Admission, now: Millis) -> Verdict {
        self.sweep(now, SWEEP);
        self.prune(now);
        let mut view = self.view(admission.key, CounterId::booked(now, admission.key, admission.customer));
        let known = self.reservations.get(&admission.id).filter(|known| !known.is_over(now));
        if let Some(known) = known.filter(|_| admission.charge != Charge::RateOnly) {
            // Asked again under the same id, because the first answer was lost: the same answer.
            let standing = limits::standing(&view, admission, now);
            return Verdict::Admitted(Admitted { plan: known.plan, held: known.held.clone(), standing });
        }
        let decision = limits::decide(&mut view, admission, now);
        self.rev = view.rev;
        if matches!(decision.verdict, Verdict::Admitted(_) | Verdict::Hit { .. }) {
            self.keep(admission.key, &view, now);
        }
        if let Some(reservation) = decision.reservation {
            let held = &reservation.held;
            held.counters().for_each(|id| self.counters.pin(id));
            self.open.insert((held.lease_until, held.id));
            self.reservations.insert(held.id, reservation);
        }
        decision.verdict
    }

    pub(super) fn raise(
        &mut self,
        admission: &Admission,
        held: &Held,
        amounts: (Nano, u64),
        now: Millis,
    ) -> Raise {
        let Some(mut reservation) = self.reservations.get(&held.id).cloned() else { return Raise::Gone };
        let held = &reservation.held;
        let (key, mut view) = (held.key, self.view(held.key, held.counters()));
        let raise = limits::raise(&mut view, &mut reservation, admission, amounts, now);
        if let Raise::Raised(_) = raise {
            self.keep(key, &view, now);
            self.reservations.insert(reservation.held.id, reservation);
        }
        raise
    }

    pub(super) fn settle(&mut self, settlement: &Settlement, now: Millis) -> Settled {
        let Some(reservation) = self.reservations.remove(&settlement.held.id) else {
            return Settled::Already;
        };
        let held = &reservation.held;
        self.queue(reservation.phase).remove(&(held.lease_until, held.id));
        if reservation.is_over(now) {
            return Settled::Already;
        }
        let mut view = self.view(held.key, held.counters());
        let settled = limits::settle(&mut view, &reservation, settlement, now);
        self.keep(held.key, &view, now);
        if reservation.phase != Phase::Acknowledged {
            held.counters().for_each(|id| self.counters.unpin(id));
        }
        settled
    }

    /// Moves up to `most` reservations whose lease has ended to lapsed.
    fn sweep(&mut self, now: Millis, most: usize) {
        for _ in 0..most {
            let Some(first) = self.open.first().copied().filter(|(until, _)| *until <= now) else { return };
            self.open.remove(&first);
            let Some(mut reservation) = self.reservations.remove(&first.1) else { continue };
            let (key, mut view) =
                (reservation.held.key, self.view(reservation.held.key, reservation.held.counters()));
            limits::lapse(&mut view, &mut reservation);
            self.keep(key, &view, now);
            self.lapsed.insert(first);
            self.reservations.insert(first.1, reservation);
        }
    }

    fn prune(&mut self, now: Millis) {
        if !self.counters.prune(now) {
            return;
        }
        let drained = |bucket: Bucket| bucket.advanced(now, bucket.rate).used == 0 && bucket.at <= now;
        self.keys.retain(|_, key| key.slots > 0 || !drained(key.requests) || !drained(key.tokens));
        while let Some(first) = self.acknowledged.first().copied() {
            let over = self.reservations.get(&first.1).is_none_or(|known| known.is_over(now));
            if self.acknowledged.len() <= ACKNOWLEDGED && !over {
                break;
            }
            self.acknowledged.remove(&first);
            self.reservations.remove(&first.1);
        }
    }

    pub(super) fn renew(&mut self, ids: &[AdmissionId], now: Millis) -> Vec<AdmissionId> {
        let mut unknown = Vec::new();
        for id in ids {
            let Some(reservation) = self.reservations.get_mut(id).filter(|known| !known.is_over(now)) else {
                unknown.push(*id);
                continue;
            };
            if reservation.phase != Phase::Open {
                continue;
            }
            let held = &mut reservation.held;
            self.open.remove(&(held.lease_until, held.id));
            held.lease_until = held.lease_until.max(now.after(Duration::from_millis(reservation.lease_ms)));
            self.open.insert((held.lease_until, held.id));
        }
        unknown
    }

    pub(super) fn seed(&mut self, spent: &[(CounterId, Nano)], now: Millis) {
        for (id, amount) in spent {
            self.counters.seed(*id, *amount, now);
        }
    }

    pub(super) fn revise(&mut self, rev: u64) {
        self.rev = self.rev.max(rev);
    }

    pub(super) fn lapsed(&mut self, most: usize, now: Millis) -> Vec<Held> {
        self.sweep(now, most);
        let first = self.lapsed.iter().take(most);
        first.filter_map(|(_, id)| self.reservations.get(id)).map(|known| known.held.clone()).collect()
    }

    pub(super) fn acknowledge(&mut self, ids: &[AdmissionId]) {
        for id in ids {
            let Some(reservation) = self.reservations.get_mut(id).filter(|r| r.phase == Phase::Lapsed) else {
                continue;
            };
            reservation.phase = Phase::Acknowledged;
            let held = &reservation.held;
            self.lapsed.remove(&(held.lease_until, *id));
            self.acknowledged.insert((held.lease_until, *id));
            held.counters().for_each(|id| self.counters.unpin(id));
        }
    }

    pub(super) fn counter(&self, id: CounterId) -> Counter {
        self.counters.get(id).unwrap_or_default()
    }

    pub(super) fn open(&self) -> u64 {
        u64::try_from(self.open.len()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CustomerId, ProjectId};
    use crate::limits::{Caps, Plan, Rates};

    const NOW: Millis = Millis(1_795_428_000_000);

    /// P3: of all that is kept of a project, a refused request changes nothing.
    #[test]
    fn a_refused_request_leaves_no_trace() {
        let some = |amount: i64| Some(Nano::from_nano(amount));
        let rates = |requests, tokens, concurrency| Rates {
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            concurrency,
        };
        let free = Admission {
            id: AdmissionId::new(NOW),
            project: ProjectId::new(NOW),
            key: KeyId::new(NOW),
            customer: Some(CustomerId::new("ada").unwrap().tag()),
            rev: 1,
            charge: Charge::Full,
            rates: rates(Some(2), Some(100), Some(2)),
            caps: Caps::default(),
            first: Plan {
                cache_key: None,
                cached: false,
                version: None,
                money: Nano::from_nano(10),
                tokens: 50,
            },
            second: None,
            lease: Duration::from_secs(60),
            follow: false,
        };
        let mut account = Account::new(Start::Zero);
        assert!(matches!(account.admit(&free, NOW), Verdict::Admitted(_)));
        let before = format!("{account:?}");
        let later = Millis(NOW.0 + 1);
        let refused = [
            Admission { rates: rates(Some(1), None, None), ..free.clone() },
            Admission { rates: rates(None, Some(99), None), ..free.clone() },
            Admission { rates: rates(None, None, Some(1)), ..free.clone() },
            Admission { caps: Caps { project_month: some(19), ..Caps::default() }, ..free.clone() },
            Admission { caps: Caps { key_month: some(19), ..Caps::default() }, ..free.clone() },
            Admission { caps: Caps { customer_day: some(19), ..Caps::default() }, ..free.clone() },
            Admission { caps: Caps { customer_month: some(19), ..Caps::default() }, ..free.clone() },
            Admission { caps: Caps { customer_request: some(9), ..Caps::default() }, ..free.clone() },
        ];
        for admission in refused {
            let admission = Admission { id: AdmissionId::new(NOW), ..admission };
            assert!(matches!(account.admit(&admission, later), Verdict::Refused(_)), "{admission:?}");
            assert_eq!(format!("{account:?}"), before, "{admission:?}");
        }
        let other = Admission { id: AdmissionId::new(NOW), ..free };
        assert!(matches!(account.admit(&other, later), Verdict::Admitted(_)), "nothing was used up");
    }

    #[test]
    fn keys_that_are_idle_and_full_are_let_go() {
        let mut account = Account::new(Start::Zero);
        let bucket = Bucket { used: 60_000, at: NOW, rate: 1 };
        let busy = KeyId::new(NOW);
        account.keys.insert(busy, KeyUse { requests: bucket, ..KeyUse::default() });
        account.keys.insert(KeyId::NONE, KeyUse::default());
        account.prune(Millis(NOW.0 + 59_999));
        assert_eq!(account.keys.keys().collect::<Vec<_>>(), [&busy]);
        account.prune(Millis(NOW.0 + 119_999));
        assert!(account.keys.is_empty());
    }
}
