//! The semantic cache's questions, with pgvector.
//!
//! The extension may be missing, may come later, and may be in any schema of the database. So the column of its type and
//! the index are made here, when they are first needed, and nothing else of the store depends on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;
use tokio::sync::OnceCell;

use super::PostgresStore;
use super::failure::failed;
use super::line::{Line, within};
use super::lock::BEGIN;
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::{Error, Kind, Result};
use crate::ids::ProjectId;
use crate::store::columns::{Columns, integer};
use crate::store::{Meaning, MeaningStore, Neighbour, Sought};

const READING: &str = "the semantic cache could not be read";
const WRITING: &str = "the semantic cache could not be written";
const PREPARING: &str = "the semantic cache could not be prepared";
/// Making the index of a table that has many vectors takes its time.
const PREPARATION: Duration = Duration::from_secs(600);
/// A group of up to so many is compared as a whole, which misses nothing.
const EXACT: i64 = 10_000;
/// How many searches of a group its size is trusted for.
const COUNTED_FOR: u32 = 64;
/// Vectors of this length have an index: those of the model that runs in process.
const INDEXED: i32 = 384;
/// Groups whose size is remembered.
const MOST_COUNTED: usize = 4096;

/// Questions in a Postgres database.
#[derive(Clone)]
pub struct PostgresMeanings {
    store: PostgresStore,
    /// The schema that pgvector is in.
    vector: Arc<OnceCell<String>>,
    /// Which groups are large, and how often that may still be believed.
    large: Arc<Mutex<HashMap<Fingerprint, (bool, u32)>>>,
}

impl PostgresMeanings {
    /// Those of `store`.
    #[must_use]
    pub fn new(store: PostgresStore) -> PostgresMeanings {
        PostgresMeanings { store, vector: Arc::default(), large: Arc::default() }
    }

    /// The name of pgvector's type, and of what belongs to it. Makes the column and the index where they are missing.
    async fn schema(&self) -> Result<&str> {
        let schema = self.vector.get_or_try_init(|| within(PREPARATION, PREPARING, self.prepare())).await?;
        Ok(schema)
    }

    async fn prepare(&self) -> Result<String> {
        let mut line = Line::of(self.store.back(), PREPARING).await?;
        let connection = line.connection()?;
        let found = "SELECT nspname::text FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace \
                     WHERE extname = 'vector'";
        let mut schema: Option<String> =
            sqlx::query_scalar(found).fetch_optional(&mut *connection).await.map_err(failed(PREPARING))?;
        if schema.is_none() {
            let made = sqlx::raw_sql("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA lockgate");
            if let Err(failure) = made.execute(&mut *connection).await {
                let what = "the database has no pgvector, which the semantic cache needs: install it, and have an owner \
                            of the database run CREATE EXTENSION vector";
                return Err(Error::new(Kind::StoreUnavailable, what).caused_by(failure));
            }
            schema = sqlx::query_scalar(found)
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed(PREPARING))?;
        }
        let schema = format!("\"{}\"", schema.unwrap_or_default().replace('"', "\"\""));
        let ready: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
             WHERE nspname = 'lockgate' AND relname = 'meaning_near')",
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(failed(PREPARING))?;
        if !ready {
            // Processes that start together wait for one another.
            let statements = format!(
                "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SELECT pg_advisory_xact_lock(281307774, 5); \
                 ALTER TABLE meaning ADD COLUMN IF NOT EXISTS vector {schema}.vector NOT NULL; \
                 CREATE INDEX IF NOT EXISTS meaning_near ON meaning \
                 USING hnsw ((vector::{schema}.vector({INDEXED})) {schema}.vector_cosine_ops) \
                 WHERE dimensions = {INDEXED}; COMMIT"
            );
            let made = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *connection).await;
            made.map_err(failed(PREPARING))?;
        }
        line.done();
        Ok(schema)
    }

    /// Whether a group has more than can be compared as a whole.
    async fn is_large(&self, group: &Fingerprint) -> Result<bool> {
        if let Some((large, left)) = self.large.lock().get_mut(group)
            && *left > 0
        {
            *left -= 1;
            return Ok(*large);
        }
        let query = sqlx::query(
            "SELECT count(*) AS count FROM (SELECT 1 FROM meaning WHERE grp = $1 LIMIT $2) AS counted",
        );
        let row = self.store.look_up(query.bind(group.0.to_vec()).bind(EXACT + 1), READING).await?;
        let count = row.map(|row| Columns(&row).number::<i64>("count")).transpose()?.unwrap_or_default();
        let large = count > EXACT;
        let mut known = self.large.lock();
        if known.len() >= MOST_COUNTED {
            known.clear();
        }
        known.insert(*group, (large, COUNTED_FOR));
        Ok(large)
    }

    async fn search(&self, sought: Sought) -> Result<Vec<Neighbour>> {
        let schema = self.schema().await?;
        let dimensions = i32::try_from(sought.vector.len()).unwrap_or(0);
        let indexed = dimensions == INDEXED && self.is_large(&sought.group).await?;
        // A query of its own, so that it is read once and not for every row.
        let near = format!("OPERATOR({schema}.<=>) (SELECT $1::text::{schema}.vector)");
        let columns = "question, body, created_at, expires_at";
        let sql = if indexed {
            format!(
                "SELECT {columns}, (1 - (vector::{schema}.vector({INDEXED}) {near}))::real AS similarity FROM meaning \
                 WHERE dimensions = {INDEXED} AND grp = $2 AND expires_at > $3 \
                 ORDER BY vector::{schema}.vector({INDEXED}) {near} LIMIT $4"
            )
        } else {
            // Materialised, so that no index over all groups is looked through for the few of this one.
            format!(
                "WITH mine AS MATERIALIZED (SELECT id, 1 - (vector {near}) AS similarity FROM meaning \
                 WHERE grp = $2 AND expires_at > $3 AND dimensions = {dimensions} ORDER BY similarity DESC LIMIT $4) \
                 SELECT {columns}, mine.similarity::real AS similarity FROM mine JOIN meaning USING (id) \
                 ORDER BY mine.similarity DESC"
            )
        };
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(text(&sought.vector))
            .bind(sought.group.0.to_vec())
            .bind(sought.now.0)
            .bind(i64::try_from(sought.most).unwrap_or(i64::MAX));
        let rows = within(self.store.deadlines().lookup, READING, async {
            let line = Line::of(self.store.front(), READING).await?;
            if !indexed {
                let mut line = line;
                let rows = query.fetch_all(line.connection()?).await.map_err(failed(READING))?;
                line.done();
                return Ok(rows);
            }
            let mut change = line.begin(NEAR, READING).await?;
            let rows = change.fetch(query).await?;
            change.commit().await?;
            Ok(rows)
        })
        .await?;
        rows.iter().map(neighbour).collect()
    }
}

/// The index is over all groups: it is looked through further while those of this one are few among the nearest.
const NEAR: &str = "BEGIN; SET LOCAL hnsw.iterative_scan = 'strict_order'; SET LOCAL hnsw.ef_search = 200; \
                    SET LOCAL hnsw.max_scan_tuples = 200000";

/// As pgvector reads it.
fn text(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

fn neighbour(row: &PgRow) -> Result<Neighbour> {
    let row = Columns(row);
    Ok(Neighbour {
        similarity: row.real_opt("similarity")?.unwrap_or_default(),
        question: row.text("question")?.to_owned(),
        body: Bytes::copy_from_slice(row.bytes("body")?),
        created_at: row.millis("created_at")?,
        expires_at: row.millis("expires_at")?,
    })
}

#[async_trait]
impl MeaningStore for PostgresMeanings {
    async fn nearest(&self, sought: Sought) -> Result<Vec<Neighbour>> {
        // As with exact answers: no request waits for it in a queue.
        let Some(free) = self.store.answers().try_acquire_owned().ok().filter(|_| self.store.is_up()) else {
            return Ok(Vec::new());
        };
        let store = self.clone();
        let search = tokio::spawn(async move {
            let found = store.search(sought).await;
            drop(free);
            found
        });
        search.await.map_err(|gone| Error::internal(READING, gone))?
    }

    async fn keep_meanings(&self, meanings: &[Meaning]) -> Result<()> {
        let schema = self.schema().await?;
        // Each once, the newest; in order, so that processes that write the same do not wait in a circle.
        let mut newest: BTreeMap<[u8; 32], &Meaning> = BTreeMap::new();
        for meaning in meanings {
            let known = newest.entry(meaning.id.0).or_insert(meaning);
            if meaning.created_at >= known.created_at {
                *known = meaning;
            }
        }
        let all: Vec<&Meaning> = newest.into_values().collect();
        let sql = format!(
            "INSERT INTO meaning AS kept (id, project, grp, customer, question, vector, dimensions, body, size, \
             created_at, expires_at) \
             SELECT id, project, grp, customer, question, vector::{schema}.vector, dimensions, body, size, created_at, \
             expires_at FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], \
             $7::integer[], $8::bytea[], $9::bigint[], $10::bigint[], $11::bigint[]) \
             AS fresh (id, project, grp, customer, question, vector, dimensions, body, size, created_at, expires_at) \
             ORDER BY id ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, vector = excluded.vector, \
             body = excluded.body, size = excluded.size, created_at = excluded.created_at, \
             expires_at = excluded.expires_at WHERE excluded.created_at >= kept.created_at"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(all.iter().map(|meaning| meaning.id.0.to_vec()).collect::<Vec<_>>())
            .bind(all.iter().map(|meaning| meaning.project.to_string()).collect::<Vec<_>>())
            .bind(all.iter().map(|meaning| meaning.group.0.to_vec()).collect::<Vec<_>>())
            .bind(
                all.iter()
                    .map(|meaning| meaning.customer.as_ref().map(|id| id.as_str().to_owned()))
                    .collect::<Vec<_>>(),
            )
            .bind(all.iter().map(|meaning| meaning.question.replace('\0', "")).collect::<Vec<_>>())
            .bind(all.iter().map(|meaning| text(&meaning.vector)).collect::<Vec<_>>())
            .bind(
                all.iter()
                    .map(|meaning| i32::try_from(meaning.vector.len()).unwrap_or(0))
                    .collect::<Vec<_>>(),
            )
            .bind(all.iter().map(|meaning| meaning.body.to_vec()).collect::<Vec<_>>())
            .bind(all.iter().map(|meaning| integer(meaning.size())).collect::<Vec<_>>())
            .bind(all.iter().map(|meaning| meaning.created_at.0).collect::<Vec<_>>())
            .bind(all.iter().map(|meaning| meaning.expires_at.0).collect::<Vec<_>>());
        self.store.write(query).await.map(|_| ())
    }

    async fn expire_meanings(&self, now: Millis, most: u32) -> Result<u64> {
        let query = sqlx::query(
            "DELETE FROM meaning WHERE id = ANY (ARRAY(SELECT id FROM meaning WHERE expires_at <= $1 \
             ORDER BY expires_at LIMIT $2))",
        );
        self.store.clear(query.bind(now.0).bind(i64::from(most))).await
    }

    async fn trim_meanings(&self, bytes: u64, most: u32) -> Result<u64> {
        let held = self
            .store
            .list(sqlx::query("SELECT coalesce(sum(size), 0)::bigint AS held FROM meaning"), READING)
            .await?;
        let held =
            held.first().map(|row| Columns(row).number::<i64>("held")).transpose()?.unwrap_or_default();
        if u64::try_from(held).unwrap_or(0) <= bytes {
            return Ok(0);
        }
        let query = sqlx::query(
            "DELETE FROM meaning WHERE id = ANY (ARRAY(SELECT id FROM meaning ORDER BY created_at LIMIT $1))",
        );
        self.store.clear(query.bind(i64::from(most))).await
    }
}

impl PostgresStore {
    /// Removes a project's questions, some at a time; returns how many.
    pub(super) async fn remove_meanings(&self, project: ProjectId) -> Result<u64> {
        let mut removed = 0;
        loop {
            let gone = within(self.deadlines().change, WRITING, async {
                let mut change = self.change(BEGIN, WRITING).await?;
                let query = sqlx::query(
                    "DELETE FROM meaning WHERE id = ANY (ARRAY(SELECT id FROM meaning WHERE project = $1 LIMIT 1000))",
                );
                let done = change.execute(query.bind(project.to_string())).await?;
                change.commit().await?;
                Ok(done.rows_affected())
            })
            .await?;
            removed += gone;
            if gone == 0 {
                return Ok(removed);
            }
        }
    }
}
