//! 10^6 customers: they take room in Redis, none in the gateway, and none of them escapes its cap.

use std::sync::Arc;
use std::time::Duration;

use lockgate::clock::{Clock, SystemClock};
use lockgate::ids::{AdmissionId, CustomerId, CustomerTag, KeyId, ProjectId};
use lockgate::limits::{Admission, Caps, Charge, CounterId, Plan, Rates, Scope, Settlement, Verdict, Window};
use lockgate::money::Nano;
use lockgate::store::Limiter;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};

use crate::house::SOON;
use crate::server::{Server, again};

const CUSTOMERS: u32 = 1_000_000;
/// Of them, so many ask.
const ASKING: u32 = 20_000;
const CAP: i64 = 100;

fn tag(n: u32) -> CustomerTag {
    CustomerId::new(format!("customer {n}")).unwrap().tag()
}

/// Memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// In a process of its own, so that only its memory counts.
#[test]
fn a_million_customers_each_have_their_cap() {
    let done = again("customers::a_process_with_a_million").env("LOCKGATE_CUSTOMERS", "1").status().unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_with_a_million() {
    if std::env::var_os("LOCKGATE_CUSTOMERS").is_none() {
        return;
    }
    let server = Server::start();
    let address = RedisAddress::parse(&server.url()).unwrap();
    let options = RedisOptions { address, prefix: "lgt:".to_owned(), timeout: SOON };
    let limiter = Arc::new(RedisLimiter::connect(options, Arc::new(SystemClock)).await.unwrap());
    let project = ProjectId::new(SystemClock.now());
    let month = Window::month(SystemClock.now());
    let ask = move |n: u32, money: i64| Admission {
        id: AdmissionId::new(SystemClock.now()),
        project,
        key: KeyId::NONE,
        customer: Some(tag(n)),
        rev: 1,
        charge: Charge::Full,
        rates: Rates::default(),
        caps: Caps { customer_month: Some(Nano::from_nano(CAP)), ..Caps::default() },
        first: Plan {
            cache_key: None,
            cached: false,
            version: None,
            money: Nano::from_nano(money),
            tokens: 1,
        },
        second: None,
        lease: Duration::from_secs(60),
        follow: false,
    };
    let Verdict::Seed(missing) = limiter.admit(&ask(0, 1)).await.unwrap() else { panic!("nothing is there") };
    let nothing: Vec<_> = missing.into_iter().map(|id| (id, Nano::ZERO)).collect();
    limiter.seed(project, &nothing).await.unwrap();
    // One that has used up its cap.
    let Verdict::Admitted(first) = limiter.admit(&ask(0, CAP)).await.unwrap() else { panic!("it fits") };
    let settlement = Settlement { held: first.held, money: Nano::from_nano(CAP), tokens: 1 };
    limiter.settle(&settlement).await.unwrap();
    let before = resident();
    // All the others have spent all but 10, as a ledger with a million customers says.
    for page in 0..CUSTOMERS / 500 {
        let spent = |n: u32| {
            let id = CounterId { window: month, scope: Scope::Customer(tag(page * 500 + n)) };
            (id, Nano::from_nano(CAP - 10))
        };
        let page: Vec<_> = (0..500).map(spent).collect();
        limiter.catch_up(project, &page).await.unwrap();
    }
    let asking = (0..8).map(|part| {
        let limiter = limiter.clone();
        tokio::spawn(async move {
            for n in (1 + part..ASKING).step_by(8) {
                let Verdict::Refused(refusal) = limiter.admit(&ask(n, 11)).await.unwrap() else {
                    panic!("{n}")
                };
                assert_eq!(refusal.left, 10, "{n}");
                assert!(matches!(limiter.admit(&ask(n, 10)).await.unwrap(), Verdict::Admitted(_)), "{n}");
            }
        })
    });
    for part in asking.collect::<Vec<_>>() {
        part.await.unwrap();
    }
    let Verdict::Refused(refusal) = limiter.admit(&ask(0, 1)).await.unwrap() else {
        panic!("it has nothing left")
    };
    assert_eq!(refusal.left, 0);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64, "{grown} MiB more in this process");
}
