//! Who answers, as an operator decides it: by the environment, and by the command line beside a running server.

use lockgate_sim::{Fault, Provider, Scripted};
use serde_json::Value;

use crate::house::{House, Server};
use crate::web::{self, Response};

const HOME: &str = "[routing]\nsubstitute = \"tier\"\nretries = 0\n\
    [routing.tiers.home]\nflagship = \"large\"\n\
    [providers.home]\nkind = \"openai\"\nlocal = true\napi_key = \"sk-home\"\nprice = \"free\"\nmodels = [\"large\"]\n";

async fn ask(server: &Server, key: &str, text: &str, headers: &[(&str, &str)]) -> Response {
    let mut question = web::question(text, false);
    question["max_tokens"] = 1000.into();
    let bearer = format!("Bearer {key}");
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    let request = web::request("POST", "/v1/chat/completions", &headers, &question.to_string());
    web::send(server.address, &request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_failover_mode_comes_from_the_environment() {
    let house = House::new().await;
    house.write("lockgate.toml", &format!("{HOME}base_url = \"{}\"\n", house.sim.openai_base_url()));
    let (key, _) = house.key(&[]).await;
    for (mode, answers, stands_in) in [
        ("cloud_first", "openai", Some("home")),
        ("cloud_only", "openai", None),
        ("local_first", "home", Some("openai")),
        ("local_only", "home", None),
    ] {
        let server = house.serve_with(&[], &[("LOCKGATE_FAILOVER_MODE", mode)]).await;
        let answer = ask(&server, &key, mode, &[]).await;
        assert_eq!(answer.header("x-lockgate-provider"), Some(answers), "{mode}: {answer:?}");
        house.sim.fault(Provider::OpenAi, Fault::status(503));
        let answer = ask(&server, &key, &format!("{mode} again"), &[]).await;
        match stands_in {
            Some(other) => {
                assert_eq!(answer.header("x-lockgate-provider"), Some(other), "{mode}: {answer:?}")
            }
            None => assert_eq!(answer.status, 502, "{mode}: {answer:?}"),
        }
        server.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_decides_counts_in_the_running_server() {
    let house = House::new().await;
    house.write("lockgate.toml", "[routing]\nretries = 0\n[routing.breaker]\nfailures = 0\n");
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&[]).await;
    let set = async |flags: &[&str]| house.json(&[&["project", "set", "default"], flags].concat()).await;
    let broken = || house.sim.fault(Provider::OpenAi, Scripted::from(Fault::status(503)).on_model("gpt-4.1"));

    broken();
    assert_eq!(ask(&server, &key, "no chain", &[]).await.status, 502);
    set(&["--chain", "gpt-4.1=gpt-4.1-mini"]).await;
    broken();
    let answer = ask(&server, &key, "a chain", &[]).await;
    assert_eq!(answer.header("x-lockgate-attempts"), Some("openai/gpt-4.1=503,openai/gpt-4.1-mini=200"));
    set(&["--substitute", "never"]).await;
    broken();
    assert_eq!(ask(&server, &key, "never", &[]).await.status, 502);
    set(&["--provider", "anthropic"]).await;
    assert_eq!(ask(&server, &key, "elsewhere", &[]).await.error()["code"], "no_candidate");
    set(&["--provider", "none", "--model", "gpt-4.1-nano"]).await;
    assert_eq!(ask(&server, &key, "not allowed", &[]).await.error()["code"], "model_not_found");

    set(&["--model", "none", "--downgrade", "gpt-4.1=gpt-4.1-nano", "--downgrade-on-cap", "true"]).await;
    set(&["--monthly-cap", "0.005"]).await;
    let answer = ask(&server, &key, "dear", &[("x-lockgate-explain", "1")]).await;
    assert_eq!(answer.header("x-lockgate-downgraded-from"), Some("gpt-4.1"), "{answer:?}");
    assert_eq!(answer.header("x-lockgate-model"), Some("gpt-4.1-nano"));
    let explained = &answer.json()["lockgate"]["explain"];
    assert_eq!(
        (&explained["limits"]["downgraded"], &explained["limits"]["cap_scope"]),
        (&true.into(), &"project".into())
    );
    set(&["--downgrade-on-cap", "false"]).await;
    let refused = ask(&server, &key, "dear again", &[("x-lockgate-explain", "1")]).await;
    assert_eq!(refused.status, 402, "{refused:?}");
    assert_eq!(refused.json()["lockgate"]["explain"]["limits"]["refused"], "spend_cap_exceeded");

    // A customer's cap does it by itself, where the customer is set so.
    set(&["--monthly-cap", "none"]).await;
    house.json(&["customer", "set", "acme", "--daily-cap", "0.005", "--on-limit", "downgrade"]).await;
    let answer = ask(&server, &key, "a customer's", &[("x-customer-id", "acme")]).await;
    assert_eq!(answer.header("x-lockgate-downgraded-from"), Some("gpt-4.1"), "{answer:?}");

    let numbers = web::get(server.address, "/metrics", "").await.body;
    assert!(numbers.contains("lockgate_downgrades_total 2"), "{numbers}");
    assert!(numbers.contains("lockgate_refusals_total{code=\"spend_cap_exceeded\"} 1"), "{numbers}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_decisions_is_in_the_debug_log() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let mut server = house.serve(&["--log", "json", "--log-level", "debug"]).await;
    house.sim.fault(Provider::OpenAi, Fault::status(400));
    assert_eq!(ask(&server, &key, "bad", &[]).await.status, 400);
    let line: Value = serde_json::from_str(&server.logs("\"decided\"").await).unwrap();
    let decisions: Value = serde_json::from_str(line["decisions"].as_str().unwrap()).unwrap();
    assert_eq!(decisions["candidates"][0]["reason"], "400", "{line}");
    server.end().await;
}
