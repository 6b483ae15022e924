//! The ledger in SQLite: sums are those of the rows, to the nano, whatever comes twice or late.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, its helpers too"
)]

mod rows;

use std::collections::BTreeMap;
use std::path::Path;

use lockgate::auth::{CustomerLimits, Project, ProjectSettings};
use lockgate::clock::{ManualClock, Millis};
use lockgate::ids::{AdmissionId, KeyId, ProjectId};
use lockgate::limits::{CounterId, Scope, Window};
use lockgate::money::Nano;
use lockgate::settle::{CacheVerdict, ExpiredReservations, Outcome, Row};
use lockgate::store::memory::MemoryStore;
use lockgate::store::sqlite::{Access, SqliteStore};
use lockgate::store::{Directory, GroupBy, Ledger, RowFilter, UsageQuery};
use proptest::prelude::*;
use rows::{NOON, customer, reserve, row};

const HOUR: i64 = 3_600_000;
const EVERY_GROUP: [GroupBy; 6] =
    [GroupBy::Total, GroupBy::Day, GroupBy::Model, GroupBy::Provider, GroupBy::Key, GroupBy::Customer];

async fn open(folder: &Path) -> SqliteStore {
    let url = format!("sqlite://{}", folder.join("lockgate.db").display());
    SqliteStore::open(&url, Access::Owner, ManualClock::at(NOON)).await.unwrap()
}

async fn spent(store: &SqliteStore, row: &Row) -> Vec<i64> {
    let counters: Vec<CounterId> = row.counters().collect();
    store.spent(row.project, &counters).await.unwrap().into_iter().map(Nano::nano).collect()
}

async fn all(store: &dyn Ledger) -> Vec<Row> {
    store.rows(&RowFilter { most: 10_000, ..RowFilter::default() }).await.unwrap()
}

#[tokio::test]
async fn a_row_comes_back_as_it_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
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
    assert_eq!(all(&store).await, vec![bare.clone(), full.clone()], "newest first");
    let only = RowFilter { id: Some(full.id), project: Some(project), most: 1 };
    assert_eq!(store.rows(&only).await.unwrap(), vec![full]);
    let elsewhere = RowFilter { project: Some(ProjectId::new(NOON)), ..RowFilter::default() };
    assert!(store.rows(&elsewhere).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_row_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let one = Row { customer: Some(customer("ann")), ..row(ProjectId::new(NOON), NOON, 40) };
    store.append(&[one.clone(), one.clone()]).await.unwrap();
    // What a retry brings, even if it says something else.
    store.append(&[Row { cost: Some(Nano::from_nano(99)), ..one.clone() }]).await.unwrap();
    let expired = reserve(&one).expired(ExpiredReservations::Charge, NOON);
    store.append(&[expired]).await.unwrap();
    assert_eq!(spent(&store, &one).await, [40, 40, 40, 40]);
    assert_eq!(all(&store).await, vec![one]);
}

#[tokio::test]
async fn a_settled_row_replaces_an_expired_one_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let settled = Row { customer: Some(customer("ann")), ..row(ProjectId::new(NOON), NOON, 40) };
    let expired = reserve(&settled).expired(ExpiredReservations::Charge, NOON);
    store.append(&[expired]).await.unwrap();
    assert_eq!(spent(&store, &settled).await, [80, 80, 80, 80], "the estimate");
    store.append(&[settled.clone(), settled.clone()]).await.unwrap();
    assert_eq!(spent(&store, &settled).await, [40, 40, 40, 40], "what it cost");
    store.append(&[Row { cost: Some(Nano::from_nano(7)), ..settled.clone() }]).await.unwrap();
    assert_eq!(all(&store).await, vec![settled]);
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!((total[0].requests, total[0].cost), (1, Nano::from_nano(40)));
}

#[tokio::test]
async fn an_expired_row_without_a_name_counts_for_its_customer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let settled = Row { customer: Some(customer("ann")), ..row(ProjectId::new(NOON), NOON, 40) };
    // Another process knows the reservation only as its store does.
    let held = reserve(&settled).held;
    let expired = lockgate::settle::Reserve::unknown(held).expired(ExpiredReservations::Charge, NOON);
    store.append(&[expired]).await.unwrap();
    assert_eq!(spent(&store, &settled).await, [80, 80, 80, 80]);
    store.append(std::slice::from_ref(&settled)).await.unwrap();
    assert_eq!(spent(&store, &settled).await, [40, 40, 40, 40]);
    assert_eq!(all(&store).await, vec![settled]);
}

#[tokio::test]
async fn a_forgotten_customer_leaves_its_sums_and_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let project = Project {
        id: ProjectId::new(NOON),
        name: "one".to_owned(),
        rev: 1,
        created_at: NOON,
        cache_epoch: 0,
        settings: ProjectSettings::default(),
    };
    let id = store.create_project(project).await.unwrap().id;
    let ann = customer("ann of 12 High Street");
    store.set_customer(id, &ann, CustomerLimits::default()).await.unwrap();
    let before = Row { customer: Some(ann.clone()), ..row(id, Millis(NOON.0 - 5), 40) };
    let nameless = Row { ..row(id, Millis(NOON.0 - 4), 2) };
    store.append(&[before.clone(), nameless]).await.unwrap();
    assert!(store.forget_customer(id, &ann).await.unwrap());
    // A row on its way at that moment, and the late end of one that expired.
    let late = Row { customer: Some(ann.clone()), ..row(id, Millis(NOON.0 - 3), 100) };
    store.append(&[reserve(&late).expired(ExpiredReservations::Charge, NOON), late]).await.unwrap();

    assert!(all(&store).await.iter().all(|row| row.customer.is_none()));
    assert_eq!(spent(&store, &before).await, [142, 142, 140, 140]);
    let lines = store.usage(&UsageQuery { by: GroupBy::Customer, ..UsageQuery::default() }).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].group.as_str(), lines[0].requests, lines[0].cost.nano()), ("", 3, 142));
    // A request after that is a new acquaintance.
    let after = Row { customer: Some(ann.clone()), ..row(id, Millis(NOON.0 + 1), 1) };
    store.append(std::slice::from_ref(&after)).await.unwrap();
    assert_eq!(all(&store).await[0], after);

    store.forget_customer(id, &ann).await.unwrap();
    store.close().await;
    drop(store);
    let file = std::fs::read(folder.path().join("lockgate.db")).unwrap();
    assert!(memchr::memmem::find(&file, b"gpt-4o").is_some());
    assert!(memchr::memmem::find(&file, b"High Street").is_none(), "deleted, but still in the file");
}

#[tokio::test]
async fn retention_keeps_sums() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
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
    assert_eq!(all(&store).await, days[..2]);
    let lines = store.usage(&UsageQuery { by: GroupBy::Day, ..UsageQuery::default() }).await.unwrap();
    let groups: Vec<(&str, u64)> = lines.iter().map(|line| (line.group.as_str(), line.requests)).collect();
    assert_eq!(
        groups,
        [("2026-11-19", 1), ("2026-11-20", 1), ("2026-11-21", 1), ("2026-11-22", 1), ("2026-11-23", 1)]
    );
    // The month and today stand; the days before the cut are over.
    assert_eq!(spent(&store, &days[0]).await, [50, 50, 10, 50]);
    assert_eq!(spent(&store, &days[4]).await, [50, 50, 0, 50]);
}

#[tokio::test]
async fn absurd_amounts_do_not_break_the_sums() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut absurd = row(ProjectId::new(NOON), NOON, i64::MAX);
    absurd.tokens.input = u64::MAX;
    absurd.latency_us = u64::MAX;
    absurd.similarity = Some(f32::NAN);
    let another = Row { id: AdmissionId::new(NOON), ..absurd.clone() };
    store.append(&[absurd, another]).await.unwrap();
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!(total[0].cost.nano(), 2 * Nano::MAX_CAP.nano());
}

/// A row out of small sets, so that ids, counters and lines meet.
fn any_row(ids: Vec<AdmissionId>, project: ProjectId, keys: [KeyId; 2]) -> impl Strategy<Value = Row> {
    let who = (0..ids.len(), 0..3_usize, 0..4_usize, 0..3_usize);
    let what = (-50 * HOUR..50 * HOUR, prop::option::of(0..1_000_000_007_i64), 0..4_u8, 0..4_u8);
    (who, what).prop_map(move |((id, key, name, model), (at, cost, cache, outcome))| Row {
        id: ids[id],
        key: keys.get(key).copied(),
        customer: ["ann", "bob", "x:y"].get(name).map(|name| customer(name)),
        served_model: ["gpt-4o", "claude"].get(model).map(|model| (*model).to_owned()),
        provider: ["openai"].get(model).map(|provider| (*provider).to_owned()),
        cost: cost.map(Nano::from_nano),
        saved: Nano::from_nano(i64::from(cache) * 17),
        cache: [CacheVerdict::Miss, CacheVerdict::Exact, CacheVerdict::Semantic, CacheVerdict::Coalesced]
            [usize::from(cache)],
        outcome: [Outcome::Answered, Outcome::Failed, Outcome::Expired, Outcome::Expired]
            [usize::from(outcome)],
        ..row(project, Millis(NOON.0 + at), 0)
    })
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    let known = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() {
        known
    } else {
        ProptestConfig { cases: usual, ..known }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Counters are the sums of the rows that are there, and so is usage by every group and over any time; the
    /// ledger in memory says the same.
    #[test]
    fn sums_are_those_of_the_rows(
        (batches, from, to) in {
            let ids: Vec<AdmissionId> = (0..20).map(|_| AdmissionId::new(NOON)).collect();
            let rows = any_row(ids, ProjectId::new(NOON), [KeyId::new(NOON), KeyId::new(NOON)]);
            let batches = prop::collection::vec(prop::collection::vec(rows, 0..12), 1..6);
            (batches, prop::option::of(-60 * HOUR..60 * HOUR), prop::option::of(-60 * HOUR..60 * HOUR))
        }
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path()).await;
            let memory = MemoryStore::new(ManualClock::at(NOON));
            for batch in &batches {
                store.append(batch).await.unwrap();
                memory.append(batch).await.unwrap();
            }
            let rows = all(&store).await;
            assert_eq!(rows, all(&memory).await);

            let mut sums: BTreeMap<(ProjectId, CounterId), i64> = BTreeMap::new();
            for row in &rows {
                for counter in row.counters() {
                    *sums.entry((row.project, counter)).or_default() += row.cost.unwrap_or_default().nano();
                }
            }
            // Also counters that only replaced rows were booked on.
            for row in batches.iter().flatten() {
                for counter in row.counters() {
                    sums.entry((row.project, counter)).or_default();
                }
            }
            for ((project, counter), sum) in sums {
                let booked = store.spent(project, &[counter]).await.unwrap();
                assert_eq!(booked, [Nano::from_nano(sum)], "{counter:?}");
            }

            let span = [(None, None), (from, to), (from, None), (None, to)];
            for ((from, to), by) in span.into_iter().flat_map(|span| EVERY_GROUP.map(|by| (span, by))) {
                let at = |offset: Option<i64>| offset.map(|offset| Millis(NOON.0 + offset));
                let query = UsageQuery { from: at(from), to: at(to), by, ..UsageQuery::default() };
                let lines = store.usage(&query).await.unwrap();
                assert_eq!(lines, memory.usage(&query).await.unwrap(), "{query:?}");
                let asked: Vec<&Row> = rows
                    .iter()
                    .filter(|row| at(from).is_none_or(|from| from <= row.admitted_at))
                    .filter(|row| at(to).is_none_or(|to| row.admitted_at < to))
                    .collect();
                assert_eq!(lines.iter().map(|line| line.requests).sum::<u64>(), asked.len() as u64);
                assert_eq!(
                    lines.iter().map(|line| line.cost.nano()).sum::<i64>(),
                    asked.iter().map(|row| row.cost.unwrap_or_default().nano()).sum::<i64>()
                );
            }
            for name in ["ann", "x:y"] {
                let query = UsageQuery { customer: Some(customer(name)), key: None, ..UsageQuery::default() };
                let wanted = rows.iter().filter(|row| row.customer == query.customer).count();
                assert_eq!(store.usage(&query).await.unwrap()[0].requests, wanted as u64);
            }
            let keyless = UsageQuery { key: Some(KeyId::NONE), ..UsageQuery::default() };
            let wanted = rows.iter().filter(|row| row.key.is_none()).count();
            assert_eq!(store.usage(&keyless).await.unwrap()[0].requests, wanted as u64);
        });
    }
}

#[tokio::test]
async fn counters_of_days_and_months_are_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
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
