//! Gateways that share their limits in Redis, and projects, keys and the ledger in Postgres; and a provider.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lockgate::auth::{Admin, DEFAULT_PROJECT, NewKey, OnStoreLoss};
use lockgate::clock::{Clock, SharedClock, SystemClock};
use lockgate::config::{Config, Environment, Layers};
use lockgate::ids::ProjectId;
use lockgate::store::{UsageLine, UsageQuery};
use lockgate::types::{ChatRequest, ChatResponse};
use lockgate::{CallOptions, Gateway, Result};
use lockgate_sim::{Options, Sim};
use tempfile::TempDir;

use crate::server::again;
use crate::servers::Database;

/// Longest wait for anything.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) redis: String,
    /// Where the ledger is; by another way than to the database itself, where a test has faults on it.
    pub(crate) store: String,
    pub(crate) database: Database,
    prefix: String,
    pub(crate) timeout_ms: u64,
    pub(crate) on_loss: OnStoreLoss,
    pub(crate) folder: TempDir,
}

/// A gateway of a [`House`] in another process.
const ELSEWHERE: &str = "LOCKGATE_TEST_ELSEWHERE";

/// The settings of this process's gateway, where it is one of another process's house.
pub(crate) fn elsewhere() -> Option<Config> {
    let told: Told = serde_json::from_str(&std::env::var(ELSEWHERE).ok()?).unwrap();
    Some(told.config())
}

/// What a gateway is told of its house.
#[derive(serde::Serialize, serde::Deserialize)]
struct Told {
    store: String,
    redis: String,
    prefix: String,
    state: String,
    provider: String,
    timeout_ms: u64,
    on_loss: OnStoreLoss,
}

impl Told {
    fn config(&self) -> Config {
        let mut config = Layers::new()
            .environment(Environment::empty())
            .set("store", self.store.as_str())
            .set("state_dir", self.state.as_str())
            .set("redis", self.redis.as_str())
            .set("redis_prefix", self.prefix.as_str())
            .set("redis_timeout_ms", i64::try_from(self.timeout_ms).unwrap())
            .set("providers.openai.api_key", "sk-test")
            .set("providers.openai.base_url", self.provider.as_str())
            .read()
            .unwrap();
        config.project.on_store_loss = self.on_loss;
        config
    }
}

impl House {
    pub(crate) async fn new(redis: impl Into<String>) -> House {
        let sim = Sim::start(Options::default()).await.unwrap();
        let database = Database::new().await;
        House {
            sim,
            redis: redis.into(),
            store: database.address(),
            database,
            prefix: format!("{}:", ProjectId::new(SystemClock.now())),
            timeout_ms: 10_000,
            on_loss: OnStoreLoss::Closed,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn told(&self, name: &str) -> Told {
        Told {
            store: self.store.clone(),
            redis: self.redis.clone(),
            prefix: self.prefix.clone(),
            state: self.folder.path().join(name).display().to_string(),
            provider: self.sim.openai_base_url(),
            timeout_ms: self.timeout_ms,
            on_loss: self.on_loss,
        }
    }

    pub(crate) fn config(&self, name: &str) -> Config {
        self.told(name).config()
    }

    /// A process that runs a test which takes its gateway from [`elsewhere`].
    pub(crate) fn process(&self, test: &str, name: &str) -> Command {
        let mut command = again(test);
        command.env(ELSEWHERE, serde_json::to_string(&self.told(name)).unwrap());
        command
    }

    /// A gateway; each has a name of its own.
    pub(crate) async fn gateway(&self, name: &str) -> Gateway {
        self.gateway_on(name, Arc::new(SystemClock)).await
    }

    pub(crate) async fn gateway_on(&self, name: &str, clock: SharedClock) -> Gateway {
        Gateway::start(self.config(name), clock).await.unwrap()
    }

    /// Waits until the provider has been asked so often.
    pub(crate) async fn asked(&self, times: usize) {
        let asked = self.sim.wait_until(|records| records.len() >= times);
        tokio::time::timeout(SOON, asked).await.expect("the provider is asked");
    }
}

pub(crate) async fn key(admin: &Admin, new: NewKey) -> (String, lockgate::ids::KeyId) {
    let (key, secret) = admin.create_key(DEFAULT_PROJECT, new).await.unwrap();
    (secret.expose().to_owned(), key.id)
}

pub(crate) async fn project(gateway: &Gateway) -> ProjectId {
    gateway.admin().project(DEFAULT_PROJECT).await.unwrap().id
}

pub(crate) fn question(text: &str) -> ChatRequest {
    ChatRequest::new("gpt-4o").user(text)
}

pub(crate) async fn ask(gateway: &Gateway, key: &str, text: &str) -> Result<ChatResponse> {
    let options = CallOptions { key: Some(key.to_owned()), ..CallOptions::default() };
    gateway.chat_with(question(text), options).await
}

pub(crate) fn verdict(response: &ChatResponse) -> &str {
    &response.lockgate.as_ref().unwrap().cache
}

/// Waits for a condition.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let begun = std::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Everything that has ended is on the books, nothing is reserved, and Redis has spent what the ledger says.
pub(crate) async fn balanced(gateway: &Gateway) -> UsageLine {
    assert!(gateway.flush(SOON).await, "not everything was written");
    let usage = gateway.usage(&UsageQuery::default()).await.unwrap();
    let total = usage.into_iter().next().unwrap_or_default();
    let seen = gateway.inspect(project(gateway).await).await.unwrap();
    assert_eq!((seen.open, seen.spend[0].1.nano()), (0, 0), "something is reserved");
    assert_eq!(seen.spend[0].0, total.cost, "Redis and the ledger");
    total
}
