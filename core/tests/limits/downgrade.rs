//! The second plan.

use lockgate::limits::{Admission, Caps, LimitKind, Scope, Trigger, Verdict};

use crate::world::{World, admitted, downgrade, is_spend, nano, per_minute, refused, tag};

async fn ask(world: &World, change: impl FnOnce(&mut Admission)) -> Verdict {
    let mut request = world.request(50, 50);
    change(&mut request);
    world.limiter.admit(&request).await.unwrap()
}

fn customer(cap: i64) -> Caps {
    Caps { customer_month: Some(nano(cap)), ..Caps::default() }
}

fn owner(cap: i64) -> Caps {
    Caps { key_month: Some(nano(cap)), ..Caps::default() }
}

async fn it_is_taken_where_only_the_first_fails_on_a_cap_that_allows_it(world: World) {
    let both = Caps { key_month: Some(nano(20)), ..customer(20) };
    for (caps, trigger, taken) in [
        (customer(20), Trigger::CustomerCap, true),
        (customer(20), Trigger::OwnerCap, false),
        (customer(20), Trigger::AnyCap, true),
        (owner(20), Trigger::CustomerCap, false),
        (owner(20), Trigger::OwnerCap, true),
        (owner(20), Trigger::AnyCap, true),
        (both, Trigger::CustomerCap, false),
        (both, Trigger::OwnerCap, false),
        (both, Trigger::AnyCap, true),
    ] {
        let verdict = ask(&world, |request| {
            request.caps = caps;
            request.second = downgrade(7, 5, trigger);
        })
        .await;
        if taken {
            let admitted = admitted(verdict);
            assert_eq!((admitted.plan, admitted.held.money, admitted.held.tokens), (1, nano(7), 5));
            world.settle(&admitted.held, 0, 0).await;
        } else {
            assert!(is_spend(refused(verdict).limit), "{caps:?} {trigger:?}");
        }
    }
}

async fn the_first_is_preferred(world: World) {
    let verdict = ask(&world, |request| {
        request.caps = customer(50);
        request.second = downgrade(1, 1, Trigger::AnyCap);
    });
    assert_eq!(admitted(verdict.await).plan, 0);
}

async fn a_rate_is_no_reason_for_it(world: World) {
    let world = world.rated(per_minute(Some(1), Some(60), Some(1)));
    let second = downgrade(1, 1, Trigger::AnyCap);
    let held = admitted(ask(&world, |request| request.second.clone_from(&second)).await).held;
    let verdict = ask(&world, |request| request.second.clone_from(&second)).await;
    assert_eq!(refused(verdict).limit, LimitKind::Requests);
    world.wait(30_000);
    world.limiter.renew(world.project, &[held.id]).await.unwrap();
    world.wait(30_000);
    let verdict = ask(&world, |request| request.second.clone_from(&second)).await;
    assert_eq!(refused(verdict).limit, LimitKind::Concurrency);
    world.settle(&held, 0, 0).await;
    let verdict = ask(&world, |request| {
        request.second.clone_from(&second);
        request.first.tokens = 61;
    })
    .await;
    assert_eq!(refused(verdict).limit, LimitKind::TokensTooLarge);
}

/// It is checked against all scopes again, and when it fails too the answer is about what was asked for.
async fn both_failing_is_the_refusal_of_the_first(world: World) {
    let before = world.state().await;
    let verdict = ask(&world, |request| {
        request.caps = Caps { project_month: Some(nano(55)), ..customer(20) };
        request.second = downgrade(21, 1, Trigger::CustomerCap);
    });
    let refusal = refused(verdict.await);
    assert_eq!((refusal.scope, refusal.asked), (Scope::Customer(tag("ada")), 50));
    let world = world.rated(per_minute(None, Some(60), None));
    let verdict = ask(&world, |request| {
        request.caps = customer(20);
        request.second = downgrade(1, 61, Trigger::CustomerCap);
    });
    assert_eq!(refused(verdict.await).asked, 50);
    assert_eq!(world.state().await, before);
}

async fn it_is_tried_on_the_customers_cap_for_one_request(world: World) {
    let verdict = ask(&world, |request| {
        request.caps.customer_request = Some(nano(10));
        request.second = downgrade(10, 1, Trigger::CustomerCap);
    });
    assert_eq!(admitted(verdict.await).plan, 1);
}

async fn it_may_be_in_the_cache(world: World) {
    let world = world.rated(per_minute(Some(1), None, None));
    let verdict = ask(&world, |request| {
        request.caps = customer(0);
        request.second = downgrade(7, 5, Trigger::CustomerCap);
        request.second.as_mut().unwrap().plan.cached = true;
    })
    .await;
    let Verdict::Hit { plan: 1, standing, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(standing.requests.unwrap().remaining, 0, "the rate is paid once");
    assert_eq!(world.state().await, (vec![(0, 0); 4], 0));
}

crate::laws!(
    it_is_taken_where_only_the_first_fails_on_a_cap_that_allows_it,
    the_first_is_preferred,
    a_rate_is_no_reason_for_it,
    both_failing_is_the_refusal_of_the_first,
    it_is_tried_on_the_customers_cap_for_one_request,
    it_may_be_in_the_cache,
);
