//! Stores with short deadlines, and records to put into them.

use std::time::Duration;

use lockgate::auth::{GatewayKey, Key, Project, ProjectSettings};
use lockgate::clock::ManualClock;
use lockgate::config::StoreUrl;
use lockgate::error::Result;
use lockgate::ids::{KeyId, ProjectId};
use lockgate::limits::Rates;
use lockgate::settle::Row;
use lockgate::store::postgres::{Deadlines, PostgresStore};
use lockgate::store::{Access, Directory, Ledger, RowFilter};

use crate::rows::NOON;

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Short, so that a test need not wait.
pub(crate) fn hurried() -> Deadlines {
    Deadlines {
        lookup: Duration::from_millis(150),
        change: Duration::from_millis(2000),
        long: Duration::from_millis(2000),
        beat: Duration::from_millis(150),
        retry: Duration::from_millis(20),
        trust: Duration::from_millis(300),
    }
}

pub(crate) async fn open(url: &StoreUrl, access: Access) -> Result<PostgresStore> {
    PostgresStore::open(url, access, ManualClock::at(NOON)).await
}

pub(crate) async fn hurry(url: &StoreUrl, access: Access) -> PostgresStore {
    PostgresStore::open_within(url, access, ManualClock::at(NOON), hurried()).await.unwrap()
}

pub(crate) async fn project(store: &dyn Directory, name: &str) -> Project {
    let project = Project {
        id: ProjectId::new(NOON),
        name: name.to_owned(),
        rev: 1,
        created_at: NOON,
        cache_epoch: 0,
        settings: ProjectSettings::default(),
    };
    store.create_project(project).await.unwrap()
}

pub(crate) async fn key(store: &dyn Directory, project: ProjectId) -> Key {
    let clear = GatewayKey::mint().unwrap();
    let key = Key {
        id: KeyId::new(NOON),
        project,
        name: "ci".to_owned(),
        hint: clear.hint(),
        hash: GatewayKey::hash(clear.expose()),
        rates: Rates::default(),
        monthly_cap: None,
        models: None,
        customer: None,
        created_at: NOON,
        expires_at: None,
        revoked_at: None,
        rotated_from: None,
    };
    store.create_key(key).await.unwrap()
}

pub(crate) async fn rows(store: &dyn Ledger) -> Vec<Row> {
    store.rows(&RowFilter { most: 1_000_000, ..RowFilter::default() }).await.unwrap()
}

/// Waits for what another task or process brings about.
pub(crate) async fn until(mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("it never came about");
}
