//! Limits in process beside a ledger: unknown counters are asked for, and customers cannot escape by being many.

use std::sync::Arc;

use lockgate::clock::ManualClock;
use lockgate::limits::{Caps, CounterId, Verdict};
use lockgate::store::memory::{MemoryLimiter, Start};

use crate::world::{START, World, nano, tag};

fn world(start: Start) -> World {
    let clock = ManualClock::at(START);
    let limiter = Arc::new(MemoryLimiter::new(clock.clone(), start));
    World::on(clock, limiter).capped(Caps { customer_month: Some(nano(100)), ..Caps::default() })
}

async fn seed_with(world: &World, amount: i64) {
    let Verdict::Seed(missing) = world.ask(10, 1).await else { panic!("nothing is known yet") };
    let spent: Vec<(CounterId, _)> = missing.into_iter().map(|id| (id, nano(amount))).collect();
    world.limiter.seed(world.project, &spent).await.unwrap();
}

#[tokio::test]
async fn unknown_counters_are_asked_for_all_at_once() {
    let world = world(Start::Seeded);
    let Verdict::Seed(missing) = world.ask(10, 1).await else { panic!("nothing is known yet") };
    assert_eq!(missing, CounterId::booked(START, world.key, world.customer).collect::<Vec<_>>());
    seed_with(&world, 95).await;
    assert_eq!(world.refusal(10, 1).await.left, 5);
    let other = World { customer: Some(tag("grace")), ..world.clone() };
    let Verdict::Seed(missing) = other.ask(10, 1).await else { panic!("a new customer is not known") };
    assert_eq!(missing.len(), 2, "project and key are");
}

#[tokio::test]
async fn seeding_again_only_raises() {
    let world = world(Start::Seeded);
    seed_with(&world, 10).await;
    let held = world.enter(10, 1).await;
    world.settle(&held, 30, 1).await;
    let all: Vec<CounterId> = held.counters().collect();
    for amount in [20, 50, 0] {
        let spent: Vec<_> = all.iter().map(|id| (*id, nano(amount))).collect();
        world.limiter.seed(world.project, &spent).await.unwrap();
    }
    assert_eq!(world.state().await.0, vec![(50, 0); 4]);
}

/// Far more customers in between than are kept: one that has used up its cap is still refused afterwards.
#[tokio::test]
async fn many_customers_do_not_wash_a_cap_away() {
    for (start, customers) in [(Start::Zero, 200_000), (Start::Seeded, 120_000)] {
        let world = world(start);
        if start == Start::Seeded {
            seed_with(&world, 0).await;
        }
        let held = world.enter(100, 1).await;
        world.settle(&held, 100, 1).await;
        let mut other = world.clone();
        for n in 0..customers {
            other.customer = Some(tag(&format!("customer {n}")));
            if start == Start::Seeded {
                seed_with(&other, 0).await;
            }
            let held = other.enter(1, 1).await;
            other.settle(&held, 1, 1).await;
            if n % 1000 == 0 {
                // Minutes in all: past the time after which idle customers may go.
                world.wait(8000);
            }
        }
        match world.ask(1, 1).await {
            Verdict::Refused(refusal) => assert_eq!(refusal.left, 0, "{start:?}"),
            // Gone, and therefore asked for: the ledger knows what was spent.
            Verdict::Seed(_) if start == Start::Seeded => {
                seed_with(&world, 100).await;
                assert_eq!(world.refusal(1, 1).await.left, 0);
            }
            other => panic!("{start:?}: {other:?}"),
        }
    }
}
