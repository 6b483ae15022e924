//! Several servers on one SQLite file.

use futures_util::future::join_all;

use crate::house::House;
use crate::web::{ask, question};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_owner_fails_and_names_the_ways_out() {
    let house = House::new().await;
    let server = house.serve(&[]).await;
    let (code, error) = house.failure(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(code, 2, "{error}");
    for part in ["store", "sqlite://lockgate.db", "shared = true", "redis"] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    // One that shares beside one that does not would count past it.
    let (code, error) = house.failure(&["serve", "--listen", "127.0.0.1:0", "--shared"]).await;
    assert!(code == 2 && error.contains("shared = true"), "{error}");
    server.end().await;
    // Ownership ends with the process.
    house.serve(&[]).await.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_share_count_together() {
    let house = House::new().await;
    let (key, _) = house.key(&["--requests-per-minute", "6"]).await;
    let servers = [house.serve(&["--shared"]).await, house.serve(&["--shared"]).await];
    let asked = (0..24).map(|index| {
        let address = servers[index % 2].address;
        let key = key.clone();
        async move { ask(address, &key, &question(&format!("{index}"), false)).await.status }
    });
    let statuses = join_all(asked).await;
    let answered = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    // The bucket refills one in ten seconds while the test runs.
    assert!((6..=8).contains(&answered) && answered + refused == 24, "{statuses:?}");
    assert_eq!(house.usage_of(answered as u64).await["requests"], answered);
    for server in servers {
        server.end().await;
    }
}
