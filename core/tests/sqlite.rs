//! The SQLite store: opening, ownership, projects and keys, and what other connections change.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, its helpers too"
)]

mod rows;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lockgate::auth::{CustomerLimits, GatewayKey, Key, KeyHash, OnLimit, Project, ProjectSettings, Secret};
use lockgate::clock::SystemClock;
use lockgate::error::Kind;
use lockgate::ids::{KeyId, ProjectId};
use lockgate::limits::{CounterId, Rates, Scope, Window};
use lockgate::money::Nano;
use lockgate::store::sqlite::{Access, SqliteStore};
use lockgate::store::{Directory, Ledger, RowFilter};
use rows::{NOON, customer, row};

fn url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("lockgate.db").display())
}

async fn open(folder: &Path, access: Access) -> SqliteStore {
    SqliteStore::open(&url(folder), access, Arc::new(SystemClock)).await.unwrap()
}

async fn refusal(url: &str, access: Access) -> String {
    let error = SqliteStore::open(url, access, Arc::new(SystemClock)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    assert!(error.message().contains("store") && error.message().contains(url), "{error}");
    error.message().to_owned()
}

fn project(name: &str) -> Project {
    let settings = ProjectSettings {
        monthly_cap: Some(Nano::from_nano(5_000_000_001)),
        models: Some(vec!["gpt-4o".to_owned()]),
        provider_keys: [("openai".to_owned(), Secret::new("sk-of-the-project"))].into(),
        ..ProjectSettings::default()
    };
    Project {
        id: ProjectId::new(NOON),
        name: name.to_owned(),
        rev: 0,
        created_at: NOON,
        cache_epoch: 0,
        settings,
    }
}

fn key(project: ProjectId, hash: KeyHash) -> Key {
    Key {
        id: KeyId::new(NOON),
        project,
        name: "ci".to_owned(),
        hint: "lg_abcdef".to_owned(),
        hash,
        rates: Rates { requests_per_minute: Some(0), tokens_per_minute: Some(u32::MAX), concurrency: None },
        monthly_cap: Some(Nano::ZERO),
        models: Some(vec![]),
        customer: Some(customer("zoë's")),
        created_at: NOON,
        expires_at: None,
        revoked_at: None,
        rotated_from: Some(KeyId::new(NOON)),
    }
}

fn same(one: &impl serde::Serialize, other: &impl serde::Serialize) {
    assert_eq!(serde_json::to_value(one).unwrap(), serde_json::to_value(other).unwrap());
}

#[tokio::test]
async fn a_restart_keeps_projects_keys_customers_and_spend() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Access::Owner).await;
    let made = store.create_project(project("one")).await.unwrap();
    let hash = GatewayKey::hash("lg_secret");
    let made_key = store.create_key(key(made.id, hash)).await.unwrap();
    let limits = CustomerLimits {
        daily_cap: Some(Nano::ZERO),
        monthly_cap: None,
        per_request_cap: Some(Nano::from_nano(7)),
        on_limit: OnLimit::Downgrade,
    };
    let made_customer = store.set_customer(made.id, &customer("ann"), limits).await.unwrap();
    let spent = row(made.id, NOON, 123_456_789);
    store.append(std::slice::from_ref(&spent)).await.unwrap();
    store.close().await;
    drop(store);

    let store = open(folder.path(), Access::Owner).await;
    let found = store.project_named("one").await.unwrap().unwrap();
    assert_eq!(found.settings, made.settings);
    assert_eq!(found.settings.provider_keys["openai"].expose(), "sk-of-the-project");
    assert_eq!(found.rev, made.rev + 2, "a key and a customer moved it");
    let found_key = store.key(hash).await.unwrap().unwrap();
    same(&found_key, &made_key);
    assert_eq!(found_key.hash, hash);
    same(&store.customer(made.id, &customer("ann")).await.unwrap().unwrap(), &made_customer);
    assert_eq!(store.rows(&RowFilter::default()).await.unwrap(), vec![spent]);
    let month = CounterId { window: Window::month(NOON), scope: Scope::Project };
    assert_eq!(store.spent(made.id, &[month]).await.unwrap(), vec![Nano::from_nano(123_456_789)]);
}

#[tokio::test]
async fn a_wrong_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    let wrong = refusal(&at("no/such/folder.db"), Access::Owner).await;
    assert!(wrong.contains("does not exist"), "{wrong}");

    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    assert!(refusal(&at("folder.db"), Access::Owner).await.contains("is a folder"));

    std::fs::write(folder.path().join("text.db"), "not a database, just a long enough text".repeat(40))
        .unwrap();
    assert!(refusal(&at("text.db"), Access::Owner).await.contains("not a SQLite database"));

    sql(&folder.path().join("other.db"), "CREATE TABLE orders (id INTEGER)").await;
    assert!(refusal(&at("other.db"), Access::Owner).await.contains("another program"));

    refusal("sqlite::memory:", Access::Owner).await;
}

#[tokio::test]
async fn a_schema_of_another_release_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lockgate.db");
    open(folder.path(), Access::Owner).await.close().await;
    sql(&file, "INSERT INTO lockgate_schema VALUES (9999, 'future', '', 0)").await;
    let newer = refusal(&url(folder.path()), Access::Owner).await;
    assert!(newer.contains("version 9999") && newer.contains("newer release"), "{newer}");

    sql(&file, "DELETE FROM lockgate_schema WHERE version = 9999").await;
    sql(&file, "UPDATE lockgate_schema SET checksum = 'edited' WHERE version = 1").await;
    assert!(refusal(&url(folder.path()), Access::Owner).await.contains("migration 1"));
}

/// Runs one statement on a file through a connection that is not the store's.
async fn sql(file: &Path, statement: &'static str) {
    use sqlx::{Connection, Executor};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute(statement).await.unwrap();
    connection.close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Access::Owner).await;
    store.create_project(project("one")).await.unwrap();
    for name in ["lockgate.db", "lockgate.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

#[tokio::test]
async fn several_processes_that_start_at_once_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    let opened = (0..8).map(|_| open(folder.path(), Access::Shared));
    let stores = futures_util::future::join_all(opened).await;
    assert_eq!(stores.len(), 8);
    stores[7].create_project(project("one")).await.unwrap();
    assert_eq!(stores[0].projects().await.unwrap().len(), 1);
}

const CHILD: &str = "LOCKGATE_TEST_LOCK";

/// A second process: the same test, told by the environment to open and to wait.
struct Other {
    process: Child,
    output: BufReader<ChildStdout>,
    /// What came of opening.
    said: String,
}

impl Other {
    fn start(test: &str, folder: &Path, access: &str) -> Other {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, format!("{access} {}", url(folder)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        // The test's name may stand before it on the same line.
        while !line.contains("said: ") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the other process ended");
        }
        let said = line.split_once("said: ").unwrap().1.trim_end().to_owned();
        Other { process, output, said }
    }

    fn end(mut self) {
        drop(self.process.stdin.take());
        self.output.read_to_end(&mut Vec::new()).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

/// The child's part; it ends when its input ends. False in the parent.
async fn as_child() -> bool {
    let Ok(order) = std::env::var(CHILD) else { return false };
    let (access, url) = order.split_once(' ').unwrap();
    let access = if access == "owner" { Access::Owner } else { Access::Shared };
    let opened = SqliteStore::open(url, access, Arc::new(SystemClock)).await;
    match &opened {
        Ok(_) => println!("said: open"),
        Err(error) => println!("said: {}", error.message()),
    }
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    true
}

#[tokio::test]
async fn a_second_process_is_told_the_ways_out() {
    if as_child().await {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut owner = Other::start("a_second_process_is_told_the_ways_out", folder.path(), "owner");
    assert_eq!(owner.said, "open");
    let wrong = refusal(&url(folder.path()), Access::Owner).await;
    for part in [&format!("process {}", owner.process.id()), "shared = true", "redis"] {
        assert!(wrong.contains(part), "{wrong}");
    }
    assert!(refusal(&url(folder.path()), Access::Shared).await.contains("shared = true"));
    // Administration needs no ownership.
    let admin = open(folder.path(), Access::Administration).await;
    admin.create_project(project("one")).await.unwrap();

    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    let next = open(folder.path(), Access::Owner).await;
    assert_eq!(next.projects().await.unwrap().len(), 1, "a killed owner leaves no lock behind");
}

#[tokio::test]
async fn sharers_go_together_and_owners_do_not() {
    if as_child().await {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "sharers_go_together_and_owners_do_not";
    let first = open(folder.path(), Access::Shared).await;
    let sharer = Other::start(name, folder.path(), "shared");
    assert_eq!(sharer.said, "open");
    let owner = Other::start(name, folder.path(), "owner");
    assert!(owner.said.contains("shared = true"), "{}", owner.said);
    owner.end();

    // One sharer of this process leaves, the other process's stays.
    drop(first);
    assert!(refusal(&url(folder.path()), Access::Owner).await.contains("in use"));
    sharer.end();
    open(folder.path(), Access::Owner).await;
}

#[tokio::test]
async fn two_gateways_of_one_process_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), Access::Owner).await;
    assert!(refusal(&url(folder.path()), Access::Owner).await.contains("this process"));
    // The refused one must not have released the lock of the first for others.
    let other = Other::start("a_second_process_is_told_the_ways_out", folder.path(), "owner");
    assert!(other.said.contains("in use"), "{}", other.said);
    other.end();
    first.close().await;
    drop(first);
    open(folder.path(), Access::Owner).await;
}

#[tokio::test]
async fn the_watch_sees_what_others_change_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let owner = open(folder.path(), Access::Owner).await;
    let mut watch = owner.watch().await.unwrap();
    let seen = *watch.borrow_and_update();
    assert_eq!(seen, owner.version().await.unwrap());

    // The ledger's writes come first: if one of them woke the watch, it would show the old version.
    let admin = open(folder.path(), Access::Administration).await;
    admin.append(&[row(ProjectId::new(NOON), NOON, 1)]).await.unwrap();
    let changed = admin.create_project(project("one")).await.unwrap();
    let begun = tokio::time::Instant::now();
    tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
    let took = begun.elapsed();
    assert_eq!(*watch.borrow_and_update(), seen + 1);
    assert!(took < Duration::from_secs(2), "{took:?} is far beyond a turn of 250 ms");
    assert!(owner.project(changed.id).await.unwrap().is_some());
}
