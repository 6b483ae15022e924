//! A whole gateway on Postgres, before the simulator.

use std::sync::Arc;
use std::time::Duration;

use lockgate::auth::GatewayKey;
use lockgate::clock::SystemClock;
use lockgate::config::{Environment, Layers};
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Config, Gateway};
use lockgate_sim::{Options, Sim};
use tempfile::TempDir;

use crate::house::SOON;
use crate::servers::Database;
use crate::servers::proxy::Proxy;

pub(crate) struct House {
    pub(crate) database: Database,
    pub(crate) proxy: Proxy,
    pub(crate) sim: Sim,
    pub(crate) gateway: Gateway,
    pub(crate) folder: TempDir,
}

/// A question that the cache does not know.
pub(crate) fn question(text: &str) -> ChatRequest {
    ChatRequest::new("gpt-4.1-nano").user(text)
}

impl House {
    /// The only gateway on its database, by way of a proxy.
    pub(crate) async fn single() -> House {
        let database = Database::new().await;
        let proxy = Proxy::before(&database.host()).await;
        let sim = Sim::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = config(&database, &proxy, &sim, &folder);
        let gateway = Gateway::start(config, Arc::new(SystemClock)).await.unwrap();
        House { database, proxy, sim, gateway, folder }
    }

    /// Starts it anew, as after a crash.
    pub(crate) async fn again(self) -> House {
        let House { database, proxy, sim, gateway, folder } = self;
        drop(gateway);
        let config = config(&database, &proxy, &sim, &folder);
        let gateway = Gateway::start(config, Arc::new(SystemClock)).await.unwrap();
        House { database, proxy, sim, gateway, folder }
    }

    /// A key of the default project: its id and the key.
    pub(crate) async fn key(&self) -> (lockgate::ids::KeyId, GatewayKey) {
        let (key, clear) = self.gateway.admin().create_key("default", Default::default()).await.unwrap();
        (key.id, clear)
    }

    /// Asks with a key.
    pub(crate) async fn ask(&self, key: &GatewayKey, text: &str) -> lockgate::Result<()> {
        let options = CallOptions { key: Some(key.expose().to_owned()), ..CallOptions::default() };
        self.gateway.chat_with(question(text), options).await.map(|_| ())
    }

    /// Ends all sessions of the database, as a server does that is restarted.
    pub(crate) async fn end_sessions(&self) {
        self.database
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid()",
            )
            .await;
    }

    pub(crate) async fn flushed(&self) -> bool {
        self.gateway.flush(SOON).await
    }

    pub(crate) async fn close(self) {
        assert!(self.gateway.close(Duration::from_secs(20)).await);
    }
}

fn config(database: &Database, proxy: &Proxy, sim: &Sim, folder: &TempDir) -> Config {
    Layers::new()
        .environment(Environment::empty())
        .set("store", database.by_way_of(proxy.address).expose())
        .set("single_process", true)
        .set("state_dir", folder.path().join("spool").to_str().unwrap())
        .set("project.monthly_cap", "100")
        .set("providers.openai.api_key", "sk-simulated")
        .set("providers.openai.base_url", sim.openai_base_url())
        .read()
        .unwrap()
}
