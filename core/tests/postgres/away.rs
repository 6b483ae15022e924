//! P11: while Postgres is away rows wait, and when it is back each of them counts once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lockgate::clock::Millis;
use lockgate::error::Kind;
use lockgate::ids::ProjectId;
use lockgate::limits::{CounterId, Scope, Window};
use lockgate::settle::{Journal, Row, Spool, SpoolFsync, SpoolOptions};
use lockgate::store::postgres::PostgresStore;
use lockgate::store::{Access, AnswerStore, Directory, Ledger};
use tempfile::TempDir;

use crate::gateway::{House, question};
use crate::house::{SOON, hurried, hurry, open, project, rows, until};
use crate::rows::{NOON, reserve, row, settlement};
use crate::servers::Database;
use crate::servers::proxy::{Proxy, Road};

async fn booked(store: &dyn Ledger, project: ProjectId) -> i64 {
    let month = CounterId { window: Window::month(NOON), scope: Scope::Project };
    store.spent(project, &[month]).await.unwrap()[0].nano()
}

fn spool(folder: &TempDir, store: &PostgresStore) -> Spool {
    let mut options = SpoolOptions::new(folder.path().join("spool"));
    options.fsync = SpoolFsync::Never;
    Spool::open(&options, Arc::new(store.clone()), NOON).unwrap()
}

fn run(spool: &Spool, row: &Row) {
    spool.reserve(&reserve(row)).unwrap();
    let ticket = spool.settled(row.clone(), Some(&settlement(row)));
    spool.acknowledged(ticket);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_wait_while_it_is_away_and_count_once() {
    for road in [Road::Closed, Road::Silent] {
        let database = Database::new().await;
        let proxy = Proxy::before(&database.host()).await;
        let store = hurry(&database.by_way_of(proxy.address), Access::Shared).await;
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder, &store);
        let project = ProjectId::new(NOON);
        for cost in 1..=300 {
            run(&spool, &row(project, NOON, cost));
        }
        proxy.set(road);
        if road == Road::Closed {
            proxy.cut();
        }
        for cost in 301..=600 {
            run(&spool, &row(project, NOON, cost));
        }
        let late = spool.flush(Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(late.kind(), Kind::StoreUnavailable);
        proxy.set(Road::Open);
        spool.flush(SOON).await.unwrap();
        let direct = open(&database.url(), Access::Administration).await.unwrap();
        assert_eq!(rows(&direct).await.len(), 600);
        assert_eq!(booked(&direct, project).await, 600 * 601 / 2, "{road:?}");
        direct.close().await;
        spool.close(SOON).await.unwrap();
        store.close().await;
    }
}

/// The batch is written, and the connection goes before the answer comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_is_lost_counts_once() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database.host()).await;
    let store = hurry(&database.by_way_of(proxy.address), Access::Shared).await;
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder, &store);
    let project = ProjectId::new(NOON);
    let mut sum = 0;
    for round in 0..5 {
        proxy.lose_answers(2);
        for cost in 1..=200 {
            run(&spool, &row(project, NOON, cost * (round + 1)));
            sum += cost * (round + 1);
        }
        spool.flush(SOON).await.unwrap();
        assert_eq!(proxy.answers_to_lose(), 0, "nothing was lost: the test tests nothing");
        assert_eq!(booked(&store, project).await, sum);
    }
    assert_eq!(rows(&store).await.len(), 1000);
    spool.close(SOON).await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_has_a_deadline_and_the_next_one_works() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database.host()).await;
    let store = hurry(&database.by_way_of(proxy.address), Access::Administration).await;
    let made = project(&store, "one").await;
    for round in 0..3 {
        proxy.set(Road::Silent);
        let begun = Instant::now();
        // More of them than there are connections.
        let asked = (0..16).map(|_| store.project(made.id));
        for asked in futures_util::future::join_all(asked).await {
            assert_eq!(asked.unwrap_err().kind(), Kind::StoreUnavailable);
        }
        let change = store.append(&[row(made.id, NOON, 1)]).await.unwrap_err();
        assert_eq!(change.kind(), Kind::StoreUnavailable);
        let patience = hurried().lookup + hurried().change + Duration::from_secs(5);
        assert!(begun.elapsed() < patience, "{:?}", begun.elapsed());
        // The connections of before are lost, whatever becomes of them.
        proxy.freeze();
        proxy.set(Road::Open);
        store.project(made.id).await.unwrap().unwrap();
        store.append(&[row(made.id, NOON, 1)]).await.unwrap();
        assert_eq!(booked(&store, made.id).await, round + 1);
    }
    store.close().await;
}

/// A statement that waits for a lock too long is ended by the server, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_holds_ends_in_a_refusal() {
    use sqlx::Connection;
    let database = Database::new().await;
    let store = hurry(&database.url(), Access::Administration).await;
    let made = project(&store, "one").await;
    let mut other = database.connect().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE lockgate.spend").execute(&mut *lock).await.unwrap();
    let refused = store.append(&[row(made.id, NOON, 1)]).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::StoreUnavailable);
    lock.rollback().await.unwrap();
    store.append(&[row(made.id, NOON, 1)]).await.unwrap();
    let mut left: i64 = 1;
    until(async || {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' \
             AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'",
        );
        left = query.fetch_one(&mut other).await.unwrap();
        left == 0
    })
    .await;
    other.close().await.unwrap();
    store.close().await;
}

/// A cache that is away is a miss, at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_warm_cache_is_a_miss_while_it_is_away() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database.host()).await;
    let store = hurry(&database.by_way_of(proxy.address), Access::Shared).await;
    let (project, key) = (ProjectId::new(NOON), lockgate::cache::Fingerprint([1; 32]));
    assert_eq!(store.answer(project, &key, NOON).await.unwrap(), None);
    proxy.set(Road::Closed);
    proxy.cut();
    until(async || matches!(store.answer(project, &key, NOON).await, Ok(None))).await;
    // Whoever asks gives up early; the look-up ends by itself, and its connection is good for the next.
    proxy.set(Road::Open);
    until(async || store.version().await.is_ok()).await;
    let opened = proxy.opened();
    for _ in 0..20 {
        let _ = tokio::time::timeout(Duration::ZERO, store.answer(project, &key, NOON)).await;
    }
    until(async || store.answer(project, &key, Millis(0)).await.is_ok()).await;
    assert!(proxy.opened() - opened <= 4, "each look-up that was given up cost a connection");
    store.close().await;
}

/// The whole path: known callers are served a moment longer, then refused, and nothing that was answered is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_answers_and_books_through_an_outage() {
    let house = House::single().await;
    let (_, key) = house.key().await;
    for number in 0..10 {
        house.ask(&key, &format!("before {number}")).await.unwrap();
    }
    house.proxy.set(Road::Closed);
    house.end_sessions().await;
    let mut answered = 10;
    for number in 0..10 {
        // Within the time that what is known of callers is trusted.
        if house.ask(&key, &format!("during {number}")).await.is_ok() {
            answered += 1;
        }
    }
    assert_eq!(answered, 20, "a caller that is known was refused at once");
    house.proxy.set(Road::Open);
    house.ask(&key, "after").await.unwrap();
    house.gateway.chat(question("without a key")).await.unwrap();
    assert!(house.flushed().await);
    let rows = rows(&open(&house.database.url(), Access::Administration).await.unwrap()).await;
    assert_eq!(rows.len(), answered + 2);
    let project = house.gateway.admin().project("default").await.unwrap().id;
    let seen = house.gateway.inspect(project).await.unwrap();
    let cost: i64 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.nano()).sum();
    assert_eq!((seen.spend[0].0.nano(), seen.spend[0].1.nano(), seen.open), (cost, 0, 0));

    // The next start begins with what was spent.
    let house = house.again().await;
    house.gateway.chat(question("another day")).await.unwrap();
    let seen = house.gateway.inspect(project).await.unwrap();
    assert!(seen.spend[0].0.nano() > cost);
    house.close().await;
}
