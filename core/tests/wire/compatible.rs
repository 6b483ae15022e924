//! Providers that speak OpenAI's protocol: where their requests go, and what makes them configured.

use lockgate::Config;
use lockgate::config::{Environment, Layers};
use lockgate::provider::openai::{Auth, Dialect, OpenAi, Paths};
use lockgate::provider::{Adapter, Call, Endpoint};
use lockgate::types::ChatRequest;

use crate::case::Case;

/// Where a case goes at Azure, with a dated version.
pub(crate) fn azure_path(case: &Case, _stream: bool) -> String {
    let operation = if case.is_embeddings() { "embeddings" } else { "chat/completions" };
    format!("/openai/deployments/{}/{operation}?api-version=2024-10-21", case.model())
}

fn read(environment: Environment, toml: &str) -> Result<Config, lockgate::Error> {
    Layers::new().environment(environment).toml(toml, "test").and_then(Layers::read)
}

#[test]
fn a_key_or_an_address_in_the_environment_makes_a_provider_configured() {
    for dialect in Dialect::all() {
        let name = dialect.name;
        for variable in dialect.key_variables {
            let environment = Environment::empty().with(*variable, "k-1");
            let config = read(environment, "").unwrap();
            // A key leads somewhere only where there is an address.
            let shared = dialect.base_url.is_some() && !dialect.local;
            assert_eq!(config.providers.contains_key(name), shared, "{name}: {variable}");
            if let Some(provider) = config.providers.get(name) {
                assert_eq!(provider.base_url.as_deref(), dialect.base_url, "{name}");
                assert_eq!(provider.api_key.as_ref().unwrap().expose(), "k-1", "{name}");
            }
        }
        for variable in dialect.address_variables {
            let environment = Environment::empty().with(*variable, "http://127.0.0.1:9/v1");
            let config = read(environment, "").unwrap();
            let provider = &config.providers[name];
            assert_eq!(provider.base_url.as_deref(), Some("http://127.0.0.1:9/v1"), "{name}: {variable}");
            assert_eq!(
                (provider.local == Some(true), provider.price.is_some()),
                (dialect.local, dialect.local),
                "{name}"
            );
        }
    }
}

#[test]
fn names_keys_and_addresses_of_the_table_are_in_order() {
    let mut names: Vec<&str> = Vec::new();
    for dialect in Dialect::all() {
        assert!(!names.contains(&dialect.name), "{} is there twice", dialect.name);
        names.push(dialect.name);
        if let Some(address) = dialect.base_url {
            Endpoint::new(address, None).unwrap_or_else(|error| panic!("{}: {error}", dialect.name));
        }
        let variables = dialect.key_variables.iter().chain(dialect.address_variables);
        assert!(
            variables.clone().all(|v| v.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')),
            "{names:?}"
        );
        assert_eq!(dialect.auth == Auth::ApiKey, dialect.paths == Paths::Azure, "{}", dialect.name);
    }
}

#[test]
fn a_provider_of_another_name_can_speak_any_dialect() {
    let toml = "[providers.mine]\nkind = \"openai\"\ndialect = \"groq\"\napi_key = \"k\"\n";
    let config = read(Environment::empty(), toml).unwrap();
    let provider = &config.providers["mine"];
    assert_eq!(provider.base_url.as_deref(), Some("https://api.groq.com/openai/v1"));
    let toml = "[providers.gpu]\nkind = \"openai\"\ndialect = \"vllm\"\nbase_url = \"https://gpu.test/v1\"\n";
    let config = read(Environment::empty(), toml).unwrap();
    assert!(config.providers["gpu"].local.is_none(), "where it runs goes by the name");
    assert!(config.providers["gpu"].price.is_none());
    let config = read(Environment::empty(), "[providers.vllm]\n").unwrap();
    assert_eq!(config.providers["vllm"].local, Some(true));
}

#[test]
fn wrong_dialects_and_versions_are_errors_at_start() {
    let error = |toml: &str| read(Environment::empty(), toml).unwrap_err().message().to_owned();
    let base = "[providers.p]\nkind = \"openai\"\nbase_url = \"http://x/v1\"\n";
    let said = error(&format!("{base}dialect = \"grok\""));
    assert!(
        said.contains("providers.p.dialect") && said.contains("\"grok\"") && said.contains("groq"),
        "{said}"
    );
    let said = error(&format!("{base}api_version = \"2024-10-21\""));
    assert!(said.contains("providers.p.api_version") && said.contains("Azure"), "{said}");
    let azure = "[providers.azure]\nbase_url = \"https://x.openai.azure.com\"\n";
    let said = error(&format!("{azure}api_version = \"2024&x=1\""));
    assert!(said.contains("providers.azure.api_version"), "{said}");
    let said = error("[providers.azure]\napi_key = \"k\"");
    assert!(said.contains("providers.azure.base_url"), "{said}");
}

#[test]
fn azure_has_a_path_for_each_deployment_or_one_for_all() {
    let dialect = Dialect::named("azure").unwrap();
    let uri = |base: &str, version: Option<&str>, model: &str| {
        let endpoint = Endpoint::new(base, None).unwrap();
        let request = ChatRequest::new(model).user("x");
        let call = Call { request: &request, model, stream: false, endpoint: &endpoint, output_cap: None };
        OpenAi::new(dialect).api_version(version).chat(&call).map(|out| out.request.uri().to_string())
    };
    let v1 = "https://x.openai.azure.com/openai/v1/chat/completions";
    for base in [
        "https://x.openai.azure.com",
        "https://x.openai.azure.com/openai",
        "https://x.openai.azure.com/openai/v1/",
    ] {
        assert_eq!(uri(base, None, "my gpt").unwrap(), v1, "{base}");
    }
    let dated = "https://x.openai.azure.com/openai/deployments/d-1/chat/completions?api-version=2024-10-21";
    for base in ["https://x.openai.azure.com/", "https://x.openai.azure.com/openai"] {
        assert_eq!(uri(base, Some("2024-10-21"), "d-1").unwrap(), dated, "{base}");
    }
    // A name that would reach another path is refused.
    for model in ["a/b", "..", "a?b", "a b"] {
        assert!(uri("https://x.openai.azure.com", Some("2024-10-21"), model).is_err(), "{model}");
    }
}
