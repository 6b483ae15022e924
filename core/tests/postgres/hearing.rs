//! P12: what one process changes counts in every other by the time the change is made.

use std::time::{Duration, Instant};

use lockgate::error::Kind;
use lockgate::store::{Access, Directory};

use crate::gateway::House;
use crate::house::{hurried, hurry, key, open, project, until};
use crate::servers::Database;
use crate::servers::proxy::{Proxy, Road};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_heard_before_the_call_that_makes_it_returns() {
    let database = Database::new().await;
    let listeners = [
        open(&database.url(), Access::Shared).await.unwrap(),
        open(&database.url(), Access::Shared).await.unwrap(),
    ];
    let admin = open(&database.url(), Access::Administration).await.unwrap();
    let made = project(&admin, "one").await;
    for _ in 0..30 {
        let before: Vec<u64> = listeners.iter().map(Directory::signal).collect();
        key(&admin, made.id).await;
        for (listener, before) in listeners.iter().zip(before) {
            assert_ne!(listener.signal(), before, "the change is made, and not heard of");
        }
    }
    // Without a change nothing moves.
    let before = listeners[0].signal();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(listeners[0].signal(), before);
    let mut changes = listeners[0].changes().unwrap();
    changes.mark_unchanged();
    let changed = tokio::spawn(async move { changes.changed().await.is_ok() });
    key(&admin, made.id).await;
    assert!(changed.await.unwrap());
    for store in listeners {
        store.close().await;
    }
    admin.close().await;
}

/// A process that has gone holds nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_ended_is_not_waited_for() {
    let database = Database::new().await;
    let admin = hurry(&database.url(), Access::Administration).await;
    let made = project(&admin, "one").await;
    drop(hurry(&database.url(), Access::Shared).await);
    hurry(&database.url(), Access::Shared).await.close().await;
    until(async || {
        let begun = Instant::now();
        key(&admin, made.id).await;
        begun.elapsed() < hurried().trust
    })
    .await;
    admin.close().await;
}

/// One that is cut off is waited for as long as it may still go on with what it knows.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_stops_to_trust_what_it_knows() {
    let database = Database::new().await;
    let admin = hurry(&database.url(), Access::Administration).await;
    let made = project(&admin, "one").await;
    let proxy = Proxy::before(&database.host()).await;
    let owner = hurry(&database.by_way_of(proxy.address), Access::Owner).await;
    assert_eq!(owner.signal(), owner.signal(), "as long as it hears, it knows");
    proxy.set(Road::Silent);
    key(&admin, made.id).await;
    // It does not know what changed. It knows that it does not know: every request asks.
    assert_ne!(owner.signal(), owner.signal());
    let asked = owner.project(made.id).await.unwrap_err();
    assert_eq!(asked.kind(), Kind::StoreUnavailable);

    proxy.set(Road::Open);
    until(async || owner.signal() == owner.signal()).await;
    assert_eq!(owner.project(made.id).await.unwrap().unwrap().rev, made.rev + 1);
    owner.close().await;
    admin.close().await;
}

/// Beside Redis, whose revisions refuse a caller that was changed, what is known stays good while Postgres is away.
#[tokio::test(flavor = "multi_thread")]
async fn a_sharer_goes_on_with_what_it_knows() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database.host()).await;
    let sharer = hurry(&database.by_way_of(proxy.address), Access::Shared).await;
    let before = sharer.signal();
    proxy.set(Road::Closed);
    proxy.cut();
    tokio::time::sleep(hurried().trust * 2).await;
    assert_eq!(sharer.signal(), before);
    // Back, it has everything to learn anew.
    proxy.set(Road::Open);
    until(async || sharer.signal() != before).await;
    sharer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_dead_at_its_next_request() {
    let house = House::single().await;
    let admin = open(&house.database.url(), Access::Administration).await.unwrap();
    for round in 0..20 {
        let (id, clear) = house.key().await;
        house.ask(&clear, &format!("hello {round}")).await.unwrap();
        let mut revoked = admin.key_by_id(id).await.unwrap().unwrap();
        revoked.revoked_at = Some(revoked.created_at);
        admin.set_key(revoked).await.unwrap();
        let refused = house.ask(&clear, &format!("hello {round}")).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::InvalidApiKey, "round {round}");
    }
    admin.close().await;
    house.close().await;
}
