//! Administration: projects, keys and customers. The command line, the server and the libraries all use this.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Customer, CustomerLimits, GatewayKey, Key, OnStoreLoss, Project, ProjectSettings};
use crate::clock::{Millis, SharedClock};
use crate::config::check_cap;
use crate::error::{Error, Kind, Result};
use crate::ids::{CustomerId, KeyId, ProjectId};
use crate::limits::Rates;
use crate::money::Nano;
use crate::store::Directory;

/// The project that calls without a key belong to.
pub const DEFAULT_PROJECT: &str = "default";

/// Hears of changes that this process made.
#[async_trait]
pub(crate) trait OnChange: Send + Sync + 'static {
    /// On an error other processes may not know of it yet.
    async fn changed(&self, project: ProjectId) -> Result<()>;

    /// Whether the limits are in a store of their own, which may be away while the other is not.
    fn limits_elsewhere(&self) -> bool;
}

/// Manages projects, keys and customers.
#[derive(Clone)]
pub struct Admin {
    directory: Arc<dyn Directory>,
    clock: SharedClock,
    on_change: Option<Arc<dyn OnChange>>,
}

/// What a new key is to have.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// A name for people.
    pub name: String,
    /// Its rate limits; none by default.
    pub rates: Rates,
    /// Most to spend in a month, UTC.
    pub monthly_cap: Option<Nano>,
    /// The only models it may ask for; absent = all.
    pub models: Option<Vec<String>>,
    /// The customer all its requests belong to.
    pub customer: Option<CustomerId>,
    /// How long it is good.
    pub expires_in: Option<Duration>,
}

impl Admin {
    pub(crate) fn new(
        directory: Arc<dyn Directory>,
        clock: SharedClock,
        on_change: Option<Arc<dyn OnChange>>,
    ) -> Admin {
        Admin { directory, clock, on_change }
    }

    /// All projects, by name.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        self.directory.projects().await
    }

    /// A project by its name or id.
    pub async fn project(&self, name_or_id: &str) -> Result<Project> {
        let found = match name_or_id.parse::<ProjectId>() {
            Ok(id) => self.directory.project(id).await?,
            Err(_) => self.directory.project_named(name_or_id).await?,
        };
        found.ok_or_else(|| not_found("project", name_or_id))
    }

    /// Makes a project.
    pub async fn create_project(&self, name: &str, settings: ProjectSettings) -> Result<Project> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(Error::invalid(
                "name",
                format!("{name:?}: a project's name is 1 to 64 of a-z, 0-9, '-' and '_'"),
            ));
        }
        self.check(&settings)?;
        self.directory.create_project(self.new_project(name, settings)).await
    }

    fn new_project(&self, name: &str, settings: ProjectSettings) -> Project {
        let now = self.clock.now();
        let id = ProjectId::new(now);
        Project { id, name: name.to_owned(), rev: 1, created_at: now, cache_epoch: 0, settings }
    }

    /// Changes a project's settings.
    pub async fn set_project(
        &self,
        name_or_id: &str,
        change: impl FnOnce(&mut ProjectSettings),
    ) -> Result<Project> {
        let project = self.project(name_or_id).await?;
        let mut settings = project.settings;
        change(&mut settings);
        self.check(&settings)?;
        let project = self.directory.set_project(project.id, settings).await?;
        self.changed(project.id).await?;
        Ok(project)
    }

    /// A project's keys, newest first.
    pub async fn keys(&self, project: &str) -> Result<Vec<Key>> {
        let project = self.project(project).await?;
        self.directory.keys(project.id).await
    }

    /// Makes a key. The key in clear is shown this once.
    pub async fn create_key(&self, project: &str, new: NewKey) -> Result<(Key, GatewayKey)> {
        let project = self.project(project).await?;
        let key = self.mint(project.id, new, None)?;
        let made = self.directory.create_key(key.0).await?;
        self.changed(project.id).await?;
        Ok((made, key.1))
    }

    /// Replaces a key by a new one with the same limits, counted together with it. The old one stays good for
    /// `overlap`.
    pub async fn rotate_key(&self, id: KeyId, overlap: Duration) -> Result<(Key, GatewayKey)> {
        let mut old = self.key(id).await?;
        let now = self.clock.now();
        if old.revoked_at.is_some() || old.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::invalid(
                "id",
                format!("the key {id} is no longer good and cannot be rotated"),
            ));
        }
        let new = NewKey {
            name: old.name.clone(),
            rates: old.rates,
            monthly_cap: old.monthly_cap,
            models: old.models.clone(),
            customer: old.customer.clone(),
            expires_in: old.expires_at.map(|at| Duration::from_millis(at.since(now))),
        };
        let (key, clear) = self.mint(old.project, new, Some(old.account()))?;
        let made = self.directory.create_key(key).await?;
        let until = now.after(overlap);
        old.expires_at = Some(old.expires_at.map_or(until, |at| at.min(until)));
        self.directory.set_key(old).await?;
        self.changed(made.project).await?;
        Ok((made, clear))
    }

    /// Ends a key: it is refused from its next use on, in every process.
    pub async fn revoke_key(&self, id: KeyId) -> Result<Key> {
        let mut key = self.key(id).await?;
        key.revoked_at.get_or_insert(self.clock.now());
        let key = self.directory.set_key(key).await?;
        self.changed(key.project).await?;
        Ok(key)
    }

    /// Customers with limits of their own, by id, after `after`.
    pub async fn customers(
        &self,
        project: &str,
        after: Option<&CustomerId>,
        most: u32,
    ) -> Result<Vec<Customer>> {
        let project = self.project(project).await?;
        self.directory.customers(project.id, after, most).await
    }

    /// A customer's own limits, if it has any.
    pub async fn customer(&self, project: &str, id: &CustomerId) -> Result<Option<Customer>> {
        let project = self.project(project).await?;
        self.directory.customer(project.id, id).await
    }

    /// Sets a customer's limits.
    pub async fn set_customer(
        &self,
        project: &str,
        id: &CustomerId,
        limits: CustomerLimits,
    ) -> Result<Customer> {
        let project = self.project(project).await?;
        limits.validate("customer").map_err(as_request)?;
        let customer = self.directory.set_customer(project.id, id, limits).await?;
        self.changed(project.id).await?;
        Ok(customer)
    }

    /// Forgets a customer: its limits and its name. What it spent stays counted.
    pub async fn forget_customer(&self, project: &str, id: &CustomerId) -> Result<bool> {
        let project = self.project(project).await?;
        let known = self.directory.forget_customer(project.id, id).await?;
        self.changed(project.id).await?;
        Ok(known)
    }

    /// Makes a project forget all cached answers, those on their way to the cache included. Returns how many the
    /// store had.
    pub async fn purge_cache(&self, project: &str) -> Result<u64> {
        let project = self.project(project).await?;
        let removed = self.directory.purge_cache(project.id).await?;
        self.changed(project.id).await?;
        Ok(removed)
    }

    /// The default project; made where there is none, with `settings`.
    pub(crate) async fn ensure_default_project(&self, settings: &ProjectSettings) -> Result<Project> {
        if let Some(project) = self.directory.project_named(DEFAULT_PROJECT).await? {
            return Ok(project);
        }
        // The settings were checked as a whole.
        match self.directory.create_project(self.new_project(DEFAULT_PROJECT, settings.clone())).await {
            Ok(project) => Ok(project),
            // Another process was quicker.
            Err(error) => self.directory.project_named(DEFAULT_PROJECT).await?.ok_or(error),
        }
    }

    /// The default project; made at the first call, with `settings` laid over it where they say anything.
    pub(crate) async fn default_project(&self, settings: &ProjectSettings) -> Result<Project> {
        let project = self.ensure_default_project(settings).await?;
        if *settings == ProjectSettings::default() || *settings == project.settings {
            return Ok(project);
        }
        self.directory.set_project(project.id, settings.clone()).await
    }

    async fn key(&self, id: KeyId) -> Result<Key> {
        self.directory.key_by_id(id).await?.ok_or_else(|| not_found("key", &id.to_string()))
    }

    fn mint(
        &self,
        project: ProjectId,
        new: NewKey,
        rotated_from: Option<KeyId>,
    ) -> Result<(Key, GatewayKey)> {
        check_cap("monthly_cap", new.monthly_cap).map_err(as_request)?;
        if new.name.len() > 128 || new.name.chars().any(char::is_control) {
            return Err(Error::invalid("name", "a key's name is at most 128 bytes of printable text"));
        }
        let clear = GatewayKey::mint()?;
        let now: Millis = self.clock.now();
        let key = Key {
            id: KeyId::new(now),
            project,
            name: new.name,
            hint: clear.hint(),
            hash: GatewayKey::hash(clear.expose()),
            rates: new.rates,
            monthly_cap: new.monthly_cap,
            models: new.models,
            customer: new.customer,
            created_at: now,
            expires_at: new.expires_in.map(|span| now.after(span)),
            revoked_at: None,
            rotated_from,
        };
        Ok((key, clear))
    }

    async fn changed(&self, project: ProjectId) -> Result<()> {
        match &self.on_change {
            Some(on_change) => on_change.changed(project).await,
            None => Ok(()),
        }
    }

    fn check(&self, settings: &ProjectSettings) -> Result<()> {
        settings.validate("project").map_err(as_request)?;
        let elsewhere = self.on_change.as_ref().is_some_and(|on_change| on_change.limits_elsewhere());
        if !elsewhere && settings.on_store_loss != OnStoreLoss::Closed {
            let allowed = "project.on_store_loss must be \"closed\": without redis the limits are with the store, which \
                           has no other policy";
            return Err(Error::invalid("project.on_store_loss", allowed));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

fn not_found(what: &'static str, name: &str) -> Error {
    Error::new(Kind::NotFound, format!("There is no {what} {name:?}."))
        .with(|details| details.param = Some(what.to_owned()))
}

/// A wrong setting that came with a call is the call's fault.
fn as_request(error: Error) -> Error {
    let param = error.details().param.clone().unwrap_or_default();
    Error::invalid(param, error.message().to_owned())
}
