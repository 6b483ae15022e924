//! Who may keep limits for a database.

use std::time::Duration;

use lockgate::error::Kind;
use lockgate::store::Access;

use crate::house::{hurry, open, until};
use crate::servers::Database;
use crate::servers::proxy::{Proxy, Road};

async fn refused(database: &Database, access: Access) -> String {
    let error = open(&database.url(), access).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    for part in ["store", "in use", "single_process", "redis"] {
        assert!(error.message().contains(part), "{error}");
    }
    error.message().to_owned()
}

/// The server's sessions that hold the limits.
async fn holders(database: &Database) -> Vec<i32> {
    let mut connection = database.connect().await;
    sqlx::query_scalar(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 2 AND mode = 'ExclusiveLock' AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn one_owner_or_many_sharers() {
    let database = Database::new().await;
    let owner = open(&database.url(), Access::Owner).await.unwrap();
    assert!(refused(&database, Access::Owner).await.contains("another gateway"));
    assert!(refused(&database, Access::Shared).await.contains("single_process = true"));
    // Administration needs no ownership.
    open(&database.url(), Access::Administration).await.unwrap().close().await;
    owner.close().await;

    let first = open(&database.url(), Access::Shared).await.unwrap();
    let second = open(&database.url(), Access::Shared).await.unwrap();
    first.close().await;
    refused(&database, Access::Owner).await;
    second.close().await;
    open(&database.url(), Access::Owner).await.unwrap().close().await;
}

/// A start waits a little for a predecessor that is just ending.
#[tokio::test(flavor = "multi_thread")]
async fn a_successor_follows_at_once() {
    let database = Database::new().await;
    let owner = open(&database.url(), Access::Owner).await.unwrap();
    let url = database.url();
    let next = tokio::spawn(async move { open(&url, Access::Owner).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    owner.close().await;
    next.await.unwrap().unwrap().close().await;
    // Dropped without being closed, as by a process that is killed.
    drop(open(&database.url(), Access::Owner).await.unwrap());
    open(&database.url(), Access::Owner).await.unwrap().close().await;
}

/// The network goes so that the server does not notice: it still believes in the old session, which has the limits.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_comes_back_past_its_own_shadow() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database.host()).await;
    let store = hurry(&database.by_way_of(proxy.address), Access::Owner).await;
    let old = holders(&database).await;
    assert_eq!(old.len(), 1);
    proxy.freeze();
    until(async || !holders(&database).await.is_empty() && holders(&database).await != old).await;
    refused(&database, Access::Owner).await;
    store.close().await;
    until(async || holders(&database).await.is_empty()).await;
}

/// While it was away, somebody else took over.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_was_succeeded_admits_nothing_more() {
    let house = crate::gateway::House::single().await;
    house.gateway.chat(crate::gateway::question("before")).await.unwrap();
    house.proxy.set(Road::Closed);
    house.end_sessions().await;
    let successor = open(&house.database.url(), Access::Owner).await.unwrap();
    house.proxy.set(Road::Open);
    until(async || match house.gateway.chat(crate::gateway::question("after")).await {
        Ok(_) => false,
        Err(error) => error.message().contains("taken the limits"),
    })
    .await;
    successor.close().await;
    // It had its chance to see that it was wrong; it does not come back by itself.
    let error = house.gateway.chat(crate::gateway::question("later")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::StoreUnavailable);
    house.close().await;
}
