//! Brings the schema up to date, forward only.
//!
//! Not sqlx's migrator: for SQLite it takes no lock, so two processes that start at once run a step twice, and it
//! cannot tell a database of a newer release from a damaged one.

use lockgate_migrations::Migration;
use sqlx::{Connection, SqliteConnection};

use super::failure::failed;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::store::schema::{Pending, pending};

const BEGUN: &str = "the schema could not be read";
const APPLYING: &str = "the schema could not be brought up to date";

/// Applies what is missing of `known`, all of it or nothing. `url` is for messages.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    known: &'static [Migration],
    url: &str,
    now: Millis,
) -> Result<()> {
    // The write lock from the start: a process that starts at the same moment waits, and then finds all done.
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed(BEGUN))?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut *change)
    .await
    .map_err(failed(BEGUN))?;
    if !tables.iter().any(|name| name == "lockgate_schema") {
        if let Some(table) = tables.first() {
            return Err(Error::config(
                "store",
                url,
                format!(
                    "the database belongs to another program (it has a table {table}); name a file of its own"
                ),
            ));
        }
        sqlx::query(
            "CREATE TABLE lockgate_schema (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
             checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )
        .execute(&mut *change)
        .await
        .map_err(failed(APPLYING))?;
    }
    let applied: Vec<(i64, String)> =
        sqlx::query_as("SELECT version, checksum FROM lockgate_schema ORDER BY version")
            .fetch_all(&mut *change)
            .await
            .map_err(failed(BEGUN))?;
    for Pending { migration, checksum } in pending(known, &applied, url)? {
        apply(&mut change, migration, &checksum, now).await?;
    }
    change.commit().await.map_err(failed(APPLYING))
}

async fn apply(
    connection: &mut SqliteConnection,
    migration: &Migration,
    checksum: &str,
    now: Millis,
) -> Result<()> {
    sqlx::raw_sql(migration.sql).execute(&mut *connection).await.map_err(failed(APPLYING))?;
    sqlx::query("INSERT INTO lockgate_schema (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)")
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
