//! P12: a revoked key is dead at its next request, in every process.

use lockgate::Administration;
use lockgate::auth::NewKey;
use lockgate::error::Kind;

use crate::house::{House, SOON, ask, key};
use crate::server::Server;

#[tokio::test]
async fn a_revoked_key_is_refused_by_every_process_at_its_next_request() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateways = [house.gateway("a").await, house.gateway("b").await, house.gateway("c").await];
    for round in 0..5 {
        let (secret, id) = key(gateways[0].admin(), NewKey::default()).await;
        for gateway in &gateways {
            ask(gateway, &secret, "hello").await.unwrap();
        }
        // By one of them, or by the command line beside them.
        if round % 2 == 0 {
            gateways[0].admin().revoke_key(id).await.unwrap();
        } else {
            let beside = Administration::open(gateways[0].config()).await.unwrap();
            beside.admin().revoke_key(id).await.unwrap();
            beside.close().await;
        }
        for gateway in &gateways {
            let refused = ask(gateway, &secret, "hello").await.unwrap_err();
            assert_eq!(refused.kind(), Kind::InvalidApiKey);
        }
    }
    for gateway in &gateways {
        gateway.flush(SOON).await;
    }
}

/// Redis has forgotten which configuration is the newest: the store says it again before anybody is let in.
#[tokio::test]
async fn also_where_redis_has_lost_everything() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let (one, other) = (house.gateway("a").await, house.gateway("b").await);
    let (secret, id) = key(one.admin(), NewKey::default()).await;
    ask(&other, &secret, "hello").await.unwrap();
    other.flush(SOON).await;
    one.admin().revoke_key(id).await.unwrap();
    server.run_command(&["FLUSHALL"]).await;
    assert_eq!(ask(&other, &secret, "hello").await.unwrap_err().kind(), Kind::InvalidApiKey);
}
