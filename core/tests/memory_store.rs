//! The store in memory keeps the same books as the one in SQLite: random rows and changes, the same answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;

use lockgate::auth::{CustomerLimits, Key, KeyHash, Project, ProjectSettings};
use lockgate::clock::{ManualClock, Millis};
use lockgate::error::Kind;
use lockgate::ids::{AdmissionId, CustomerId, KeyId, ProjectId};
use lockgate::limits::Rates;
use lockgate::money::Nano;
use lockgate::pricing::TokenCounts;
use lockgate::settle::{CacheVerdict, Outcome, Row};
use lockgate::store::memory::{KEPT_ROWS, MemoryStore};
use lockgate::store::sqlite::{Access, SqliteStore};
use lockgate::store::{Directory, GroupBy, Ledger, RowFilter, UsageQuery};
use proptest::prelude::*;
use proptest::test_runner::Config;

/// 2026-11-23T10:00:00Z.
const START: Millis = Millis(1_795_428_000_000);
const HOUR: i64 = 3_600_000;

fn customer(name: &str) -> CustomerId {
    CustomerId::new(name).unwrap()
}

fn row(project: ProjectId, id: AdmissionId, at: Millis) -> Row {
    Row {
        id,
        request_id: "r".to_owned(),
        client_request_id: None,
        project,
        key: None,
        customer: None,
        customer_tag: None,
        labels: BTreeMap::new(),
        endpoint: "chat".to_owned(),
        requested_model: "m".to_owned(),
        served_model: Some("m".to_owned()),
        provider: Some("openai".to_owned()),
        attempts: Vec::new(),
        tokens: TokenCounts { input: 10, output: 5, ..TokenCounts::default() },
        cost: Some(Nano::from_nano(7)),
        reserved: Nano::from_nano(9),
        saved: Nano::ZERO,
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
        admitted_at: at,
        ended_at: at,
    }
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

async fn play(store: &(impl Ledger + Directory), project: &Project, steps: &[(Step, Vec<AdmissionId>)]) {
    let keys = [None, Some(KeyId::NONE), Some("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap())];
    let names = [Some(customer("ada")), Some(customer("grace")), None];
    store.create_project(project.clone()).await.unwrap();
    for (step, ids) in steps {
        match step {
            Step::Append { id, key, customer, model, cost, hit, expired } => {
                // The same admission always has the same time: 24 of them in two and a half days.
                let at = Millis(START.0 + i64::try_from(*id).unwrap() * 5 * HOUR / 2);
                let mut row = row(project.id, ids[*id], at);
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
                store.forget_customer(project.id, names[*which].as_ref().unwrap()).await.unwrap();
            }
            Step::Retire { hours, most } => {
                store.retire(Millis(START.0 + hours * HOUR), *most).await.unwrap();
            }
        }
    }
}

/// All that the ledger tells.
async fn told(store: &impl Ledger, project: ProjectId, ids: &[AdmissionId]) -> Vec<String> {
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

fn project(name: &str) -> Project {
    Project {
        id: ProjectId::new(START),
        name: name.to_owned(),
        rev: 1,
        created_at: START,
        cache_epoch: 0,
        settings: ProjectSettings::default(),
    }
}

#[test]
fn memory_and_sqlite_keep_the_same_books() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 25, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..60))| {
        let ids: Vec<AdmissionId> = (0..24).map(|_| AdmissionId::new(START)).collect();
        let steps: Vec<_> = steps.into_iter().map(|step| (step, ids.clone())).collect();
        let (one, other) = runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("books.db").display());
            // Late enough that every row was admitted before its customer is forgotten.
            let clock = ManualClock::at(Millis(START.0 + 100 * HOUR));
            let memory = MemoryStore::new(clock.clone());
            let sqlite = SqliteStore::open(&url, Access::Administration, clock).await.unwrap();
            let project = project("p");
            play(&memory, &project, &steps).await;
            play(&sqlite, &project, &steps).await;
            (told(&memory, project.id, &ids).await, told(&sqlite, project.id, &ids).await)
        });
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(one, other);
        }
    });
}

#[tokio::test]
async fn rows_are_bounded_and_sums_are_not() {
    let store = MemoryStore::new(ManualClock::at(START));
    let project = ProjectId::new(START);
    let rows: Vec<Row> = (0..KEPT_ROWS + 500)
        .map(|n| row(project, AdmissionId::new(START), Millis(START.0 + i64::try_from(n).unwrap())))
        .collect();
    store.append(&rows).await.unwrap();
    let kept = store.rows(&RowFilter { most: u32::MAX, ..RowFilter::default() }).await.unwrap();
    assert_eq!(kept.len(), KEPT_ROWS);
    assert_eq!(kept.first().map(|row| row.id), rows.last().map(|row| row.id));
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!(total[0].requests, 10_500);
    let counters: Vec<_> = rows[0].counters().collect();
    let all = Nano::from_nano(7 * 10_500);
    assert_eq!(store.spent(project, &counters).await.unwrap(), vec![all; counters.len()]);
}

fn key(project: ProjectId, number: u8) -> Key {
    Key {
        id: KeyId::new(START),
        project,
        name: format!("key {number}"),
        hint: "lg_abc".to_owned(),
        hash: KeyHash([number; 32]),
        rates: Rates::default(),
        monthly_cap: None,
        models: None,
        customer: None,
        created_at: Millis(START.0 + i64::from(number)),
        expires_at: None,
        revoked_at: None,
        rotated_from: None,
    }
}

/// Every change moves the project's revision and the store's version; a refused one moves neither.
async fn changes_are_seen(store: &impl Directory) {
    let made = store.create_project(project("one")).await.unwrap();
    let other = store.create_project(project("two")).await.unwrap();
    assert_eq!(store.create_project(project("one")).await.unwrap_err().kind(), Kind::InvalidRequest);
    let (mut rev, mut version) = (made.rev, store.version().await.unwrap());
    macro_rules! moved {
        () => {
            let (now, seen) =
                (store.project(made.id).await.unwrap().unwrap().rev, store.version().await.unwrap());
            assert!(now > rev && seen > version);
            (rev, version) = (now, seen);
        };
    }
    store
        .set_project(made.id, ProjectSettings { require_customer: true, ..Default::default() })
        .await
        .unwrap();
    moved!();
    let first = store.create_key(key(made.id, 1)).await.unwrap();
    moved!();
    let second = store.create_key(key(made.id, 2)).await.unwrap();
    moved!();
    let mut changed = first.clone();
    changed.revoked_at = Some(START);
    changed.hash = KeyHash([9; 32]);
    store.set_key(changed.clone()).await.unwrap();
    moved!();
    let limits = CustomerLimits { daily_cap: Some(Nano::from_nano(5)), ..CustomerLimits::default() };
    for name in ["b", "a", "c"] {
        store.set_customer(made.id, &customer(name), limits).await.unwrap();
        moved!();
    }
    assert!(store.forget_customer(made.id, &customer("c")).await.unwrap());
    moved!();

    assert_eq!(store.create_key(key(made.id, 2)).await.unwrap_err().kind(), Kind::InvalidRequest);
    assert_eq!(store.create_key(key(ProjectId::new(START), 3)).await.unwrap_err().kind(), Kind::NotFound);
    changed.project = other.id;
    assert_eq!(store.set_key(changed).await.unwrap_err().kind(), Kind::NotFound);
    let settings = ProjectSettings::default();
    let missing = store.set_project(ProjectId::new(START), settings).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert_eq!(store.version().await.unwrap(), version);
    assert_eq!(store.project(other.id).await.unwrap().unwrap().rev, other.rev);
    assert_eq!(store.project(made.id).await.unwrap().unwrap().rev, rev);

    let names = |found: Vec<Project>| found.into_iter().map(|found| found.name).collect::<Vec<_>>();
    assert_eq!(names(store.projects().await.unwrap()), ["one", "two"]);
    assert!(store.project_named("one").await.unwrap().unwrap().settings.require_customer);
    assert!(store.project_named("three").await.unwrap().is_none());
    let keys: Vec<KeyId> = store.keys(made.id).await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(keys, [second.id, first.id], "newest first");
    let known = store.key(KeyHash([1; 32])).await.unwrap().unwrap();
    assert_eq!(
        (known.id, known.revoked_at),
        (first.id, Some(START)),
        "what is stored of a key never changes"
    );
    assert!(store.key(KeyHash([9; 32])).await.unwrap().is_none());
    assert_eq!(store.key_by_id(second.id).await.unwrap().unwrap().name, "key 2");
    let listed = async |after: Option<&str>, most| {
        let after = after.map(customer);
        let found = store.customers(made.id, after.as_ref(), most).await.unwrap();
        found.into_iter().map(|found| found.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 10).await, ["a", "b"]);
    assert_eq!(listed(None, 1).await, ["a"]);
    assert_eq!(listed(Some("a"), 10).await, ["b"]);
    assert_eq!(store.customer(made.id, &customer("a")).await.unwrap().unwrap().limits, limits);
    assert!(store.customer(other.id, &customer("a")).await.unwrap().is_none());
    assert!(!store.forget_customer(made.id, &customer("nobody")).await.unwrap());
}

#[tokio::test]
async fn changes_are_seen_in_memory() {
    changes_are_seen(&MemoryStore::new(ManualClock::at(START))).await;
}

#[tokio::test]
async fn changes_are_seen_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("directory.db").display());
    let clock = ManualClock::at(START);
    changes_are_seen(&SqliteStore::open(&url, Access::Administration, clock).await.unwrap()).await;
}
