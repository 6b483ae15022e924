//! A request through the server, whole and streamed.

use lockgate_sim::{Fault, Outcome, Provider};
use serde_json::Value;

use crate::house::House;
use crate::web::{self, Connection, ask, asking, question};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_a_stream_are_served_and_billed() {
    let house = House::new().await;
    let (key, _) = house.key(&["--name", "app"]).await;
    let mut server = house.serve(&[]).await;
    assert_eq!(server.said["auth"], "required");
    assert_eq!(server.said["providers"], serde_json::json!(["openai"]));
    assert!(!server.said["missing"].to_string().contains("OPENAI_API_KEY"), "{}", server.said);
    assert_eq!(server.said["store"], "sqlite://lockgate.db");
    assert_eq!(server.said["base_url"], format!("http://{}/v1", server.address));

    let answer = ask(server.address, &key, &question("aardvark", false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(answer.header("x-lockgate-provider"), Some("openai"));
    let body = answer.json();
    assert!(body["choices"][0]["message"]["content"].as_str().unwrap().contains("aardvark"), "{body}");
    let first = body["lockgate"]["cost_nano_usd"].as_u64().unwrap();

    let stream = ask(server.address, &key, &question("zebra", true)).await;
    assert_eq!(stream.status, 200, "{stream:?}");
    let events = stream.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let metadata: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    let second = metadata["lockgate"]["cost_nano_usd"].as_u64().unwrap();

    let total = house.usage_of(2).await;
    assert_eq!(total["cost_nano_usd"].as_u64(), Some(first + second), "{total}");
    let by_model = house.json(&["usage", "--by", "model"]).await;
    assert_eq!(by_model.as_array().map(Vec::len), Some(1), "{by_model}");

    let logged = server.logs(&id).await;
    assert!(logged.contains("/v1/chat/completions") && logged.contains("status=200"), "{logged}");
    let log = server.end().await;
    assert!(!log.contains("aardvark") && !log.contains("zebra"), "a prompt was logged: {log}");
    assert!(!log.contains(&key) && !log.contains("sk-simulated"), "a key was logged: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_need_a_key_and_are_listed() {
    let house = House::new().await;
    let (key, _) = house.key(&["--model", "gpt-4.1", "--model", "gpt-4.1-nano"]).await;
    let server = house.serve(&["--log", "json"]).await;
    assert_eq!(web::get(server.address, "/v1/models", "").await.status, 401);
    let list = web::get(server.address, "/v1/models?secret=1", &key).await.json();
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["gpt-4.1", "gpt-4.1-nano"]);
    let prices = serde_json::json!({"input": "2", "cached_input": "0.5", "output": "8"});
    assert_eq!((&list["data"][0]["pricing"], &list["data"][0]["provider"]), (&prices, &"openai".into()));
    assert_eq!(web::get(server.address, "/ready", "").await.status, 200);

    let log = server.end().await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["path"] == "/v1/models" && line["status"] == 200), "{log}");
    assert!(!log.contains("secret"), "a query was logged: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_cancels_upstream_and_is_settled() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let mut server = house.serve(&[]).await;
    house.sim.fault(Provider::OpenAi, Fault::slow_events(20));
    let mut connection = Connection::send(server.address, &asking(&key, &question("leaving", true))).await;
    connection.until("\"content\"").await;
    drop(connection);

    let arrived = house.sim.settled().await;
    assert_eq!(arrived[0].outcome, Outcome::Aborted);
    let total = house.usage_of(1).await;
    assert!(total["cost_nano_usd"].as_u64().unwrap() > 0, "{total}");
    assert!(server.logs("/v1/chat/completions").await.contains("complete=false"));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_served_on_the_same_port() {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&[]).await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let response = client
        .post(format!("http://{}/v1/chat/completions", server.address))
        .bearer_auth(&key)
        .body(question("two", true).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    assert!(response.text().await.unwrap().ends_with("data: [DONE]\n\n"));
    server.end().await;
}
