//! Caps, debt, settling, raising.

use std::time::Duration;

use lockgate::clock::Millis;
use lockgate::limits::{Caps, LimitKind, Raise, Refusal, Scope, Settled, Verdict, Window};

use crate::world::{START, World, admitted, day, month, nano, tag};

fn summary(refusal: &Refusal) -> (Scope, LimitKind, i64, i64, i64) {
    (refusal.scope, refusal.limit, refusal.allowed, refusal.left, refusal.asked)
}

async fn a_settled_request_is_booked_on_every_scope_once(world: World) {
    let held = world.enter(100, 10).await;
    assert_eq!(world.state().await, (vec![(0, 100); 4], 1));
    assert_eq!(world.settle(&held, 40, 5).await, Settled::Booked);
    assert_eq!(world.settle(&held, 40, 5).await, Settled::Already);
    assert_eq!(world.settle(&held, 90, 5).await, Settled::Already);
    assert_eq!(world.state().await, (vec![(40, 0); 4], 0));
}

async fn debt_blocks_also_what_costs_nothing(world: World) {
    let world = world.capped(Caps { customer_month: Some(nano(100)), ..Caps::default() });
    let held = world.enter(100, 1).await;
    world.enter(0, 1).await;
    world.settle(&held, 130, 1).await;
    let refusal = world.refusal(0, 1).await;
    let kind = LimitKind::Spend(month());
    assert_eq!(summary(&refusal), (Scope::Customer(tag("ada")), kind, 100, -30, 0));
    assert_eq!(refusal.standing.cap.unwrap().spend, nano(130));
}

async fn a_refused_request_moves_no_counter(world: World) {
    let world = world.capped(Caps { key_month: Some(nano(100)), ..Caps::default() });
    world.enter(60, 1).await;
    let before = world.state().await;
    for _ in 0..3 {
        assert_eq!(world.refusal(41, 1).await.left, 40);
    }
    assert_eq!(world.state().await, before);
    world.enter(40, 1).await;
}

async fn a_cap_set_later_knows_what_was_spent(world: World) {
    let held = world.enter(100, 1).await;
    world.settle(&held, 100, 1).await;
    for caps in [
        Caps { project_month: Some(nano(150)), ..Caps::default() },
        Caps { key_month: Some(nano(150)), ..Caps::default() },
        Caps { customer_month: Some(nano(150)), ..Caps::default() },
        Caps { customer_day: Some(nano(150)), ..Caps::default() },
    ] {
        let world = world.clone().capped(caps);
        assert_eq!(world.refusal(51, 1).await.left, 50, "{caps:?}");
    }
}

async fn spend_comes_back_with_the_next_window(world: World) {
    let caps = Caps { customer_day: Some(nano(100)), customer_month: Some(nano(150)), ..Caps::default() };
    let world = world.capped(caps);
    let held = world.enter(100, 1).await;
    world.settle(&held, 100, 1).await;
    let wait = world.refusal(1, 1).await.retry_after.unwrap();
    assert_eq!(START.after(wait), day().end());
    world.clock.set(Millis(day().end().0 - 1));
    world.refusal(1, 1).await;
    world.wait(1);
    let held = world.enter(50, 1).await;
    world.settle(&held, 50, 1).await;
    // Now the month is used up: told so, although the day has room.
    let refusal = world.refusal(1, 1).await;
    assert_eq!(refusal.limit, LimitKind::Spend(month()));
    world.clock.set(Millis(month().end().0 - 1));
    world.refusal(1, 1).await;
    world.wait(1);
    world.enter(100, 1).await;
}

async fn of_several_caps_the_one_that_lasts_longest_is_told(world: World) {
    let full = Some(nano(10));
    let everything = Caps {
        project_month: full,
        key_month: full,
        customer_day: full,
        customer_month: full,
        customer_request: Some(nano(5)),
    };
    let world = world.capped(Caps::default());
    world.enter(10, 1).await;
    let of = |caps: Caps| {
        let world = world.clone().capped(caps);
        async move { world.refusal(6, 1).await }
    };
    let customer = Scope::Customer(tag("ada"));
    let refusal = of(everything).await;
    assert_eq!(summary(&refusal), (customer, LimitKind::SpendPerRequest, 5, 5, 6));
    assert_eq!(refusal.retry_after, None);
    let caps = Caps { customer_request: None, ..everything };
    assert_eq!(of(caps).await.scope, Scope::Project);
    let caps = Caps { project_month: None, ..caps };
    assert_eq!(of(caps).await.scope, Scope::Key(world.key));
    let caps = Caps { key_month: None, ..caps };
    assert_eq!(summary(&of(caps).await), (customer, LimitKind::Spend(month()), 10, 0, 6));
    let caps = Caps { customer_month: None, ..caps };
    assert_eq!(summary(&of(caps).await), (customer, LimitKind::Spend(day()), 10, 0, 6));
    // What is larger than the whole cap never fits.
    assert_eq!(of(Caps { key_month: Some(nano(5)), ..Caps::default() }).await.retry_after, None);
    assert_eq!(of(Caps { key_month: Some(nano(0)), ..Caps::default() }).await.retry_after, None);
}

async fn a_request_is_booked_in_the_month_it_was_admitted_in(world: World) {
    let world = world.capped(Caps { project_month: Some(nano(100)), ..Caps::default() });
    world.clock.set(Millis(month().end().0 - 5));
    let last_day = Window::day(Millis(month().end().0 - 5));
    let held = world.enter(100, 1).await;
    world.wait(10);
    let next = world.enter(100, 1).await;
    assert_eq!(world.settle(&held, 70, 1).await, Settled::Booked);
    assert_eq!(world.spend(Scope::Project, month()).await, (70, 0));
    assert_eq!(world.spend(Scope::Customer(tag("ada")), last_day).await, (70, 0));
    assert_eq!(world.state().await, (vec![(0, 100); 4], 1));
    world.settle(&next, 100, 1).await;
    assert_eq!(world.spend(Scope::Project, month()).await, (70, 0));
}

async fn customers_are_told_apart(world: World) {
    let world = world.capped(Caps { customer_day: Some(nano(10)), ..Caps::default() });
    world.enter(10, 1).await;
    world.refusal(1, 1).await;
    let other = World { customer: Some(tag("ada:model:gpt")), ..world.clone() };
    other.enter(10, 1).await;
    let nobody = World { customer: None, ..world.clone() };
    nobody.enter(1000, 1).await;
    assert_eq!(world.spend(Scope::Project, month()).await, (0, 1020));
}

async fn a_reservation_is_raised_against_the_same_caps(world: World) {
    let world = world.capped(Caps { key_month: Some(nano(100)), ..Caps::default() });
    let held = world.enter(40, 10).await;
    let other = world.enter(30, 10).await;
    let request = world.request(40, 10);
    let raise = |money: i64| {
        let (world, request, held) = (world.clone(), request.clone(), held.clone());
        async move { world.limiter.raise(&request, &held, nano(money), 20).await.unwrap() }
    };
    let before = world.state().await;
    let Raise::Refused(refusal) = raise(71).await else { panic!("it does not fit") };
    assert_eq!((refusal.left, refusal.asked), (30, 31));
    assert_eq!(world.state().await, before);
    let Raise::Raised(raised) = raise(70).await else { panic!("it fits") };
    assert_eq!((raised.money, raised.tokens), (nano(70), 20));
    assert_eq!(world.state().await, (vec![(0, 100); 4], 2));
    // Never lowered.
    let Raise::Raised(raised) = raise(5).await else { panic!("it fits") };
    assert_eq!(raised.money, nano(70));
    // Settled by what was held at first: all of it is given back all the same.
    world.settle(&held, 50, 1).await;
    world.settle(&other, 30, 1).await;
    assert_eq!(world.state().await, (vec![(80, 0); 4], 0));
    assert!(matches!(raise(70).await, Raise::Gone));
}

async fn raising_takes_the_tokens_between(world: World) {
    let world = world.rated(crate::world::per_minute(None, Some(100), None));
    let held = world.enter(1, 60).await;
    let request = world.request(1, 60);
    let Raise::Refused(refusal) = world.limiter.raise(&request, &held, nano(1), 101).await.unwrap() else {
        panic!("larger than the bucket")
    };
    assert_eq!((refusal.limit, refusal.retry_after), (LimitKind::TokensTooLarge, None));
    world.enter(1, 10).await;
    let Raise::Refused(refusal) = world.limiter.raise(&request, &held, nano(1), 91).await.unwrap() else {
        panic!("30 are left")
    };
    assert_eq!((refusal.limit, refusal.left, refusal.asked), (LimitKind::Tokens, 30, 31));
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(600)));
    let raised = world.limiter.raise(&request, &held, nano(1), 90).await.unwrap();
    assert!(matches!(raised, Raise::Raised(_)));
    world.settle(&held, 1, 50).await;
    assert_eq!(world.refusal(1, 101).await.standing.tokens.unwrap().remaining, 40);
}

async fn the_same_admission_asked_twice_is_one(world: World) {
    let request = world.request(10, 1);
    let first = admitted(world.limiter.admit(&request).await.unwrap());
    let again = admitted(world.limiter.admit(&request).await.unwrap());
    assert_eq!(first.held, again.held);
    assert_eq!(world.state().await, (vec![(0, 10); 4], 1));
    world.settle(&first.held, 10, 1).await;
    assert_eq!(world.state().await, (vec![(10, 0); 4], 0));
}

async fn an_older_configuration_is_told_to_reload(world: World) {
    let mut request = world.request(10, 1);
    request.rev = 3;
    world.limiter.revise(world.project, 4).await.unwrap();
    assert!(matches!(world.limiter.admit(&request).await.unwrap(), Verdict::Reload));
    assert_eq!(world.state().await, (vec![(0, 0); 4], 0));
    request.rev = 5;
    admitted(world.limiter.admit(&request).await.unwrap());
    request.id = lockgate::ids::AdmissionId::new(START);
    request.rev = 4;
    assert!(matches!(world.limiter.admit(&request).await.unwrap(), Verdict::Reload));
    // A newer one is remembered also where it is refused.
    request.rev = 6;
    request.caps.project_month = Some(nano(0));
    assert!(matches!(world.limiter.admit(&request).await.unwrap(), Verdict::Refused(_)));
    request.rev = 5;
    assert!(matches!(world.limiter.admit(&request).await.unwrap(), Verdict::Reload));
}

crate::laws!(
    a_settled_request_is_booked_on_every_scope_once,
    debt_blocks_also_what_costs_nothing,
    a_refused_request_moves_no_counter,
    a_cap_set_later_knows_what_was_spent,
    spend_comes_back_with_the_next_window,
    of_several_caps_the_one_that_lasts_longest_is_told,
    a_request_is_booked_in_the_month_it_was_admitted_in,
    customers_are_told_apart,
    a_reservation_is_raised_against_the_same_caps,
    raising_takes_the_tokens_between,
    the_same_admission_asked_twice_is_one,
    an_older_configuration_is_told_to_reload,
);
