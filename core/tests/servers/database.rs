//! A Postgres database for one test. `tests/run` starts the server and says where it is.

use lockgate::clock::Millis;
use lockgate::config::StoreUrl;
use lockgate::ids::AdmissionId;
use sqlx::{Connection, PgConnection};

/// The variable that names a database of the server, for its administrator.
pub(crate) const SERVER: &str = "LOCKGATE_TEST_POSTGRES";

/// The address of the server that tests may use, up to and without the database.
pub(crate) fn server() -> String {
    let url = std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set: these tests need a Postgres, which `tests/run rust` starts for them")
    });
    url.rsplit_once('/').expect("the address ends in a database").0.to_owned()
}

/// A database of its own, gone with this value.
pub(crate) struct Database {
    server: String,
    pub(crate) name: String,
}

impl Database {
    pub(crate) async fn new() -> Database {
        Database::of(server(), "").await
    }

    /// A database made with `options`.
    pub(crate) async fn of(server: String, options: &str) -> Database {
        let name = format!("test_{}", AdmissionId::new(Millis(0))).to_lowercase();
        execute(&format!("{server}/postgres"), &format!("CREATE DATABASE {name} {options}")).await;
        Database { server, name }
    }

    pub(crate) fn address(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    pub(crate) fn url(&self) -> StoreUrl {
        StoreUrl::new(self.address())
    }

    /// Host and port of the server.
    pub(crate) fn host(&self) -> String {
        self.server.rsplit_once('@').expect("the address has a user").1.to_owned()
    }

    /// The address by way of another host and port.
    pub(crate) fn by_way_of(&self, host: impl std::fmt::Display) -> StoreUrl {
        StoreUrl::new(self.address().replacen(&self.host(), &host.to_string(), 1))
    }

    /// A connection that is not the store's.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.address()).await.unwrap()
    }

    /// Runs statements through a connection that is not the store's.
    pub(crate) async fn execute(&self, statements: &str) {
        execute(&self.address(), statements).await;
    }
}

async fn execute(address: &str, statements: &str) {
    let mut connection = PgConnection::connect(address).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A runtime of its own: the test's is in the middle of ending.
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok(mut connection) = PgConnection::connect(&format!("{server}/postgres")).await {
                    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await;
                }
            });
        });
        let _ = gone.join();
    }
}
