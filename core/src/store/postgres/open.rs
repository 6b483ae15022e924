//! Opening the database: the server, the schema, connections, ownership.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{Connection, PgConnection};
use tokio::sync::{Semaphore, watch};

use super::deadlines::Deadlines;
use super::failure::{code, sqlstate, unusable};
use super::watch::Watch;
use super::{location, migrate, session};
use crate::clock::SharedClock;
use crate::config::StoreUrl;
use crate::error::{Error, Result};
use crate::store::Access;

/// How long a start waits for a server that is itself starting.
const STARTING: Duration = Duration::from_secs(15);
const STARTING_PAUSE: Duration = Duration::from_millis(100);
/// How long one try to connect may take at the start.
const CONNECT: Duration = Duration::from_secs(5);
/// Look-ups in the warm cache at once: one connection is left for callers.
const ANSWERS_AT_ONCE: usize = 3;
/// How long connections may take to end.
const CLOSING: Duration = Duration::from_secs(2);

/// The store in a Postgres database. Cheap to clone: all clones are one store.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    /// Without the password.
    url: String,
    access: Access,
    clock: SharedClock,
    deadlines: Deadlines,
    front: PgPool,
    back: PgPool,
    answers: Arc<Semaphore>,
    /// None for administration.
    watch: Option<Watch>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("url", &self.inner.url)
            .field("access", &self.inner.access)
            .finish_non_exhaustive()
    }
}

/// What is there, without changing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The version of the schema; none where the first start will make it.
    pub schema: Option<u32>,
    /// What an operator may want to know of the way to the database.
    pub doubt: Option<String>,
}

impl PostgresStore {
    /// Opens `url` (`postgres://USER:PASSWORD@HOST/DATABASE`) and brings its schema up to date. Errors name the setting
    /// `store` and what is allowed, and no password.
    pub async fn open(url: &StoreUrl, access: Access, clock: SharedClock) -> Result<PostgresStore> {
        PostgresStore::open_within(url, access, clock, Deadlines::default()).await
    }

    /// As [`PostgresStore::open`], with other deadlines.
    pub async fn open_within(
        url: &StoreUrl,
        access: Access,
        clock: SharedClock,
        deadlines: Deadlines,
    ) -> Result<PostgresStore> {
        let options = location::options_of(url)?;
        let url = url.to_string();
        let mut first = connect(&options, &url).await?;
        migrate::check_server(&mut first, &url).await?;
        migrate::migrate(&mut first, &url, clock.now()).await?;
        close(first).await;
        let watch = match access {
            Access::Administration => None,
            Access::Owner | Access::Shared => Some(Watch::start(&options, access, deadlines, &url).await?),
        };
        Ok(PostgresStore {
            inner: Arc::new(Inner {
                url,
                access,
                clock,
                deadlines,
                front: session::front(&options, &deadlines),
                back: session::back(&options, &deadlines),
                answers: Arc::new(Semaphore::new(ANSWERS_AT_ONCE)),
                watch,
            }),
        })
    }

    /// Looks at the database and changes nothing in it.
    pub async fn look(url: &StoreUrl) -> Result<Seen> {
        let options = location::options_of(url)?;
        let mut connection = connect(&options, &url.to_string()).await?;
        migrate::check_server(&mut connection, &url.to_string()).await?;
        let schema = migrate::found(&mut connection).await?;
        close(connection).await;
        Ok(Seen { schema, doubt: location::doubt(&options) })
    }

    /// The database, without the password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// What it was opened for.
    #[must_use]
    pub fn access(&self) -> Access {
        self.inner.access
    }

    /// Wakes with every change to projects, keys and customers, whoever makes it. None for administration.
    #[must_use]
    pub fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.inner.watch.as_ref().map(Watch::changes)
    }

    /// Set once another gateway has taken over the limits that this one keeps in its memory.
    pub(crate) fn ousted(&self) -> Arc<AtomicBool> {
        self.inner.watch.as_ref().map(Watch::ousted).unwrap_or_default()
    }

    /// Gives ownership up and ends all connections. Statements under way are finished, within a moment.
    pub async fn close(&self) {
        if let Some(watch) = &self.inner.watch {
            watch.close().await;
        }
        let pools = async {
            tokio::join!(self.inner.front.close(), self.inner.back.close());
        };
        if tokio::time::timeout(CLOSING, pools).await.is_err() {
            tracing::debug!("connections to the database did not end in time");
        }
    }

    /// A number that differs once something has changed, or may have.
    pub(super) fn signal(&self) -> u64 {
        self.inner.watch.as_ref().map_or(0, Watch::signal)
    }

    /// Whether the database answered a moment ago.
    pub(super) fn is_up(&self) -> bool {
        self.inner.watch.as_ref().is_none_or(Watch::is_up)
    }

    pub(super) fn front(&self) -> &PgPool {
        &self.inner.front
    }

    pub(super) fn back(&self) -> &PgPool {
        &self.inner.back
    }

    pub(super) fn answers(&self) -> Arc<Semaphore> {
        self.inner.answers.clone()
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    pub(super) fn deadlines(&self) -> &Deadlines {
        &self.inner.deadlines
    }
}

/// The first connection. A server that is starting is waited for; one that is not there is an error at once.
async fn connect(options: &PgConnectOptions, url: &str) -> Result<PgConnection> {
    let begun = tokio::time::Instant::now();
    loop {
        match tokio::time::timeout(CONNECT, PgConnection::connect_with(options)).await {
            Ok(Ok(mut connection)) => {
                // Bringing a large schema up to date may take its time.
                session::set_up(&mut connection, Duration::ZERO)
                    .await
                    .map_err(|failure| unusable(url, failure))?;
                return Ok(connection);
            }
            Ok(Err(failure))
                if sqlstate(&failure).as_deref() == Some(code::STARTING) && begun.elapsed() < STARTING =>
            {
                tokio::time::sleep(STARTING_PAUSE).await;
            }
            Ok(Err(failure)) => return Err(unusable(url, failure)),
            Err(late) => {
                let what = format!("Postgres does not answer within {} seconds", CONNECT.as_secs());
                return Err(Error::config("store", url, what).caused_by(late));
            }
        }
    }
}

async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a connection to the database did not end in order");
    }
}
