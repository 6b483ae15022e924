//! P4: one command before an answer and one after; what else there is, each counted by Redis itself.

use lockgate::CacheMode;
use lockgate::CallOptions;
use lockgate::auth::NewKey;
use lockgate::limits::Rates;
use lockgate::money::Nano;
use lockgate::types::ChatRequest;
use lockgate_sim::{Fault, Provider};

use crate::house::{House, SOON, ask, balanced, key, project, question, verdict};
use crate::server::Server;

/// What clients sent since the last look.
struct Count<'a> {
    server: &'a Server,
    seen: [u64; 4],
}

const NAMES: [&str; 4] = ["evalsha", "eval", "get", "set"];

impl Count<'_> {
    async fn now(server: &Server) -> [u64; 4] {
        let mut seen = [0; 4];
        for (seen, name) in seen.iter_mut().zip(NAMES) {
            *seen = server.calls(name).await;
        }
        seen
    }

    async fn of(server: &Server) -> Count<'_> {
        Count { server, seen: Count::now(server).await }
    }

    /// EVALSHA and EVAL since the last look.
    async fn scripts(&mut self) -> (u64, u64) {
        let now = Count::now(self.server).await;
        let grown = (now[0] - self.seen[0], now[1] - self.seen[1]);
        self.seen = now;
        grown
    }
}

/// A key with every limit there is, and a customer with caps.
fn limited() -> NewKey {
    let rates = Rates {
        requests_per_minute: Some(1000),
        tokens_per_minute: Some(10_000_000),
        concurrency: Some(100),
    };
    let cap = Some(Nano::from_nano(100_000_000_000));
    NewKey { name: "all".to_owned(), rates, monthly_cap: cap, ..NewKey::default() }
}

async fn of_customer(gateway: &lockgate::Gateway, key: &str, request: ChatRequest) -> String {
    let customer = Some("ada".to_owned());
    let options = CallOptions { key: Some(key.to_owned()), customer, ..CallOptions::default() };
    let answer = gateway.chat_with(request, options).await.unwrap();
    assert!(gateway.flush(SOON).await);
    verdict(&answer).to_owned()
}

#[tokio::test]
async fn a_miss_is_two_commands_and_a_hit_is_one() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    gateway
        .admin()
        .set_project("default", |settings| settings.monthly_cap = Some(Nano::from_nano(1_000_000_000_000)))
        .await
        .unwrap();
    let cap = Some(Nano::from_nano(1_000_000_000));
    let limits = lockgate::auth::CustomerLimits { daily_cap: cap, monthly_cap: cap, ..Default::default() };
    gateway
        .admin()
        .set_customer("default", &lockgate::ids::CustomerId::new("ada").unwrap(), limits)
        .await
        .unwrap();
    let (key, _) = key(gateway.admin(), limited()).await;
    assert_eq!(of_customer(&gateway, &key, question("warm up")).await, "miss");

    let mut count = Count::of(&server).await;
    assert_eq!(of_customer(&gateway, &key, question("one")).await, "miss");
    assert_eq!(count.scripts().await, (2, 0), "admit and settle");
    for _ in 0..5 {
        assert_eq!(of_customer(&gateway, &key, question("one")).await, "exact");
    }
    assert_eq!(count.scripts().await, (5, 0), "a hit is one command");
    // Another process, which has no answer yet: the same command brings it.
    let other = house.gateway("b").await;
    of_customer(&other, &key, question("warm up")).await;
    count.scripts().await;
    assert_eq!(of_customer(&other, &key, question("one")).await, "exact");
    assert_eq!(count.scripts().await, (1, 0));
    // Ten equal requests at once: each pays its rate, one settles.
    let all = (0..10).map(|_| of_customer(&gateway, &key, question("together")));
    futures_util::future::join_all(all).await;
    let (scripts, _) = count.scripts().await;
    assert!(scripts <= 11, "{scripts} for ten requests");
    let counts = gateway.redis_counts().unwrap();
    assert_eq!((counts.unknown_scripts, counts.resent, counts.late, counts.bodies), (0, 0, 0, 0));
    balanced(&gateway).await;
}

#[tokio::test]
async fn a_script_that_was_forgotten_is_one_command_more() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    gateway.chat(question("warm up")).await.unwrap();
    gateway.flush(SOON).await;
    let mut count = Count::of(&server).await;
    server.run_command(&["SCRIPT", "FLUSH"]).await;
    gateway.chat(question("one")).await.unwrap();
    assert!(gateway.flush(SOON).await);
    let (by_hash, in_full) = count.scripts().await;
    // Admit by hash in vain, then in full; settle finds its script loaded by then, or goes the same way.
    assert!(by_hash == 2 && (1..=2).contains(&in_full), "{by_hash} {in_full}");
    assert_eq!(gateway.redis_counts().unwrap().unknown_scripts, in_full);
    gateway.chat(question("two")).await.unwrap();
    gateway.flush(SOON).await;
    assert_eq!(count.scripts().await, (2, 0), "and all is as before");
    balanced(&gateway).await;
}

#[tokio::test]
async fn a_newer_configuration_is_one_command_more() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let (one, other) = (house.gateway("a").await, house.gateway("b").await);
    let (key, _) = key(one.admin(), limited()).await;
    for gateway in [&one, &other] {
        ask(gateway, &key, "warm up").await.unwrap();
        gateway.flush(SOON).await;
    }
    one.admin().set_project("default", |settings| settings.require_customer = false).await.unwrap();
    let mut count = Count::of(&server).await;
    ask(&other, &key, "warm up").await.unwrap();
    let (scripts, _) = count.scripts().await;
    // Told to reload, unless the news came first.
    assert!((1..=2).contains(&scripts), "{scripts}");
    ask(&other, &key, "warm up").await.unwrap();
    assert_eq!(count.scripts().await, (1, 0));
}

/// Before a dearer candidate the reservation is raised, in one command; one that costs no more needs none.
#[tokio::test]
async fn a_dearer_attempt_is_one_command_more() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let mut config = house.config("a");
    config.routing.retries = 0;
    let gateway =
        lockgate::Gateway::start(config, std::sync::Arc::new(lockgate::clock::SystemClock)).await.unwrap();
    let chains = serde_json::json!({"gpt-4o-mini": ["gpt-4o"], "gpt-4o": ["gpt-4o-mini"]});
    let chains: std::collections::BTreeMap<String, lockgate::config::Chain> =
        serde_json::from_value(chains).unwrap();
    gateway.admin().set_project("default", |settings| settings.chains = chains).await.unwrap();
    gateway.chat(question("warm up")).await.unwrap();
    assert!(gateway.flush(SOON).await);
    for (asked, scripts, calls) in [("gpt-4o-mini", 3, 1), ("gpt-4o", 2, 0)] {
        house.sim.fault(Provider::OpenAi, lockgate_sim::Scripted::from(Fault::status(500)).on_model(asked));
        let monitor = server.monitor();
        let answer = gateway.chat(ChatRequest::new(asked).user(format!("one for {asked}"))).await.unwrap();
        assert_ne!(answer.lockgate.unwrap().model.as_deref(), Some(asked), "another answered");
        assert!(gateway.flush(SOON).await);
        let raise = &lockgate_lua::Scripts::get().raise.sha1;
        let sent = monitor.sent();
        assert_eq!(sent.len(), scripts, "{sent:?}");
        assert_eq!(sent.iter().filter(|sent| sent.contains(raise.as_str())).count(), calls, "{sent:?}");
    }
    balanced(&gateway).await;
}

#[tokio::test]
async fn a_large_answer_is_one_command_more() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let (one, other) = (house.gateway("a").await, house.gateway("b").await);
    one.chat(question("warm up")).await.unwrap();
    other.chat(question("warm up")).await.unwrap();
    one.flush(SOON).await;
    let before = one.redis_counts().unwrap();
    let mut count = Count::of(&server).await;
    house.sim.fault(Provider::OpenAi, Fault::reply("a long word ".repeat(6000)));
    let text = "at length";
    let first = one.chat(question(text)).await.unwrap();
    assert!(first.choices[0].message.text().len() > 64 * 1024);
    assert!(one.flush(SOON).await);
    assert_eq!(count.scripts().await, (2, 0));
    assert_eq!(one.redis_counts().unwrap().bodies - before.bodies, 1, "the body is written by itself");
    let again = other.chat(question(text)).await.unwrap();
    assert_eq!(verdict(&again), "exact");
    assert_eq!(again.choices[0].message.text(), first.choices[0].message.text());
    assert_eq!(count.scripts().await, (1, 0));
    assert_eq!(other.redis_counts().unwrap().bodies, 1, "and read by itself, once");
    assert_eq!(verdict(&other.chat(question(text)).await.unwrap()), "exact");
    assert_eq!(other.redis_counts().unwrap().bodies, 1, "then this process has it");
    balanced(&one).await;
}

#[tokio::test]
async fn what_one_process_refreshes_the_others_answer_with() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let (one, other) = (house.gateway("a").await, house.gateway("b").await);
    one.chat(question("hello")).await.unwrap();
    one.flush(SOON).await;
    assert_eq!(verdict(&other.chat(question("hello")).await.unwrap()), "exact");
    let refresh = CallOptions { cache: CacheMode::Refresh, ..CallOptions::default() };
    let fresh = one.chat_with(question("hello"), refresh).await.unwrap();
    one.flush(SOON).await;
    let again = other.chat(question("hello")).await.unwrap();
    assert_eq!((verdict(&again), &again.id), ("exact", &fresh.id), "not the older one it still has");
    // A purge stops all of them.
    one.admin().purge_cache("default").await.unwrap();
    assert_eq!(verdict(&other.chat(question("hello")).await.unwrap()), "miss");
    let _ = project(&one).await;
}
