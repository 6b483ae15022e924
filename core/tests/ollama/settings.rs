//! How Ollama is configured, and what it is by default.

use lockgate::config::{Environment, Layers, ProviderConfig, ProviderKind, ProviderPrice};
use lockgate::types::ChatRequest;
use lockgate::{Config, Gateway};

use crate::world::{OLLAMA, builder, sim};

fn read(environment: Environment, text: &str) -> lockgate::Result<Config> {
    Layers::new().environment(environment).toml(text, "text")?.read()
}

fn host(value: &str) -> ProviderConfig {
    let environment = Environment::empty().with("OLLAMA_HOST", value);
    read(environment, "").unwrap().providers.remove("ollama").unwrap()
}

#[test]
fn it_is_used_only_where_it_is_named() {
    assert!(read(Environment::empty(), "").unwrap().providers.is_empty());
    let key = Environment::empty().with("OLLAMA_API_KEY", "secret").with("OLLAMA_HOST", " ");
    assert!(read(key, "").unwrap().providers.is_empty(), "a key alone is for another service");
    let named = read(Environment::empty(), "[providers.ollama]").unwrap().providers.remove("ollama").unwrap();
    assert_eq!(named.base_url.as_deref(), Some("http://127.0.0.1:11434"));
    assert_eq!(
        (named.kind, named.local, named.price),
        (Some(ProviderKind::Ollama), Some(true), Some(ProviderPrice::Free))
    );
    let another = "[providers.gpu]\nkind = \"ollama\"\nbase_url = \"http://gpu:11434\"\nlocal = false";
    let another = read(Environment::empty(), another).unwrap().providers.remove("gpu").unwrap();
    assert_eq!((another.local, another.price), (Some(false), Some(ProviderPrice::Free)));
}

#[test]
fn the_variable_is_read_as_ollama_reads_it() {
    assert_eq!(host("0.0.0.0").base_url.as_deref(), Some("http://127.0.0.1:11434"));
    assert_eq!(host("gpu:8080").base_url.as_deref(), Some("http://gpu:8080"));
    assert_eq!(host("https://x/below/").base_url.as_deref(), Some("https://x:443/below"));
    let both = Environment::empty().with("OLLAMA_HOST", "a").with("OLLAMA_BASE_URL", "http://b");
    assert_eq!(read(both, "").unwrap().providers["ollama"].base_url.as_deref(), Some("http://b"));
    let over_file = Environment::empty().with("OLLAMA_HOST", "a");
    let file = "[providers.ollama]\nbase_url = \"http://c\"";
    assert_eq!(
        read(over_file, file).unwrap().providers["ollama"].base_url.as_deref(),
        Some("http://a:11434")
    );
    for (value, shown) in
        [("gpu:http", "gpu:http"), ("ftp://gpu", "ftp://gpu"), ("u:secret@gpu:x", "(hidden)")]
    {
        let error = read(Environment::empty().with("OLLAMA_HOST", value), "").unwrap_err();
        let told = error.message();
        assert!(told.contains("OLLAMA_HOST") && told.contains(shown) && !told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn a_key_goes_in_a_header_and_a_refused_one_is_ours() {
    let sim = sim().await;
    let environment =
        Environment::empty().with("OLLAMA_HOST", sim.base_url(OLLAMA)).with("OLLAMA_API_KEY", "secret");
    let gateway = Gateway::builder().environment(environment).build().await.unwrap();
    gateway.chat(ChatRequest::new("llama3.2").user("Hello")).await.unwrap();
    for request in sim.settled().await {
        assert_eq!(request.header("authorization"), Some("Bearer secret"), "{}", request.path);
    }
    let gateway = builder(&sim)
        .set("providers.ollama.api_key", "sk-bad")
        .set("providers.ollama.models", vec!["llama3.2"])
        .build()
        .await
        .unwrap();
    let error = gateway.chat(ChatRequest::new("llama3.2").user("Hello")).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (502, "provider_auth_failed"));
    assert_eq!(gateway.discover().await[0].models, Err("401".to_owned()));
}

#[tokio::test]
async fn a_price_of_ones_own_wins_over_free() {
    let sim = sim().await;
    let price =
        "[[prices]]\nprovider = \"ollama\"\nmodel = \"llama3.2\"\nprice = { input = \"1\", output = \"2\" }";
    let gateway = builder(&sim).toml(price).unwrap().build().await.unwrap();
    let cost = async |model: &str| {
        let answer = gateway.chat(ChatRequest::new(model).user("Hello")).await.unwrap();
        (answer.usage.unwrap(), answer.lockgate.unwrap().cost_nano_usd.unwrap())
    };
    let (usage, nano) = cost("llama3.2").await;
    // A dollar for a million tokens is 1000 nano-dollars for one.
    assert_eq!(nano as u64, usage.prompt_tokens * 1000 + usage.completion_tokens * 2000);
    assert_eq!(cost("qwen3").await.1, 0);
}
