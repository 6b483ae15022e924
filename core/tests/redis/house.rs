//! Gateways that share their limits in Redis, and projects, keys and the ledger in a file; and a provider.
//!
//! A file is no store that goes with Redis where gateways run on several machines, so the settings refuse the pair.
//! Here they are on one, and everything that Redis does is the same.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lockgate::auth::{Admin, DEFAULT_PROJECT, NewKey, OnStoreLoss, Secret};
use lockgate::clock::{Clock, SharedClock, SystemClock};
use lockgate::config::{Config, Environment, Layers};
use lockgate::ids::ProjectId;
use lockgate::store::{UsageLine, UsageQuery};
use lockgate::types::{ChatRequest, ChatResponse};
use lockgate::{CallOptions, Gateway, Result};
use lockgate_sim::{Options, Sim};
use tempfile::TempDir;

use crate::server::again;

/// Longest wait for anything.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) redis: String,
    prefix: String,
    pub(crate) timeout_ms: u64,
    pub(crate) on_loss: OnStoreLoss,
    folder: TempDir,
}

/// A gateway of a [`House`] in another process.
const ELSEWHERE: &str = "LOCKGATE_TEST_ELSEWHERE";

/// The settings of this process's gateway, where it is one of another process's house.
pub(crate) fn elsewhere() -> Option<Config> {
    let told: [String; 6] = serde_json::from_str(&std::env::var(ELSEWHERE).ok()?).unwrap();
    let [redis, prefix, folder, sim, name, timeout] = &told;
    Some(config(redis, prefix, folder, sim, name, timeout.parse().unwrap()))
}

fn config(redis: &str, prefix: &str, folder: &str, sim: &str, name: &str, timeout_ms: u64) -> Config {
    let mut config = Layers::new()
        .environment(Environment::empty())
        .set("store", format!("sqlite://{folder}/l.db"))
        .set("shared", true)
        .set("state_dir", format!("{folder}/{name}"))
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim)
        .read()
        .unwrap();
    config.redis = Some(Secret::new(redis));
    prefix.clone_into(&mut config.redis_prefix);
    config.redis_timeout_ms = timeout_ms;
    config
}

impl House {
    pub(crate) async fn new(redis: impl Into<String>) -> House {
        let sim = Sim::start(Options::default()).await.unwrap();
        let prefix = format!("{}:", ProjectId::new(SystemClock.now()));
        let (timeout_ms, on_loss) = (10_000, OnStoreLoss::Closed);
        House { sim, redis: redis.into(), prefix, timeout_ms, on_loss, folder: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(crate) fn config(&self, name: &str) -> Config {
        let sim = self.sim.openai_base_url();
        let mut config = config(&self.redis, &self.prefix, &self.folder(), &sim, name, self.timeout_ms);
        config.project.on_store_loss = self.on_loss;
        config
    }

    /// A process that runs a test which takes its gateway from [`elsewhere`].
    pub(crate) fn process(&self, test: &str, name: &str) -> Command {
        let told = [
            &self.redis,
            &self.prefix,
            &self.folder(),
            &self.sim.openai_base_url(),
            name,
            &self.timeout_ms.to_string(),
        ]
        .map(str::to_owned);
        let mut command = again(test);
        command.env(ELSEWHERE, serde_json::to_string(&told).unwrap());
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
