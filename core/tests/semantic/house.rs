//! A gateway with the semantic cache on, before a simulated provider.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lockgate::clock::ManualClock;
use lockgate::config::Environment;
use lockgate::types::{ChatRequest, ChatResponse, Metadata};
use lockgate::{CallOptions, Gateway};
use lockgate_sim::{Options, Sim};

pub(crate) const SOON: Duration = Duration::from_secs(20);
const NOON: lockgate::clock::Millis = lockgate::clock::Millis(1_748_779_200_000);

pub(crate) fn model() -> PathBuf {
    PathBuf::from(
        std::env::var_os("LOCKGATE_MODEL_DIR").expect("LOCKGATE_MODEL_DIR names the model's folder"),
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Sqlite,
    #[cfg(feature = "test-servers")]
    Postgres,
}

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) gateway: Gateway,
    pub(crate) clock: Arc<ManualClock>,
    /// Goes with the house.
    _place: Box<dyn Any + Send + Sync>,
}

impl House {
    pub(crate) async fn new(store: Store) -> House {
        House::with(store, &[]).await
    }

    /// With more settings.
    pub(crate) async fn with(store: Store, settings: &[(&str, toml::Value)]) -> House {
        let sim = Sim::start(Options::default()).await.unwrap();
        let clock = ManualClock::at(NOON);
        let (url, place): (String, Box<dyn Any + Send + Sync>) = match store {
            Store::Memory => ("memory".to_owned(), Box::new(())),
            Store::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                (format!("sqlite://{}/l.db", folder.path().display()), Box::new(folder))
            }
            #[cfg(feature = "test-servers")]
            Store::Postgres => {
                let database = crate::servers::Database::new().await;
                (database.url().expose().to_owned(), Box::new(database))
            }
        };
        let spool = tempfile::tempdir().unwrap();
        let mut builder = Gateway::builder()
            .environment(Environment::empty())
            .clock(clock.clone())
            .set("store", url)
            .set("model_dir", model().display().to_string())
            .set("project.semantic.mode", "on")
            // A machine under load is late now and then; what is late is looked at elsewhere.
            .set("timeouts.semantic_ms", 20_000)
            .set("routing.retries", 0)
            .set("providers.openai.api_key", "sk-test")
            .set("providers.openai.base_url", sim.openai_base_url());
        #[cfg(feature = "test-servers")]
        if store == Store::Postgres {
            builder =
                builder.set("single_process", true).set("state_dir", spool.path().display().to_string());
        }
        for (key, value) in settings {
            builder = builder.set(key, value.clone());
        }
        let gateway = builder.build().await.unwrap();
        assert!(gateway.warm_up().await, "the embedder does not answer");
        House { sim, gateway, clock, _place: Box::new((place, spool)) }
    }

    pub(crate) async fn ask(&self, question: &str) -> ChatResponse {
        self.ask_with(ChatRequest::new("gpt-4o").user(question), CallOptions::default()).await
    }

    /// The answer, with its question kept where it is to be.
    pub(crate) async fn ask_with(&self, request: ChatRequest, options: CallOptions) -> ChatResponse {
        let answer = self.gateway.chat_with(request, CallOptions { explain: true, ..options }).await.unwrap();
        assert!(self.gateway.flush(SOON).await, "not everything was written");
        answer
    }

    pub(crate) async fn stream(&self, question: &str) -> (String, Metadata) {
        let mut stream = self.gateway.chat_stream(ChatRequest::new("gpt-4o").user(question)).await.unwrap();
        let (mut text, mut metadata) = (String::new(), None);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.unwrap();
            for choice in &chunk.choices {
                text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            }
            metadata = chunk.lockgate.or(metadata);
        }
        assert!(self.gateway.flush(SOON).await, "not everything was written");
        (text, metadata.unwrap())
    }
}

pub(crate) fn told(answer: &ChatResponse) -> &Metadata {
    answer.lockgate.as_ref().unwrap()
}

pub(crate) fn cache(answer: &ChatResponse) -> &str {
    &told(answer).cache
}

/// The record of what the semantic cache said.
pub(crate) fn semantic(answer: &ChatResponse) -> serde_json::Value {
    let explain: serde_json::Value =
        serde_json::from_str(told(answer).explain.as_ref().expect("it was asked why").get()).unwrap();
    explain["semantic"].clone()
}
