//! Several servers on Postgres and Redis, and the command line beside them.

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::books;
use crate::house::{House, SOON};
use crate::postgres_server::database;
use crate::web::{self, ask, question};

fn address(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: these tests need Redis, which `tests/run rust` starts for them")
    })
}

async fn house() -> House {
    House::on_redis(database().await, &address("LOCKGATE_TEST_REDIS")).await
}

/// The keys that begin with `prefix`: RESP by hand.
async fn keys(redis: &str, prefix: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(redis.strip_prefix("redis://").unwrap()).await.unwrap();
    stream.write_all(format!("KEYS {prefix}*\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut said = String::new();
    timeout(SOON, stream.read_to_string(&mut said)).await.expect("it answers").unwrap();
    assert!(said.starts_with('*'), "{said}");
    said.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_count_together() {
    for redis in ["LOCKGATE_TEST_REDIS", "LOCKGATE_TEST_VALKEY", "LOCKGATE_TEST_REDIS_CLUSTER"] {
        let house = House::on_redis(database().await, &address(redis)).await;
        let (key, _) = house.key(&["--requests-per-minute", "6"]).await;
        let servers = [house.serve(&[]).await, house.serve(&[]).await];
        let asked = (0..24).map(|index| {
            let address = servers[index % 2].address;
            let key = key.clone();
            async move { ask(address, &key, &question(&format!("{index}"), false)).await.status }
        });
        let statuses = join_all(asked).await;
        let answered = statuses.iter().filter(|status| **status == 200).count();
        let refused = statuses.iter().filter(|status| **status == 429).count();
        // The bucket refills one in ten seconds while the test runs.
        assert!((6..=8).contains(&answered) && answered + refused == 24, "{redis}: {statuses:?}");
        assert_eq!(house.usage_of(answered as u64).await["requests"], answered);
        for server in servers {
            server.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_administered_counts_in_every_server_at_its_very_next_request() {
    let house = house().await;
    let servers = [house.serve(&[]).await, house.serve(&[]).await];
    for round in 0..4 {
        let (key, id) = house.key(&[]).await;
        for server in &servers {
            assert_eq!(ask(server.address, &key, &question(&format!("{round}"), false)).await.status, 200);
        }
        house.text(&["key", "revoke", &id]).await;
        for server in &servers {
            assert_eq!(ask(server.address, &key, &question("again", false)).await.status, 401);
            assert_eq!(web::get(server.address, "/v1/models", &key).await.status, 401);
        }
    }
    let (key, _) = house.key(&[]).await;
    house.text(&["project", "set", "default", "--monthly-cap", "0"]).await;
    for server in &servers {
        assert_eq!(ask(server.address, &key, &question("capped", false)).await.status, 402);
    }
    for server in servers {
        server.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_said_and_what_cannot_be_is_refused() {
    let house = house().await;
    house.text(&["migrate"]).await;
    let checked = house.json(&["check"]).await;
    let redis = address("LOCKGATE_TEST_REDIS");
    assert_eq!(checked["redis"], redis);
    // The server of the tests evicts nothing.
    assert!(checked["warnings"].to_string().contains("volatile-ttl"), "{checked}");
    // A look leaves nothing behind.
    let prefix = house.settings.lines().find_map(|line| line.strip_prefix("redis_prefix = \"")).unwrap();
    let left = keys(&redis, prefix.trim_end_matches('"')).await;
    assert!(left.is_empty(), "{left:?}");
    // A flag wins over the file.
    let valkey = address("LOCKGATE_TEST_VALKEY");
    assert_eq!(house.json(&["check", "--redis", &valkey]).await["redis"], valkey);
    let said = house.text(&["check"]).await;
    assert!(said.contains(&format!("limits     {redis}")), "{said}");
    let server = house.serve(&[]).await;
    assert_eq!(server.said["redis"], redis);
    assert!(server.end().await.contains("volatile-ttl"));

    let store = house.store.clone().unwrap();
    let wrong = [
        // Nobody listens there.
        ("redis = \"redis://app:s3cret@127.0.0.1:9\"", Some(store.as_str()), "cannot be reached"),
        ("redis = \"http://app:s3cret@127.0.0.1:9\"", Some(store.as_str()), "redis://"),
        (
            "redis = \"redis://app:s3cret@127.0.0.1:9\"\nsingle_process = true",
            Some(store.as_str()),
            "single_process",
        ),
        // A file is no store that processes on several machines share.
        ("redis = \"redis://app:s3cret@127.0.0.1:9\"\nstore = \"sqlite://l.db\"", None, "postgres://"),
        ("redis = \"redis://app:s3cret@127.0.0.1:9\"\nstore = \"memory\"", None, "postgres://"),
        ("redis_prefix = \"a{b\"\nredis = \"redis://127.0.0.1:9\"", Some(store.as_str()), "redis_prefix"),
    ];
    for (settings, store, reason) in wrong {
        let house = House { store: store.map(str::to_owned), ..House::new().await };
        house.write("lockgate.toml", settings);
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"]] {
            let (code, error) = house.failure(command).await;
            assert!(code == 2 && error.contains("redis") && error.contains(reason), "{settings}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}

/// A server that ends in order leaves nothing: what was held is settled, and every row is written.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_end_leave_exact_books() {
    let house = house().await;
    let (key, _) = house.key(&[]).await;
    let servers = [house.serve(&[]).await, house.serve(&[]).await, house.serve(&[]).await];
    let asked = (0..60).map(|index| {
        let (address, key) = (servers[index % 3].address, key.clone());
        let bearer = format!("Bearer {key}");
        async move {
            let id = format!("r-{index}");
            let headers = [("authorization", bearer.as_str()), ("x-request-id", id.as_str())];
            let body = question(&format!("question {}", index % 20), index % 2 == 0);
            web::send(address, &web::request("POST", "/v1/chat/completions", &headers, &body.to_string()))
                .await
                .status
        }
    });
    let statuses = timeout(SOON, join_all(asked)).await.unwrap();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    for server in servers {
        server.end().await;
    }
    assert_eq!(books::rows(&house).await.len(), 60);
    books::are_balanced(&house).await;
}
