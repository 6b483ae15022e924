//! Random sequences of calls to a limiter, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use lockgate::clock::{Clock, ManualClock};
use lockgate::ids::{AdmissionId, CustomerTag, KeyId, ProjectId};
use lockgate::limits::{
    Admission, Admitted, Caps, Charge, CounterId, Downgrade, Held, Plan, Raise, Rates, Refusal, Scope,
    Settlement, Standing, Trigger, Verdict, Window,
};
use lockgate::store::Limiter;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::world::{LEASE, START, nano, per_minute, tag};

/// One call. Numbers that choose among what is there are taken modulo its count.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Admit(Box<Ask>),
    Again(usize),
    Settle { which: usize, money: i64, tokens: u64 },
    Raise { which: usize, money: i64, tokens: u64 },
    Renew(usize),
    Wait(u64),
    NextDay,
    Lapsed { most: usize, acknowledge: bool },
    Revise,
    Seed { which: usize, amount: i64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Ask {
    key: usize,
    customer: usize,
    /// The caller's configuration is an older one.
    behind: bool,
    charge: Charge,
    caps: Caps,
    first: Plan,
    second: Option<Downgrade>,
}

/// The newest revision at the call with this number.
fn revision(number: usize) -> u64 {
    number as u64 / 8 + 1
}

fn plan() -> impl Strategy<Value = Plan> {
    (prop::bool::weighted(0.1), -2_i64..60, 0_u64..200).prop_map(|(cached, money, tokens)| Plan {
        cache_key: None,
        cached,
        version: None,
        money: nano(money),
        tokens,
    })
}

fn cap(most: i64) -> impl Strategy<Value = Option<lockgate::money::Nano>> {
    prop_oneof![2 => Just(None), 3 => (most / 8..most).prop_map(|amount| Some(nano(amount)))]
}

fn caps() -> impl Strategy<Value = Caps> {
    (cap(900), cap(600), cap(200), cap(400), cap(80)).prop_map(
        |(project_month, key_month, customer_day, customer_month, customer_request)| Caps {
            project_month,
            key_month,
            customer_day,
            customer_month,
            customer_request,
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    let trigger = prop_oneof![Just(Trigger::CustomerCap), Just(Trigger::OwnerCap), Just(Trigger::AnyCap)];
    let second = prop::option::of((plan(), trigger).prop_map(|(plan, on)| Downgrade { plan, on }));
    let charge = prop_oneof![8 => Just(Charge::Full), 1 => Just(Charge::RateOnly), 1 => Just(Charge::Rated)];
    (0_usize..2, 0_usize..3, prop::bool::weighted(0.05), charge, caps(), plan(), second).prop_map(
        |(key, customer, behind, charge, caps, first, second)| Ask {
            key,
            customer,
            behind,
            charge,
            caps,
            first,
            second,
        },
    )
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let which = any::<u16>().prop_map(usize::from);
    prop_oneof![
        12 => ask().prop_map(|ask| Call::Admit(Box::new(ask))),
        1 => which.clone().prop_map(Call::Again),
        6 => (which.clone(), -2_i64..80, 0_u64..500)
            .prop_map(|(which, money, tokens)| Call::Settle { which, money, tokens }),
        2 => (which.clone(), 0_i64..90, 0_u64..500)
            .prop_map(|(which, money, tokens)| Call::Raise { which, money, tokens }),
        1 => which.clone().prop_map(Call::Renew),
        4 => prop_oneof![6 => 0_u64..4000, 1 => Just(60_000), 2 => 0_u64..40_000].prop_map(Call::Wait),
        1 => Just(Call::NextDay),
        1 => (0_usize..20, any::<bool>()).prop_map(|(most, acknowledge)| Call::Lapsed { most, acknowledge }),
        1 => Just(Call::Revise),
        1 => (which, 0_i64..300).prop_map(|(which, amount)| Call::Seed { which, amount }),
    ]
}

/// So many cases, or as many as `PROPTEST_CASES` says.
pub(crate) fn cases(usual: u32) -> Config {
    let known = Config { failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { known } else { Config { cases: usual, ..known } }
}

/// Who plays: the same for every limiter that plays the same script.
pub(crate) struct Cast {
    pub(crate) project: ProjectId,
    keys: [(KeyId, Rates); 2],
    customers: [Option<CustomerTag>; 3],
    ids: Vec<AdmissionId>,
}

impl Cast {
    pub(crate) fn new(calls: usize) -> Cast {
        Cast {
            project: ProjectId::new(START),
            keys: [
                (KeyId::new(START), per_minute(Some(4), Some(400), Some(3))),
                (KeyId::NONE, Rates::default()),
            ],
            customers: [Some(tag("ada")), Some(tag("grace")), None],
            ids: (0..calls).map(|_| AdmissionId::new(START)).collect(),
        }
    }

    fn admission(&self, ask: &Ask, number: usize) -> Admission {
        let (key, rates) = self.keys[ask.key];
        Admission {
            id: self.ids[number],
            project: self.project,
            key,
            customer: self.customers[ask.customer],
            // A change of the configuration every 8 calls.
            rev: revision(number) - u64::from(ask.behind),
            charge: ask.charge,
            rates,
            caps: ask.caps,
            first: ask.first.clone(),
            second: ask.second.clone(),
            lease: LEASE,
            follow: false,
        }
    }

    /// Every counter of the month and day that `clock` is in.
    pub(crate) fn counters(&self, clock: &ManualClock) -> Vec<CounterId> {
        let (month, day) = (Window::month(clock.now()), Window::day(clock.now()));
        let keys = self.keys.iter().map(|(key, _)| (month, Scope::Key(*key)));
        let customers = self.customers.iter().flatten().map(|tag| Scope::Customer(*tag));
        let customers = customers.flat_map(|scope| [(month, scope), (day, scope)]);
        let all = [(month, Scope::Project)].into_iter().chain(keys).chain(customers);
        all.map(|(window, scope)| CounterId { window, scope }).collect()
    }
}

/// One limiter playing a script on its own clock.
pub(crate) struct Player<'a> {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limiter: &'a dyn Limiter,
    cast: &'a Cast,
    asked: Vec<Admission>,
    given: Vec<(Admission, Held)>,
    levels: bool,
}

impl<'a> Player<'a> {
    pub(crate) fn new(cast: &'a Cast, clock: Arc<ManualClock>, limiter: &'a dyn Limiter) -> Player<'a> {
        Player { clock, limiter, cast, asked: Vec::new(), given: Vec::new(), levels: true }
    }

    /// Leaves out of the answers where the caller stands.
    pub(crate) fn without_levels(self) -> Player<'a> {
        Player { levels: false, ..self }
    }

    fn told(&self, standing: &mut Standing) {
        if !self.levels {
            *standing = Standing::default();
        }
    }

    fn chosen(&self, which: usize) -> Option<(Admission, Held)> {
        self.given.get(which.checked_rem(self.given.len())?).cloned()
    }

    /// Plays the call with this number, and tells all that can be seen of the limiter afterwards.
    pub(crate) async fn play(&mut self, number: usize, call: &Call) -> String {
        let project = self.cast.project;
        let said = match call {
            Call::Admit(ask) => {
                let admission = self.cast.admission(ask, number);
                self.asked.push(admission.clone());
                self.admit(admission).await
            }
            Call::Again(which) => match which.checked_rem(self.asked.len()) {
                Some(which) => self.admit(self.asked[which].clone()).await,
                None => String::new(),
            },
            Call::Settle { which, money, tokens } => match self.chosen(*which) {
                Some((_, held)) => {
                    let settlement = Settlement { held, money: nano(*money), tokens: *tokens };
                    format!("{:?}", self.limiter.settle(&settlement).await.unwrap())
                }
                None => String::new(),
            },
            Call::Raise { which, money, tokens } => match self.chosen(*which) {
                Some((admission, held)) => {
                    let mut raise =
                        self.limiter.raise(&admission, &held, nano(*money), *tokens).await.unwrap();
                    if let Raise::Refused(refusal) = &mut raise {
                        self.told(&mut refusal.standing);
                    }
                    format!("{raise:?}")
                }
                None => String::new(),
            },
            Call::Renew(which) => {
                let ids: Vec<_> = self.chosen(*which).iter().map(|(_, held)| held.id).collect();
                format!("{:?}", self.limiter.renew(project, &ids).await.unwrap())
            }
            Call::Wait(ms) => {
                self.clock.advance(Duration::from_millis(*ms));
                String::new()
            }
            Call::NextDay => {
                self.clock.set(Window::day(self.clock.now()).end());
                String::new()
            }
            Call::Lapsed { most, acknowledge } => {
                let lapsed = self.limiter.lapsed(project, *most).await.unwrap();
                if *acknowledge {
                    let ids: Vec<_> = lapsed.iter().map(|held| held.id).collect();
                    self.limiter.acknowledge(project, &ids).await.unwrap();
                }
                format!("{lapsed:?}")
            }
            Call::Revise => format!("{:?}", self.limiter.revise(project, revision(number)).await.unwrap()),
            Call::Seed { which, amount } => {
                let counters = self.cast.counters(&self.clock);
                let id = counters[which % counters.len()];
                format!("{:?}", self.limiter.seed(project, &[(id, nano(*amount))]).await.unwrap())
            }
        };
        let seen = self.limiter.inspect(project, &self.cast.counters(&self.clock)).await.unwrap();
        format!("{call:?} at {}\n  -> {said}\n  => {seen:?}", self.clock.now())
    }

    async fn admit(&mut self, admission: Admission) -> String {
        let mut verdict = self.limiter.admit(&admission).await.unwrap();
        if let Verdict::Seed(missing) = &verdict {
            // Nothing was spent before the script began.
            let none: Vec<_> = missing.iter().map(|id| (*id, nano(0))).collect();
            self.limiter.seed(admission.project, &none).await.unwrap();
            verdict = self.limiter.admit(&admission).await.unwrap();
        }
        if let Verdict::Admitted(admitted) = &verdict {
            if admission.charge != Charge::RateOnly
                && self.given.iter().all(|(known, _)| known.id != admission.id)
            {
                self.under_every_cap(&admission, &admitted.held).await;
            }
            self.given.push((admission, admitted.held.clone()));
        }
        match &mut verdict {
            Verdict::Admitted(Admitted { standing, .. })
            | Verdict::Hit { standing, .. }
            | Verdict::Refused(Refusal { standing, .. }) => self.told(standing),
            Verdict::Wait { standing } => self.told(standing),
            Verdict::Reload | Verdict::Seed(_) => {}
        }
        format!("{verdict:?}")
    }

    /// P1: after an admission no cap is passed.
    async fn under_every_cap(&self, admission: &Admission, held: &Held) {
        for id in held.counters() {
            let cap = match (id.scope, id.window) {
                (Scope::Project, _) => admission.caps.project_month,
                (Scope::Key(_), _) => admission.caps.key_month,
                (Scope::Customer(_), Window::Day(_)) => admission.caps.customer_day,
                (Scope::Customer(_), Window::Month(_)) => admission.caps.customer_month,
            };
            if let Some(cap) = cap {
                let seen = self.limiter.inspect(held.project, &[id]).await.unwrap();
                let (settled, reserved) = seen.spend[0];
                assert!(settled.nano() + reserved.nano() <= cap.nano(), "{id:?} passes {cap}");
            }
        }
    }
}
