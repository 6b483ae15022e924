//! A store that loses its data hands out no fresh budget.

use lockgate::CallOptions;
use lockgate::auth::NewKey;
use lockgate::error::Kind;
use lockgate::store::UsageQuery;
use lockgate_sim::{Fault, Provider};

use crate::house::{House, SOON, ask, balanced, key, project, question, until};
use crate::server::Server;

#[tokio::test]
async fn a_flushed_redis_knows_what_was_spent() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    let (secret, _) = key(gateway.admin(), NewKey::default()).await;
    for n in 0..5 {
        ask(&gateway, &secret, &format!("question {n}")).await.unwrap();
    }
    let spent = balanced(&gateway).await.cost;
    assert!(spent.nano() > 0);
    // A cap that is used up.
    gateway.admin().set_project("default", |settings| settings.monthly_cap = Some(spent)).await.unwrap();
    assert_eq!(ask(&gateway, &secret, "one more").await.unwrap_err().kind(), Kind::SpendCapExceeded);
    server.run_command(&["FLUSHALL"]).await;
    assert_eq!(ask(&gateway, &secret, "one more").await.unwrap_err().kind(), Kind::SpendCapExceeded);
    assert_eq!(balanced(&gateway).await.cost, spent);
    // Another process finds it seeded.
    let other = house.gateway("b").await;
    assert_eq!(ask(&other, &secret, "one more").await.unwrap_err().kind(), Kind::SpendCapExceeded);
}

/// Requests under way hold what they held, and are settled once.
#[tokio::test]
async fn reservations_under_way_are_given_back() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    let id = project(&gateway).await;
    gateway.chat(question("warm up")).await.unwrap();
    gateway.flush(SOON).await;
    house.sim.fault(Provider::OpenAi, Fault::slow_headers(1500));
    let under_way = tokio::spawn({
        let gateway = gateway.clone();
        async move {
            let options = CallOptions { customer: Some("ada".to_owned()), ..CallOptions::default() };
            gateway.chat_with(question("slow"), options).await
        }
    });
    house.asked(2).await;
    let before = gateway.inspect(id).await.unwrap();
    assert_eq!(before.open, 1);
    server.run_command(&["FLUSHALL"]).await;
    // The next request finds the counters gone, loads them, and brings back what is under way.
    gateway.chat(question("next")).await.unwrap();
    let after = gateway.inspect(id).await.unwrap();
    assert!(after.spend[0].1 >= before.spend[0].1, "{after:?}");
    under_way.await.unwrap().unwrap();
    let total = balanced(&gateway).await;
    assert_eq!(total.requests, 3);
}

/// What a process gives back to an empty store may have ended by then: it is not held again, until its lease ends and it
/// is charged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_others_are_given_back_is_not_held_again() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    let id = project(&gateway).await;
    for round in 0..20 {
        server.run_command(&["FLUSHALL"]).await;
        let asked = (0..40).map(|n| gateway.chat(question(&format!("{round} {n}"))));
        for answer in futures_util::future::join_all(asked).await {
            answer.unwrap();
        }
        assert!(gateway.flush(SOON).await);
        let left = gateway.inspect(id).await.unwrap();
        assert_eq!((left.open, left.spend[0].1.nano()), (0, 0), "round {round}");
    }
    assert_eq!(balanced(&gateway).await.requests, 20 * 40);
}

/// Rows that were on their way when the data was lost come back with the comparison.
#[tokio::test]
async fn counters_are_raised_to_what_is_booked() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    let id = project(&gateway).await;
    gateway.chat(question("one")).await.unwrap();
    let spent = balanced(&gateway).await.cost;
    // A window that is whole, but of a time before the row was booked.
    server.run_command(&["FLUSHALL"]).await;
    let mut connection = server.connection().await;
    let month = lockgate::limits::Window::month(lockgate::clock::Clock::now(&lockgate::clock::SystemClock));
    let window = format!("{}{{{id}}}:spend:{month}", gateway.config().redis_prefix);
    let _: () =
        redis::cmd("HSET").arg(&window).arg("seeded").arg(1).query_async(&mut connection).await.unwrap();
    assert_eq!(gateway.inspect(id).await.unwrap().spend[0].0.nano(), 0);
    gateway.reconcile(id).await.unwrap();
    assert_eq!(gateway.inspect(id).await.unwrap().spend[0].0, spent);
    // It never lowers.
    let _: () = redis::cmd("HSET")
        .arg(&window)
        .arg("p")
        .arg(spent.nano() + 7)
        .query_async(&mut connection)
        .await
        .unwrap();
    gateway.reconcile(id).await.unwrap();
    assert_eq!(gateway.inspect(id).await.unwrap().spend[0].0.nano(), spent.nano() + 7);
    let usage = gateway.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!(usage[0].cost, spent);
}

#[tokio::test]
async fn a_server_that_was_killed_and_started_empty_is_used_again() {
    let mut server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    gateway.chat(question("one")).await.unwrap();
    let spent = balanced(&gateway).await.cost;
    server.kill();
    assert_eq!(gateway.chat(question("two")).await.unwrap_err().kind(), Kind::StoreUnavailable);
    server.run();
    until("it is used again", || async { gateway.chat(question("three")).await.is_ok() }).await;
    let total = balanced(&gateway).await;
    assert!(total.cost > spent);
    assert_eq!(total.requests, 2, "what was refused is no row");
}
