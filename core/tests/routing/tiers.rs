//! Substitution by tier, and the four modes.

use lockgate::pricing::{Kind, PriceTable};
use lockgate_sim::{Fault, Provider};

use crate::house::{ask, post, settings, sim, with};

const MAPPED: &str = "[routing]\nsubstitute = \"tier\"\nretries = 0\n\
    [routing.tiers.home]\nflagship = \"large\"\nbalanced = \"middle\"\nbudget = \"small\"\n";

#[tokio::test]
async fn a_model_of_the_same_tier_stands_in() {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "home", &two, &["large", "middle", "small"])
        .toml(MAPPED)
        .unwrap()
        .build()
        .await
        .unwrap();
    for (model, sibling) in [("gpt-4o", "large"), ("gpt-4.1-mini", "middle"), ("gpt-4o-mini", "small")] {
        one.fault(Provider::OpenAi, Fault::status(503));
        let seen = post(&gateway, &ask(model, true), &[]).await;
        assert_eq!(seen.attempts(), format!("openai/{model}=503,home/{sibling}=200"));
        assert!(seen.is_whole_stream());
    }
    // The other way round: a local model of a tier is stood in for by the table's.
    two.fault(Provider::OpenAi, Fault::status(503));
    let seen = post(&gateway, &ask("small", false), &[]).await;
    assert_eq!(seen.attempts(), "home/small=503,openai/gpt-6-luna=200");
}

#[tokio::test]
async fn embeddings_have_no_substitute() {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "home", &two, &["large"]).toml(MAPPED).unwrap().build().await.unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    let request =
        lockgate::types::EmbedRequest::from_slice(br#"{"model": "text-embedding-3-small", "input": "x"}"#);
    let error = gateway.embed(request.unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "provider_error");
    assert!(two.requests().is_empty());
}

#[tokio::test]
async fn the_mode_decides_who_is_asked_and_who_first() {
    let (cloud, home) = (sim().await, sim().await);
    for (mode, asked, model) in [
        ("cloud_first", "openai", "gpt-4o"),
        ("cloud_only", "openai", "gpt-4o"),
        ("local_first", "home", "large"),
        ("local_only", "home", "large"),
    ] {
        let gateway = with(settings(&cloud), "home", &home, &["large"])
            .toml(MAPPED)
            .unwrap()
            .set("providers.home.local", true)
            .set("failover_mode", mode)
            .build()
            .await
            .unwrap();
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        assert_eq!(
            (seen.header("x-lockgate-provider"), seen.header("x-lockgate-model")),
            (asked, model),
            "{mode}"
        );
        let (first, other) =
            if asked == "openai" { (&cloud, "home/large=200") } else { (&home, "openai/gpt-4o=200") };
        first.fault(Provider::OpenAi, Fault::status(500));
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        let fails_over = mode.ends_with("first");
        assert_eq!(seen.attempts().ends_with(other), fails_over, "{mode}: {}", seen.attempts());
        // What the model asked for refuses is the caller's fault; what a local stand-in before it refuses is not.
        first.fault(Provider::OpenAi, Fault::status(413));
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        assert_eq!(seen.attempts().ends_with(other), mode == "local_first", "{mode}: {}", seen.attempts());
    }
}

#[tokio::test]
async fn the_modes_come_from_one_variable() {
    let (cloud, home) = (sim().await, sim().await);
    for (mode, answered) in
        [("cloud_first", "openai"), ("cloud_only", "openai"), ("local_first", "home"), ("local_only", "home")]
    {
        let environment = lockgate::config::Environment::empty().with("LOCKGATE_FAILOVER_MODE", mode);
        let gateway = with(settings(&cloud), "home", &home, &["large"])
            .toml(MAPPED)
            .unwrap()
            .set("providers.home.local", true)
            .environment(environment)
            .build()
            .await
            .unwrap();
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        assert_eq!(seen.header("x-lockgate-provider"), answered, "{mode}: {}", seen.body);
    }
    let environment = lockgate::config::Environment::empty().with("LOCKGATE_FAILOVER_MODE", "local_only");
    let gateway = settings(&cloud).environment(environment).build().await.unwrap();
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!(seen.status, 503, "{}", seen.body);
    assert!(seen.body.contains("no_candidate"));
}

#[tokio::test]
async fn an_ollama_model_stands_in_for_its_tier_and_one_that_is_not_pulled_is_passed_over() {
    let one = sim().await;
    let gateway = with(settings(&one), "zeta", &one, &["large"])
        .toml(
            "[routing]\nsubstitute = \"tier\"\nretries = 0\n\
             [routing.tiers.ollama]\nflagship = \"llama3.2\"\nbudget = \"not-pulled\"\n\
             [routing.tiers.zeta]\nbudget = \"large\"\n",
        )
        .unwrap()
        .set("providers.zeta.local", true)
        .set("providers.ollama.base_url", one.base_url(Provider::Ollama))
        .build()
        .await
        .unwrap();
    one.fault(Provider::OpenAi, Fault::status(503));
    let seen = post(&gateway, &ask("gpt-4o", true), &[]).await;
    assert_eq!(seen.attempts(), "openai/gpt-4o=503,ollama/llama3.2=200");
    assert!(seen.is_whole_stream(), "{}", seen.body);
    one.fault(Provider::OpenAi, Fault::status(503));
    let seen = post(&gateway, &ask("gpt-4o-mini", false), &[]).await;
    assert_eq!(
        seen.attempts(),
        "openai/gpt-4o-mini=503,ollama/not-pulled=404,zeta/large=200",
        "{}",
        seen.body
    );
}

#[test]
fn the_table_of_tiers_names_models_of_those_tiers() {
    let text = include_str!("../../pricing/tiers.toml");
    let tiers: toml::Table = text.parse().unwrap();
    let prices = PriceTable::builtin().unwrap();
    for (provider, models) in &tiers {
        for (tier, model) in models.as_table().unwrap() {
            let info = prices.model(provider, model.as_str().unwrap()).unwrap_or_else(|| panic!("{model}"));
            assert_eq!(info.kind, Kind::Chat, "{model}");
            assert_eq!(serde_json::to_value(info.tier).unwrap(), tier.as_str(), "{model}");
        }
    }
}
