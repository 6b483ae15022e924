//! `/metrics`: numbers that agree with the ledger, and labels that cannot grow without end.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use lockgate::Gateway;
use lockgate_sim::{Fault, Provider, Scripted};

use crate::house::{ask, post, rows, settings, sim};

async fn metrics(gateway: &Gateway) -> String {
    let response = gateway.handle(Request::get("/metrics").body(Bytes::new()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(response.body().as_full().unwrap().to_vec()).unwrap()
}

/// The sum of all samples of `name` whose labels have all of `labels`.
fn sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let samples = text.lines().filter(|line| {
        line.split(['{', ' ']).next() == Some(name) && labels.iter().all(|label| line.contains(label))
    });
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn numbers_are_the_ledger_s() {
    let one = sim().await;
    let gateway = settings(&one).set("routing.retries", 0).build().await.unwrap();
    let question = ask("gpt-4o", false);
    post(&gateway, &question, &[]).await;
    post(&gateway, &question, &[]).await;
    post(&gateway, &ask("gpt-4o-mini", true), &[]).await;
    one.fault(Provider::OpenAi, Fault::status(500));
    post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!(post(&gateway, &ask("nobody-s-model", false), &[]).await.status, 404);
    let rows = rows(&gateway).await;
    let text = metrics(&gateway).await;
    assert_eq!(sum(&text, "lockgate_requests_total", &[]), 4.0);
    assert_eq!(sum(&text, "lockgate_requests_total", &["cache=\"exact\""]), 1.0);
    assert_eq!(sum(&text, "lockgate_requests_total", &["outcome=\"failed\""]), 1.0);
    assert_eq!(sum(&text, "lockgate_upstream_attempts_total", &["result=\"500\""]), 1.0);
    assert_eq!(sum(&text, "lockgate_refusals_total", &["code=\"model_not_found\""]), 1.0);
    let cost: i64 = rows.iter().filter_map(|row| row.cost).map(lockgate::money::Nano::nano).sum();
    assert_eq!(sum(&text, "lockgate_cost_nano_usd_total", &[]), cost as f64);
    let output: u64 = rows.iter().map(|row| row.tokens.output).sum();
    assert_eq!(sum(&text, "lockgate_tokens_total", &["kind=\"output\""]), output as f64);
    assert_eq!(sum(&text, "lockgate_stage_seconds_count", &["stage=\"attempt\""]), 3.0);
    assert_eq!(sum(&text, "lockgate_stores_up", &[]), 1.0);
    assert_eq!(sum(&text, "lockgate_streams_open", &[]), 0.0);
    assert_eq!(sum(&text, "lockgate_queue_depth", &[]), 0.0);
}

#[tokio::test]
async fn models_that_callers_make_up_share_one_label() {
    let one = sim().await;
    let gateway = settings(&one).build().await.unwrap();
    for number in 0..300 {
        post(&gateway, &ask(&format!("openai/made-up-{number}"), false), &[]).await;
    }
    let text = metrics(&gateway).await;
    let series = text.lines().filter(|line| line.starts_with("lockgate_upstream_attempts_total{")).count();
    assert!(series <= 201, "{series} series");
    assert_eq!(sum(&text, "lockgate_upstream_attempts_total", &["model=\"other\""]), 100.0);
}

#[tokio::test]
async fn a_downgrade_and_a_skipped_candidate_are_counted() {
    let one = sim().await;
    let prices = "[[prices]]\nprovider = \"openai\"\nmodel = \"dear\"\n\
                  price = { input = \"1000\", output = \"1000\" }\n\
                  [routing.chains]\n\"gpt-4.1-nano\" = [\"openai/dear\"]\n\
                  [project.downgrade]\n\"gpt-4o\" = \"gpt-4.1-nano\"\n";
    let gateway = settings(&one)
        .toml(prices)
        .unwrap()
        .set("routing.retries", 0)
        .set("project.monthly_cap", "0.002")
        .set("project.downgrade_on_cap", true)
        .build()
        .await
        .unwrap();
    let mut question = ask("gpt-4o", false);
    question["max_tokens"] = 1000.into();
    one.fault(Provider::OpenAi, Fault::status(500));
    let seen = post(&gateway, &question, &[]).await;
    assert_eq!(seen.attempts(), "openai/gpt-4.1-nano=500,openai/dear=skipped");
    rows(&gateway).await;
    let text = metrics(&gateway).await;
    assert_eq!(sum(&text, "lockgate_downgrades_total", &[]), 1.0);
    assert_eq!(sum(&text, "lockgate_upstream_attempts_total", &["result=\"skipped\""]), 1.0);
}

#[tokio::test]
async fn the_documentation_lists_what_there_is() {
    let one = sim().await;
    let gateway =
        settings(&one).set("routing.retries", 0).set("routing.breaker.failures", 1).build().await.unwrap();
    // Something of everything: numbers without a value are not shown.
    post(&gateway, &ask("gpt-4o-mini", true), &[]).await;
    post(&gateway, &ask("nobody-s-model", false), &[]).await;
    one.fault(Provider::OpenAi, Fault::status(500));
    post(&gateway, &ask("gpt-4o", false), &[]).await;
    rows(&gateway).await;
    let text = metrics(&gateway).await;
    let helped = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let shown: BTreeSet<&str> = helped.map(|line| line.split(' ').next().unwrap()).collect();
    let readme = include_str!("../../../README.md");
    let listed = readme.split('`').filter(|name| name.starts_with("lockgate_"));
    assert_eq!(listed.collect::<BTreeSet<&str>>(), shown);
}

#[tokio::test]
async fn an_open_breaker_is_shown() {
    let one = sim().await;
    let gateway =
        settings(&one).set("routing.retries", 0).set("routing.breaker.failures", 2).build().await.unwrap();
    one.fault(Provider::OpenAi, Scripted::from(Fault::status(500)).times(2));
    for _ in 0..2 {
        post(&gateway, &ask("gpt-4o", false), &[]).await;
    }
    assert_eq!(sum(&metrics(&gateway).await, "lockgate_breaker_open", &["model=\"gpt-4o\""]), 1.0);
    post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!(sum(&metrics(&gateway).await, "lockgate_breaker_open", &[]), 0.0);
}
