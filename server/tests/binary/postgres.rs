//! The server and the command line on Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockgate::settle::Outcome;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::timeout;

use crate::books;
use crate::crash::{keep_asking, kills_lose_nothing};
use crate::house::{House, SOON};
use crate::postgres_server::{Server, database, sql};
use crate::web::{self, ask, question};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_administered_counts_at_the_very_next_request() {
    let house = House::on_postgres(database().await).await;
    let server = house.serve(&[]).await;
    for round in 0..5 {
        let (key, id) = house.key(&[]).await;
        assert_eq!(ask(server.address, &key, &question(&format!("hello {round}"), false)).await.status, 200);
        assert_eq!(web::get(server.address, "/v1/models", &key).await.status, 200);
        house.text(&["key", "revoke", &id]).await;
        let refused = web::get(server.address, "/v1/models", &key).await;
        assert_eq!((refused.status, refused.error()["code"].as_str()), (401, Some("invalid_api_key")));
        assert_eq!(ask(server.address, &key, &question("again", false)).await.status, 401);
    }
    let (key, _) = house.key(&[]).await;
    assert_eq!(ask(server.address, &key, &question("one", false)).await.status, 200);
    house.text(&["project", "set", "default", "--monthly-cap", "0"]).await;
    assert_eq!(ask(server.address, &key, &question("two", false)).await.status, 402);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_and_check_say_what_is_there() {
    let house = House::on_postgres(database().await).await;
    let store = house.store.clone().unwrap();
    let before = house.json(&["check"]).await;
    assert_eq!(before["schema"], Value::Null);
    assert!(before["warnings"].to_string().contains("first start makes it"), "{before}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'lockgate'";
    assert_eq!(sql(&store, schemas).await, "0", "check made a schema");
    let migrated = house.json(&["migrate"]).await;
    let after = house.json(&["check"]).await;
    assert_eq!(after["schema"], migrated["schema"]);
    assert_eq!((&after["projects"], &after["single_process"]), (&Value::from(1), &Value::from(true)));
    assert!(after["size"]["bytes"].as_u64().unwrap() > 0, "{after}");
    assert!(house.text(&["check"]).await.contains("schema"));
    // A schema of an older release is brought up to date by a start, and not by a look.
    let newest = migrated["schema"].as_u64().unwrap();
    sql(&store, &format!("DELETE FROM lockgate.lockgate_schema WHERE version = {newest}")).await;
    let older = house.json(&["check"]).await;
    let version = format!("version {}", newest - 1);
    assert!(older["warnings"].to_string().contains(&version), "{older}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_cannot_keep_limits_is_refused_and_administered() {
    let house = House { store: Some(database().await), ..House::new().await };
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"]] {
        let (code, error) = house.failure(command).await;
        assert_eq!(code, 2, "{error}");
        assert!(error.contains("store = postgres://") && error.contains("single_process"), "{error}");
    }
    house.key(&[]).await;
    house.text(&["usage"]).await;
    let server = house.serve(&["--single-process"]).await;
    // A second one would count past it.
    let (code, error) = house.failure(&["serve", "--listen", "127.0.0.1:0", "--single-process"]).await;
    assert!(code == 2 && error.contains("in use") && error.contains("redis"), "{error}");
    server.end().await;
    house.serve(&["--single-process"]).await.end().await;

    house.write("lockgate.toml", "store = \"sqlite://lockgate.db\"\nsingle_process = true");
    let (code, error) = House { store: None, ..house }.failure(&["check"]).await;
    assert!(code == 2 && error.contains("single_process") && error.contains("postgres://"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_shown() {
    let address = database().await;
    let (before, _) = address.split_once('@').unwrap();
    let (_, password) = before.rsplit_once(':').unwrap();
    let house = House::on_postgres(address.clone()).await;
    let mut said = String::new();
    for arguments in
        [&["check"][..], &["check", "--json"], &["migrate"], &["migrate", "--json"], &["key", "list"]]
    {
        said.push_str(&house.text(arguments).await);
    }
    let server = house.serve(&["--log-level", "debug"]).await;
    assert!(server.said["store"].as_str().unwrap().contains("lockgate:***@"), "{}", server.said);
    said.push_str(&server.said.to_string());
    let (key, _) = house.key(&[]).await;
    ask(server.address, &key, &question("hello", false)).await;
    said.push_str(&server.end().await);
    // What is wrong is said without it, too.
    for wrong in [
        address.replacen(password, &format!("{password}x"), 1),
        format!("{address}_not"),
        format!("{address}?sslmode=perhaps"),
        format!("{address}?options=x"),
        address.replacen("postgres://", "mysql://", 1),
        address.replacen("postgres://", "postgres:", 1),
    ] {
        let house = House { store: Some(wrong.clone()), ..House::new().await };
        let (code, error) = house.failure(&["serve", "--single-process", "--log-level", "debug"]).await;
        assert_eq!(code, 2, "{error}");
        assert!(error.contains("store"), "{error}");
        said.push_str(&error);
        house.write("lockgate.toml", &format!("sotre = \"{wrong}\""));
        said.push_str(&House { store: None, ..house }.failure(&["check"]).await.1);
    }
    assert!(!said.contains(password), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_that_was_answered() {
    kills_lose_nothing(&House::on_postgres(database().await).await, 8).await;
}

/// Postgres goes and comes back under load, in order and by a crash. Nothing that was answered is missing or counted
/// twice.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_restarted_under_load() {
    let mut postgres = Server::new().await;
    let house = House::on_postgres(postgres.address("gate")).await;
    let (key, _) = house.key(&[]).await;
    let mut server = house.serve(&[]).await;
    let enough = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let name = format!("r-{caller}");
            tokio::spawn(keep_asking(server.address, key.clone(), name, caller, enough.clone()))
        })
        .collect();
    for (round, how) in [Signal::INT, Signal::QUIT, Signal::INT].into_iter().enumerate() {
        tokio::time::sleep(Duration::from_millis(300)).await;
        postgres.stop(how).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        postgres.start().await;
        server.logs_times("is back", round + 1).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    enough.store(true, Ordering::SeqCst);
    let mut answered = Vec::new();
    for caller in callers {
        answered.extend(timeout(SOON, caller).await.unwrap().unwrap());
    }
    let log = server.end().await;
    assert!(log.contains("rows wait in the spool"), "nothing had to wait: the test tests nothing\n{log}");

    let rows = books::rows(&house).await;
    for seen in &answered {
        let row = rows.get(&seen.id).unwrap_or_else(|| panic!("{} ({}) is lost", seen.id, seen.status));
        assert_eq!((row.outcome, row.status), (Outcome::Answered, 200), "{row:?}");
        assert_eq!(row.cost.map(|cost| cost.nano()), seen.cost, "{row:?}");
    }
    assert!(answered.len() > 100, "only {} were answered", answered.len());
    books::are_balanced(&house).await;
    postgres.stop(Signal::INT).await;
}
