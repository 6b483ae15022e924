//! `lockgate demo`.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::house::{House, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn every_step_shows_what_it_should() {
    let house = House::new().await;
    let mut command = house.command(&["demo", "--once", "--json"]);
    // A wrong real key must not matter, and files must go where temporary files go, and vanish.
    let output =
        command.env("TMPDIR", house.path()).env("HTTP_PROXY", "http://127.0.0.1:9").output().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["ok"]), (Some(0), &Value::Bool(true)), "{told}");
    let steps = told["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    let story = [
        "answer",
        "stream",
        "failover",
        "stream_error",
        "explained",
        "rate_limit",
        "spend_cap",
        "customer_cap",
        "downgrade",
        "cache_miss",
        "cache_hit",
        "cache_hit_stream",
        "coalesced",
        "ledger",
    ];
    assert_eq!(names, story);
    for step in steps {
        assert_eq!(step["ok"], true, "{step}");
        assert!(step["latency_us"].as_u64().unwrap() > 0, "{step}");
        for field in ["status", "cache", "provider", "cost_nano_usd"] {
            assert!(step.get(field).is_some(), "{field} is missing in {step}");
        }
    }
    let step = |name: &str| steps.iter().find(|step| step["name"] == name).unwrap();
    assert_eq!(step("downgrade")["model"], "gpt-4.1-nano");
    let hit = step("cache_hit");
    assert_eq!((&hit["cache"], &hit["cost_nano_usd"]), (&Value::from("exact"), &Value::from(0)));
    assert_eq!(step("answer")["attempts"], "openai/gpt-4.1=200");
    assert_eq!(step("failover")["attempts"], "openai/gpt-4.1=503,anthropic/claude-sonnet-5=200");
    let broken = step("stream_error")["attempts"].as_str().unwrap();
    let (first, second) = broken.split_once(',').unwrap();
    // A status would have come before the stream began.
    assert!(first.strip_prefix("openai/gpt-4.1=").unwrap().parse::<u16>().is_err(), "{broken}");
    assert_eq!(second, "anthropic/claude-sonnet-5=200");
    let explained = &step("explained")["explain"];
    assert_eq!(explained["limits"]["remaining_requests"], 59);
    assert_eq!(explained["limits"]["cap_scope"], "key");
    assert_eq!(explained["exact"], "miss");
    let candidates = explained["candidates"].as_array().unwrap();
    let told: Vec<_> =
        candidates.iter().map(|told| (told["model"].as_str(), told["verdict"].as_str())).collect();
    assert_eq!(told, [(Some("gpt-4.1"), Some("failed")), (Some("claude-sonnet-5"), Some("answered"))]);
    assert_eq!((&candidates[0]["reason"], &candidates[1]["why"]), (&"429".into(), &"chain".into()));
    assert_eq!(std::fs::read_dir(house.path()).unwrap().count(), 0, "the demo left files behind");
    assert_eq!(house.sim.requests().len(), 0, "the demo used the environment's provider");
}

#[cfg(feature = "test-model")]
#[tokio::test(flavor = "multi_thread")]
async fn with_the_model_it_shows_the_semantic_cache() {
    let house = House::new().await;
    let mut command = house.command(&["demo", "--once", "--json"]);
    command.env("TMPDIR", house.path()).env("LOCKGATE_MODEL_DIR", crate::house::model());
    let output = command.output().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["ok"]), (Some(0), &Value::Bool(true)), "{told}");
    let steps = told["steps"].as_array().unwrap();
    let cache = |name: &str| steps.iter().find(|step| step["name"] == name).map(|step| step["cache"].clone());
    assert_eq!(cache("semantic_hit"), Some(Value::from("semantic")));
    assert_eq!(cache("semantic_guarded"), Some(Value::from("miss")));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_serving_until_it_is_interrupted() {
    let house = House::new().await;
    let mut child = house.command(&["demo"]).env("TMPDIR", house.path()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = String::new();
    let (mut base, mut key) = (String::new(), String::new());
    while key.is_empty() {
        let line = timeout(SOON, lines.next_line()).await.unwrap().unwrap().expect("it invites");
        if let Some((_, rest)) = line.split_once("base_url=\"") {
            let mut parts = rest.split('"');
            base = parts.next().unwrap().to_owned();
            key = parts.nth(1).unwrap().to_owned();
        }
        told.push_str(&line);
    }
    for words in [
        "simulated",
        "openai/gpt-4.1 failed: 503; anthropic/claude-sonnet-5 answered",
        "nobody sees it",
        "- limits: 59 requests left",
        "- openai/gpt-4.1, asked for, failed: 429",
        "- anthropic/claude-sonnet-5, declared as a stand-in, answered",
        "a cheaper model answers",
        "- gpt-4.1 may cost more than the cap leaves; gpt-4.1-nano fits",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let address = base.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().parse().unwrap();
    let answer = crate::web::ask(address, &key, &crate::web::question("and I?", false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let status = timeout(SOON, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(std::fs::read_dir(house.path()).unwrap().count(), 0, "the demo left files behind");
}
