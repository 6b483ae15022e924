//! The control protocol.

use serde_json::{Value, json};

use crate::raw::{Reply, ask, ask_stream, call, chat, post, send, start};

#[tokio::test]
async fn scripts_come_bare_or_in_a_list() {
    let sim = start().await;
    let bare = json!({"provider": "openai", "kind": "status", "status": 429, "retry_after": "3", "times": 2});
    assert_eq!(post(&sim, "/control/faults", &bare).await.json(), json!({"ok": true, "scripted": 1}));
    let list = json!({"provider": "openai", "faults": [
        {"kind": "no_done", "path": "/chat/completions", "model": "gpt-4o"},
        {"kind": "reply", "text": "one two", "and": [{"kind": "cut", "after_events": 2, "close": "drop"}]},
    ]});
    assert_eq!(post(&sim, "/control/faults", &list).await.json()["scripted"], 2);
    let waiting = call(&sim, "GET", "/control/faults", &[], b"").await.json();
    assert_eq!(
        waiting["faults"],
        json!([
            {"provider": "openai", "kind": "status", "status": 429, "retry_after": "3", "times": 2},
            {"provider": "openai", "kind": "no_done", "path": "/chat/completions", "model": "gpt-4o", "times": 1},
            {"provider": "openai", "kind": "reply", "text": "one two", "times": 1,
             "and": [{"kind": "cut", "after_events": 2, "close": "drop"}]},
        ])
    );
    assert_eq!(chat(&sim, &ask("x")).await.header("retry-after"), "3");
    assert_eq!(chat(&sim, &ask("x")).await.status, 429);
    assert!(!chat(&sim, &ask_stream("x")).await.text().contains("[DONE]"));
    assert_eq!(chat(&sim, &ask_stream("x")).await.events().len(), 2);
    assert_eq!(call(&sim, "GET", "/control/faults", &[], b"").await.json()["faults"], json!([]));
}

#[tokio::test]
async fn requests_are_told_as_they_arrived() {
    let sim = start().await;
    let headers = [("Authorization", "Bearer sk-1"), ("X-Thing", "a"), ("x-thing", "b")];
    call(&sim, "POST", "/openai/v1/chat/completions?api=1", &headers, ask("x").to_string().as_bytes()).await;
    call(&sim, "POST", "/openai/v1/chat/completions", &headers, b"not json").await;
    let told = call(&sim, "GET", "/control/requests?provider=openai&settled=2", &[], b"").await.json();
    assert_eq!(told["settled"], true);
    let first = &told["requests"][0];
    assert_eq!(
        (&first["id"], &first["provider"], &first["method"], &first["path"], &first["query"]),
        (&json!(1), &json!("openai"), &json!("POST"), &json!("/v1/chat/completions"), &json!("api=1"))
    );
    assert_eq!(first["headers"]["authorization"], "Bearer sk-1");
    assert_eq!(first["headers"]["x-thing"], "a, b");
    assert_eq!(first["body"], ask("x"));
    assert_eq!(
        (&first["outcome"], &first["status"], &first["fault"]),
        (&json!("completed"), &json!(200), &Value::Null)
    );
    assert_eq!(first["usage_sent"], first["usage"]);
    assert!(first["at_ms"].is_u64() && first["ended_at_ms"].is_u64());
    let second = &told["requests"][1];
    assert_eq!((&second["body"], &second["status"]), (&json!("not json"), &json!(400)));

    assert_eq!(call(&sim, "POST", "/control/reset", &[], b"").await.json(), json!({"ok": true}));
    assert_eq!(call(&sim, "GET", "/control/requests", &[], b"").await.json()["requests"], json!([]));
}

#[tokio::test]
async fn aborted_streams_and_faults_are_visible() {
    let sim = start().await;
    let script = json!({"provider": "openai", "kind": "stall", "after_events": 2});
    post(&sim, "/control/faults", &script).await;
    let stream =
        send(&sim, "POST", crate::raw::CHAT, &[crate::raw::KEY], ask_stream("x").to_string().as_bytes())
            .await;
    sim.wait_until(|all| all.first().is_some_and(|record| record.events_sent == 2)).await;
    let open = call(&sim, "GET", "/control/requests?settled=1&timeout_ms=0", &[], b"").await.json();
    assert_eq!((&open["settled"], &open["requests"][0]["outcome"]), (&json!(false), &json!("open")));
    drop(stream);
    let told = call(&sim, "GET", "/control/requests?settled=1", &[], b"").await.json();
    let record = &told["requests"][0];
    assert_eq!((&record["outcome"], &record["events_sent"]), (&json!("aborted"), &json!(2)));
    assert_eq!(record["fault"], json!({"kind": "stall", "after_events": 2, "times": 1}));
}

fn refused(reply: &Reply, field: &str, words: &[&str]) {
    let error = &reply.json()["error"];
    assert_eq!((reply.status, error["field"].as_str()), (400, Some(field)), "{error}");
    let message = error["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

#[tokio::test]
async fn bad_scripts_name_field_value_and_what_is_allowed() {
    let sim = start().await;
    let cases: &[(Value, &str, &[&str])] = &[
        (json!([]), "body", &["an array", "an object"]),
        (json!({"kind": "reset"}), "provider", &["missing"]),
        (json!({"provider": "acme", "kind": "reset"}), "provider", &["acme", "openai"]),
        (json!({"provider": 3, "kind": "reset"}), "provider", &["3", "a string"]),
        (json!({"provider": "openai"}), "kind", &["missing", "reset_after"]),
        (json!({"provider": "openai", "kind": "explode"}), "kind", &["explode", "reset_after"]),
        (json!({"provider": "openai", "faults": {}}), "faults", &["an object", "an array"]),
        (json!({"provider": "openai", "faults": [3]}), "faults[0]", &["a number", "an object"]),
        (json!({"provider": "openai", "faults": [], "kind": "reset"}), "kind", &["faults"]),
        (
            json!({"provider": "openai", "faults": [{"kind": "reset"}, {"kind": "status", "status": "x"}]}),
            "faults[1].status",
            &["\"x\"", "u16"],
        ),
        (json!({"provider": "openai", "kind": "status", "status": 42}), "status", &["42", "200 to 599"]),
        (json!({"provider": "openai", "kind": "status"}), "status", &["0", "200 to 599"]),
        (json!({"provider": "openai", "kind": "reset", "bytes": 3}), "bytes", &["bytes", "none"]),
        (json!({"provider": "openai", "kind": "reset_after"}), "bytes", &["missing field"]),
        (json!({"provider": "openai", "kind": "reset_after", "byte": 3}), "byte", &["byte", "`bytes`"]),
        (
            json!({"provider": "openai", "kind": "cut", "after_bytes": 1, "after_events": 1}),
            "after_bytes",
            &["both"],
        ),
        (json!({"provider": "openai", "kind": "cut", "close": "bang"}), "close", &["bang", "drop"]),
        (
            json!({"provider": "openai", "kind": "split_utf8", "chunk_bytes": 0}),
            "chunk_bytes",
            &["0", "at least 1"],
        ),
        (json!({"provider": "openai", "kind": "reset", "times": 0}), "times", &["0", "1 to"]),
        (json!({"provider": "openai", "kind": "reset", "path": 1}), "path", &["1", "a string"]),
        (
            json!({"provider": "openai", "kind": "reply", "text": "x", "and": [{"kind": "finish", "reason": 1}]}),
            "and[0].reason",
            &["1", "a string"],
        ),
        (
            json!({"provider": "openai", "kind": "status", "status": 500, "headers": {"a b": "c"}}),
            "headers",
            &["a b", "header name"],
        ),
    ];
    for (script, field, words) in cases {
        refused(&post(&sim, "/control/faults", script).await, field, words);
    }
    refused(&call(&sim, "POST", "/control/faults", &[], b"{").await, "body", &["not JSON"]);
    assert!(sim.waiting_faults().is_empty(), "a refused list scripts nothing");
}

#[tokio::test]
async fn bad_queries_and_paths() {
    let sim = start().await;
    let get = async |path: &str| call(&sim, "GET", path, &[], b"").await;
    refused(&get("/control/requests?provider=acme").await, "provider", &["acme", "openai"]);
    refused(&get("/control/requests?settled=x").await, "settled", &["x", "integer"]);
    refused(&get("/control/requests?timeout_ms=99999999").await, "timeout_ms", &["99999999", "60000"]);
    refused(&get("/control/requests?page=2").await, "page", &["page", "settled"]);
    let absent = get("/control/nothing").await;
    assert_eq!((absent.status, absent.json()["error"]["field"].as_str()), (404, Some("path")));
    assert!(absent.json()["error"]["message"].as_str().unwrap().contains("GET /requests"));
    let outside = get("/v1/chat/completions").await;
    assert_eq!(outside.status, 404);
    assert!(outside.json()["error"]["message"].as_str().unwrap().contains("/openai"));
}
