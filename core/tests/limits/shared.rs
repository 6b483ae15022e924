//! Limits in a shared SQLite file: the same answers as in process, and no cap passed by several at once.

use std::sync::Arc;

use lockgate::clock::ManualClock;
use lockgate::limits::{Caps, Scope, Verdict};
use lockgate::settle::{CacheVerdict, Outcome, Row};
use lockgate::store::memory::{MemoryLimiter, Start};
use lockgate::store::sqlite::{Access, SqliteLimiter, SqliteStore};
use lockgate::store::{Ledger, Limiter};
use proptest::prelude::*;

use crate::script::{Call, Cast, Player, call, cases};
use crate::world::{START, World, day, month, nano, per_minute, shared_limiter, tag};

async fn compare(calls: &[Call]) -> Result<(), TestCaseError> {
    let cast = Cast::new(calls.len());
    let clocks = [ManualClock::at(START), ManualClock::at(START)];
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryLimiter::new(clocks[0].clone(), Start::Zero);
    let file = shared_limiter(&folder, clocks[1].clone()).await;
    let [clock, file_clock] = clocks;
    let mut one = Player::new(&cast, clock, &memory);
    let mut other = Player::new(&cast, file_clock, &file);
    for (number, call) in calls.iter().enumerate() {
        let told = one.play(number, call).await;
        prop_assert_eq!(told, other.play(number, call).await, "call {}", number);
    }
    Ok(())
}

/// At least 2,000 calls: 20 scripts of at least 100.
#[test]
fn memory_and_the_file_answer_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    proptest!(cases(20), |(calls in prop::collection::vec(call(), 100..140))| {
        runtime.block_on(compare(&calls))?;
    });
}

/// 2 × 200 racers on two sets of connections: the caps, the rates and the slots hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racers_on_two_sets_of_connections_never_pass_a_limit() {
    let clock = ManualClock::at(START);
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let limiters: [Arc<dyn Limiter>; 2] = [
        Arc::new(shared_limiter(&folder, clock.clone()).await),
        Arc::new(shared_limiter(&folder, clock.clone()).await),
    ];
    let first = World::on(clock.clone(), limiters[0].clone());
    let cases = [
        (Caps { project_month: Some(nano(77)), ..Caps::default() }, per_minute(None, None, None), 7),
        (Caps { customer_day: Some(nano(99)), ..Caps::default() }, per_minute(None, None, None), 9),
        (Caps::default(), per_minute(Some(11), None, None), 11),
        (Caps::default(), per_minute(None, None, Some(13)), 13),
    ];
    for (caps, rates, fits) in cases {
        let project = lockgate::ids::ProjectId::new(START);
        let gate = Arc::new(tokio::sync::Barrier::new(400));
        let racers: Vec<_> = (0..400)
            .map(|n| {
                let limiter = limiters[n % 2].clone();
                let world = World { limiter, project, ..first.clone() }.capped(caps).rated(rates);
                let gate = gate.clone();
                tokio::spawn(async move {
                    gate.wait().await;
                    world.ask(10, 1).await
                })
            })
            .collect();
        let mut admitted = 0;
        for racer in racers {
            match racer.await.unwrap() {
                Verdict::Admitted(_) => admitted += 1,
                Verdict::Refused(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(admitted, fits, "{caps:?} {rates:?}");
        let world = World { project, ..first.clone() };
        assert_eq!(world.state().await, (vec![(0, fits * 10); 4], u64::try_from(fits).unwrap()));
    }
}

/// Reserved by one process, settled by another; a restart forgets nothing.
#[tokio::test]
async fn all_processes_see_the_same_reservations() {
    let clock = ManualClock::at(START);
    let folder = tempfile::tempdir().unwrap();
    let one = World::on(clock.clone(), Arc::new(shared_limiter(&folder, clock.clone()).await));
    let held = one.enter(100, 10).await;
    let other = World { limiter: Arc::new(shared_limiter(&folder, clock.clone()).await), ..one.clone() };
    assert_eq!(other.state().await, (vec![(0, 100); 4], 1));
    other.settle(&held, 60, 10).await;
    assert_eq!(one.state().await, (vec![(60, 0); 4], 0));
}

fn row(world: &World, cost: i64) -> Row {
    Row {
        id: lockgate::ids::AdmissionId::new(START),
        request_id: String::new(),
        client_request_id: None,
        project: world.project,
        key: Some(world.key),
        customer: None,
        customer_tag: world.customer,
        labels: std::collections::BTreeMap::new(),
        endpoint: "chat".to_owned(),
        requested_model: "m".to_owned(),
        served_model: None,
        provider: None,
        attempts: Vec::new(),
        tokens: lockgate::pricing::TokenCounts::default(),
        cost: Some(nano(cost)),
        reserved: nano(cost),
        saved: nano(0),
        latency_us: 1,
        first_byte_us: None,
        cache: CacheVerdict::Miss,
        similarity: None,
        outcome: Outcome::Answered,
        status: 200,
        stream: false,
        estimated: false,
        downgraded_from: None,
        decisions: None,
        admitted_at: START,
        ended_at: START,
    }
}

#[tokio::test]
async fn what_the_ledger_has_booked_counts() {
    let clock = ManualClock::at(START);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("limits.db").display());
    let store = SqliteStore::open(&url, Access::Shared, clock.clone()).await.unwrap();
    let limiter = Arc::new(SqliteLimiter::open(store.clone()).await.unwrap());
    let world = World::on(clock, limiter).capped(Caps { customer_month: Some(nano(100)), ..Caps::default() });
    // A counter that is not there begins at what is booked.
    store.append(&[row(&world, 70)]).await.unwrap();
    assert_eq!(world.refusal(31, 1).await.left, 30);
    let held = world.enter(10, 1).await;
    world.settle(&held, 10, 1).await;
    assert_eq!(world.state().await.0, vec![(80, 0); 4]);
    // One that is there is its own truth while it runs, and catches up with the ledger when it is opened.
    store.append(&[row(&world, 10), row(&world, 15)]).await.unwrap();
    assert_eq!(world.state().await.0, vec![(80, 0); 4]);
    SqliteLimiter::open(store).await.unwrap();
    assert_eq!(world.state().await.0, vec![(95, 0); 4]);
    assert_eq!(world.refusal(6, 1).await.left, 5);
}

#[tokio::test]
async fn counters_of_past_windows_are_cleared_away() {
    let world = World::sqlite_shared().await;
    let customer = Scope::Customer(tag("ada"));
    let done = world.enter(5, 1).await;
    world.settle(&done, 5, 1).await;
    let other = World { customer: Some(tag("grace")), ..world.clone() };
    let under_way = other.enter(7, 1).await;
    world.clock.set(lockgate::clock::Millis(day().end().0 + 599_999));
    other.limiter.renew(world.project, &[under_way.id]).await.unwrap();
    let other_customer = Scope::Customer(tag("grace"));
    world.enter(1, 1).await;
    assert_eq!(world.spend(customer, day()).await, (5, 0), "for 10 minutes nothing goes");
    world.wait(1);
    world.enter(1, 1).await;
    assert_eq!(world.spend(customer, day()).await, (0, 0));
    assert_eq!(world.spend(customer, month()).await, (5, 2));
    assert_eq!(world.spend(other_customer, day()).await, (0, 7), "a reservation will change it yet");
    other.settle(&under_way, 6, 1).await;
    assert_eq!(world.spend(other_customer, day()).await, (6, 0));
}
