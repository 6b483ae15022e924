//! Embeddings.

use base64::Engine;
use serde_json::{Value, json};

use crate::raw::{Reply, post, start};

async fn embed(sim: &lockgate_sim::Sim, body: &Value) -> Reply {
    post(sim, "/openai/v1/embeddings", body).await
}

fn vector(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[tokio::test]
async fn vectors_are_unit_stable_and_near_for_near_texts() {
    let sim = start().await;
    let texts = ["the weather in Paris today", "the weather in Paris tomorrow", "a recipe for onion soup"];
    let body = json!({"model": "text-embedding-3-small", "input": texts});
    let reply = embed(&sim, &body).await.json();
    assert_eq!((&reply["object"], &reply["model"]), (&json!("list"), &json!("text-embedding-3-small")));
    let vectors: Vec<_> = (0..3).map(|index| vector(&reply["data"][index]["embedding"])).collect();
    for (index, vector) in vectors.iter().enumerate() {
        assert_eq!(reply["data"][index]["index"], index);
        assert_eq!(vector.len(), 1536);
        assert!((dot(vector, vector) - 1.0).abs() < 1e-5);
    }
    assert!(dot(&vectors[0], &vectors[1]) > 0.6 && dot(&vectors[0], &vectors[2]) < 0.3);
    assert_eq!(reply["usage"], json!({"prompt_tokens": 15, "total_tokens": 15}));
    assert_eq!(embed(&sim, &body).await.json(), reply, "equal requests get equal vectors");
    let record = sim.settled().await.remove(0);
    assert_eq!(record.usage_sent, Some(reply["usage"].clone()));
}

#[tokio::test]
async fn encodings_and_dimensions() {
    let sim = start().await;
    let floats =
        embed(&sim, &json!({"model": "text-embedding-3-small", "input": "x", "dimensions": 8})).await.json();
    let floats = vector(&floats["data"][0]["embedding"]);
    assert_eq!(floats.len(), 8);
    assert!((dot(&floats, &floats) - 1.0).abs() < 1e-5);
    let body = json!({"model": "text-embedding-3-small", "input": "x", "dimensions": 8, "encoding_format": "base64"});
    let encoded = embed(&sim, &body).await.json();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let decoded: Vec<f64> =
        bytes.chunks(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect();
    assert!(decoded.iter().zip(&floats).all(|(left, right)| (left - right).abs() < 1e-6));
    let large = embed(&sim, &json!({"model": "text-embedding-3-large", "input": "x"})).await.json();
    assert_eq!(vector(&large["data"][0]["embedding"]).len(), 3072);
    for tokens in [json!([1, 2, 3]), json!([[1, 2, 3]])] {
        let reply = embed(&sim, &json!({"model": "text-embedding-ada-002", "input": tokens})).await.json();
        assert_eq!(reply["usage"]["prompt_tokens"], 3);
        assert_eq!(reply["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn bad_inputs() {
    let sim = start().await;
    let model = "text-embedding-3-small";
    let cases = [
        (json!({"input": "x"}), Value::Null, "model parameter"),
        (json!({"model": model}), json!("input"), "'input'"),
        (json!({"model": model, "input": ""}), json!("input"), "empty"),
        (json!({"model": model, "input": []}), json!("input"), "empty"),
        (json!({"model": model, "input": ["a", 3]}), json!("input[1]"), "an integer"),
        (json!({"model": model, "input": [1, "a"]}), json!("input"), "a string"),
        (json!({"model": model, "input": {"a": 1}}), json!("input"), "an object"),
        (json!({"model": model, "input": vec!["a"; 2049]}), json!("input"), "2048"),
        (json!({"model": model, "input": "a ".repeat(8_200)}), json!("input"), "8192"),
        (json!({"model": model, "input": "x", "dimensions": 2000}), json!("dimensions"), "1536"),
        (
            json!({"model": "text-embedding-ada-002", "input": "x", "dimensions": 8}),
            json!("dimensions"),
            "does not support",
        ),
        (json!({"model": model, "input": "x", "encoding_format": "hex"}), json!("encoding_format"), "'hex'"),
    ];
    for (body, param, words) in cases {
        let reply = embed(&sim, &body).await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status, &error["param"]), (400, &param), "{error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }
}
