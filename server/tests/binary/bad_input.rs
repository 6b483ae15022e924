//! What is refused before a stage of the gateway sees it.

use crate::house::House;
use crate::web::{Connection, question, request, send};

const LIMITS: &str = "max_body_bytes = 1000\nrequest_timeout_ms = 150\n";

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_error_objects_with_the_right_status() {
    let house = House::new().await;
    house.write("lockgate.toml", LIMITS);
    let (key, _) = house.key(&[]).await;
    let bearer = format!("Bearer {key}");
    let auth = ("authorization", bearer.as_str());
    let server = house.serve(&[]).await;
    let chat = "/v1/chat/completions";
    let long = "x".repeat(2000);
    let ask = question("hello", false).to_string();
    let large = question(&long, false).to_string();
    let heavy = "y".repeat(70_000);
    let unprintable = "z".repeat(129);
    let table: &[(&str, Vec<u8>, u16, &str)] = &[
        ("no key", request("POST", chat, &[], &ask), 401, "invalid_api_key"),
        (
            "a foreign key",
            request("POST", chat, &[("authorization", "Bearer sk-x")], &ask),
            401,
            "invalid_api_key",
        ),
        (
            "an unknown key",
            request("POST", chat, &[("authorization", "Bearer lg_x")], &ask),
            401,
            "invalid_api_key",
        ),
        (
            "another scheme",
            request("POST", chat, &[("authorization", "Basic x")], &ask),
            401,
            "invalid_api_key",
        ),
        ("two keys", request("POST", chat, &[auth, auth], &ask), 400, "invalid_request"),
        ("no JSON", request("POST", chat, &[auth], "{"), 400, "invalid_request"),
        ("no body", request("POST", chat, &[auth, ("content-length", "0")], ""), 400, "invalid_request"),
        ("no model", request("POST", chat, &[auth], r#"{"messages":[]}"#), 400, "invalid_request"),
        ("a large body", request("POST", chat, &[auth], &large), 413, "payload_too_large"),
        ("heavy headers", request("POST", chat, &[auth, ("x-heavy", &heavy)], &ask), 431, "invalid_request"),
        (
            "a long id",
            request("POST", chat, &[auth, ("x-request-id", &unprintable)], &ask),
            400,
            "invalid_request",
        ),
        ("an unknown path", request("POST", "/v1/completion", &[auth], &ask), 404, "not_found"),
        ("a wrong method", request("GET", chat, &[auth], ""), 405, "method_not_allowed"),
        ("no such model", request("GET", "/v1/models/none", &[auth], ""), 404, "model_not_found"),
    ];
    for (what, bytes, status, code) in table {
        let response = send(server.address, bytes).await;
        assert_eq!(response.status, *status, "{what}: {response:?}");
        assert_eq!(response.error()["code"], *code, "{what}: {response:?}");
    }
    assert_eq!(house.json(&["usage"]).await[0]["requests"], 0);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_length_is_cut_off_at_the_limit() {
    let house = House::new().await;
    house.write("lockgate.toml", LIMITS);
    let server = house.serve(&[]).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n";
    let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
    let bytes = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    let response = send(server.address, bytes.as_bytes()).await;
    assert_eq!((response.status, response.error()["param"].as_str()), (413, Some("body")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_would_wait_to_send_a_large_body_is_told_at_once() {
    let house = House::new().await;
    house.write("lockgate.toml", LIMITS);
    let server = house.serve(&[]).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
                expect: 100-continue\r\ncontent-length: 5000000000\r\n\r\n";
    let response = send(server.address, head.as_bytes()).await;
    assert_eq!(response.status, 413, "{response:?}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_callers_do_not_hold_a_connection() {
    let house = House::new().await;
    house.write("lockgate.toml", LIMITS);
    let server = house.serve(&[]).await;
    let unfinished = "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
                      content-length: 10\r\n\r\n{";
    let response = send(server.address, unfinished.as_bytes()).await;
    assert_eq!(response.status, 408, "{response:?}");
    assert_eq!(response.error()["param"], "body");
    // A head that never ends has no answer in HTTP; the connection ends.
    let mut connection =
        Connection::send(server.address, b"POST /v1/chat/completions HTTP/1.1\r\nhost:").await;
    connection.read_to_end().await;
    server.end().await;
}
