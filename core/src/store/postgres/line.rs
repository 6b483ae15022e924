//! One connection at work, under a deadline.

use std::future::Future;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgQueryResult, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};

use super::PostgresStore;
use super::failure::failed;
use crate::error::{Error, Result};

/// A pooled connection that goes back to its pool only after its work came to an end. Dropped before, because a
/// deadline passed or a statement failed, it is closed: nobody waits for what it was still to answer, and the server
/// rolls back what was not committed.
pub(super) struct Line(Option<PoolConnection<Postgres>>);

impl Line {
    pub(super) async fn of(pool: &PgPool, doing: &'static str) -> Result<Line> {
        Ok(Line(Some(pool.acquire().await.map_err(failed(doing))?)))
    }

    /// Begins a transaction with `setup`: statements that start with BEGIN.
    pub(super) async fn begin(mut self, setup: &'static str, doing: &'static str) -> Result<Change> {
        sqlx::raw_sql(setup).execute(self.connection()?).await.map_err(failed(doing))?;
        Ok(Change { line: self, doing })
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        self.0
            .as_deref_mut()
            .ok_or_else(|| Error::internal("a connection was used after its end", "no connection"))
    }

    /// The work is done: the connection is good for others.
    pub(super) fn done(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// A transaction. Dropped before its commit, nothing has happened.
pub(super) struct Change {
    line: Line,
    doing: &'static str,
}

impl Change {
    pub(super) async fn commit(mut self) -> Result<()> {
        let doing = self.doing;
        sqlx::raw_sql("COMMIT").execute(self.line.connection()?).await.map_err(failed(doing))?;
        self.line.done();
        Ok(())
    }

    /// Runs a statement of it.
    pub(super) async fn execute(&mut self, query: Statement<'_>) -> Result<PgQueryResult> {
        let doing = self.doing;
        query.execute(self.line.connection()?).await.map_err(failed(doing))
    }

    pub(super) async fn fetch(&mut self, query: Statement<'_>) -> Result<Vec<PgRow>> {
        let doing = self.doing;
        query.fetch_all(self.line.connection()?).await.map_err(failed(doing))
    }

    pub(super) async fn find(&mut self, query: Statement<'_>) -> Result<Option<PgRow>> {
        let doing = self.doing;
        query.fetch_optional(self.line.connection()?).await.map_err(failed(doing))
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        self.line.connection()
    }
}

pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Gives `work` so much time, waiting for a connection included.
pub(super) async fn within<T>(
    limit: Duration,
    doing: &'static str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(late) => Err(Error::store(doing, late)),
    }
}

impl PostgresStore {
    /// A transaction, with `setup` at its beginning.
    pub(super) async fn change(&self, setup: &'static str, doing: &'static str) -> Result<Change> {
        Line::of(self.back(), doing).await?.begin(setup, doing).await
    }

    /// A row that a request waits for.
    pub(super) async fn look_up(&self, query: Statement<'_>, doing: &'static str) -> Result<Option<PgRow>> {
        within(self.deadlines().lookup, doing, async {
            let mut line = Line::of(self.front(), doing).await?;
            let found = query.fetch_optional(line.connection()?).await.map_err(failed(doing))?;
            line.done();
            Ok(found)
        })
        .await
    }

    /// Rows that a request waits for.
    pub(super) async fn look_up_all(&self, query: Statement<'_>, doing: &'static str) -> Result<Vec<PgRow>> {
        within(self.deadlines().lookup, doing, fetch(self.front(), query, doing)).await
    }

    /// Rows for whoever has the time.
    pub(super) async fn list(&self, query: Statement<'_>, doing: &'static str) -> Result<Vec<PgRow>> {
        within(self.deadlines().long, doing, fetch(self.back(), query, doing)).await
    }
}

async fn fetch(pool: &PgPool, query: Statement<'_>, doing: &'static str) -> Result<Vec<PgRow>> {
    let mut line = Line::of(pool, doing).await?;
    let found = query.fetch_all(line.connection()?).await.map_err(failed(doing))?;
    line.done();
    Ok(found)
}
