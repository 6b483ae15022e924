//! P1 and P2 across processes: four of them, 64 tasks each, on four scopes; killed at random moments.
//!
//! A test starts this program again for each process (`a_racer`), which works as the test tells it by the environment.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockgate::clock::{Clock, SystemClock};
use lockgate::ids::{AdmissionId, CustomerId, CustomerTag, KeyId, ProjectId};
use lockgate::limits::{Admission, Caps, Charge, CounterId, Held, Plan, Rates, Settlement, Verdict};
use lockgate::money::Nano;
use lockgate::store::Limiter;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::house::SOON;
use crate::server::again;

const PROCESSES: usize = 4;
const TASKS: usize = 64;
const CUSTOMERS: usize = 3;
/// What a request may cost at most, so what it reserves.
const MOST: i64 = 50;
const LEASE: Duration = Duration::from_millis(1500);
const CAPS: Caps = Caps {
    project_month: Some(Nano::from_nano(180_000)),
    key_month: Some(Nano::from_nano(150_000)),
    customer_day: Some(Nano::from_nano(54_000)),
    customer_month: Some(Nano::from_nano(51_000)),
    customer_request: Some(Nano::from_nano(MOST)),
};

fn address(variable: &str) -> String {
    let missing = "is not set: `tests/run rust` starts Redis, Valkey and a cluster for the tests";
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} {missing}"))
}

async fn limiter(url: &str) -> RedisLimiter {
    let address = RedisAddress::parse(url).unwrap();
    let options = RedisOptions { address, prefix: "lgt:".to_owned(), timeout: SOON };
    RedisLimiter::connect(options, Arc::new(SystemClock)).await.unwrap()
}

fn customer(n: usize) -> CustomerTag {
    CustomerId::new(format!("customer {n}")).unwrap().tag()
}

fn ask(project: ProjectId, key: KeyId, n: usize) -> Admission {
    Admission {
        id: AdmissionId::new(SystemClock.now()),
        project,
        key,
        customer: Some(customer(n % CUSTOMERS)),
        rev: 1,
        charge: Charge::Full,
        rates: Rates { concurrency: Some(200), ..Rates::default() },
        caps: CAPS,
        first: Plan {
            cache_key: None,
            cached: false,
            version: None,
            money: Nano::from_nano(MOST),
            tokens: 1,
        },
        second: None,
        lease: LEASE,
        follow: false,
    }
}

/// A process that admits and settles until nothing fits any more. It writes down what it settles before it does, as
/// the spool does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_racer() {
    let Ok(url) = std::env::var("LOCKGATE_RACER_REDIS") else { return };
    let told = |name: &str| std::env::var(format!("LOCKGATE_RACER_{name}")).unwrap();
    let (project, key) = (told("PROJECT").parse().unwrap(), told("KEY").parse().unwrap());
    let overage: i64 = told("OVERAGE").parse().unwrap();
    let spool = Arc::new(Mutex::new(std::fs::File::create(told("SPOOL")).unwrap()));
    let limiter = Arc::new(limiter(&url).await);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (limiter, spool) = (limiter.clone(), spool.clone());
            tokio::spawn(async move {
                let mut in_vain = 0;
                for n in 0_usize.. {
                    let asked = ask(project, key, task + n);
                    match limiter.admit(&asked).await.unwrap() {
                        Verdict::Admitted(admitted) => {
                            let cost = (task as i64 * 7 + n as i64 * 13) % (MOST + 1 + overage);
                            if n % 5 == 0 {
                                tokio::time::sleep(Duration::from_millis(2)).await;
                            }
                            settle(&limiter, &spool, admitted.held, cost).await;
                        }
                        Verdict::Refused(refusal) => {
                            // Of one customer: the next may have something left.
                            in_vain += 1;
                            if in_vain > 30 || refusal.left <= 0 {
                                return;
                            }
                            tokio::time::sleep(Duration::from_millis(3)).await;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn settle(limiter: &RedisLimiter, spool: &Mutex<std::fs::File>, held: Held, cost: i64) {
    let line = serde_json::to_string(&(&held, cost)).unwrap() + "\n";
    spool.lock().write_all(line.as_bytes()).unwrap();
    let settlement = Settlement { held, money: Nano::from_nano(cost), tokens: 1 };
    // Again, as after an answer that was lost.
    limiter.settle(&settlement).await.unwrap();
    if cost % 3 == 0 {
        limiter.settle(&settlement).await.unwrap();
    }
}

struct Race {
    url: String,
    limiter: RedisLimiter,
    project: ProjectId,
    key: KeyId,
    overage: i64,
    folder: TempDir,
}

impl Race {
    async fn new(url: String, overage: i64) -> Race {
        let now = SystemClock.now();
        let (project, key) = (ProjectId::new(now), KeyId::new(now));
        let limiter = limiter(&url).await;
        if let Verdict::Seed(missing) = limiter.admit(&ask(project, key, 0)).await.unwrap() {
            let nothing: Vec<_> = missing.into_iter().map(|id| (id, Nano::ZERO)).collect();
            limiter.seed(project, &nothing).await.unwrap();
        }
        Race { url, limiter, project, key, overage, folder: tempfile::tempdir().unwrap() }
    }

    fn spool(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("{n}.spool"))
    }

    fn racer(&self, n: usize) -> Child {
        again("processes::a_racer")
            .env("LOCKGATE_RACER_REDIS", &self.url)
            .env("LOCKGATE_RACER_PROJECT", self.project.to_string())
            .env("LOCKGATE_RACER_KEY", self.key.to_string())
            .env("LOCKGATE_RACER_OVERAGE", self.overage.to_string())
            .env("LOCKGATE_RACER_SPOOL", self.spool(n))
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Every counter, with its cap.
    fn counters(&self) -> Vec<(CounterId, Nano)> {
        let now = SystemClock.now();
        let mut all = HashMap::new();
        for n in 0..CUSTOMERS {
            let caps = [CAPS.project_month, CAPS.key_month, CAPS.customer_month, CAPS.customer_day];
            all.extend(CounterId::booked(now, self.key, Some(customer(n))).zip(caps.map(Option::unwrap)));
        }
        all.into_iter().collect()
    }

    /// What is settled and reserved of every counter, and reservations under way.
    async fn seen(&self) -> (Vec<(CounterId, Nano, i64, i64)>, u64) {
        let counters = self.counters();
        let ids: Vec<CounterId> = counters.iter().map(|(id, _)| *id).collect();
        let seen = self.limiter.inspect(self.project, &ids).await.unwrap();
        let spend = seen.spend.iter().map(|(settled, reserved)| (settled.nano(), reserved.nano()));
        let lines =
            counters.iter().zip(spend).map(|((id, cap), (settled, reserved))| (*id, *cap, settled, reserved));
        (lines.collect(), seen.open)
    }

    /// P1 at this moment. Where requests may cost more than they reserved, that excess is all there is.
    async fn under_every_cap(&self) -> u64 {
        let (lines, open) = self.seen().await;
        let excess = if self.overage > 0 { self.overage * (PROCESSES * TASKS) as i64 } else { 0 };
        for (id, cap, settled, reserved) in lines {
            assert!(settled + reserved <= cap.nano() + excess, "{id:?}: {settled} + {reserved} of {cap}");
        }
        open
    }

    /// What the processes have written down, by admission.
    fn settled(&self) -> HashMap<AdmissionId, (Held, i64)> {
        let mut all = HashMap::new();
        for n in 0..PROCESSES {
            read(&self.spool(n), &mut all);
        }
        all
    }

    async fn balanced(&self, lapsed: &HashMap<AdmissionId, Held>) {
        let settled = self.settled();
        let (lines, open) = self.seen().await;
        assert_eq!(open, 0, "reservations are left");
        for (id, _, booked, reserved) in lines {
            assert_eq!(reserved, 0, "{id:?}");
            let of_this = |held: &Held| held.counters().any(|counter| counter == id);
            let answered: i64 =
                settled.values().filter(|(held, _)| of_this(held)).map(|(_, cost)| cost).sum();
            let expired: i64 = lapsed
                .values()
                .filter(|held| !settled.contains_key(&held.id) && of_this(held))
                .map(|held| held.money.nano())
                .sum();
            assert_eq!(booked, answered + expired, "{id:?}: settled {answered}, expired {expired}");
        }
    }
}

fn read(spool: &Path, all: &mut HashMap<AdmissionId, (Held, i64)>) {
    let Ok(file) = std::fs::File::open(spool) else { return };
    for line in BufReader::new(file).lines() {
        // The last may be cut off by a kill.
        if let Ok((held, cost)) = serde_json::from_str::<(Held, i64)>(&line.unwrap()) {
            all.insert(held.id, (held, cost));
        }
    }
}

async fn race(url: String, overage: i64) {
    let race = Race::new(url, overage).await;
    let mut racers: Vec<Child> = (0..PROCESSES).map(|n| race.racer(n)).collect();
    let (begun, mut looks, mut busiest) = (Instant::now(), 0, 0);
    while racers.iter_mut().any(|racer| racer.try_wait().unwrap().is_none()) {
        busiest = busiest.max(race.under_every_cap().await);
        looks += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(begun.elapsed() < Duration::from_secs(120), "the race does not end");
    }
    for racer in &mut racers {
        assert!(racer.wait().unwrap().success());
    }
    assert!(looks > 20 && busiest > 16, "{looks} looks, {busiest} at once: no race");
    race.balanced(&HashMap::new()).await;
    let (lines, _) = race.seen().await;
    let used_up = lines.iter().filter(|(_, cap, settled, _)| settled + MOST > cap.nano()).count();
    assert!(used_up > 0, "the caps were not reached: {lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_never_pass_a_cap() {
    race(address("LOCKGATE_TEST_REDIS"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_never_pass_a_cap_on_a_cluster() {
    race(address("LOCKGATE_TEST_REDIS_CLUSTER"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_costs_more_than_it_reserved_is_debt_that_blocks() {
    race(address("LOCKGATE_TEST_VALKEY"), 30).await;
}

/// Nothing answered is missing, nothing is counted twice, leases end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_leave_exact_books() {
    let race = Race::new(address("LOCKGATE_TEST_REDIS"), 0).await;
    let mut racers: Vec<Child> = (0..PROCESSES).map(|n| race.racer(n)).collect();
    for (n, racer) in racers.iter_mut().enumerate() {
        // At some moment of its work, which is seen by what it has written down.
        let begun = Instant::now();
        while std::fs::metadata(race.spool(n)).map_or(0, |file| file.len()) < 2000 + 1500 * n as u64 {
            assert!(
                begun.elapsed() < SOON && racer.try_wait().unwrap().is_none(),
                "it is not killed at work"
            );
            race.under_every_cap().await;
        }
        racer.kill().unwrap();
        racer.wait().unwrap();
    }
    // What the next start does with the spool.
    for (held, cost) in race.settled().into_values() {
        let settlement = Settlement { held, money: Nano::from_nano(cost), tokens: 1 };
        race.limiter.settle(&settlement).await.unwrap();
    }
    let mut lapsed: HashMap<AdmissionId, Held> = HashMap::new();
    let begun = Instant::now();
    while race.seen().await.1 > 0 {
        assert!(begun.elapsed() < SOON, "leases do not end");
        for held in race.limiter.lapsed(race.project, 1000).await.unwrap() {
            lapsed.insert(held.id, held);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lapsed.extend(
        race.limiter.lapsed(race.project, 1000).await.unwrap().into_iter().map(|held| (held.id, held)),
    );
    assert!(!lapsed.is_empty(), "nobody was killed in the middle of a request");
    race.balanced(&lapsed).await;
}
