//! Noticing what other processes change.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::SqliteStore;
use super::failure::failed;
use crate::error::Result;

/// How often the file is looked at: a change is noticed within this time.
const EVERY: Duration = Duration::from_millis(250);
const WATCHING: &str = "the database could not be watched";

impl SqliteStore {
    /// Follows the directory's version: the receiver wakes within 250 ms of a change by any connection, this
    /// process's own included. The watch ends when the last receiver is dropped.
    pub async fn watch(&self) -> Result<watch::Receiver<u64>> {
        let options = self.readers().connect_options();
        // A connection of its own: `data_version` compares against what this very connection saw last.
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed(WATCHING))?;
        let mut seen = data_version(&mut connection).await?;
        let (sender, receiver) = watch::channel(version(&mut connection).await?);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = sender.closed() => break,
                }
                match look(&mut connection, &mut seen).await {
                    Ok(Some(version)) => {
                        sender.send_if_modified(|known| std::mem::replace(known, version) != version);
                    }
                    Ok(None) => {}
                    // Busy or out of disk: the next look compares with the same state, so nothing is missed.
                    Err(error) => tracing::warn!(%error, "could not look for changes in the database"),
                }
            }
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "closing the watching connection failed");
            }
        });
        Ok(receiver)
    }
}

/// The directory's version, if anything was committed since `seen`.
async fn look(connection: &mut SqliteConnection, seen: &mut i64) -> Result<Option<u64>> {
    let now = data_version(connection).await?;
    if now == *seen {
        return Ok(None);
    }
    let version = version(connection).await?;
    *seen = now;
    Ok(Some(version))
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.map_err(failed(WATCHING))
}

async fn version(connection: &mut SqliteConnection) -> Result<u64> {
    let version: i64 = sqlx::query_scalar("SELECT version FROM directory_version")
        .fetch_one(connection)
        .await
        .map_err(failed(WATCHING))?;
    Ok(u64::try_from(version).unwrap_or(0))
}
