//! What another process administers counts here at once.

use std::time::Duration;

use tokio::time::Instant;

use crate::house::House;
use crate::web::{self, ask, question};

/// 250 ms is the promise; a busy machine may need longer to get to it.
const NOTICED: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_dead_in_the_running_server() {
    let house = House::new().await;
    let server = house.serve(&[]).await;
    // Made while the server runs.
    let (key, id) = house.key(&[]).await;
    assert_eq!(ask(server.address, &key, &question("hello", false)).await.status, 200);

    house.text(&["key", "revoke", &id]).await;
    let until = Instant::now() + NOTICED;
    let refused = loop {
        let listed = web::get(server.address, "/v1/models", &key).await;
        if listed.status != 200 {
            break listed;
        }
        assert!(Instant::now() < until, "the key still works");
    };
    assert_eq!((refused.status, refused.error()["code"].as_str()), (401, Some("invalid_api_key")));
    assert_eq!(ask(server.address, &key, &question("again", false)).await.status, 401);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_cap_counts_in_the_running_server() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&[]).await;
    assert_eq!(ask(server.address, &key, &question("hello", false)).await.status, 200);
    house.text(&["project", "set", "default", "--monthly-cap", "0"]).await;
    let until = Instant::now() + NOTICED;
    let mut asked = 0;
    while ask(server.address, &key, &question(&format!("{asked}"), false)).await.status != 402 {
        assert!(Instant::now() < until, "the cap does not count");
        asked += 1;
    }
    server.end().await;
}
