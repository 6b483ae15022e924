//! The semantic cache's questions, in the file.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lockgate_embed::dot;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::SqliteStore;
use super::failure::failed;
use super::near::{Group, Near};
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::store::codes::COMPARED_AGAIN;
use crate::store::meaning::{packed, unpacked};
use crate::store::{Meaning, MeaningStore, Neighbour, Sought};

const READING: &str = "the semantic cache could not be read";
const WRITING: &str = "the semantic cache could not be written";
/// Vectors read at once.
const READ_AT_ONCE: i64 = 4096;
/// A search through more than this has a thread of its own.
const SHORT: usize = 2000;

/// Questions in a SQLite file, with an index in this process.
#[derive(Clone)]
pub struct SqliteMeanings {
    store: SqliteStore,
    near: Arc<Near>,
}

impl SqliteMeanings {
    /// Those of `store`.
    #[must_use]
    pub fn new(store: SqliteStore) -> SqliteMeanings {
        SqliteMeanings { store, near: Arc::default() }
    }

    /// Reads what the file has and the index has not.
    async fn read_on(&self, key: &Fingerprint, group: &Group) -> Result<()> {
        let _alone = group.reading.lock().await;
        loop {
            let rows =
                sqlx::query("SELECT seq, vector FROM meaning WHERE grp = ? AND seq > ? ORDER BY seq LIMIT ?")
                    .bind(key.0.as_slice())
                    .bind(group.read_up_to())
                    .bind(READ_AT_ONCE)
                    .fetch_all(self.store.readers())
                    .await
                    .map_err(failed(READING))?;
            let mut read = Vec::with_capacity(rows.len());
            for row in &rows {
                let vector: &[u8] = row.try_get("vector").map_err(failed(READING))?;
                read.push((row.try_get("seq").map_err(failed(READING))?, unpacked(vector)));
            }
            group.add(read.into_iter());
            if i64::try_from(rows.len()).unwrap_or(0) < READ_AT_ONCE {
                break;
            }
            self.near.trim();
        }
        Ok(())
    }

    async fn search(&self, sought: Sought) -> Result<Vec<Neighbour>> {
        let group = self.near.group(&sought.group);
        self.read_on(&sought.group, &group).await?;
        let most = sought.most.max(COMPARED_AGAIN);
        let seqs = if group.len() > SHORT {
            let (group, vector) = (group.clone(), sought.vector.clone());
            let search = tokio::task::spawn_blocking(move || group.nearest(&vector, most));
            search.await.map_err(|gone| Error::internal(READING, gone))?
        } else {
            group.nearest(&sought.vector, most)
        };
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT seq, question, vector, body, created_at, expires_at FROM meaning WHERE expires_at > ",
        );
        query.push_bind(sought.now.0).push(" AND seq IN (");
        let mut each = query.separated(", ");
        for seq in &seqs {
            each.push_bind(*seq);
        }
        each.push_unseparated(")");
        let rows = query.build().fetch_all(self.store.readers()).await.map_err(failed(READING))?;
        let mut found: HashMap<i64, Neighbour> = HashMap::with_capacity(rows.len());
        for row in &rows {
            let vector: &[u8] = row.try_get("vector").map_err(failed(READING))?;
            let body: Vec<u8> = row.try_get("body").map_err(failed(READING))?;
            let neighbour = Neighbour {
                similarity: dot(&unpacked(vector), &sought.vector),
                question: row.try_get("question").map_err(failed(READING))?,
                body: Bytes::from(body),
                created_at: Millis(row.try_get("created_at").map_err(failed(READING))?),
                expires_at: Millis(row.try_get("expires_at").map_err(failed(READING))?),
            };
            found.insert(row.try_get("seq").map_err(failed(READING))?, neighbour);
        }
        let gone: Vec<i64> = seqs.into_iter().filter(|seq| !found.contains_key(seq)).collect();
        group.forget(&gone);
        let mut found: Vec<Neighbour> = found.into_values().collect();
        found.sort_unstable_by(|one, other| other.similarity.total_cmp(&one.similarity));
        found.truncate(sought.most);
        Ok(found)
    }
}

#[async_trait]
impl MeaningStore for SqliteMeanings {
    async fn nearest(&self, sought: Sought) -> Result<Vec<Neighbour>> {
        let store = self.clone();
        // In a task: whoever asks gives up after a while, and what is read by then is there for the next.
        let search = tokio::spawn(async move { store.search(sought).await });
        search.await.map_err(|gone| Error::internal(READING, gone))?
    }

    async fn keep_meanings(&self, meanings: &[Meaning]) -> Result<()> {
        let mut transaction = self.store.write(WRITING).await?;
        for meaning in meanings {
            // Replaced, not changed: so that it has a new number, and every process sees it.
            sqlx::query(
                "INSERT OR REPLACE INTO meaning (id, project, grp, customer, question, vector, body, size, created_at, \
                 expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(meaning.id.0.as_slice())
            .bind(meaning.project.to_string())
            .bind(meaning.group.0.as_slice())
            .bind(meaning.customer.as_ref().map(|id| id.as_str()))
            .bind(&meaning.question)
            .bind(packed(&meaning.vector))
            .bind(meaning.body.as_ref())
            .bind(i64::try_from(meaning.size()).unwrap_or(i64::MAX))
            .bind(meaning.created_at.0)
            .bind(meaning.expires_at.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed(WRITING))?;
        }
        transaction.commit().await.map_err(failed(WRITING))
    }

    async fn expire_meanings(&self, now: Millis, most: u32) -> Result<u64> {
        self.delete(
            "SELECT seq FROM meaning WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
            Some(now.0),
            most,
        )
        .await
    }

    async fn trim_meanings(&self, bytes: u64, most: u32) -> Result<u64> {
        let held: i64 = sqlx::query_scalar("SELECT coalesce(sum(size), 0) FROM meaning")
            .fetch_one(self.store.readers())
            .await
            .map_err(failed(READING))?;
        if u64::try_from(held).unwrap_or(0) <= bytes {
            return Ok(0);
        }
        self.delete("SELECT seq FROM meaning ORDER BY created_at LIMIT ?", None, most).await
    }
}

impl SqliteMeanings {
    async fn delete(&self, which: &'static str, now: Option<i64>, most: u32) -> Result<u64> {
        let mut transaction = self.store.write(WRITING).await?;
        let mut select = sqlx::query_scalar::<_, i64>(which);
        if let Some(now) = now {
            select = select.bind(now);
        }
        let seqs = select.bind(most).fetch_all(&mut *transaction).await.map_err(failed(WRITING))?;
        for seq in &seqs {
            let delete = sqlx::query("DELETE FROM meaning WHERE seq = ?").bind(seq);
            delete.execute(&mut *transaction).await.map_err(failed(WRITING))?;
        }
        transaction.commit().await.map_err(failed(WRITING))?;
        if !seqs.is_empty() {
            self.store.give_back_pages().await?;
        }
        Ok(seqs.len() as u64)
    }
}
