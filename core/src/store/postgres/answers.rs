//! The warm tier of the exact cache.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row as _;

use super::PostgresStore;
use super::failure::failed;
use super::line::within;
use super::lock::BEGIN;
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::ids::ProjectId;
use crate::store::columns::{Columns, integer};
use crate::store::{AnswerStore, WarmAnswer};

const READING: &str = "the cache could not be read";
const WRITING: &str = "the cache could not be written";
/// Answers of a purged project that go in one transaction.
const PURGED_AT_ONCE: i64 = 1000;

#[async_trait]
impl AnswerStore for PostgresStore {
    async fn answer(&self, project: ProjectId, key: &Fingerprint, now: Millis) -> Result<Option<WarmAnswer>> {
        // A cache that cannot be asked at once has nothing to say: no request waits for it in a queue.
        let Some(free) = self.answers().try_acquire_owned().ok().filter(|_| self.is_up()) else {
            return Ok(None);
        };
        let (store, key) = (self.clone(), *key);
        // In a task: whoever asks gives up after 20 ms, and a connection left in the middle would have to be closed.
        let asked = tokio::spawn(async move {
            let query = sqlx::query(
                "SELECT body, created_at, expires_at FROM answer WHERE key = $1 AND project = $2 AND expires_at > $3",
            );
            let query = query.bind(key.0.to_vec()).bind(project.to_string()).bind(now.0);
            let found = store.look_up(query, READING).await;
            drop(free);
            found
        });
        let found = asked.await.map_err(|gone| Error::internal(READING, gone))??;
        let Some(row) = found else { return Ok(None) };
        let row = Columns(&row);
        Ok(Some(WarmAnswer {
            project,
            key,
            body: Bytes::copy_from_slice(row.bytes("body")?),
            created_at: row.millis("created_at")?,
            expires_at: row.millis("expires_at")?,
        }))
    }

    async fn keep_answers(&self, answers: &[WarmAnswer]) -> Result<()> {
        // Each key once, the newest; in order, so that processes that write the same keys do not wait in a circle.
        let mut newest: BTreeMap<&[u8], &WarmAnswer> = BTreeMap::new();
        for answer in answers {
            newest
                .entry(answer.key.0.as_slice())
                .and_modify(|known| {
                    if answer.created_at >= known.created_at {
                        *known = answer;
                    }
                })
                .or_insert(answer);
        }
        let answers: Vec<&WarmAnswer> = newest.into_values().collect();
        let size = |answer: &&WarmAnswer| integer(u64::try_from(answer.body.len()).unwrap_or(u64::MAX));
        // A newer answer replaces both the old one and its expiry.
        let query = sqlx::query(
            "INSERT INTO answer AS kept (key, project, body, size, created_at, expires_at) \
             SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[]) \
             AS fresh (key, project, body, size, created_at, expires_at) ORDER BY key \
             ON CONFLICT (key) DO UPDATE SET body = excluded.body, size = excluded.size, \
             created_at = excluded.created_at, expires_at = excluded.expires_at, hits = 0 \
             WHERE excluded.created_at >= kept.created_at",
        )
        .bind(answers.iter().map(|answer| answer.key.0.as_slice()).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.project.to_string()).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.body.as_ref()).collect::<Vec<_>>())
        .bind(answers.iter().map(size).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.created_at.0).collect::<Vec<_>>())
        .bind(answers.iter().map(|answer| answer.expires_at.0).collect::<Vec<_>>());
        self.write(query).await.map(|_| ())
    }

    async fn count_hits(&self, hits: &[(Fingerprint, u64)]) -> Result<()> {
        let query = sqlx::query(
            "WITH counted AS (SELECT key, count FROM answer \
             JOIN unnest($1::bytea[], $2::bigint[]) AS fresh (key, count) USING (key) \
             ORDER BY key FOR UPDATE OF answer) \
             UPDATE answer SET hits = hits + counted.count FROM counted WHERE answer.key = counted.key",
        )
        .bind(hits.iter().map(|(key, _)| key.0.as_slice()).collect::<Vec<_>>())
        .bind(hits.iter().map(|(_, count)| integer(*count)).collect::<Vec<_>>());
        self.write(query).await.map(|_| ())
    }

    async fn expire_answers(&self, now: Millis, most: u32) -> Result<u64> {
        let query = sqlx::query(
            "DELETE FROM answer WHERE key = ANY (ARRAY(SELECT key FROM answer WHERE expires_at <= $1 \
             ORDER BY expires_at LIMIT $2))",
        );
        self.clear(query.bind(now.0).bind(i64::from(most))).await
    }

    async fn trim_answers(&self, bytes: u64, most: u32) -> Result<u64> {
        let held =
            self.list(sqlx::query("SELECT coalesce(sum(size), 0)::bigint FROM answer"), READING).await?;
        let held: Option<i64> =
            held.first().map(|row| row.try_get(0)).transpose().map_err(failed(READING))?;
        if held.and_then(|held| u64::try_from(held).ok()).unwrap_or(0) <= bytes {
            return Ok(0);
        }
        let query = sqlx::query(
            "DELETE FROM answer WHERE key = ANY (ARRAY(SELECT key FROM answer ORDER BY created_at LIMIT $1))",
        );
        self.clear(query.bind(i64::from(most))).await
    }
}

impl PostgresStore {
    /// Removes all answers of a project, some at a time; returns how many.
    pub(super) async fn remove_answers(&self, project: ProjectId) -> Result<u64> {
        let mut removed = self.remove_meanings(project).await?;
        let mut last = Vec::new();
        loop {
            let portion = within(self.deadlines().change, WRITING, async {
                let mut change = self.change(BEGIN, WRITING).await?;
                // From where the last portion ended: what it removed is not read again.
                let query = sqlx::query(
                    "DELETE FROM answer WHERE key = ANY (ARRAY(SELECT key FROM answer \
                     WHERE project = $1 AND key > $2 ORDER BY key LIMIT $3)) RETURNING key",
                );
                let query = query.bind(project.to_string()).bind(&last).bind(PURGED_AT_ONCE);
                let gone = change.fetch(query).await?;
                change.commit().await?;
                gone.iter()
                    .map(|row| Columns(row).bytes("key").map(<[u8]>::to_vec))
                    .collect::<Result<Vec<_>>>()
            })
            .await?;
            removed += portion.len() as u64;
            match portion.into_iter().max() {
                Some(end) => last = end,
                None => return Ok(removed),
            }
        }
    }

    /// One statement as a transaction.
    pub(super) async fn write(&self, statement: super::line::Statement<'_>) -> Result<u64> {
        within(self.deadlines().change, WRITING, async {
            let mut change = self.change(BEGIN, WRITING).await?;
            let done = change.execute(statement).await?;
            change.commit().await?;
            Ok(done.rows_affected())
        })
        .await
    }
}
