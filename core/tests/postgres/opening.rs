//! Opening a database: what is wrong is named, and no password is.

use lockgate::config::StoreUrl;
use lockgate::error::Kind;
use lockgate::store::postgres::{PostgresStore, Seen, schema};
use lockgate::store::{Access, Directory};
use sqlx::Connection;

use crate::house::{open, project};
use crate::servers::{Database, server};

async fn refusal(url: &StoreUrl) -> String {
    let error = open(url, Access::Administration).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    assert!(error.message().contains("store"), "{error}");
    let (user, _) = url.expose().split_once('@').unwrap_or_default();
    let password = user.rsplit_once(':').map(|(_, password)| password).unwrap_or_default();
    assert!(!format!("{error:?} {error}").contains(password), "the password is shown: {error:?}");
    error.message().to_owned()
}

#[tokio::test]
async fn a_wrong_address_is_named_without_its_password() {
    let database = Database::new().await;
    let (scheme, place) =
        database.address().split_once("://").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, place) = place.split_once('@').unwrap();

    let wrong = StoreUrl::new(format!("{scheme}://lockgate:not-the-password@{place}"));
    assert!(refusal(&wrong).await.contains("refuses the password"));
    let nobody = StoreUrl::new(format!("{}/no_such_database", server()));
    assert!(refusal(&nobody).await.contains("no such database"));
    // Nobody listens there.
    let gone = StoreUrl::new("postgres://lockgate:sesame@127.0.0.1:1/lockgate");
    let said = refusal(&gone).await;
    assert!(said.contains("lockgate:***@127.0.0.1:1") && said.contains("refused"), "{said}");
    assert!(refusal(&StoreUrl::new("postgres://a:sesame@h/db?options=x")).await.contains("sslmode"));
}

#[tokio::test]
async fn a_database_that_is_not_fit_is_refused() {
    let latin = Database::of(server(), "ENCODING 'LATIN1' TEMPLATE template0").await;
    assert!(refusal(&latin.url()).await.contains("LATIN1"));

    let other = Database::new().await;
    open(&other.url(), Access::Administration).await.unwrap().close().await;
    other.execute("INSERT INTO lockgate.lockgate_schema VALUES (9999, 'future', '', 0)").await;
    let newer = refusal(&other.url()).await;
    assert!(newer.contains("version 9999") && newer.contains("newer release"), "{newer}");
    other.execute("DELETE FROM lockgate.lockgate_schema WHERE version = 9999").await;
    other.execute("UPDATE lockgate.lockgate_schema SET checksum = 'edited' WHERE version = 1").await;
    assert!(refusal(&other.url()).await.contains("migration 1"));
}

#[tokio::test]
async fn a_schema_of_its_own_leaves_other_tables_alone() {
    let database = Database::new().await;
    database.execute("CREATE TABLE ledger (mine text); INSERT INTO ledger VALUES ('keep')").await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    project(&store, "one").await;
    store.close().await;
    let mut connection = database.connect().await;
    let mine: String =
        sqlx::query_scalar("SELECT mine FROM public.ledger").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mine, "keep");
    let strangers: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(strangers, 1);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_user_without_privileges_can_be_given_a_schema() {
    let database = Database::new().await;
    let name = &database.name;
    database.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'sesame'")).await;
    let url = StoreUrl::new(database.address().replacen(
        database.address().split_once("://").unwrap().1.split_once('@').unwrap().0,
        &format!("{name}:sesame"),
        1,
    ));
    assert!(refusal(&url).await.contains("grant CREATE"));
    database.execute(&format!("CREATE SCHEMA lockgate AUTHORIZATION {name}")).await;
    let store = open(&url, Access::Owner).await.unwrap();
    project(&store, "one").await;
    store.close().await;
    database.execute(&format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_at_once_migrate_once() {
    let database = Database::new().await;
    let url = database.url();
    assert_eq!(PostgresStore::look(&url).await.unwrap(), Seen { schema: None, doubt: None });
    let opened = (0..8).map(|_| open(&url, Access::Shared));
    let stores: Vec<PostgresStore> =
        futures_util::future::join_all(opened).await.into_iter().map(Result::unwrap).collect();
    project(&stores[7], "one").await;
    assert_eq!(stores[0].projects().await.unwrap().len(), 1);
    assert_eq!(PostgresStore::look(&url).await.unwrap().schema, Some(schema()));
    let mut connection = database.connect().await;
    let steps: i64 = sqlx::query_scalar("SELECT count(*) FROM lockgate.lockgate_schema")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(steps, i64::from(schema()));
    connection.close().await.unwrap();
    for store in stores {
        store.close().await;
    }
}

/// A release that fails in the middle of its steps leaves nothing of them.
#[tokio::test]
async fn a_step_that_fails_takes_the_others_back() {
    let database = Database::new().await;
    // A table of ours is in the way of the last step.
    database.execute("CREATE SCHEMA lockgate; CREATE TABLE lockgate.answer (mine text)").await;
    open(&database.url(), Access::Administration).await.unwrap_err();
    let mut connection = database.connect().await;
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'lockgate'::regnamespace AND relkind = 'r'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(tables, 1, "only the one that was there");
    connection.close().await.unwrap();
    database.execute("DROP TABLE lockgate.answer").await;
    open(&database.url(), Access::Administration).await.unwrap().close().await;
}

#[tokio::test]
async fn defaults_of_the_database_do_not_change_what_statements_mean() {
    let database = Database::new().await;
    database
        .execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'; \
             ALTER DATABASE {name} SET default_transaction_read_only = on; \
             ALTER DATABASE {name} SET search_path = 'nowhere'; ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'",
            name = database.name
        ))
        .await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    let made = project(&store, "one").await;
    assert_eq!(store.project(made.id).await.unwrap().unwrap().name, "one");
    store.close().await;
}
