//! P2: nothing leaks. Leases lapse, are charged at the estimate, and a late settlement replaces the charge once.

use lockgate::limits::{LimitKind, Raise, Settled};

use crate::world::{World, nano, per_minute};

async fn a_lapsed_lease_is_charged_and_frees_its_slot(world: World) {
    let world = world.rated(per_minute(None, None, Some(1)));
    let lost = world.enter(100, 10).await;
    world.wait(59_999);
    assert_eq!(world.refusal(1, 1).await.limit, LimitKind::Concurrency);
    world.wait(1);
    let next = world.enter(1, 1).await;
    assert_eq!(world.state().await, (vec![(100, 1); 4], 1));
    world.settle(&next, 1, 1).await;
    assert_eq!(world.limiter.lapsed(world.project, 10).await.unwrap(), vec![lost]);
}

async fn a_late_settlement_replaces_the_charge_once(world: World) {
    let lost = world.enter(100, 10).await;
    world.wait(60_000);
    assert_eq!(world.limiter.lapsed(world.project, 10).await.unwrap(), vec![lost.clone()]);
    assert_eq!(world.state().await, (vec![(100, 0); 4], 0));
    assert_eq!(world.settle(&lost, 30, 3).await, Settled::Late);
    assert_eq!(world.settle(&lost, 30, 3).await, Settled::Already);
    assert_eq!(world.state().await, (vec![(30, 0); 4], 0));
    assert!(world.limiter.lapsed(world.project, 10).await.unwrap().is_empty());
}

async fn also_after_the_ledger_showed_the_estimate(world: World) {
    let lost = world.enter(100, 10).await;
    world.wait(60_000);
    let ids: Vec<_> =
        world.limiter.lapsed(world.project, 10).await.unwrap().iter().map(|held| held.id).collect();
    assert_eq!(ids, [lost.id]);
    world.limiter.acknowledge(world.project, &ids).await.unwrap();
    world.limiter.acknowledge(world.project, &ids).await.unwrap();
    assert!(world.limiter.lapsed(world.project, 10).await.unwrap().is_empty());
    assert_eq!(world.settle(&lost, 130, 3).await, Settled::Late);
    assert_eq!(world.settle(&lost, 130, 3).await, Settled::Already);
    assert_eq!(world.state().await, (vec![(130, 0); 4], 0));
}

async fn renewal_keeps_a_lease(world: World) {
    let held = world.enter(100, 10).await;
    for _ in 0..5 {
        world.wait(20_000);
        world.limiter.renew(world.project, &[held.id]).await.unwrap();
    }
    world.wait(59_999);
    assert!(world.limiter.lapsed(world.project, 10).await.unwrap().is_empty());
    assert_eq!(world.settle(&held, 7, 1).await, Settled::Booked);
    assert_eq!(world.state().await, (vec![(7, 0); 4], 0));
}

async fn what_lapsed_is_neither_renewed_nor_raised(world: World) {
    let held = world.enter(100, 10).await;
    world.wait(60_000);
    assert_eq!(world.limiter.lapsed(world.project, 10).await.unwrap().len(), 1);
    world.limiter.renew(world.project, &[held.id]).await.unwrap();
    let raise = world.limiter.raise(&world.request(100, 10), &held, nano(200), 10).await.unwrap();
    assert!(matches!(raise, Raise::Gone));
    assert_eq!(world.limiter.lapsed(world.project, 10).await.unwrap().len(), 1);
    assert_eq!(world.state().await, (vec![(100, 0); 4], 0));
}

async fn one_admission_clears_sixteen(world: World) {
    for _ in 0..40 {
        world.enter(1, 1).await;
    }
    world.wait(60_000);
    for open in [24 + 1, 8 + 2, 3] {
        world.enter(0, 1).await;
        assert_eq!(world.state().await.1, open);
    }
    assert_eq!(world.limiter.lapsed(world.project, 1000).await.unwrap().len(), 40);
    assert_eq!(world.limiter.lapsed(world.project, 3).await.unwrap().len(), 3);
    assert_eq!(world.state().await.0, vec![(40, 0); 4]);
}

crate::laws!(
    a_lapsed_lease_is_charged_and_frees_its_slot,
    a_late_settlement_replaces_the_charge_once,
    also_after_the_ledger_showed_the_estimate,
    renewal_keeps_a_lease,
    what_lapsed_is_neither_renewed_nor_raised,
    one_admission_clears_sixteen,
);
