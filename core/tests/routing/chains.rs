//! Declared stand-ins.

use lockgate::config::{Chain, Substitute};
use lockgate_sim::{Fault, Provider};

use crate::house::{ask, post, project, rows, settings, sim, with};

#[tokio::test]
async fn every_model_of_a_chain_is_reached_in_order_and_said_so() {
    let (one, two, three) = (sim().await, sim().await, sim().await);
    let builder = with(with(settings(&one), "beta", &two, &["b"]), "gamma", &three, &["c"]);
    let gateway = builder
        .set("routing.retries", 0)
        .set("routing.chains.gpt-4o", vec!["gpt-4o-mini", "beta/b", "c"])
        .build()
        .await
        .unwrap();
    for stream in [false, true] {
        one.fault(Provider::OpenAi, Fault::status(500));
        one.fault(Provider::OpenAi, Fault::status(503));
        two.fault(Provider::OpenAi, Fault::Reset);
        let seen = post(&gateway, &ask("gpt-4o", stream), &[]).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        assert_eq!(seen.attempts(), "openai/gpt-4o=500,openai/gpt-4o-mini=503,beta/b=reset,gamma/c=200");
        assert_eq!((seen.header("x-lockgate-provider"), seen.header("x-lockgate-model")), ("gamma", "c"));
        assert!(seen.body.contains("gamma/c answered in place of gpt-4o"), "{}", seen.body);
    }
    let rows = rows(&gateway).await;
    assert!(rows.iter().all(|row| row.requested_model == "gpt-4o"));
    assert!(rows.iter().all(|row| row.served_model.as_deref() == Some("c")));
    // The price is that of who answered.
    assert!(rows.iter().all(|row| row.cost.unwrap().nano() == 0));
}

#[tokio::test]
async fn without_a_declaration_nobody_stands_in() {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "beta", &two, &["b"]).set("routing.retries", 0).build().await.unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!((seen.status, seen.attempts()), (502, "openai/gpt-4o=500"));
    assert!(two.requests().is_empty());
}

#[tokio::test]
async fn a_chain_serves_a_name_that_nobody_else_has() {
    let one = sim().await;
    let gateway =
        settings(&one).set("routing.chains.smart", vec!["gpt-4o", "gpt-4o-mini"]).build().await.unwrap();
    let seen = post(&gateway, &ask("smart", false), &[]).await;
    assert_eq!((seen.status, seen.header("x-lockgate-model")), (200, "gpt-4o"), "{}", seen.body);
    assert_eq!(post(&gateway, &ask("smarter", false), &[]).await.status, 404);
}

#[tokio::test]
async fn substitutes_are_kept_only_where_the_chain_says_so() {
    let (one, two) = (sim().await, sim().await);
    for kept in [false, true] {
        let gateway = with(settings(&one), "beta", &two, &["b"])
            .set("routing.retries", 0)
            .toml(&format!(
                "[routing.chains]\n\"gpt-4o\" = {{ models = [\"beta/b\"], cache_substitutes = {kept} }}\n"
            ))
            .unwrap()
            .build()
            .await
            .unwrap();
        let question = ask("gpt-4o", false);
        one.fault(Provider::OpenAi, Fault::status(500));
        assert_eq!(post(&gateway, &question, &[]).await.header("x-lockgate-provider"), "beta");
        let again = post(&gateway, &question, &[]).await;
        if kept {
            assert_eq!(again.header("x-lockgate-cache"), "exact");
            assert_eq!(
                (again.header("x-lockgate-provider"), again.header("x-lockgate-model")),
                ("beta", "b")
            );
        } else {
            assert_eq!(again.header("x-lockgate-cache"), "miss");
            assert_eq!(again.header("x-lockgate-provider"), "openai");
        }
    }
}

#[tokio::test]
async fn a_project_has_chains_providers_and_models_of_its_own() {
    let (one, two, three) = (sim().await, sim().await, sim().await);
    let gateway = with(with(settings(&one), "beta", &two, &["b"]), "gamma", &three, &["c"])
        .set("routing.retries", 0)
        .set("routing.chains.gpt-4o", vec!["b"])
        .build()
        .await
        .unwrap();
    let mut settings = project(&gateway).await.settings;
    let chain = Chain { models: vec!["beta/b".to_owned(), "gamma/c".to_owned()], ..Chain::default() };
    settings.chains.insert("gpt-4o".to_owned(), chain);
    settings.providers = Some(vec!["openai".to_owned(), "gamma".to_owned()]);
    gateway.admin().set_project("default", |to| *to = settings.clone()).await.unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!(seen.attempts(), "openai/gpt-4o=500,gamma/c=200");
    assert!(two.requests().is_empty(), "a provider that the project excludes was asked");

    // A stand-in is not a way around the project's models.
    settings.models = Some(vec!["gpt-4o".to_owned()]);
    gateway.admin().set_project("default", |to| *to = settings.clone()).await.unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    assert_eq!(post(&gateway, &ask("gpt-4o", false), &[]).await.attempts(), "openai/gpt-4o=500");

    settings.models = None;
    settings.substitute = Some(Substitute::Never);
    gateway.admin().set_project("default", |to| *to = settings.clone()).await.unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    assert_eq!(post(&gateway, &ask("gpt-4o", false), &[]).await.attempts(), "openai/gpt-4o=500");

    settings.providers = Some(vec!["gamma".to_owned()]);
    gateway.admin().set_project("default", |to| *to = settings).await.unwrap();
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!(seen.status, 503, "{}", seen.body);
    assert!(seen.body.contains("no_candidate"));
}

#[tokio::test]
async fn a_dearer_stand_in_is_paid_for_before_it_is_asked_or_skipped() {
    let one = sim().await;
    let dear = |builder: lockgate::Builder| {
        builder
            .toml("[[prices]]\nprovider = \"openai\"\nmodel = \"dear\"\nprice = { input = \"100\", output = \"100\" }\n[routing.chains]\n\"gpt-4o-mini\" = [\"openai/dear\"]\n")
            .unwrap()
            .set("routing.retries", 0)
    };
    let gateway = dear(settings(&one)).set("project.monthly_cap", "0.01").build().await.unwrap();
    let mut question = ask("gpt-4o-mini", false);
    question["max_tokens"] = 1000.into();
    one.fault(Provider::OpenAi, Fault::status(500));
    let seen = post(&gateway, &question, &[("x-lockgate-explain", "1")]).await;
    assert_eq!(seen.attempts(), "openai/gpt-4o-mini=500,openai/dear=skipped");
    assert_eq!(one.requests().len(), 1);
    // The reason is on the record.
    let decided = *rows(&gateway).await.remove(0).decisions.unwrap();
    let reason = decided.candidates[1].reason.as_deref().unwrap();
    assert!(reason.starts_with("spend_cap_exceeded: "), "{reason}");

    let gateway = dear(settings(&one)).set("project.monthly_cap", "1").build().await.unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    let seen = post(&gateway, &question, &[]).await;
    assert_eq!(seen.attempts(), "openai/gpt-4o-mini=500,openai/dear=200");
    let row = &rows(&gateway).await[0];
    let tokens = row.tokens.input + row.tokens.output;
    assert_eq!(row.cost.unwrap().nano(), i64::try_from(tokens).unwrap() * 100_000);
}

#[tokio::test]
async fn what_a_stand_in_refuses_is_not_the_caller_s_fault() {
    let (one, two, three) = (sim().await, sim().await, sim().await);
    let gateway = with(with(settings(&one), "beta", &two, &["b"]), "gamma", &three, &["c"])
        .set("routing.retries", 0)
        .set("routing.chains.gpt-4o", vec!["beta/b", "gamma/c"])
        .set("routing.chains.alias", vec!["beta/b", "gamma/c"])
        .build()
        .await
        .unwrap();
    for status in [400, 404, 413, 422] {
        one.fault(Provider::OpenAi, Fault::status(503));
        two.fault(Provider::OpenAi, Fault::status(status));
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        assert_eq!(seen.attempts(), format!("openai/gpt-4o=503,beta/b={status},gamma/c=200"));
        // The first of a chain that has a name of its own is what the name means.
        two.fault(Provider::OpenAi, Fault::status(status));
        let seen = post(&gateway, &ask("alias", false), &[]).await;
        assert_eq!((seen.status, seen.attempts()), (status, format!("beta/b={status}").as_str()));
    }
    rows(&gateway).await;
}

#[tokio::test]
async fn what_nobody_in_the_plan_can_express_is_the_caller_s_fault() {
    let one = sim().await;
    let gateway = settings(&one)
        .set("providers.anthropic.api_key", "sk-ant")
        .set("providers.anthropic.base_url", one.base_url(Provider::Anthropic))
        .set("routing.chains.claude-sonnet-4-5", vec!["claude-sonnet-4-6"])
        .build()
        .await
        .unwrap();
    let mut question = ask("claude-sonnet-4-5", false);
    question["n"] = 2.into();
    let seen = post(&gateway, &question, &[]).await;
    assert_eq!(seen.status, 400, "{}", seen.body);
    assert_eq!(seen.json()["error"]["code"], "unsupported_parameter");
    assert_eq!(seen.attempts(), "anthropic/claude-sonnet-4-5=skipped,anthropic/claude-sonnet-4-6=skipped");
    assert!(one.requests().is_empty());
    rows(&gateway).await;
}

#[tokio::test]
async fn headers_and_keys_of_one_provider_are_never_sent_to_another() {
    let (one, two) = (sim().await, sim().await);
    let gateway = with(settings(&one), "beta", &two, &["b"])
        .set("routing.retries", 0)
        .set("routing.chains.gpt-4o", vec!["beta/b"])
        .set("providers.openai.headers.x-team", "ours-alone")
        .set("providers.beta.headers.x-other", "theirs-alone")
        .build()
        .await
        .unwrap();
    one.fault(Provider::OpenAi, Fault::status(500));
    let callers = [("x-forwarded-for", "10.0.0.1"), ("cookie", "c=1")];
    let seen = post(&gateway, &ask("gpt-4o", false), &callers).await;
    assert_eq!(seen.attempts(), "openai/gpt-4o=500,beta/b=200");
    for (sim, own, other) in [(&one, "ours-alone", "theirs-alone"), (&two, "theirs-alone", "ours-alone")] {
        let request = sim.requests().remove(0);
        let everything = format!("{:?}{}", request.headers, request.body);
        assert!(everything.contains(own) && !everything.contains(other), "{everything}");
        // Nor what the caller's own connection carried.
        assert!(!everything.contains("10.0.0.1") && !everything.contains("c=1"), "{everything}");
    }
    rows(&gateway).await;
}

#[tokio::test]
async fn wrong_chains_are_refused_at_start() {
    let one = sim().await;
    for (chain, named) in
        [("[]", "at least one"), ("[\"gpt-4o\"]", "other models"), ("[\"\"]", "other models")]
    {
        let error = settings(&one)
            .toml(&format!("[routing.chains]\n\"gpt-4o\" = {chain}\n"))
            .unwrap()
            .build()
            .await
            .unwrap_err();
        assert!(error.message().contains("routing.chains.gpt-4o"), "{error}");
        assert!(error.message().contains(named), "{error}");
    }
}
