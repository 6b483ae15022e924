//! What is measured: gateways before a simulated provider, and requests of several sizes.

use std::sync::LazyLock;

use lockgate::Gateway;
use lockgate::config::Environment;
use lockgate::types::ChatRequest;
use lockgate_sim::{Options, Sim};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Where everything of this process runs.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Two messages and a temperature: some 150 bytes.
pub fn small() -> ChatRequest {
    ChatRequest::new("gpt-4o")
        .system("You are a helpful assistant.")
        .user("What is the capital of France?")
        .temperature(0.2)
}

/// A request of about so many bytes in 8 messages of mixed text.
pub fn long(bytes: usize) -> ChatRequest {
    let sentence = "The quick brown fox says \"naïve\" to the lazy dog;\n\tand 42 of them answered. ";
    let text = sentence.repeat((bytes / 8).div_ceil(sentence.len()));
    (0..4).fold(ChatRequest::new("gpt-4o"), |request, _| request.user(text.clone()).assistant(text.clone()))
}

/// Eight candidates for one model, four keys for their provider.
const CROWDED: &str = r#"
[providers.openai]
api_keys = [{ key = "sk-b", weight = 3 }, { key = "sk-c" }, { key = "sk-d" }]
[routing.chains]
"gpt-4o" = ["gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o-mini", "o3", "o4-mini", "gpt-5"]
"#;

/// A gateway and its provider.
pub struct World {
    pub sim: Sim,
    pub gateway: Gateway,
    _folder: Option<TempDir>,
}

impl World {
    pub fn memory() -> World {
        World::with("memory".to_owned(), None, "")
    }

    /// With more candidates than any request needs, and more keys.
    pub fn crowded() -> World {
        World::with("memory".to_owned(), None, CROWDED)
    }

    pub fn sqlite() -> World {
        let folder = tempfile::tempdir().unwrap();
        World::with(format!("sqlite://{}/bench.db", folder.path().display()), Some(folder), "")
    }

    fn with(store: String, folder: Option<TempDir>, settings: &str) -> World {
        RUNTIME.block_on(async {
            let sim = Sim::start(Options::default()).await.unwrap();
            let gateway = Gateway::builder()
                .environment(Environment::empty())
                .toml(settings)
                .unwrap()
                .set("store", store)
                .set("providers.openai.api_key", "sk-bench")
                .set("providers.openai.base_url", sim.openai_base_url())
                .build()
                .await
                .unwrap();
            // The answer is in the cache from here on.
            gateway.chat(small()).await.unwrap();
            let again = gateway.chat(small()).await.unwrap();
            assert_eq!(again.lockgate.unwrap().cache, "exact");
            World { sim, gateway, _folder: folder }
        })
    }
}

/// `small` as HTTP sends it.
pub fn small_json() -> Vec<u8> {
    serde_json::to_vec(&small()).unwrap()
}
