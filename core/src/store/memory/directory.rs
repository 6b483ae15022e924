//! Projects, keys and customers in maps.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryStore;
use crate::auth::{Customer, CustomerLimits, Key, KeyHash, Project, ProjectSettings};
use crate::error::{Error, Kind, Result};
use crate::ids::{CustomerId, KeyId, ProjectId};
use crate::store::Directory;

#[derive(Default)]
pub(super) struct Records {
    projects: HashMap<ProjectId, Project>,
    keys: HashMap<KeyId, Key>,
    by_hash: HashMap<KeyHash, KeyId>,
    customers: HashMap<ProjectId, BTreeMap<CustomerId, Customer>>,
    version: u64,
}

impl Records {
    /// Moves the project's revision and the store's version. The project must be there.
    fn touch(&mut self, id: ProjectId) -> Result<&mut Project> {
        let project = self.projects.get_mut(&id).ok_or_else(|| missing("project", id))?;
        project.rev = project.rev.saturating_add(1);
        self.version = self.version.saturating_add(1);
        Ok(project)
    }
}

#[async_trait]
impl Directory for MemoryStore {
    async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        Ok(self.inner.directory.read().projects.get(&id).cloned())
    }

    async fn project_named(&self, name: &str) -> Result<Option<Project>> {
        Ok(self.inner.directory.read().projects.values().find(|project| project.name == name).cloned())
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        let mut all: Vec<Project> = self.inner.directory.read().projects.values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn create_project(&self, project: Project) -> Result<Project> {
        let mut records = self.inner.directory.write();
        if records.projects.values().any(|known| known.name == project.name || known.id == project.id) {
            return Err(Error::invalid("name", "a project of this name exists"));
        }
        let project = Project { rev: project.rev.max(1), ..project };
        records.projects.insert(project.id, project.clone());
        records.version = records.version.saturating_add(1);
        Ok(project)
    }

    async fn set_project(&self, id: ProjectId, settings: ProjectSettings) -> Result<Project> {
        let mut records = self.inner.directory.write();
        let project = records.touch(id)?;
        project.settings = settings;
        Ok(project.clone())
    }

    async fn purge_cache(&self, project: ProjectId) -> Result<u64> {
        self.inner.directory.write().touch(project)?.cache_epoch += 1;
        // Exact answers are in the hot tier alone, where they age unfound.
        Ok(self.inner.meanings.remove(project, None))
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<Key>> {
        let records = self.inner.directory.read();
        Ok(records.by_hash.get(&hash).and_then(|id| records.keys.get(id)).cloned())
    }

    async fn keys(&self, project: ProjectId) -> Result<Vec<Key>> {
        let records = self.inner.directory.read();
        let mut keys: Vec<Key> =
            records.keys.values().filter(|key| key.project == project).cloned().collect();
        keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    async fn key_by_id(&self, id: KeyId) -> Result<Option<Key>> {
        Ok(self.inner.directory.read().keys.get(&id).cloned())
    }

    async fn create_key(&self, key: Key) -> Result<Key> {
        let mut records = self.inner.directory.write();
        if records.keys.contains_key(&key.id) || records.by_hash.contains_key(&key.hash) {
            return Err(Error::invalid("key", "this key exists already"));
        }
        records.touch(key.project)?;
        records.by_hash.insert(key.hash, key.id);
        records.keys.insert(key.id, key.clone());
        Ok(key)
    }

    async fn set_key(&self, changed: Key) -> Result<Key> {
        let mut records = self.inner.directory.write();
        // The project is the stored key's: a caller cannot move a key, nor the revision of another project.
        let known = records.keys.get_mut(&changed.id).filter(|known| known.project == changed.project);
        let known = known.ok_or_else(|| missing("key", changed.id))?;
        known.name = changed.name;
        known.rates = changed.rates;
        known.monthly_cap = changed.monthly_cap;
        known.models = changed.models;
        known.customer = changed.customer;
        known.expires_at = changed.expires_at;
        known.revoked_at = changed.revoked_at;
        let known = known.clone();
        records.touch(known.project)?;
        Ok(known)
    }

    async fn customer(&self, project: ProjectId, id: &CustomerId) -> Result<Option<Customer>> {
        let records = self.inner.directory.read();
        Ok(records.customers.get(&project).and_then(|customers| customers.get(id)).cloned())
    }

    async fn customers(
        &self,
        project: ProjectId,
        after: Option<&CustomerId>,
        most: u32,
    ) -> Result<Vec<Customer>> {
        let records = self.inner.directory.read();
        let Some(customers) = records.customers.get(&project) else { return Ok(Vec::new()) };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let found = customers.range::<CustomerId, _>((from, Bound::Unbounded));
        Ok(found.take(usize::try_from(most).unwrap_or(usize::MAX)).map(|(_, known)| known.clone()).collect())
    }

    async fn set_customer(
        &self,
        project: ProjectId,
        id: &CustomerId,
        limits: CustomerLimits,
    ) -> Result<Customer> {
        let customer = Customer { project, id: id.clone(), limits, updated_at: self.inner.clock.now() };
        let mut records = self.inner.directory.write();
        records.touch(project)?;
        records.customers.entry(project).or_default().insert(id.clone(), customer.clone());
        Ok(customer)
    }

    async fn forget_customer(&self, project: ProjectId, id: &CustomerId) -> Result<bool> {
        let had_limits = {
            let mut records = self.inner.directory.write();
            records.touch(project)?;
            records.customers.get_mut(&project).is_some_and(|known| known.remove(id).is_some())
        };
        let had_rows = self.inner.ledger.lock().forget(project, id, self.inner.clock.now());
        let had_questions = self.inner.meanings.remove(project, Some(id)) > 0;
        Ok(had_limits || had_rows || had_questions)
    }

    async fn version(&self) -> Result<u64> {
        Ok(self.inner.directory.read().version)
    }
}

fn missing(what: &'static str, id: impl std::fmt::Display) -> Error {
    Error::new(Kind::NotFound, format!("there is no {what} {id}")).with(|d| d.param = Some(what.to_owned()))
}
