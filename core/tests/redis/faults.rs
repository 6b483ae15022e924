//! P11 and P2: Redis slow, cut after it did its work, refused, gone: the stated policy each time, and exact books
//! afterwards.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockgate::Gateway;
use lockgate::auth::{NewKey, OnStoreLoss};
use lockgate::clock::SystemClock;
use lockgate::error::Kind;
use lockgate::money::Nano;

use crate::house::{House, SOON, ask, balanced, elsewhere, key, project, question, until, verdict};
use crate::proxy::Proxy;
use crate::server::Server;

/// An answer that is lost after the write was applied is asked for again under the same id: no error, no double charge.
#[tokio::test]
async fn an_answer_that_is_lost_is_no_error_and_no_double_charge() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let house = House::new(proxy.url()).await;
    let gateway = house.gateway("a").await;
    gateway.chat(question("warm up")).await.unwrap();
    gateway.flush(SOON).await;
    for n in 0..20 {
        // Of the admission, then of the settlement.
        proxy.cut_answers(1);
        gateway.chat(question(&format!("question {n}"))).await.unwrap();
        proxy.cut_answers(1);
        let hit = gateway.chat(question(&format!("question {n}"))).await.unwrap();
        assert_eq!(verdict(&hit), "exact");
        assert!(gateway.flush(SOON).await);
    }
    assert_eq!(proxy.cuts_left(), 0);
    assert!(gateway.redis_counts().unwrap().resent >= 20);
    let total = balanced(&gateway).await;
    assert_eq!((total.requests, total.cache_hits), (41, 20));
    assert_eq!(house.sim.settled().await.len(), 21);
}

/// The settlement's answer is lost: it is repeated until it is acknowledged, and books once.
#[tokio::test]
async fn a_settlement_whose_answer_is_lost_books_once() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let house = House::new(proxy.url()).await;
    let gateway = house.gateway("a").await;
    gateway.chat(question("warm up")).await.unwrap();
    gateway.flush(SOON).await;
    house.sim.fault(lockgate_sim::Provider::OpenAi, lockgate_sim::Fault::slow_headers(150));
    let under_way = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.chat(question("slow")).await.unwrap() }
    });
    house.asked(2).await;
    // Also the second try.
    proxy.cut_answers(2);
    under_way.await.unwrap();
    assert!(gateway.flush(SOON).await);
    assert_eq!(balanced(&gateway).await.requests, 2);
}

#[tokio::test]
async fn closed_refuses_within_the_deadline_and_leaves_nothing() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let mut house = House::new(proxy.url()).await;
    let first = house.gateway("first").await;
    first.chat(question("warm up")).await.unwrap();
    first.flush(SOON).await;
    house.timeout_ms = 150;
    let gateway = house.gateway("a").await;
    // Slow: it does its work, and nobody hears of it in time.
    proxy.mute(true);
    let begun = Instant::now();
    for n in 0..5 {
        let refused = gateway.chat(question(&format!("question {n}"))).await.unwrap_err();
        assert_eq!((refused.kind(), refused.status()), (Kind::StoreUnavailable, 503));
    }
    assert!(begun.elapsed() < SOON / 2, "a deadline on every call");
    proxy.mute(false);
    until("it is used again", || async { gateway.chat(question("after")).await.is_ok() }).await;
    // What the admissions took that nobody heard of is given back.
    let id = project(&gateway).await;
    until("nothing stays reserved", || async { gateway.inspect(id).await.is_ok_and(|seen| seen.open == 0) })
        .await;
    assert_eq!(balanced(&gateway).await.requests, 2, "what was refused is no row, and asked no provider");
    // Refused connections: the same.
    proxy.refuse(true);
    let refused = gateway.chat(question("refused")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::StoreUnavailable);
    proxy.refuse(false);
    until("it is used again", || async { gateway.chat(question("and again")).await.is_ok() }).await;
    assert!(gateway.flush(SOON).await);
    balanced(&gateway).await;
}

/// A server that hangs is given up soon: whoever comes then is refused at once.
#[tokio::test]
async fn a_server_that_hangs_does_not_hold_everybody_up() {
    let server = Server::start();
    let mut house = House::new(server.url()).await;
    house.timeout_ms = 200;
    let gateway = house.gateway("a").await;
    gateway.chat(question("warm up")).await.unwrap();
    gateway.flush(SOON).await;
    server.freeze(true);
    let begun = Instant::now();
    for n in 0..40 {
        assert!(gateway.chat(question(&format!("question {n}"))).await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_millis(40 * 200), "each waited for its deadline");
    server.freeze(false);
    until("it is used again", || async { gateway.chat(question("after")).await.is_ok() }).await;
    let id = project(&gateway).await;
    until("nothing stays reserved", || async { gateway.inspect(id).await.is_ok_and(|seen| seen.open == 0) })
        .await;
    assert_eq!(balanced(&gateway).await.requests, 2);
}

#[tokio::test]
async fn open_serves_and_counts_later() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let mut house = House::new(proxy.url()).await;
    (house.timeout_ms, house.on_loss) = (200, OnStoreLoss::Open);
    let gateway = house.gateway("a").await;
    gateway.chat(question("before")).await.unwrap();
    let before = balanced(&gateway).await.cost;
    for refused in [true, false] {
        if refused {
            proxy.refuse(true);
        } else {
            proxy.mute(true);
        }
        for n in 0..5 {
            let answer = gateway.chat(question(&format!("question {n} {refused}"))).await.unwrap();
            assert_eq!(verdict(&answer), "miss");
        }
        // Known in process, and free of charge all the same.
        let again = gateway.chat(question(&format!("question 0 {refused}"))).await.unwrap();
        assert_eq!(verdict(&again), "exact");
        assert!(!gateway.flush(Duration::from_millis(50)).await, "they wait to be counted");
        proxy.refuse(false);
        proxy.mute(false);
        assert!(gateway.flush(SOON).await, "counted when it is back");
        balanced(&gateway).await;
    }
    let total = balanced(&gateway).await;
    assert_eq!((total.requests, total.cache_hits), (13, 2));
    assert!(total.cost > before);
    assert_eq!(house.sim.settled().await.len(), 11);
}

/// Who sends requests here is told whether they would be served.
#[tokio::test]
async fn readiness_follows_the_policy() {
    for (on_loss, without) in [(OnStoreLoss::Closed, 503), (OnStoreLoss::Open, 200)] {
        let server = Server::start();
        let proxy = Proxy::before(server.port).await;
        let mut house = House::new(proxy.url()).await;
        (house.timeout_ms, house.on_loss) = (200, on_loss);
        let gateway = house.gateway("a").await;
        let ready = async || {
            let asked = http::Request::get("/ready").body(bytes::Bytes::new()).unwrap();
            gateway.handle(asked).await.status().as_u16()
        };
        assert_eq!(ready().await, 200);
        proxy.refuse(true);
        assert_eq!(ready().await, without, "{on_loss:?}");
        assert!(gateway.metrics().await.contains("stores_up 0"));
        proxy.refuse(false);
        until("it is ready again", || async { ready().await == 200 }).await;
    }
}

/// The process that [`what_open_served_is_counted_after_a_kill`] kills.
#[tokio::test]
async fn a_process_that_serves_without_redis() {
    let Some(config) = elsewhere() else { return };
    let gateway = Gateway::start(config, Arc::new(SystemClock)).await.unwrap();
    gateway.chat(question("before")).await.unwrap();
    assert!(gateway.flush(SOON).await);
    println!("\nready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    for n in 0..3 {
        gateway.chat(question(&format!("question {n}"))).await.unwrap();
    }
    println!("\nanswered");
    std::future::pending::<()>().await;
}

/// Served while Redis was away, by a process that was killed before Redis was back: the next start counts it, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_open_served_is_counted_after_a_kill() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let mut house = House::new(proxy.url()).await;
    (house.timeout_ms, house.on_loss) = (200, OnStoreLoss::Open);
    let mut process = house
        .process("faults::a_process_that_serves_without_redis", "a")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (said, heard) = std::sync::mpsc::channel();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    std::thread::spawn(move || lines.try_for_each(|line| said.send(line.unwrap())));
    let wait_for = |word: &str| while heard.recv_timeout(SOON).unwrap() != word {};
    tokio::task::block_in_place(|| wait_for("ready"));
    proxy.refuse(true);
    process.stdin.take().unwrap().write_all(b"go\n").unwrap();
    tokio::task::block_in_place(|| wait_for("answered"));
    process.kill().unwrap();
    process.wait().unwrap();
    proxy.refuse(false);
    for name in ["a", "a"] {
        let gateway = house.gateway(name).await;
        assert_eq!(balanced(&gateway).await.requests, 4, "what was answered is counted, once");
        assert!(gateway.close(SOON).await);
    }
}

/// The slice that a process holds is all it spends while Redis is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_spends_what_was_held_in_advance_and_no_more() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let mut house = House::new(proxy.url()).await;
    (house.timeout_ms, house.on_loss) = (200, OnStoreLoss::Lease);
    let gateway = house.gateway("a").await;
    let cap = Nano::from_nano(20_000_000_000);
    gateway.admin().set_project("default", |settings| settings.monthly_cap = Some(cap)).await.unwrap();
    let (free, _) = key(gateway.admin(), NewKey::default()).await;
    let (capped, _) = key(gateway.admin(), NewKey { monthly_cap: Some(cap), ..NewKey::default() }).await;
    for key in [&free, &capped] {
        ask(&gateway, key, "warm up").await.unwrap();
    }
    assert!(gateway.flush(SOON).await);
    let id = project(&gateway).await;
    // One in a hundred of what is left: the only reservation there is.
    let seen = gateway.inspect(id).await.unwrap();
    let spent = seen.spend[0].0;
    assert_eq!(seen.open, 1);
    // Less a little, for the request during which it was taken.
    let slice = seen.spend[0].1;
    let part = (cap.nano() - spent.nano()) / 100;
    assert!(slice.nano() <= part && slice.nano() > part / 100 * 99, "{slice} {part}");

    proxy.refuse(true);
    assert_eq!(ask(&gateway, &capped, "refused").await.unwrap_err().kind(), Kind::StoreUnavailable);
    let mut served = 0;
    loop {
        // Each may cost about 0.04 dollars, and costs far less.
        match ask(&gateway, &free, &format!("question {served}")).await {
            Ok(_) => served += 1,
            Err(error) => {
                assert_eq!(error.kind(), Kind::StoreUnavailable);
                break;
            }
        }
        assert!(served < 10_000, "the slice has no end");
        if served == 25 {
            break;
        }
    }
    assert!(served > 5, "what was not spent is lent again: {served}");
    proxy.refuse(false);
    assert!(gateway.flush(SOON).await, "counted when it is back");
    let usage = gateway.usage(&lockgate::store::UsageQuery::default()).await.unwrap();
    let seen = gateway.inspect(id).await.unwrap();
    assert_eq!(seen.spend[0].0, usage[0].cost, "Redis and the ledger");
    assert!(usage[0].cost.nano() - spent.nano() <= slice.nano());
    // The next request takes a new slice; closing gives it back.
    until("a new slice", || async { ask(&gateway, &free, "and on").await.is_ok() }).await;
    assert!(gateway.flush(SOON).await);
    assert_eq!(gateway.inspect(id).await.unwrap().open, 1);
    assert!(gateway.close(SOON).await);
    let other = house.gateway("b").await;
    let seen = other.inspect(id).await.unwrap();
    assert_eq!((seen.open, seen.spend[0].1.nano()), (0, 0));
}

/// An estimate above the slice is refused, however much of the cap is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_refuses_what_does_not_fit_its_slice() {
    let server = Server::start();
    let proxy = Proxy::before(server.port).await;
    let mut house = House::new(proxy.url()).await;
    (house.timeout_ms, house.on_loss) = (200, OnStoreLoss::Lease);
    let gateway = house.gateway("a").await;
    // 1 % of it is less than one request may cost.
    let cap = Nano::from_nano(1_000_000_000);
    gateway.admin().set_project("default", |settings| settings.monthly_cap = Some(cap)).await.unwrap();
    gateway.chat(question("warm up")).await.unwrap();
    assert!(gateway.flush(SOON).await);
    proxy.refuse(true);
    assert_eq!(gateway.chat(question("too dear")).await.unwrap_err().kind(), Kind::StoreUnavailable);
    assert_eq!(house.sim.settled().await.len(), 1);
    proxy.refuse(false);
    assert!(gateway.flush(SOON).await);
}
