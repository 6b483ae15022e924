//! What only a file can show: what is deleted is not in it any more. The books are those of every store: `tests/store`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, its helpers too"
)]

mod rows;

use lockgate::auth::{CustomerLimits, Project, ProjectSettings};
use lockgate::clock::ManualClock;
use lockgate::ids::ProjectId;
use lockgate::settle::Row;
use lockgate::store::sqlite::{Access, SqliteStore};
use lockgate::store::{Directory, Ledger};
use rows::{NOON, customer, row};

#[tokio::test]
async fn a_forgotten_name_is_not_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lockgate.db");
    let url = format!("sqlite://{}", file.display());
    let store = SqliteStore::open(&url, Access::Owner, ManualClock::at(NOON)).await.unwrap();
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
    store.append(&[Row { customer: Some(ann.clone()), ..row(id, NOON, 40) }]).await.unwrap();
    store.forget_customer(id, &ann).await.unwrap();
    store.close().await;
    drop(store);
    let file = std::fs::read(file).unwrap();
    assert!(memchr::memmem::find(&file, b"gpt-4o").is_some());
    assert!(memchr::memmem::find(&file, b"High Street").is_none(), "deleted, but still in the file");
}
