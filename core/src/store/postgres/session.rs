//! What every connection is set up to.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

use super::deadlines::Deadlines;

/// Connections for what requests wait for.
const FRONT: u32 = 4;
/// Connections for all else: rows, answers, administration.
const BACK: u32 = 3;
/// An idle connection is closed after this.
const IDLE: Duration = Duration::from_secs(300);

/// Sets a fresh connection up; `limit` is how long a statement may take, 0 for as long as it likes. Another default of the database or the user must not change what statements mean, and a
/// client that vanished in the middle must not keep its locks: the server ends the transaction, and notices a peer
/// that says nothing within half a minute.
pub(super) async fn set_up(connection: &mut PgConnection, limit: Duration) -> sqlx::Result<()> {
    let statements = format!(
        "SET search_path = lockgate; SET default_transaction_isolation = 'read committed'; \
         SET default_transaction_read_only = off; SET statement_timeout = {limit}; SET lock_timeout = {limit}; \
         SET idle_in_transaction_session_timeout = 15000; SET tcp_keepalives_idle = 10; \
         SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3",
        limit = limit.as_millis()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(connection).await.map(|_| ())
}

/// Connections for look-ups.
pub(super) fn front(options: &PgConnectOptions, deadlines: &Deadlines) -> PgPool {
    pool(FRONT, options, deadlines.lookup, probe(deadlines))
}

/// Connections for work that nobody waits for.
pub(super) fn back(options: &PgConnectOptions, deadlines: &Deadlines) -> PgPool {
    pool(BACK, options, deadlines.long, probe(deadlines))
}

/// So long a pooled connection may take to show that it lives. All of a pool may have died unseen, and a look-up is to
/// get past them in its time.
fn probe(deadlines: &Deadlines) -> Duration {
    deadlines.lookup / (2 * FRONT)
}

/// The connection that hears of changes. It is made once and not kept beyond its failure.
pub(super) fn alone(options: &PgConnectOptions, limit: Duration) -> PgPool {
    with_setup(1, limit).idle_timeout(None).acquire_timeout(limit).connect_lazy_with(options.clone())
}

fn pool(most: u32, options: &PgConnectOptions, limit: Duration, probe: Duration) -> PgPool {
    with_setup(most, limit)
        .idle_timeout(IDLE)
        .acquire_timeout(limit)
        .before_acquire(move |connection, _| {
            Box::pin(
                async move { Ok(matches!(tokio::time::timeout(probe, connection.ping()).await, Ok(Ok(())))) },
            )
        })
        .connect_lazy_with(options.clone())
}

fn with_setup(most: u32, limit: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .min_connections(0)
        .max_lifetime(None)
        // Instead: a test that has a deadline.
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(set_up(connection, limit)))
}
