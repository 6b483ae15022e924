//! Projects, keys and customers.

use std::future::Future;

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::failure::{failed, is_duplicate};
use super::line::{Change, within};
use super::lock::BEGIN;
use super::watch::CHANNEL;
use super::{PostgresStore, forget};
use crate::auth::{Customer, CustomerLimits, Key, KeyHash, Project, ProjectSettings};
use crate::error::{Error, Result};
use crate::ids::{CustomerId, KeyId, ProjectId};
use crate::money::Nano;
use crate::store::Directory;
use crate::store::columns::{integer, json, word};
use crate::store::records::{customer, key, missing, project, settings_text};

const READING: &str = "the directory could not be read";
const WRITING: &str = "the directory could not be changed";

/// The columns of a project, in the forms that records are read from.
macro_rules! project_columns {
    () => {
        "id, name, rev, created_at, cache_epoch, settings::text AS settings"
    };
}

/// The columns of a key.
macro_rules! key_columns {
    () => {
        "id, project, name, hint, hash, requests_per_minute, tokens_per_minute, concurrency, monthly_cap, \
         models::text AS models, customer, created_at, expires_at, revoked_at, rotated_from"
    };
}

impl PostgresStore {
    /// Makes a change within its deadline, and returns once every gateway has heard of it.
    pub(super) async fn told<T>(&self, change: impl Future<Output = Result<(T, i64)>>) -> Result<T> {
        let (made, version) = within(self.deadlines().change, WRITING, change).await?;
        self.confirmed(version).await;
        Ok(made)
    }
}

#[async_trait]
impl Directory for PostgresStore {
    fn signal(&self) -> u64 {
        PostgresStore::signal(self)
    }

    async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        let query = sqlx::query(concat!("SELECT ", project_columns!(), " FROM project WHERE id = $1"));
        self.look_up(query.bind(id.to_string()), READING).await?.map(|row| project(&row)).transpose()
    }

    async fn project_named(&self, name: &str) -> Result<Option<Project>> {
        let query = sqlx::query(concat!("SELECT ", project_columns!(), " FROM project WHERE name = $1"));
        self.look_up(query.bind(name), READING).await?.map(|row| project(&row)).transpose()
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        let query = sqlx::query(concat!("SELECT ", project_columns!(), " FROM project ORDER BY name"));
        self.list(query, READING).await?.iter().map(project).collect()
    }

    async fn create_project(&self, project: Project) -> Result<Project> {
        let project = Project { rev: project.rev.max(1), ..project };
        self.told(async {
            let mut change = self.change(BEGIN, WRITING).await?;
            sqlx::query(
                "INSERT INTO project (id, name, rev, created_at, settings) VALUES ($1, $2, $3, $4, $5::jsonb)",
            )
            .bind(project.id.to_string())
            .bind(&project.name)
            .bind(integer(project.rev))
            .bind(project.created_at.0)
            .bind(settings_text(&project.settings)?)
            .execute(change.connection()?)
            .await
            .map_err(|failure| refused(failure, "name", "a project of this name exists"))?;
            let version = publish(change).await?;
            Ok((project, version))
        })
        .await
    }

    async fn set_project(&self, id: ProjectId, settings: ProjectSettings) -> Result<Project> {
        self.told(async {
            let mut change = self.change(BEGIN, WRITING).await?;
            let query = sqlx::query("UPDATE project SET settings = $1::jsonb WHERE id = $2");
            change.execute(query.bind(settings_text(&settings)?).bind(id.to_string())).await?;
            let row = move_project(&mut change, id).await?;
            Ok((project(&row)?, publish(change).await?))
        })
        .await
    }

    async fn purge_cache(&self, project: ProjectId) -> Result<u64> {
        self.told(async {
            let mut change = self.change(BEGIN, WRITING).await?;
            let query = sqlx::query("UPDATE project SET cache_epoch = cache_epoch + 1 WHERE id = $1");
            change.execute(query.bind(project.to_string())).await?;
            move_project(&mut change, project).await?;
            Ok(((), publish(change).await?))
        })
        .await?;
        // From here on nobody finds them; what is left of them would go when it expires.
        self.remove_answers(project).await
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<Key>> {
        let query = sqlx::query(concat!("SELECT ", key_columns!(), " FROM gateway_key WHERE hash = $1"));
        self.look_up(query.bind(hash.0.as_slice()), READING).await?.map(|row| key(&row)).transpose()
    }

    async fn keys(&self, project: ProjectId) -> Result<Vec<Key>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            key_columns!(),
            " FROM gateway_key WHERE project = $1 ORDER BY created_at DESC, id DESC"
        ));
        self.list(query.bind(project.to_string()), READING).await?.iter().map(key).collect()
    }

    async fn key_by_id(&self, id: KeyId) -> Result<Option<Key>> {
        let query = sqlx::query(concat!("SELECT ", key_columns!(), " FROM gateway_key WHERE id = $1"));
        self.look_up(query.bind(id.to_string()), READING).await?.map(|row| key(&row)).transpose()
    }

    async fn create_key(&self, key: Key) -> Result<Key> {
        self.told(async {
            let mut change = self.change(BEGIN, WRITING).await?;
            move_project(&mut change, key.project).await?;
            sqlx::query(
                "INSERT INTO gateway_key (requests_per_minute, tokens_per_minute, concurrency, monthly_cap, models, \
                 customer, name, expires_at, revoked_at, id, project, hint, hash, created_at, rotated_from) \
                 VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            )
            .bind(key.rates.requests_per_minute.map(i64::from))
            .bind(key.rates.tokens_per_minute.map(i64::from))
            .bind(key.rates.concurrency.map(i64::from))
            .bind(key.monthly_cap.map(Nano::nano))
            .bind(key.models.as_ref().map(json).transpose()?)
            .bind(key.customer.as_ref().map(CustomerId::as_str))
            .bind(&key.name)
            .bind(key.expires_at.map(|at| at.0))
            .bind(key.revoked_at.map(|at| at.0))
            .bind(key.id.to_string())
            .bind(key.project.to_string())
            .bind(&key.hint)
            .bind(key.hash.0.as_slice())
            .bind(key.created_at.0)
            .bind(key.rotated_from.map(|id| id.to_string()))
            .execute(change.connection()?)
            .await
            .map_err(|failure| refused(failure, "key", "this key exists already"))?;
            let version = publish(change).await?;
            Ok((key, version))
        })
        .await
    }

    async fn set_key(&self, changed: Key) -> Result<Key> {
        self.told(async {
            let mut change = self.change(BEGIN, WRITING).await?;
            // The project is the stored key's: a caller cannot move a key, nor the revision of another project.
            let query = sqlx::query(concat!(
                "UPDATE gateway_key SET requests_per_minute = $1, tokens_per_minute = $2, concurrency = $3, \
                 monthly_cap = $4, models = $5::jsonb, customer = $6, name = $7, expires_at = $8, revoked_at = $9 \
                 WHERE id = $10 AND project = $11 RETURNING ",
                key_columns!()
            ))
            .bind(changed.rates.requests_per_minute.map(i64::from))
            .bind(changed.rates.tokens_per_minute.map(i64::from))
            .bind(changed.rates.concurrency.map(i64::from))
            .bind(changed.monthly_cap.map(Nano::nano))
            .bind(changed.models.as_ref().map(json).transpose()?)
            .bind(changed.customer.as_ref().map(CustomerId::as_str))
            .bind(&changed.name)
            .bind(changed.expires_at.map(|at| at.0))
            .bind(changed.revoked_at.map(|at| at.0))
            .bind(changed.id.to_string())
            .bind(changed.project.to_string());
            let row = change.find(query).await?.ok_or_else(|| missing("key", changed.id))?;
            move_project(&mut change, changed.project).await?;
            Ok((key(&row)?, publish(change).await?))
        })
        .await
    }

    async fn customer(&self, project: ProjectId, id: &CustomerId) -> Result<Option<Customer>> {
        let query = sqlx::query("SELECT * FROM customer WHERE project = $1 AND id = $2");
        let query = query.bind(project.to_string()).bind(id.as_str());
        self.look_up(query, READING).await?.map(|row| customer(&row)).transpose()
    }

    async fn customers(
        &self,
        project: ProjectId,
        after: Option<&CustomerId>,
        most: u32,
    ) -> Result<Vec<Customer>> {
        let query = sqlx::query("SELECT * FROM customer WHERE project = $1 AND id > $2 ORDER BY id LIMIT $3")
            .bind(project.to_string())
            .bind(after.map_or("", CustomerId::as_str))
            .bind(i64::from(most));
        self.list(query, READING).await?.iter().map(customer).collect()
    }

    async fn set_customer(
        &self,
        project: ProjectId,
        id: &CustomerId,
        limits: CustomerLimits,
    ) -> Result<Customer> {
        self.told(async {
            let mut change = self.change(BEGIN, WRITING).await?;
            move_project(&mut change, project).await?;
            let query = sqlx::query(
                "INSERT INTO customer (project, id, daily_cap, monthly_cap, per_request_cap, on_limit, updated_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (project, id) DO UPDATE SET \
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
            .bind(self.clock().now().0);
            let row = change.find(query).await?.ok_or_else(|| missing("customer", id))?;
            Ok((customer(&row)?, publish(change).await?))
        })
        .await
    }

    async fn forget_customer(&self, project: ProjectId, id: &CustomerId) -> Result<bool> {
        forget::customer(self, project, id).await
    }

    async fn version(&self) -> Result<u64> {
        let row = self.look_up(sqlx::query("SELECT version FROM directory_version"), READING).await?;
        let version: Option<i64> =
            row.map(|row| row.try_get("version")).transpose().map_err(failed(READING))?;
        Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
    }
}

/// Moves the project's revision. The project must be there.
pub(super) async fn move_project(change: &mut Change, id: ProjectId) -> Result<PgRow> {
    let query =
        sqlx::query(concat!("UPDATE project SET rev = rev + 1 WHERE id = $1 RETURNING ", project_columns!()));
    change.find(query.bind(id.to_string())).await?.ok_or_else(|| missing("project", id))
}

/// Moves the directory's version, commits, and tells whoever listens. Returns the new version.
pub(super) async fn publish(mut change: Change) -> Result<i64> {
    let query = sqlx::query("UPDATE directory_version SET version = version + 1 RETURNING version");
    let row = change.find(query).await?.ok_or_else(|| missing("version", "of the directory"))?;
    let version = row.try_get("version").map_err(failed(WRITING))?;
    // Sent with the commit, and only then.
    change.execute(sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL)).await?;
    change.commit().await?;
    Ok(version)
}

fn refused(failure: sqlx::Error, param: &'static str, why: &'static str) -> Error {
    if is_duplicate(&failure) {
        Error::invalid(param, why).caused_by(failure)
    } else {
        failed(WRITING)(failure)
    }
}
