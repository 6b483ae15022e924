//! P11: Postgres is away and comes back, while Redis is there: callers that are known are served, rows wait, and none is
//! lost or counted twice.

use lockgate::auth::{NewKey, OnStoreLoss};
use lockgate::error::Kind;

use crate::house::{House, SOON, ask, balanced, key, question, until};
use crate::server::Server;
use crate::servers::proxy::{Proxy, Road};

/// A key that nobody made.
const STRANGER: &str = "lg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn house(server: &Server) -> (House, Proxy) {
    let mut house = House::new(server.url()).await;
    let way = Proxy::before(&house.database.host()).await;
    house.store = house.database.by_way_of(way.address).expose().to_owned();
    (house, way)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_wait_and_limits_hold() {
    for road in [Road::Closed, Road::Silent] {
        let server = Server::start();
        let (house, way) = house(&server).await;
        let gateway = house.gateway("a").await;
        for n in 0..5 {
            gateway.chat(question(&format!("before {n}"))).await.unwrap();
        }
        balanced(&gateway).await;
        way.set(road);
        if road == Road::Closed {
            way.cut();
        }
        for n in 0..10 {
            gateway.chat(question(&format!("meanwhile {n}"))).await.unwrap();
        }
        let refused = ask(&gateway, STRANGER, "who").await.unwrap_err();
        assert_eq!(refused.kind(), Kind::StoreUnavailable);
        assert!(!gateway.flush(std::time::Duration::from_millis(100)).await, "rows wait");
        way.set(Road::Open);
        way.cut();
        assert!(gateway.flush(SOON).await, "it is back");
        let total = balanced(&gateway).await;
        assert_eq!(total.requests, 15);
        assert_eq!(ask(&gateway, STRANGER, "who").await.unwrap_err().kind(), Kind::InvalidApiKey);
        // A cap that was reached meanwhile holds: it is Redis that counts.
        let spent = balanced(&gateway).await.cost;
        gateway.admin().set_project("default", |settings| settings.monthly_cap = Some(spent)).await.unwrap();
        let refused = gateway.chat(question("one more")).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::SpendCapExceeded);
    }
}

/// A Redis that lost its data while the ledger cannot be asked: nobody knows what was spent, so nobody is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_both_there_is_no_fresh_budget() {
    let server = Server::start();
    let (house, way) = house(&server).await;
    let gateway = house.gateway("a").await;
    let (known, _) = key(gateway.admin(), NewKey::default()).await;
    ask(&gateway, &known, "before").await.unwrap();
    let spent = balanced(&gateway).await.cost;
    gateway.admin().set_project("default", |settings| settings.monthly_cap = Some(spent)).await.unwrap();
    assert_eq!(ask(&gateway, &known, "one more").await.unwrap_err().kind(), Kind::SpendCapExceeded);
    way.set(Road::Closed);
    way.cut();
    server.run_command(&["FLUSHALL"]).await;
    let refused = ask(&gateway, &known, "one more").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::StoreUnavailable);
    way.set(Road::Open);
    until("it refuses by the cap again", || async {
        ask(&gateway, &known, "one more").await.is_err_and(|error| error.kind() == Kind::SpendCapExceeded)
    })
    .await;
    assert_eq!(balanced(&gateway).await.cost, spent);
    assert_eq!(house.sim.settled().await.len(), 1);
}

/// The policy `open` serves there, too, and everything is counted afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_serves_without_both() {
    let server = Server::start();
    let (mut house, way) = house(&server).await;
    house.on_loss = OnStoreLoss::Open;
    let gateway = house.gateway("a").await;
    // What a start is told of changes may come after the first.
    for n in 0..3 {
        gateway.chat(question(&format!("before {n}"))).await.unwrap();
    }
    balanced(&gateway).await;
    way.set(Road::Closed);
    way.cut();
    server.run_command(&["FLUSHALL"]).await;
    gateway.chat(question("meanwhile")).await.unwrap();
    way.set(Road::Open);
    assert!(gateway.flush(SOON).await);
    gateway.chat(question("after")).await.unwrap();
    let id = crate::house::project(&gateway).await;
    gateway.reconcile(id).await.unwrap();
    assert_eq!(balanced(&gateway).await.requests, 5);
}
