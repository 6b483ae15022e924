//! How much of a stream without content is held back: so many events, so many bytes, so long. Up to there a provider
//! that breaks gives way to the next one unseen; what goes beyond is handed on, and may break in sight.

use std::time::Duration;

use lockgate::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{Seen, ask, post, rows, settings, sim, with};

/// A chunk that says nothing but a field nobody knows.
const EMPTY: &str =
    "data: {\"id\":\"c\",\"created\":1,\"model\":\"b\",\"choices\":[{\"index\":0,\"delta\":{\"x\":1}}]}\n\n";
/// Not even that.
const COMMENT: &str = ": still here\n\n";

/// A provider that streams `piece` so many times, with a pause before each, and hangs up.
async fn hollow(piece: &'static str, times: usize, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The gateway may leave in the middle.
                let _ = serve(connection, piece, times, pause).await;
            });
        }
    });
    address
}

async fn serve(mut connection: TcpStream, piece: &str, times: usize, pause: Duration) -> std::io::Result<()> {
    let mut request = Vec::new();
    // The questions of this test are short, and end with the brace of their JSON.
    while !request.ends_with(b"}") {
        assert!(connection.read_buf(&mut request).await? > 0);
    }
    connection
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        .await?;
    if pause.is_zero() {
        return connection.write_all(piece.repeat(times).as_bytes()).await;
    }
    for _ in 0..times {
        tokio::time::sleep(pause).await;
        connection.write_all(piece.as_bytes()).await?;
    }
    Ok(())
}

/// What a caller sees of a hollow provider, where another one is sound.
async fn seen(piece: &'static str, times: usize, pause: Duration) -> (Seen, Gateway) {
    let sound = sim().await;
    let address = hollow(piece, times, pause).await;
    // Only where time is what is looked at is it short: a busy machine takes its own.
    let idle = if pause.is_zero() { 60_000 } else { 200 };
    let gateway = with(with(settings(&sound), "alpha", &sound, &["a"]), "beta", &sound, &["b"])
        .set("providers.alpha.base_url", address)
        .set("routing.chains.a", vec!["beta/b"])
        .set("routing.retries", 0)
        .set("timeouts.first_byte_ms", idle / 2)
        .set("timeouts.idle_ms", idle)
        .build()
        .await
        .unwrap();
    (post(&gateway, &ask("a", true), &[]).await, gateway)
}

#[tokio::test]
async fn up_to_the_bounds_a_break_is_not_seen() {
    for (piece, times, pause) in [
        (EMPTY, 200, Duration::ZERO),
        (COMMENT, 100_000, Duration::ZERO),
        (EMPTY, 4, Duration::from_millis(10)),
    ] {
        let (seen, gateway) = seen(piece, times, pause).await;
        assert!(seen.is_whole_stream(), "{times} of {piece}: {}", seen.body);
        assert_eq!(seen.attempts(), "alpha/a=cut,beta/b=200");
        rows(&gateway).await;
    }
}

#[tokio::test]
async fn beyond_them_it_is_and_nobody_else_is_asked() {
    let size = COMMENT.len();
    for (bound, piece, times, pause) in [
        ("events", EMPTY, 300, Duration::ZERO),
        ("bytes", COMMENT, (8 << 20) / size + 2, Duration::ZERO),
        // No silence is longer than the idle deadline, and all of it is longer than what is held for.
        ("time", COMMENT, 45, Duration::from_millis(10)),
    ] {
        let (seen, gateway) = seen(piece, times, pause).await;
        assert_eq!(seen.status, 200, "{bound}: {}", seen.body);
        assert!(seen.body.contains("\"error\"") && !seen.body.contains("[DONE]"), "{bound}: {}", seen.body);
        assert_eq!(seen.attempts(), "alpha/a=200", "{bound}");
        rows(&gateway).await;
    }
}
