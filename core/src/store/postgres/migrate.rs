//! Brings the schema up to date, forward only, in the schema `lockgate` of the database.
//!
//! Not sqlx's migrator: it applies step by step, so that a step that fails leaves half of a release behind, and it
//! cannot tell a database of a newer release from a damaged one.

use lockgate_migrations::{Migration, POSTGRES};
use sqlx::PgConnection;

use super::failure::{failed, unusable};
use super::lock::{MIGRATION, OURS};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::store::schema::{Pending, pending};

const BEGUN: &str = "the schema could not be read";
const APPLYING: &str = "the schema could not be brought up to date";
/// The oldest server that is good for this.
const OLDEST: i32 = 140_000;

/// The version of the schema that this release makes.
#[must_use]
pub fn schema() -> u32 {
    POSTGRES.last().map_or(0, |migration| migration.version)
}

/// Whether the server is one that can be used at all.
pub(super) async fn check_server(connection: &mut PgConnection, url: &str) -> Result<()> {
    let (version, encoding, standby): (i32, String, bool) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), \
         pg_is_in_recovery()",
    )
    .fetch_one(connection)
    .await
    .map_err(|failure| unusable(url, failure))?;
    let wrong = if version < OLDEST {
        format!("the server is Postgres {}; 14 or newer is needed", version / 10_000)
    } else if encoding != "UTF8" {
        format!("the database is encoded in {encoding}; make one with ENCODING 'UTF8'")
    } else if standby {
        "the server is a read-only standby; name the primary".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::config("store", url, wrong))
}

/// The version of the schema in the database; none where there is none yet.
pub(super) async fn found(connection: &mut PgConnection) -> Result<Option<u32>> {
    if !is_there(connection).await? {
        return Ok(None);
    }
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM lockgate.lockgate_schema")
        .fetch_one(connection)
        .await
        .map_err(failed(BEGUN))?;
    Ok(version.and_then(|version| u32::try_from(version).ok()))
}

/// Looked up in the catalogue's tables: functions as `to_regclass` answer from a memory that a transaction keeps, and
/// do not see what another process has made since it began.
async fn is_there(connection: &mut PgConnection) -> Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname = 'lockgate' AND relname = 'lockgate_schema')",
    )
    .fetch_one(connection)
    .await
    .map_err(failed(BEGUN))
}

/// Applies what is missing, all of it or nothing. Processes that start at the same moment wait for one another. `url`
/// is for messages.
pub(super) async fn migrate(connection: &mut PgConnection, url: &str, now: Millis) -> Result<()> {
    // Most starts find all done, and need not wait for anybody.
    if is_there(connection).await? && pending(POSTGRES, &applied(connection).await?, url)?.is_empty() {
        return Ok(());
    }
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await.map_err(failed(BEGUN))?;
    // Left in the middle, the connection is closed by who opened it, and all is rolled back.
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(OURS)
        .bind(MIGRATION)
        .execute(&mut *connection)
        .await
        .map_err(failed(BEGUN))?;
    if !is_there(connection).await? {
        make_schema(connection).await.map_err(|failure| unusable(url, failure))?;
    }
    for Pending { migration, checksum } in pending(POSTGRES, &applied(connection).await?, url)? {
        apply(connection, migration, &checksum, now).await?;
    }
    sqlx::raw_sql("COMMIT").execute(connection).await.map_err(failed(APPLYING))?;
    Ok(())
}

/// The schema may have been made for us by somebody with the privilege to.
async fn make_schema(connection: &mut PgConnection) -> sqlx::Result<()> {
    let made: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'lockgate')")
            .fetch_one(&mut *connection)
            .await?;
    if !made {
        sqlx::raw_sql("CREATE SCHEMA lockgate").execute(&mut *connection).await?;
    }
    sqlx::raw_sql(
        "CREATE TABLE lockgate.lockgate_schema (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<(i64, String)>> {
    sqlx::query_as("SELECT version, checksum FROM lockgate.lockgate_schema ORDER BY version")
        .fetch_all(connection)
        .await
        .map_err(failed(BEGUN))
}

async fn apply(
    connection: &mut PgConnection,
    migration: &Migration,
    checksum: &str,
    now: Millis,
) -> Result<()> {
    sqlx::raw_sql(migration.sql).execute(&mut *connection).await.map_err(failed(APPLYING))?;
    sqlx::query(
        "INSERT INTO lockgate.lockgate_schema (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(i64::from(migration.version))
    .bind(migration.name)
    .bind(checksum)
    .bind(now.0)
    .execute(connection)
    .await
    .map_err(failed(APPLYING))?;
    tracing::info!(version = migration.version, name = migration.name, "schema migrated");
    Ok(())
}
