//! The stores against each other: random rows and changes, the same answers.

use std::collections::BTreeMap;

use lockgate::auth::{Project, ProjectSettings};
use lockgate::clock::{ManualClock, Millis};
use lockgate::ids::{AdmissionId, CustomerId, KeyId, ProjectId};
use lockgate::limits::CounterId;
use lockgate::money::Nano;
use lockgate::settle::{CacheVerdict, Outcome, Row};
use lockgate::store::memory::MemoryStore;
use lockgate::store::{GroupBy, Ledger, RowFilter, UsageQuery};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::rows::{NOON, customer, row};
use crate::world::World;

/// 2026-11-23T10:00:00Z.
const START: Millis = Millis(1_795_428_000_000);
const HOUR: i64 = 3_600_000;
const EVERY_GROUP: [GroupBy; 6] =
    [GroupBy::Total, GroupBy::Day, GroupBy::Model, GroupBy::Provider, GroupBy::Key, GroupBy::Customer];

async fn all(store: &dyn Ledger) -> Vec<Row> {
    store.rows(&RowFilter { most: 10_000, ..RowFilter::default() }).await.unwrap()
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

/// Counters are the sums of the rows that are there, and so is usage by every group and over any time; the ledger in
/// memory says the same.
async fn sums_are_those_of_the_rows(
    world: World,
    batches: Vec<Vec<Row>>,
    (from, to): (Option<i64>, Option<i64>),
) {
    let store = &*world.ledger;
    let memory = MemoryStore::new(ManualClock::at(NOON));
    for batch in &batches {
        store.append(batch).await.unwrap();
        memory.append(batch).await.unwrap();
    }
    let rows = all(store).await;
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
}

fn check_sums(make: impl AsyncFn() -> World) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ids: Vec<AdmissionId> = (0..20).map(|_| AdmissionId::new(NOON)).collect();
    let rows = any_row(ids, ProjectId::new(NOON), [KeyId::new(NOON), KeyId::new(NOON)]);
    let batches = prop::collection::vec(prop::collection::vec(rows, 0..12), 1..6);
    let hours = || prop::option::of(-60 * HOUR..60 * HOUR);
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    proptest!(config, |(batches in batches, span in (hours(), hours()))| {
        runtime.block_on(async { sums_are_those_of_the_rows(make().await, batches, span).await });
    });
}

#[derive(Debug, Clone)]
enum Step {
    Append {
        id: usize,
        key: usize,
        customer: usize,
        model: bool,
        cost: Option<i64>,
        hit: bool,
        expired: bool,
    },
    Forget(usize),
    Retire {
        hours: i64,
        most: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let append = (0_usize..24, 0_usize..3, 0_usize..3, any::<bool>(), prop::option::of(0_i64..500))
        .prop_flat_map(|(id, key, customer, model, cost)| {
            (any::<bool>(), prop::bool::weighted(0.3)).prop_map(move |(hit, expired)| Step::Append {
                id,
                key,
                customer,
                model,
                cost,
                hit,
                expired,
            })
        });
    prop_oneof![
        20 => append,
        1 => (0_usize..2).prop_map(Step::Forget),
        1 => (0_i64..60, 0_u32..4).prop_map(|(hours, most)| Step::Retire { hours, most }),
    ]
}

async fn play(world: &World, project: &Project, steps: &[(Step, Vec<AdmissionId>)]) {
    let keys = [None, Some(KeyId::NONE), Some("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap())];
    let names = [Some(customer("ada")), Some(customer("grace")), None];
    let store = &*world.ledger;
    world.directory.create_project(project.clone()).await.unwrap();
    for (step, ids) in steps {
        match step {
            Step::Append { id, key, customer, model, cost, hit, expired } => {
                // The same admission always has the same time: 24 of them in two and a half days.
                let at = Millis(START.0 + i64::try_from(*id).unwrap() * 5 * HOUR / 2);
                let mut row = Row { id: ids[*id], ..row(project.id, at, 7) };
                row.key = keys[*key];
                row.customer.clone_from(&names[*customer]);
                row.customer_tag = names[*customer].as_ref().map(CustomerId::tag);
                row.served_model = model.then(|| "other".to_owned());
                row.cost = cost.map(Nano::from_nano);
                row.cache = if *hit { CacheVerdict::Exact } else { CacheVerdict::Miss };
                row.outcome = if *expired { Outcome::Expired } else { Outcome::Answered };
                store.append(&[row.clone(), row]).await.unwrap();
            }
            Step::Forget(which) => {
                world.directory.forget_customer(project.id, names[*which].as_ref().unwrap()).await.unwrap();
            }
            Step::Retire { hours, most } => {
                store.retire(Millis(START.0 + hours * HOUR), *most).await.unwrap();
            }
        }
    }
}

/// All that the ledger tells.
async fn told(world: &World, project: ProjectId, ids: &[AdmissionId]) -> Vec<String> {
    let store = &*world.ledger;
    let mut told = Vec::new();
    let rows = store.rows(&RowFilter { project: Some(project), id: None, most: 0 }).await.unwrap();
    let counters: Vec<_> = rows.iter().flat_map(Row::counters).collect();
    told.push(format!("{:?}", store.spent(project, &counters).await.unwrap()));
    told.push(format!("{rows:?}"));
    told.push(format!(
        "{:?}",
        store.rows(&RowFilter { id: Some(ids[3]), ..RowFilter::default() }).await.unwrap()
    ));
    let times = [
        None,
        Some(Millis(START.0 + HOUR)),
        Some(Millis(START.0 + 14 * HOUR)),
        Some(Millis(START.0 + 40 * HOUR)),
    ];
    for by in
        [GroupBy::Total, GroupBy::Day, GroupBy::Model, GroupBy::Provider, GroupBy::Key, GroupBy::Customer]
    {
        for from in times {
            for to in times {
                let query = UsageQuery { project: Some(project), from, to, by, ..UsageQuery::default() };
                told.push(format!("{query:?} {:?}", store.usage(&query).await.unwrap()));
            }
        }
        for (key, of) in [(Some(KeyId::NONE), None), (None, Some(customer("ada")))] {
            let query = UsageQuery { key, customer: of, by, ..UsageQuery::default() };
            told.push(format!("{query:?} {:?}", store.usage(&query).await.unwrap()));
        }
    }
    told
}

fn check_steps(make: impl AsyncFn() -> World) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 25, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..60))| {
        let ids: Vec<AdmissionId> = (0..24).map(|_| AdmissionId::new(START)).collect();
        let steps: Vec<_> = steps.into_iter().map(|step| (step, ids.clone())).collect();
        let (one, other) = runtime.block_on(async {
            let (memory, store) = (World::memory().await, make().await);
            let project = Project {
                id: ProjectId::new(START),
                name: "p".to_owned(),
                rev: 1,
                created_at: START,
                cache_epoch: 0,
                settings: ProjectSettings::default(),
            };
            for world in [&memory, &store] {
                // Late enough that every row was admitted before its customer is forgotten.
                world.clock.set(Millis(START.0 + 100 * HOUR));
                play(world, &project, &steps).await;
            }
            (told(&memory, project.id, &ids).await, told(&store, project.id, &ids).await)
        });
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(one, other);
        }
    });
}

#[test]
fn memory_and_sqlite_sum_the_same() {
    check_sums(World::sqlite);
}

#[test]
fn memory_and_sqlite_keep_the_same_books() {
    check_steps(World::sqlite);
}

#[cfg(feature = "test-servers")]
#[test]
fn memory_and_postgres_sum_the_same() {
    check_sums(World::postgres);
}

#[cfg(feature = "test-servers")]
#[test]
fn memory_and_postgres_keep_the_same_books() {
    check_steps(World::postgres);
}
