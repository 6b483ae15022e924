//! P1: racers on the last units of each limit. Exactly what fits is admitted.

use lockgate::limits::{Caps, LimitKind, Rates, Verdict};

use crate::world::{World, nano, per_minute};

const RACERS: usize = 500;
const FITS: usize = 7;

/// So many tasks ask at once; how many were admitted, and the limits that refused the others.
async fn race(world: &World, money: i64, tokens: u64) -> (usize, Vec<LimitKind>) {
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let (world, gate) = (world.clone(), gate.clone());
            tokio::spawn(async move {
                gate.wait().await;
                world.ask(money, tokens).await
            })
        })
        .collect();
    let (mut admitted, mut limits) = (0, Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            Verdict::Admitted(_) => admitted += 1,
            Verdict::Refused(refusal) => limits.push(refusal.limit),
            other => panic!("{other:?}"),
        }
    }
    (admitted, limits)
}

/// The caps hold 20 requests of 10 nano-USD; after 13 are spent, exactly 7 of the racers get in.
async fn on_cap(world: World, caps: Caps) {
    let world = world.capped(caps);
    for _ in 0..13 {
        let held = world.enter(10, 1).await;
        world.settle(&held, 10, 1).await;
    }
    let (admitted, limits) = race(&world, 10, 1).await;
    assert_eq!(admitted, FITS);
    assert!(limits.iter().all(|limit| matches!(limit, LimitKind::Spend(_))), "{limits:?}");
    let (counters, open) = world.state().await;
    assert_eq!(open, 7);
    assert!(counters.iter().all(|counter| *counter == (130, 70)), "{counters:?}");
}

async fn on_rates(world: World, rates: Rates, tokens: u64, limit: LimitKind) {
    let world = world.rated(rates);
    let (admitted, limits) = race(&world, 10, tokens).await;
    assert_eq!(admitted, FITS);
    assert!(limits.iter().all(|found| *found == limit), "{limits:?}");
    assert_eq!(world.state().await, (vec![(0, 70); 4], 7));
}

async fn project_month(world: World) {
    on_cap(world, Caps { project_month: Some(nano(205)), ..Caps::default() }).await;
}

async fn key_month(world: World) {
    on_cap(world, Caps { key_month: Some(nano(200)), ..Caps::default() }).await;
}

async fn customer_day(world: World) {
    on_cap(world, Caps { customer_day: Some(nano(209)), ..Caps::default() }).await;
}

async fn customer_month(world: World) {
    on_cap(world, Caps { customer_month: Some(nano(200)), ..Caps::default() }).await;
}

async fn concurrency(world: World) {
    on_rates(world, per_minute(None, None, Some(7)), 1, LimitKind::Concurrency).await;
}

async fn request_rate(world: World) {
    on_rates(world, per_minute(Some(7), None, None), 1, LimitKind::Requests).await;
}

async fn token_rate(world: World) {
    on_rates(world, per_minute(None, Some(7999), None), 1000, LimitKind::Tokens).await;
}

crate::laws!(project_month, key_month, customer_day, customer_month, concurrency, request_rate, token_rate);
