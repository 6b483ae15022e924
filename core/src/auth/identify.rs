//! Stage 1: who calls.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::together::Together;
use super::{Customer, CustomerLimits, GatewayKey, Key, KeyHash, Project};
use crate::clock::Millis;
use crate::config::AuthMode;
use crate::error::{Error, Kind, Result};
use crate::ids::{CustomerId, KeyId, ProjectId};
use crate::limits::{Caps, Rates};
use crate::store::Directory;

/// Who calls, and what applies to them.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) project: Arc<Project>,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) customer: Option<CustomerId>,
    /// The customer's own limits, or the project's defaults for customers.
    pub(crate) customer_limits: CustomerLimits,
    pub(crate) rates: Rates,
}

impl Caller {
    /// The key that limits are counted on.
    pub(crate) fn key_id(&self) -> KeyId {
        self.key.as_ref().map_or(KeyId::NONE, |key| key.account())
    }

    /// All caps that apply to a request of this caller's.
    pub(crate) fn caps(&self) -> Caps {
        let customer = self.customer.as_ref().map(|_| self.customer_limits).unwrap_or_default();
        Caps {
            project_month: self.project.settings.monthly_cap,
            key_month: self.key.as_ref().and_then(|key| key.monthly_cap),
            customer_day: customer.daily_cap,
            customer_month: customer.monthly_cap,
            customer_request: customer.per_request_cap,
        }
    }

    /// Whether this caller may ask for `model`.
    pub(crate) fn may_use(&self, model: &str) -> bool {
        let allows =
            |list: &Option<Vec<String>>| list.as_ref().is_none_or(|list| list.iter().any(|m| m == model));
        allows(&self.project.settings.models) && self.key.as_ref().is_none_or(|key| allows(&key.models))
    }
}

/// What a call says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) bearer: Option<String>,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Most records of a kind that are kept; past it the memory starts anew.
const MOST_KEPT: usize = 10_000;

/// Knows callers, and forgets them when their project changes.
pub(crate) struct Identities {
    directory: Arc<dyn Directory>,
    mode: AuthMode,
    default_project: ProjectId,
    default_rates: Rates,
    known: RwLock<Known>,
    under_way: UnderWay,
    /// What the directory said last of changes by other processes.
    signal: AtomicU64,
}

/// Look-ups, each with the epoch it belongs to, so that none answers who came after something was forgotten.
#[derive(Default)]
struct UnderWay {
    projects: Together<(ProjectId, u64), Option<Arc<Project>>>,
    /// Keys, before their project is known (none), and again after it, at its revision.
    keys: Together<(KeyHash, u64, Option<u64>), Option<Arc<Key>>>,
    /// Customers, each with its project's revision.
    customers: Together<(ProjectId, CustomerId, u64, u64), Option<CustomerLimits>>,
}

#[derive(Default)]
struct Known {
    projects: HashMap<ProjectId, Arc<Project>>,
    keys: HashMap<KeyHash, Arc<Key>>,
    customers: HashMap<(ProjectId, CustomerId), Option<CustomerLimits>>,
    /// Moves when something is forgotten, so that a record read before is not kept after.
    epoch: u64,
}

impl Identities {
    pub(crate) fn new(
        directory: Arc<dyn Directory>,
        mode: AuthMode,
        default_project: ProjectId,
        default_rates: Rates,
    ) -> Identities {
        Identities {
            directory,
            mode,
            default_project,
            default_rates,
            known: RwLock::default(),
            under_way: UnderWay::default(),
            signal: AtomicU64::new(0),
        }
    }

    /// Checks the key alone: who is let in at all.
    pub(crate) async fn authenticate(
        &self,
        credentials: &Credentials,
        now: Millis,
    ) -> Result<(Arc<Project>, Option<Arc<Key>>)> {
        let signal = self.directory.signal();
        if self.signal.load(Ordering::Acquire) != signal {
            // Forgotten first: nobody may see the new signal beside an old record.
            self.forget_all();
            self.signal.store(signal, Ordering::Release);
        }
        let gateway_key =
            credentials.bearer.as_deref().filter(|bearer| bearer.starts_with(GatewayKey::PREFIX));
        match gateway_key {
            Some(text) => {
                let (project, key) = self.known_key(GatewayKey::hash(text)).await?;
                usable(&key, now)?;
                Ok((project, Some(key)))
            }
            None if self.mode == AuthMode::Optional => {
                Ok((self.project(self.default_project).await?.0, None))
            }
            None if credentials.bearer.is_some() => {
                Err(refused("is not a gateway key; those start with lg_"))
            }
            None => Err(refused("is missing: send Authorization: Bearer lg_…")),
        }
    }

    pub(crate) async fn identify(&self, credentials: &Credentials, now: Millis) -> Result<Caller> {
        let (project, key) = self.authenticate(credentials, now).await?;
        let customer = customer(key.as_deref(), credentials.customer.clone())?;
        if customer.is_none() && project.settings.require_customer {
            return Err(Error::invalid(
                "X-Customer-ID",
                "X-Customer-ID: this project requires every request to name its customer.",
            ));
        }
        let customer_limits = match &customer {
            Some(id) => self.customer(&project, id).await?,
            None => CustomerLimits::default(),
        };
        let rates = key.as_ref().map_or(self.default_rates, |key| key.rates);
        Ok(Caller { project, key, customer, customer_limits, rates })
    }

    /// Forgets all that is known of a project.
    pub(crate) fn forget(&self, project: ProjectId) {
        let mut known = self.known.write();
        known.epoch += 1;
        known.projects.remove(&project);
        known.keys.retain(|_, key| key.project != project);
        known.customers.retain(|(of, _), _| *of != project);
    }

    /// Forgets everything.
    pub(crate) fn forget_all(&self) {
        let mut known = self.known.write();
        *known = Known { epoch: known.epoch + 1, ..Known::default() };
    }

    /// The project, and whether it was read just now.
    async fn project(&self, id: ProjectId) -> Result<(Arc<Project>, bool)> {
        let epoch = {
            let known = self.known.read();
            if let Some(project) = known.projects.get(&id) {
                return Ok((project.clone(), false));
            }
            known.epoch
        };
        let directory = self.directory.clone();
        let look_up = async move { Ok(directory.project(id).await?.map(Arc::new)) };
        let found = self.under_way.projects.ask((id, epoch), look_up).await?;
        let project = found.ok_or_else(|| refused("belongs to a project that is gone"))?;
        self.keep(epoch, |known| {
            known.projects.insert(id, project.clone());
        });
        Ok((project, true))
    }

    /// A key and its project.
    async fn known_key(&self, hash: KeyHash) -> Result<(Arc<Project>, Arc<Key>)> {
        let unknown = || refused("is not known");
        let (kept, epoch) = {
            let known = self.known.read();
            (known.keys.get(&hash).cloned(), known.epoch)
        };
        let is_kept = kept.is_some();
        let mut key = match kept {
            Some(key) => key,
            None => self.look_up_key(hash, epoch, None).await?.ok_or_else(unknown)?,
        };
        let (project, fresh) = self.project(key.project).await?;
        if fresh {
            // Read again after the project: a key older than its project's revision could be a revoked one.
            key = self.look_up_key(hash, epoch, Some(project.rev)).await?.ok_or_else(unknown)?;
        }
        if fresh || !is_kept {
            self.keep(epoch, |known| {
                bound(&mut known.keys).insert(hash, key.clone());
            });
        }
        Ok((project, key))
    }

    async fn look_up_key(&self, hash: KeyHash, epoch: u64, after: Option<u64>) -> Result<Option<Arc<Key>>> {
        let directory = self.directory.clone();
        let look_up = async move { Ok(directory.key(hash).await?.map(Arc::new)) };
        self.under_way.keys.ask((hash, epoch, after), look_up).await
    }

    async fn customer(&self, project: &Project, id: &CustomerId) -> Result<CustomerLimits> {
        let at = (project.id, id.clone());
        let epoch = {
            let known = self.known.read();
            if let Some(limits) = known.customers.get(&at) {
                return Ok(limits.unwrap_or(project.settings.customer_defaults));
            }
            known.epoch
        };
        let (directory, of, named) = (self.directory.clone(), project.id, id.clone());
        let look_up =
            async move { Ok(directory.customer(of, &named).await?.map(|Customer { limits, .. }| limits)) };
        let limits =
            self.under_way.customers.ask((project.id, id.clone(), epoch, project.rev), look_up).await?;
        self.keep(epoch, |known| {
            bound(&mut known.customers).insert(at, limits);
        });
        Ok(limits.unwrap_or(project.settings.customer_defaults))
    }

    fn keep(&self, epoch: u64, insert: impl FnOnce(&mut Known)) {
        let mut known = self.known.write();
        if known.epoch == epoch {
            insert(&mut known);
        }
    }
}

fn bound<K, V>(map: &mut HashMap<K, V>) -> &mut HashMap<K, V> {
    if map.len() >= MOST_KEPT {
        map.clear();
    }
    map
}

fn refused(why: &'static str) -> Error {
    Error::new(Kind::InvalidApiKey, format!("The API key {why}."))
}

fn usable(key: &Key, now: Millis) -> Result<()> {
    if key.revoked_at.is_some_and(|at| at <= now) {
        return Err(refused("was revoked"));
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(refused("has expired"));
    }
    Ok(())
}

fn customer(key: Option<&Key>, named: Option<CustomerId>) -> Result<Option<CustomerId>> {
    match (key.and_then(|key| key.customer.clone()), named) {
        (Some(bound), Some(named)) if bound != named => Err(Error::invalid(
            "X-Customer-ID",
            format!("this key is bound to another customer than {named:?}"),
        )),
        (bound, named) => Ok(bound.or(named)),
    }
}
