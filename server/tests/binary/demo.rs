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
    assert_eq!(steps[5]["model"], "gpt-4.1-nano");
    assert_eq!((&steps[7]["cache"], &steps[7]["cost_nano_usd"]), (&Value::from("exact"), &Value::from(0)));
    assert_eq!(std::fs::read_dir(house.path()).unwrap().count(), 0, "the demo left files behind");
    assert_eq!(house.sim.requests().len(), 0, "the demo used the environment's provider");
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
    assert!(told.contains("simulated"), "{told}");
    let address = base.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().parse().unwrap();
    let answer = crate::web::ask(address, &key, &crate::web::question("and I?", false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let status = timeout(SOON, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(std::fs::read_dir(house.path()).unwrap().count(), 0, "the demo left files behind");
}
