//! §6.13: equal requests of several processes share one call, where the project says so.

use std::sync::Arc;
use std::time::Duration;

use lockgate::clock::{Clock, ManualClock, SystemClock};
use lockgate::ids::{AdmissionId, KeyId, ProjectId};
use lockgate::limits::{Admission, Caps, Charge, HotAnswer, Plan, Rates, Settlement, Verdict};
use lockgate::money::Nano;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};
use lockgate::store::{Followed, Limiter};
use lockgate_sim::{Fault, Provider};

use crate::house::{House, SOON, balanced, question, verdict};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_of_several_processes_are_one_call() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateways = [house.gateway("a").await, house.gateway("b").await, house.gateway("c").await];
    let share = |settings: &mut lockgate::auth::ProjectSettings| settings.cache.share_calls = true;
    gateways[0].admin().set_project("default", share).await.unwrap();
    house.sim.fault(Provider::OpenAi, Fault::slow_headers(300));
    let asking: Vec<_> = (0..30)
        .map(|n| {
            let gateway = gateways[n % 3].clone();
            tokio::spawn(async move { gateway.chat(question("the same")).await.unwrap() })
        })
        .collect();
    let mut verdicts = std::collections::BTreeMap::new();
    for asked in asking {
        *verdicts.entry(verdict(&asked.await.unwrap()).to_owned()).or_insert(0) += 1;
    }
    assert_eq!(house.sim.settled().await.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts["miss"], 1, "{verdicts:?}");
    assert!(verdicts["coalesced"] >= 2, "one of each other process at least: {verdicts:?}");
    for gateway in &gateways {
        assert!(gateway.flush(SOON).await);
    }
    balanced(&gateways[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_each_process_calls() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let (one, other) = (house.gateway("a").await, house.gateway("b").await);
    house.sim.fault(Provider::OpenAi, Fault::slow_headers(300));
    let first = tokio::spawn({
        let one = one.clone();
        async move { one.chat(question("the same")).await.unwrap() }
    });
    house.asked(1).await;
    assert_eq!(verdict(&other.chat(question("the same")).await.unwrap()), "miss");
    first.await.unwrap();
    assert_eq!(house.sim.settled().await.len(), 2);
}

/// A leader whose call fails is followed by one other, not by all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_fails_is_followed_by_one() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateways = [house.gateway("a").await, house.gateway("b").await, house.gateway("c").await];
    let share = |settings: &mut lockgate::auth::ProjectSettings| settings.cache.share_calls = true;
    gateways[0].admin().set_project("default", share).await.unwrap();
    house.sim.fault(Provider::OpenAi, Fault::stall_headers());
    let first = tokio::spawn({
        let gateway = gateways[0].clone();
        async move {
            let options = lockgate::CallOptions {
                timeout: Some(Duration::from_millis(200)),
                ..lockgate::CallOptions::default()
            };
            gateway.chat_with(question("the same"), options).await
        }
    });
    house.asked(1).await;
    let others: Vec<_> = gateways[1..]
        .iter()
        .map(|gateway| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.chat(question("the same")).await.unwrap() })
        })
        .collect();
    assert!(first.await.unwrap().is_err(), "the leader gives up");
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(house.sim.settled().await.len(), 2, "two calls in all");
    for gateway in &gateways {
        assert!(gateway.flush(SOON).await);
    }
    balanced(&gateways[0]).await;
}

/// A leader that was killed holds its followers until its lease ends, no longer; then one of them leads.
#[tokio::test]
async fn a_leader_that_was_killed_leads_until_its_lease_ends() {
    let server = Server::start();
    let clock = ManualClock::at(SystemClock.now());
    let options = RedisOptions {
        address: RedisAddress::parse(&server.url()).unwrap(),
        prefix: "lgt:".to_owned(),
        timeout: SOON,
    };
    let limiter = RedisLimiter::connect_on_clock(options, clock.clone()).await.unwrap();
    let project = ProjectId::new(clock.now());
    let fingerprint = lockgate::cache::Fingerprint([7; 32]);
    let ask = |charge: Charge| Admission {
        id: AdmissionId::new(clock.now()),
        project,
        key: KeyId::NONE,
        customer: None,
        rev: 1,
        charge,
        rates: Rates { requests_per_minute: Some(10), ..Rates::default() },
        caps: Caps::default(),
        first: Plan {
            cache_key: Some(fingerprint),
            cached: false,
            version: None,
            money: Nano::from_nano(10),
            tokens: 1,
        },
        second: None,
        lease: Duration::from_secs(60),
        follow: true,
    };
    let Verdict::Seed(missing) = limiter.admit(&ask(Charge::Full)).await.unwrap() else {
        panic!("nothing is there")
    };
    let nothing: Vec<_> = missing.into_iter().map(|id| (id, Nano::ZERO)).collect();
    limiter.seed(project, &nothing).await.unwrap();
    let Verdict::Admitted(_) = limiter.admit(&ask(Charge::Full)).await.unwrap() else {
        panic!("the first leads")
    };
    let Verdict::Wait { standing } = limiter.admit(&ask(Charge::Full)).await.unwrap() else {
        panic!("the second waits")
    };
    assert_eq!(standing.requests.unwrap().remaining, 8, "for its request rate");
    assert_eq!(limiter.inspect(project, &[]).await.unwrap().open, 1);
    assert_eq!(limiter.follow(project, &fingerprint).await.unwrap(), Followed::Wait);
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(limiter.follow(project, &fingerprint).await.unwrap(), Followed::Wait);
    clock.advance(Duration::from_millis(1));
    assert_eq!(limiter.follow(project, &fingerprint).await.unwrap(), Followed::Gone);
    let Verdict::Admitted(second) = limiter.admit(&ask(Charge::Rated)).await.unwrap() else {
        panic!("one leads")
    };
    let Verdict::Wait { .. } = limiter.admit(&ask(Charge::Rated)).await.unwrap() else {
        panic!("the others wait")
    };
    let answer = HotAnswer {
        key: fingerprint,
        body: "an answer".into(),
        expires_at: clock.now().after(Duration::from_secs(5)),
        version: None,
    };
    let settlement = Settlement { held: second.held, money: Nano::from_nano(3), tokens: 1 };
    limiter.settle_and_keep(&settlement, &answer).await.unwrap();
    let Followed::Answer(found) = limiter.follow(project, &fingerprint).await.unwrap() else {
        panic!("it is there")
    };
    assert_eq!((found.body, found.expires_at), (answer.body, answer.expires_at));
    // And it ends when it said it would.
    clock.advance(Duration::from_secs(5));
    assert_eq!(limiter.follow(project, &fingerprint).await.unwrap(), Followed::Gone);
    let _: Arc<dyn Limiter> = Arc::new(limiter);
}
