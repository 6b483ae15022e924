//! Request rate, token rate, concurrency; P3: Retry-After is true.

use std::time::Duration;

use lockgate::limits::{Charge, Level, LimitKind, Verdict};

use crate::world::{World, admitted, per_minute, refused};

/// A greedy caller of a 60/min key over 5 simulated minutes: 60 at once and 60 a minute, never more.
async fn sixty_a_minute_for_five_minutes(world: World) {
    let world = world.rated(per_minute(Some(60), None, None));
    let mut passed: Vec<u64> = Vec::new();
    // Steps that no second is a multiple of.
    let step = 130;
    for tick in 0..=(300_000 / step) {
        while let Verdict::Admitted(taken) = world.ask(1, 1).await {
            passed.push(tick * step);
            world.settle(&taken.held, 1, 1).await;
        }
        world.wait(step);
    }
    for minute in 0..=5 {
        let most = 60 + minute * 60;
        let seen = passed.iter().filter(|at| **at <= minute * 60_000).count() as u64;
        assert!(seen <= most, "{seen} in {minute} minutes");
        assert!(seen + 1 >= most, "{seen} in {minute} minutes: too few for a greedy caller");
    }
    // In any sliding window: burst + rate × window.
    for (first, start) in passed.iter().enumerate() {
        for (last, end) in passed.iter().enumerate().skip(first) {
            assert!((last - first + 1) as u64 <= 60 + (end - start) / 1000, "{start}..{end}");
        }
    }
}

async fn waiting_as_told_passes_and_a_millisecond_less_does_not(world: World) {
    let world = world.rated(per_minute(Some(7), Some(1000), None));
    for _ in 0..7 {
        world.enter(1, 100).await;
    }
    let refusal = world.refusal(1, 100).await;
    assert_eq!((refusal.limit, refusal.allowed, refusal.left, refusal.asked), (LimitKind::Requests, 7, 0, 1));
    // 60 000 / 7 = 8571.43 ms.
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(8572)));
    world.wait(8571);
    assert_eq!(world.refusal(1, 100).await.retry_after, Some(Duration::from_millis(1)));
    world.wait(1);
    world.enter(1, 100).await;

    // 800 tokens of 1000 are taken, 142 have drained: 600 need 258 more, at 1000 a minute.
    world.wait(8571);
    let refusal = world.refusal(1, 800).await;
    assert_eq!((refusal.limit, refusal.allowed, refusal.asked), (LimitKind::Tokens, 1000, 800));
    let wait = refusal.retry_after.unwrap();
    world.wait(u64::try_from(wait.as_millis()).unwrap() - 1);
    assert_eq!(world.refusal(1, 800).await.retry_after, Some(Duration::from_millis(1)));
    world.wait(1);
    world.enter(1, 800).await;
}

async fn a_request_larger_than_the_bucket_need_not_wait(world: World) {
    let world = world.rated(per_minute(None, Some(1000), None));
    let refusal = world.refusal(1, 1001).await;
    assert_eq!((refusal.limit, refusal.retry_after), (LimitKind::TokensTooLarge, None));
    world.enter(1, 1000).await;
}

async fn zero_allows_nothing(world: World) {
    for (rates, limit) in [
        (per_minute(Some(0), None, None), LimitKind::Requests),
        (per_minute(None, Some(0), None), LimitKind::TokensTooLarge),
        (per_minute(None, None, Some(0)), LimitKind::Concurrency),
    ] {
        let refusal = world.clone().rated(rates).refusal(0, 0).await;
        assert_eq!((refusal.limit, refusal.retry_after), (limit, None));
    }
}

/// §6.4 by hand: 6000 tokens a minute = 100 a second; 3000 reserved, 500 used.
async fn tokens_come_back_less_what_has_drained(world: World) {
    for (after_ms, left) in [(0, 5500), (2000, 5700), (10_000, 6000), (30_000, 6000)] {
        let mut world = world.clone().rated(per_minute(None, Some(6000), None));
        world.key = lockgate::ids::KeyId::new(crate::world::START);
        let held = world.enter(1, 3000).await;
        world.wait(after_ms);
        world.settle(&held, 1, 500).await;
        let standing = world.refusal(1, 6001).await.standing;
        assert_eq!(standing.tokens.unwrap().remaining, left, "after {after_ms} ms");
    }
}

async fn tokens_beyond_the_reservation_are_debt(world: World) {
    let world = world.rated(per_minute(None, Some(6000), None));
    let held = world.enter(1, 3000).await;
    world.settle(&held, 1, 9000).await;
    // 9000 in use of 6000: 3000 of debt and the one asked for, at 100 a second.
    assert_eq!(world.refusal(1, 1).await.retry_after, Some(Duration::from_millis(30_010)));
}

async fn a_slot_is_free_when_its_request_ends(world: World) {
    let world = world.rated(per_minute(None, None, Some(2)));
    let first = world.enter(1, 1).await;
    let second = world.enter(1, 1).await;
    let refusal = world.refusal(1, 1).await;
    assert_eq!((refusal.limit, refusal.retry_after), (LimitKind::Concurrency, Some(Duration::from_secs(1))));
    world.settle(&first, 0, 0).await;
    world.settle(&first, 0, 0).await;
    let third = world.enter(1, 1).await;
    world.refusal(1, 1).await;
    world.settle(&second, 0, 0).await;
    world.settle(&third, 0, 0).await;
    assert_eq!(world.state().await.1, 0);
}

async fn rates_are_each_keys_own(world: World) {
    let world = world.rated(per_minute(Some(1), None, Some(1)));
    world.enter(1, 1).await;
    world.refusal(1, 1).await;
    let other = World { key: lockgate::ids::KeyId::NONE, ..world.clone() };
    other.enter(1, 1).await;
    assert_eq!(other.refusal(1, 1).await.limit, LimitKind::Requests);
}

async fn a_hit_pays_the_request_rate_alone(world: World) {
    let world = world.rated(per_minute(Some(3), Some(10), Some(0)));
    let mut request = world.request(50, 5000);
    request.first.cached = true;
    request.caps.project_month = Some(crate::world::nano(0));
    for _ in 0..3 {
        let verdict = world.limiter.admit(&request).await.unwrap();
        assert!(matches!(verdict, Verdict::Hit { plan: 0, body: None, .. }), "{verdict:?}");
    }
    assert_eq!(refused(world.limiter.admit(&request).await.unwrap()).limit, LimitKind::Requests);
    assert_eq!(world.state().await, (vec![(0, 0); 4], 0));
}

async fn a_follower_pays_the_request_rate_once(world: World) {
    let world = world.rated(per_minute(Some(2), None, Some(1)));
    let leader = world.enter(10, 10).await;
    let mut follower = world.request(10, 10);
    follower.charge = Charge::RateOnly;
    let waiting = admitted(world.limiter.admit(&follower).await.unwrap());
    assert_eq!((waiting.held.money.nano(), waiting.held.tokens), (0, 0));
    assert_eq!(waiting.standing.requests.unwrap().remaining, 0);
    assert_eq!(world.state().await, (vec![(0, 10); 4], 1), "it holds nothing");
    assert_eq!(refused(world.limiter.admit(&follower).await.unwrap()).limit, LimitKind::Requests);
    world.settle(&leader, 0, 0).await;
    follower.charge = Charge::Rated;
    let leading = admitted(world.limiter.admit(&follower).await.unwrap());
    assert_eq!(leading.held.money.nano(), 10);
    world.settle(&leading.held, 4, 4).await;
    assert_eq!(world.state().await, (vec![(4, 0); 4], 0));
}

async fn the_standing_is_that_after_the_decision(world: World) {
    let world = world.rated(per_minute(Some(60), Some(6000), None));
    let standing = admitted(world.ask(1, 600).await).standing;
    let second = Duration::from_secs(1);
    assert_eq!(standing.requests, Some(Level { limit: 60, remaining: 59, reset: second }));
    assert_eq!(standing.tokens, Some(Level { limit: 6000, remaining: 5400, reset: 6 * second }));
    assert_eq!(standing.cap, None);
}

async fn a_clock_that_goes_back_admits_nothing_more(world: World) {
    let world = world.rated(per_minute(Some(60), None, None));
    for _ in 0..60 {
        world.enter(1, 1).await;
    }
    world.clock.set(lockgate::clock::Millis(crate::world::START.0 - 90_000));
    assert_eq!(world.refusal(1, 1).await.retry_after, Some(Duration::from_millis(91_000)));
    world.clock.set(crate::world::START);
    assert_eq!(world.refusal(1, 1).await.retry_after, Some(Duration::from_millis(1000)));
}

crate::laws!(
    sixty_a_minute_for_five_minutes,
    waiting_as_told_passes_and_a_millisecond_less_does_not,
    a_request_larger_than_the_bucket_need_not_wait,
    zero_allows_nothing,
    tokens_come_back_less_what_has_drained,
    tokens_beyond_the_reservation_are_debt,
    a_slot_is_free_when_its_request_ends,
    rates_are_each_keys_own,
    a_hit_pays_the_request_rate_alone,
    a_follower_pays_the_request_rate_once,
    the_standing_is_that_after_the_decision,
    a_clock_that_goes_back_admits_nothing_more,
);
