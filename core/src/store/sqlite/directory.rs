//! Projects, keys and customers.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::failure::{failed, is_constraint};
use super::{SqliteStore, forget};
use crate::auth::{Customer, CustomerLimits, Key, KeyHash, Project, ProjectSettings};
use crate::error::{Error, Result};
use crate::ids::{CustomerId, KeyId, ProjectId};
use crate::money::Nano;
use crate::store::Directory;
use crate::store::columns::{json, word};
use crate::store::records::{customer, key, missing, project, settings_text};

const READING: &str = "the directory could not be read";
const WRITING: &str = "the directory could not be changed";

impl SqliteStore {
    /// Commits a change and tells other processes of it.
    async fn publish(&self, change: Transaction<'static, Sqlite>) -> Result<()> {
        change.commit().await.map_err(failed(WRITING))?;
        SqliteStore::signal(self).change();
        Ok(())
    }
}

#[async_trait]
impl Directory for SqliteStore {
    fn signal(&self) -> u64 {
        SqliteStore::signal(self).read()
    }

    async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        sqlx::query("SELECT * FROM project WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(failed(READING))?
            .map(|row| project(&row))
            .transpose()
    }

    async fn project_named(&self, name: &str) -> Result<Option<Project>> {
        sqlx::query("SELECT * FROM project WHERE name = ?")
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .map_err(failed(READING))?
            .map(|row| project(&row))
            .transpose()
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        let rows = sqlx::query("SELECT * FROM project ORDER BY name").fetch_all(self.readers()).await;
        rows.map_err(failed(READING))?.iter().map(project).collect()
    }

    async fn create_project(&self, project: Project) -> Result<Project> {
        let mut change = self.write(WRITING).await?;
        let project = Project { rev: project.rev.max(1), ..project };
        sqlx::query("INSERT INTO project (id, name, rev, created_at, settings) VALUES (?, ?, ?, ?, ?)")
            .bind(project.id.to_string())
            .bind(&project.name)
            .bind(i64::try_from(project.rev).unwrap_or(i64::MAX))
            .bind(project.created_at.0)
            .bind(settings_text(&project.settings)?)
            .execute(&mut *change)
            .await
            .map_err(|failure| refused(failure, "name", "a project of this name exists"))?;
        move_version(&mut change).await?;
        self.publish(change).await?;
        Ok(project)
    }

    async fn set_project(&self, id: ProjectId, settings: ProjectSettings) -> Result<Project> {
        let mut change = self.write(WRITING).await?;
        sqlx::query("UPDATE project SET settings = ? WHERE id = ?")
            .bind(settings_text(&settings)?)
            .bind(id.to_string())
            .execute(&mut *change)
            .await
            .map_err(failed(WRITING))?;
        let row = move_project(&mut change, id).await?;
        self.publish(change).await?;
        project(&row)
    }

    async fn purge_cache(&self, project: ProjectId) -> Result<u64> {
        let mut change = self.write(WRITING).await?;
        let purge = [
            "UPDATE project SET cache_epoch = cache_epoch + 1 WHERE id = ?",
            "DELETE FROM answer WHERE project = ?",
            "DELETE FROM meaning WHERE project = ?",
        ];
        let mut removed = 0;
        for (at, statement) in purge.into_iter().enumerate() {
            let done = sqlx::query(statement).bind(project.to_string()).execute(&mut *change).await;
            let rows = done.map_err(failed(WRITING))?.rows_affected();
            removed += if at == 0 { 0 } else { rows };
        }
        move_project(&mut change, project).await?;
        self.publish(change).await?;
        Ok(removed)
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<Key>> {
        sqlx::query("SELECT * FROM gateway_key WHERE hash = ?")
            .bind(hash.0.to_vec())
            .fetch_optional(self.readers())
            .await
            .map_err(failed(READING))?
            .map(|row| key(&row))
            .transpose()
    }

    async fn keys(&self, project: ProjectId) -> Result<Vec<Key>> {
        let rows =
            sqlx::query("SELECT * FROM gateway_key WHERE project = ? ORDER BY created_at DESC, id DESC")
                .bind(project.to_string())
                .fetch_all(self.readers())
                .await;
        rows.map_err(failed(READING))?.iter().map(key).collect()
    }

    async fn key_by_id(&self, id: KeyId) -> Result<Option<Key>> {
        sqlx::query("SELECT * FROM gateway_key WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(failed(READING))?
            .map(|row| key(&row))
            .transpose()
    }

    async fn create_key(&self, key: Key) -> Result<Key> {
        let mut change = self.write(WRITING).await?;
        move_project(&mut change, key.project).await?;
        sqlx::query(
            "INSERT INTO gateway_key (requests_per_minute, tokens_per_minute, concurrency, monthly_cap, models, \
             customer, name, expires_at, revoked_at, id, project, hint, hash, created_at, rotated_from) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(key.rates.requests_per_minute)
        .bind(key.rates.tokens_per_minute)
        .bind(key.rates.concurrency)
        .bind(key.monthly_cap.map(Nano::nano))
        .bind(key.models.as_ref().map(json).transpose()?)
        .bind(key.customer.as_ref().map(CustomerId::as_str))
        .bind(&key.name)
        .bind(key.expires_at.map(|at| at.0))
        .bind(key.revoked_at.map(|at| at.0))
        .bind(key.id.to_string())
        .bind(key.project.to_string())
        .bind(&key.hint)
        .bind(key.hash.0.to_vec())
        .bind(key.created_at.0)
        .bind(key.rotated_from.map(|id| id.to_string()))
        .execute(&mut *change)
        .await
        .map_err(|failure| refused(failure, "key", "this key exists already"))?;
        self.publish(change).await?;
        Ok(key)
    }

    async fn set_key(&self, changed: Key) -> Result<Key> {
        let mut change = self.write(WRITING).await?;
        // The project is the stored key's: a caller cannot move a key, nor the revision of another project.
        let row = sqlx::query(
            "UPDATE gateway_key SET requests_per_minute = ?, tokens_per_minute = ?, concurrency = ?, \
             monthly_cap = ?, models = ?, customer = ?, name = ?, expires_at = ?, revoked_at = ? \
             WHERE id = ? AND project = ? RETURNING *",
        )
        .bind(changed.rates.requests_per_minute)
        .bind(changed.rates.tokens_per_minute)
        .bind(changed.rates.concurrency)
        .bind(changed.monthly_cap.map(Nano::nano))
        .bind(changed.models.as_ref().map(json).transpose()?)
        .bind(changed.customer.as_ref().map(CustomerId::as_str))
        .bind(&changed.name)
        .bind(changed.expires_at.map(|at| at.0))
        .bind(changed.revoked_at.map(|at| at.0))
        .bind(changed.id.to_string())
        .bind(changed.project.to_string())
        .fetch_optional(&mut *change)
        .await
        .map_err(failed(WRITING))?
        .ok_or_else(|| missing("key", changed.id))?;
        move_project(&mut change, changed.project).await?;
        self.publish(change).await?;
        key(&row)
    }

    async fn customer(&self, project: ProjectId, id: &CustomerId) -> Result<Option<Customer>> {
        sqlx::query("SELECT * FROM customer WHERE project = ? AND id = ?")
            .bind(project.to_string())
            .bind(id.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(failed(READING))?
            .map(|row| customer(&row))
            .transpose()
    }

    async fn customers(
        &self,
        project: ProjectId,
        after: Option<&CustomerId>,
        most: u32,
    ) -> Result<Vec<Customer>> {
        let rows = sqlx::query("SELECT * FROM customer WHERE project = ? AND id > ? ORDER BY id LIMIT ?")
            .bind(project.to_string())
            .bind(after.map_or("", CustomerId::as_str))
            .bind(most)
            .fetch_all(self.readers())
            .await;
        rows.map_err(failed(READING))?.iter().map(customer).collect()
    }

    async fn set_customer(
        &self,
        project: ProjectId,
        id: &CustomerId,
        limits: CustomerLimits,
    ) -> Result<Customer> {
        let mut change = self.write(WRITING).await?;
        move_project(&mut change, project).await?;
        let row = sqlx::query(
            "INSERT INTO customer (project, id, daily_cap, monthly_cap, per_request_cap, on_limit, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, id) DO UPDATE SET \
             daily_cap = excluded.daily_cap, monthly_cap = excluded.monthly_cap, \
             per_request_cap = excluded.per_request_cap, on_limit = excluded.on_limit, \
             updated_at = excluded.updated_at RETURNING *",
        )
        .bind(project.to_string())
        .bind(id.as_str())
        .bind(limits.daily_cap.map(Nano::nano))
        .bind(limits.monthly_cap.map(Nano::nano))
        .bind(limits.per_request_cap.map(Nano::nano))
        .bind(word(&limits.on_limit)?)
        .bind(self.clock().now().0)
        .fetch_one(&mut *change)
        .await
        .map_err(failed(WRITING))?;
        self.publish(change).await?;
        customer(&row)
    }

    async fn forget_customer(&self, project: ProjectId, id: &CustomerId) -> Result<bool> {
        let mut change = self.write(WRITING).await?;
        move_project(&mut change, project).await?;
        let known = forget::customer(&mut change, project, id, self.clock().now()).await?;
        self.publish(change).await?;
        Ok(known)
    }

    async fn version(&self) -> Result<u64> {
        let version: i64 = sqlx::query_scalar("SELECT version FROM directory_version")
            .fetch_one(self.readers())
            .await
            .map_err(failed(READING))?;
        Ok(u64::try_from(version).unwrap_or(0))
    }
}

/// Moves the project's revision and the store's version. The project must be there.
async fn move_project(change: &mut SqliteConnection, id: ProjectId) -> Result<SqliteRow> {
    let row = sqlx::query("UPDATE project SET rev = rev + 1 WHERE id = ? RETURNING *")
        .bind(id.to_string())
        .fetch_optional(&mut *change)
        .await
        .map_err(failed(WRITING))?
        .ok_or_else(|| missing("project", id))?;
    move_version(change).await?;
    Ok(row)
}

async fn move_version(change: &mut SqliteConnection) -> Result<()> {
    sqlx::query("UPDATE directory_version SET version = version + 1")
        .execute(change)
        .await
        .map_err(failed(WRITING))?;
    Ok(())
}

fn refused(failure: sqlx::Error, param: &'static str, why: &'static str) -> Error {
    if is_constraint(&failure) {
        Error::invalid(param, why).caused_by(failure)
    } else {
        failed(WRITING)(failure)
    }
}
