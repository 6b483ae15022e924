//! The warm tier of the exact cache.

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row as _;

use super::SqliteStore;
use super::failure::failed;
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::ProjectId;
use crate::store::{AnswerStore, WarmAnswer};

const READING: &str = "the cache could not be read";
const WRITING: &str = "the cache could not be written";

#[async_trait]
impl AnswerStore for SqliteStore {
    async fn answer(&self, project: ProjectId, key: &Fingerprint, now: Millis) -> Result<Option<WarmAnswer>> {
        let found = sqlx::query(
            "SELECT body, created_at, expires_at FROM answer WHERE key = ? AND project = ? AND expires_at > ?",
        )
        .bind(key.0.as_slice())
        .bind(project.to_string())
        .bind(now.0)
        .fetch_optional(self.readers())
        .await
        .map_err(failed(READING))?;
        let Some(row) = found else { return Ok(None) };
        let body: Vec<u8> = row.try_get("body").map_err(failed(READING))?;
        Ok(Some(WarmAnswer {
            project,
            key: *key,
            body: Bytes::from(body),
            created_at: Millis(row.try_get("created_at").map_err(failed(READING))?),
            expires_at: Millis(row.try_get("expires_at").map_err(failed(READING))?),
        }))
    }

    async fn keep_answers(&self, answers: &[WarmAnswer]) -> Result<()> {
        let mut transaction = self.write(WRITING).await?;
        for answer in answers {
            // A newer answer replaces both the old one and its expiry.
            sqlx::query(
                "INSERT INTO answer (key, project, body, created_at, expires_at) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (key) DO UPDATE SET body = excluded.body, created_at = excluded.created_at, \
                 expires_at = excluded.expires_at, hits = 0 WHERE excluded.created_at >= answer.created_at",
            )
            .bind(answer.key.0.as_slice())
            .bind(answer.project.to_string())
            .bind(answer.body.as_ref())
            .bind(answer.created_at.0)
            .bind(answer.expires_at.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed(WRITING))?;
        }
        transaction.commit().await.map_err(failed(WRITING))
    }

    async fn count_hits(&self, hits: &[(Fingerprint, u64)]) -> Result<()> {
        let mut transaction = self.write(WRITING).await?;
        for (key, count) in hits {
            sqlx::query("UPDATE answer SET hits = hits + ? WHERE key = ?")
                .bind(i64::try_from(*count).unwrap_or(i64::MAX))
                .bind(key.0.as_slice())
                .execute(&mut *transaction)
                .await
                .map_err(failed(WRITING))?;
        }
        transaction.commit().await.map_err(failed(WRITING))
    }

    async fn expire_answers(&self, now: Millis, most: u32) -> Result<u64> {
        let mut transaction = self.write(WRITING).await?;
        let removed = sqlx::query(
            "DELETE FROM answer WHERE key IN (SELECT key FROM answer WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
        )
        .bind(now.0)
        .bind(most)
        .execute(&mut *transaction)
        .await
        .map_err(failed(WRITING))?;
        transaction.commit().await.map_err(failed(WRITING))?;
        Ok(removed.rows_affected())
    }

    async fn trim_answers(&self, bytes: u64, most: u32) -> Result<u64> {
        let held: i64 = sqlx::query_scalar("SELECT coalesce(sum(length(body)), 0) FROM answer")
            .fetch_one(self.readers())
            .await
            .map_err(failed(READING))?;
        if u64::try_from(held).unwrap_or(0) <= bytes {
            return Ok(0);
        }
        let mut transaction = self.write(WRITING).await?;
        let removed = sqlx::query(
            "DELETE FROM answer WHERE key IN (SELECT key FROM answer ORDER BY created_at LIMIT ?)",
        )
        .bind(most)
        .execute(&mut *transaction)
        .await
        .map_err(failed(WRITING))?;
        transaction.commit().await.map_err(failed(WRITING))?;
        self.give_back_pages().await?;
        Ok(removed.rows_affected())
    }
}

impl SqliteStore {
    /// Gives the pages that deletes have freed back to the file system, so that the file shrinks with its content.
    pub(super) async fn give_back_pages(&self) -> Result<()> {
        let mut connection = self.writer().acquire().await.map_err(failed(WRITING))?;
        sqlx::query("PRAGMA incremental_vacuum(4096)")
            .fetch_all(&mut *connection)
            .await
            .map(|_| ())
            .map_err(failed(WRITING))
    }
}
