//! The ledger: sums are those of the rows, to the nano, whatever comes twice or late.

use std::collections::BTreeMap;

use lockgate::auth::{CustomerLimits, Project, ProjectSettings};
use lockgate::clock::Millis;
use lockgate::ids::{AdmissionId, KeyId, ProjectId};
use lockgate::limits::{CounterId, Scope, Window};
use lockgate::money::Nano;
use lockgate::settle::{CacheVerdict, ExpiredReservations, Outcome, Row};
use lockgate::store::{GroupBy, Ledger, RowFilter, UsageQuery};

use crate::laws;
use crate::rows::{NOON, customer, reserve, row};
use crate::world::World;

const HOUR: i64 = 3_600_000;

laws!(
    a_row_comes_back_as_it_went_in,
    a_row_counts_once,
    a_settled_row_replaces_an_expired_one_once,
    an_expired_row_without_a_name_counts_for_its_customer,
    a_forgotten_customer_leaves_its_sums_and_no_name,
    retention_keeps_sums,
    absurd_amounts_do_not_break_the_sums,
    counters_of_days_and_months_are_apart,
);

async fn spent(store: &dyn Ledger, row: &Row) -> Vec<i64> {
    let counters: Vec<CounterId> = row.counters().collect();
    store.spent(row.project, &counters).await.unwrap().into_iter().map(Nano::nano).collect()
}

async fn all(store: &dyn Ledger) -> Vec<Row> {
    store.rows(&RowFilter { most: 10_000, ..RowFilter::default() }).await.unwrap()
}

async fn a_row_comes_back_as_it_went_in(world: World) {
    let store = &*world.ledger;
    let project = ProjectId::new(NOON);
    let full = Row { customer: Some(customer("ann")), key: Some(KeyId::new(NOON)), ..row(project, NOON, 9) };
    let bare = Row {
        client_request_id: None,
        labels: BTreeMap::new(),
        served_model: None,
        provider: None,
        attempts: Vec::new(),
        cost: None,
        first_byte_us: None,
        similarity: None,
        cache: CacheVerdict::Coalesced,
        outcome: Outcome::Failed,
        downgraded_from: Some("gpt-5".to_owned()),
        customer_tag: Some(customer("bob").tag()),
        ..row(project, Millis(NOON.0 + 1), 0)
    };
    store.append(&[full.clone(), bare.clone()]).await.unwrap();
    assert_eq!(all(store).await, vec![bare.clone(), full.clone()], "newest first");
    let only = RowFilter { id: Some(full.id), project: Some(project), most: 1 };
    assert_eq!(store.rows(&only).await.unwrap(), vec![full]);
    let elsewhere = RowFilter { project: Some(ProjectId::new(NOON)), ..RowFilter::default() };
    assert!(store.rows(&elsewhere).await.unwrap().is_empty());
}

async fn a_row_counts_once(world: World) {
    let store = &*world.ledger;
    let one = Row { customer: Some(customer("ann")), ..row(ProjectId::new(NOON), NOON, 40) };
    store.append(&[one.clone(), one.clone()]).await.unwrap();
    // What a retry brings, even if it says something else.
    store.append(&[Row { cost: Some(Nano::from_nano(99)), ..one.clone() }]).await.unwrap();
    let expired = reserve(&one).expired(ExpiredReservations::Charge, NOON);
    store.append(&[expired]).await.unwrap();
    assert_eq!(spent(store, &one).await, [40, 40, 40, 40]);
    assert_eq!(all(store).await, vec![one]);
}

async fn a_settled_row_replaces_an_expired_one_once(world: World) {
    let store = &*world.ledger;
    let settled = Row { customer: Some(customer("ann")), ..row(ProjectId::new(NOON), NOON, 40) };
    let expired = reserve(&settled).expired(ExpiredReservations::Charge, NOON);
    store.append(&[expired]).await.unwrap();
    assert_eq!(spent(store, &settled).await, [80, 80, 80, 80], "the estimate");
    store.append(&[settled.clone(), settled.clone()]).await.unwrap();
    assert_eq!(spent(store, &settled).await, [40, 40, 40, 40], "what it cost");
    store.append(&[Row { cost: Some(Nano::from_nano(7)), ..settled.clone() }]).await.unwrap();
    assert_eq!(all(store).await, vec![settled]);
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!((total[0].requests, total[0].cost), (1, Nano::from_nano(40)));
}

async fn an_expired_row_without_a_name_counts_for_its_customer(world: World) {
    let store = &*world.ledger;
    let settled = Row { customer: Some(customer("ann")), ..row(ProjectId::new(NOON), NOON, 40) };
    // Another process knows the reservation only as its store does.
    let held = reserve(&settled).held;
    let expired = lockgate::settle::Reserve::unknown(held).expired(ExpiredReservations::Charge, NOON);
    store.append(&[expired]).await.unwrap();
    assert_eq!(spent(store, &settled).await, [80, 80, 80, 80]);
    store.append(std::slice::from_ref(&settled)).await.unwrap();
    assert_eq!(spent(store, &settled).await, [40, 40, 40, 40]);
    assert_eq!(all(store).await, vec![settled]);
}

async fn a_forgotten_customer_leaves_its_sums_and_no_name(world: World) {
    let store = &*world.ledger;
    let project = Project {
        id: ProjectId::new(NOON),
        name: "one".to_owned(),
        rev: 1,
        created_at: NOON,
        cache_epoch: 0,
        settings: ProjectSettings::default(),
    };
    let id = world.directory.create_project(project).await.unwrap().id;
    let ann = customer("ann of 12 High Street");
    world.directory.set_customer(id, &ann, CustomerLimits::default()).await.unwrap();
    let before = Row { customer: Some(ann.clone()), ..row(id, Millis(NOON.0 - 5), 40) };
    let nameless = Row { ..row(id, Millis(NOON.0 - 4), 2) };
    store.append(&[before.clone(), nameless]).await.unwrap();
    assert!(world.directory.forget_customer(id, &ann).await.unwrap());
    // A row on its way at that moment, and the late end of one that expired.
    let late = Row { customer: Some(ann.clone()), ..row(id, Millis(NOON.0 - 3), 100) };
    store.append(&[reserve(&late).expired(ExpiredReservations::Charge, NOON), late]).await.unwrap();

    assert!(all(store).await.iter().all(|row| row.customer.is_none()));
    assert_eq!(spent(store, &before).await, [142, 142, 140, 140]);
    let lines = store.usage(&UsageQuery { by: GroupBy::Customer, ..UsageQuery::default() }).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].group.as_str(), lines[0].requests, lines[0].cost.nano()), ("", 3, 142));
    // A request after that is a new acquaintance.
    let after = Row { customer: Some(ann.clone()), ..row(id, Millis(NOON.0 + 1), 1) };
    store.append(std::slice::from_ref(&after)).await.unwrap();
    assert_eq!(all(store).await[0], after);

    assert!(world.directory.forget_customer(id, &ann).await.unwrap(), "again, for what came since");
    assert!(all(store).await.iter().all(|row| row.customer.is_none()));
}

async fn retention_keeps_sums(world: World) {
    let store = &*world.ledger;
    let project = ProjectId::new(NOON);
    let days: Vec<Row> = (0..5)
        .map(|day| Row {
            customer: Some(customer("ann")),
            ..row(project, Millis(NOON.0 - day * 24 * HOUR), 10)
        })
        .collect();
    store.append(&days).await.unwrap();
    let before = Millis(NOON.0 - 24 * HOUR);
    assert_eq!(store.retire(before, 2).await.unwrap(), 2, "in portions");
    assert_eq!(store.retire(before, 2).await.unwrap(), 1);
    assert_eq!(store.retire(before, 2).await.unwrap(), 0);
    assert_eq!(all(store).await, days[..2]);
    let lines = store.usage(&UsageQuery { by: GroupBy::Day, ..UsageQuery::default() }).await.unwrap();
    let groups: Vec<(&str, u64)> = lines.iter().map(|line| (line.group.as_str(), line.requests)).collect();
    assert_eq!(
        groups,
        [("2026-11-19", 1), ("2026-11-20", 1), ("2026-11-21", 1), ("2026-11-22", 1), ("2026-11-23", 1)]
    );
    // The month and today stand; the days before the cut are over.
    assert_eq!(spent(store, &days[0]).await, [50, 50, 10, 50]);
    assert_eq!(spent(store, &days[4]).await, [50, 50, 0, 50]);
}

async fn absurd_amounts_do_not_break_the_sums(world: World) {
    let store = &*world.ledger;
    let mut absurd = row(ProjectId::new(NOON), NOON, i64::MAX);
    absurd.tokens.input = u64::MAX;
    absurd.latency_us = u64::MAX;
    absurd.similarity = Some(f32::NAN);
    let another = Row { id: AdmissionId::new(NOON), ..absurd.clone() };
    store.append(&[absurd, another]).await.unwrap();
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!(total[0].cost.nano(), 2 * Nano::MAX_CAP.nano());
}

async fn counters_of_days_and_months_are_apart(world: World) {
    let store = &*world.ledger;
    let project = ProjectId::new(NOON);
    // 2026-11-30T23:59:59.999Z and the next millisecond.
    let last = Millis(1_796_083_199_999);
    let rows =
        [last, Millis(last.0 + 1)].map(|at| Row { customer: Some(customer("a")), ..row(project, at, 5) });
    store.append(&rows).await.unwrap();
    let counter = |window| CounterId { window, scope: Scope::Customer(customer("a").tag()) };
    let windows =
        [Window::Month(202_611), Window::Day(20_261_130), Window::Month(202_612), Window::Day(20_261_201)];
    let booked = store.spent(project, &windows.map(counter)).await.unwrap();
    assert_eq!(booked, [Nano::from_nano(5); 4]);
}
