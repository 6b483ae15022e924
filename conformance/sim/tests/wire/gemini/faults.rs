//! Every fault, as Gemini's clients see it.

use lockgate_sim::{
    Cut, CutClose, ErrorInStream, Fault, Outcome, Provider, Reasoning, Scripted, SplitUtf8, StatusFault,
    ToolCallScript, ToolCalls,
};
use serde_json::{Value, json};

use super::{ARGON, FLASH, ask, chunks, parts, streamed, text, weather, whole};
use crate::raw::{End, Reply, start};

async fn told(fault: impl Into<Scripted>, stream: bool) -> (Outcome, Reply) {
    let sim = start().await;
    sim.fault(Provider::Gemini, fault);
    let body = ask("Tell me of the sea");
    let reply = if stream { streamed(&sim, FLASH, &body).await } else { whole(&sim, FLASH, &body).await };
    let outcome = sim.settled().await[0].outcome;
    (outcome, reply)
}

#[tokio::test]
async fn a_status_has_the_vendors_error() {
    let (outcome, reply) = told(Fault::status(429).retry_after("2"), true).await;
    assert_eq!((outcome, reply.status, reply.header("retry-after")), (Outcome::Faulted, 429, "2"));
    let error = &reply.json()["error"];
    assert_eq!((&error["code"], &error["status"]), (&json!(429), &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(error["details"][0]["retryDelay"], "2s");

    let fault = StatusFault {
        status: 403,
        retry_after_ms: Some(1500),
        message: Some("no".to_owned()),
        code: Some("SERVICE_DISABLED".to_owned()),
        ..StatusFault::default()
    };
    let (_, reply) = told(Fault::Status(fault), false).await;
    let error = reply.json()["error"].clone();
    assert_eq!((&error["message"], &error["status"]), (&json!("no"), &json!("PERMISSION_DENIED")));
    assert_eq!(error["details"][0]["reason"], "SERVICE_DISABLED");
    assert_eq!(error["details"][1]["retryDelay"], "1.500s");
    for (status, word) in
        [(400, "INVALID_ARGUMENT"), (500, "INTERNAL"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED")]
    {
        assert_eq!(told(Fault::status(status), false).await.1.json()["error"]["status"], word);
    }
}

#[tokio::test]
async fn streams_break_where_they_are_told_to() {
    let healthy = chunks(&told(Scripted::from(Fault::slow_events(0)), true).await.1);
    let (outcome, reply) = told(Fault::cut_after_events(3), true).await;
    assert_eq!((outcome, reply.end, chunks(&reply).len()), (Outcome::Faulted, End::Whole, 3));
    assert_eq!(
        chunks(&reply)[..2],
        healthy[..2]
            .iter()
            .cloned()
            .map(|mut chunk| {
                chunk["responseId"] = chunks(&reply)[0]["responseId"].clone();
                chunk
            })
            .collect::<Vec<Value>>()[..]
    );
    let drop = Cut { after_events: Some(2), close: CutClose::Drop, ..Cut::default() };
    assert_eq!(told(Fault::Cut(drop), true).await.1.end, End::Closed);
    assert_eq!(told(Fault::reset_after(40), true).await.1.end, End::Reset);
    assert_eq!(told(Fault::Reset, true).await.1.status, 0);

    // No event is for the end alone: without its last piece a stream is cut, and an empty one is empty.
    let (_, reply) = told(Fault::NoDone, true).await;
    assert_eq!(chunks(&reply).len(), healthy.len() - 1);
    let (_, reply) = told(Fault::EmptyStream, true).await;
    assert_eq!((reply.status, reply.body().len()), (200, 0));

    let (_, reply) = told(Fault::malformed_after(1), true).await;
    let body = reply.text();
    let events: Vec<&str> = body.split("\r\n\r\n").collect();
    assert!(serde_json::from_str::<Value>(&events[0]["data: ".len()..]).is_ok());
    assert!(serde_json::from_str::<Value>(&events[1]["data: ".len()..]).is_err());
    assert_eq!(events.len(), healthy.len() + 1);

    let split = SplitUtf8 { chunk_bytes: Some(5) };
    let (outcome, reply) = told(Fault::SplitUtf8(split), true).await;
    assert_eq!((outcome, text(&chunks(&reply))), (Outcome::Completed, text(&healthy)));
}

#[tokio::test]
async fn an_error_inside_a_stream() {
    let (_, reply) = told(Fault::error_after(2), true).await;
    let events = chunks(&reply);
    assert_eq!((reply.status, events.len()), (200, 3));
    assert_eq!(events[2]["error"]["status"], "UNAVAILABLE");
    assert_eq!(events[2]["error"]["code"], 503);
    let exhausted =
        ErrorInStream { error_type: Some("RESOURCE_EXHAUSTED".to_owned()), ..ErrorInStream::default() };
    let (_, reply) = told(Fault::ErrorInStream(exhausted), true).await;
    assert_eq!(chunks(&reply)[0]["error"]["code"], 429);
    let (_, reply) = told(Fault::error_after(0), false).await;
    assert_eq!((reply.status, &reply.json()["error"]["status"]), (200, &json!("UNAVAILABLE")));
}

#[tokio::test]
async fn what_is_said_can_be_told_beforehand() {
    let (_, reply) = told(Fault::reply("Hi, 雪!"), true).await;
    assert_eq!(text(&chunks(&reply)), "Hi, 雪!");
    let (_, reply) = told(Fault::finish("SAFETY"), false).await;
    assert_eq!(reply.json()["candidates"][0]["finishReason"], "SAFETY");
    let (_, reply) = told(Fault::NoUsage, true).await;
    assert!(chunks(&reply).iter().all(|chunk| chunk.get("usageMetadata").is_none()));
    let fields =
        json!({"promptTokenCount": 1000, "cachedContentTokenCount": 600}).as_object().unwrap().clone();
    let (_, reply) = told(Fault::Usage(fields), true).await;
    let usage = chunks(&reply).last().unwrap()["usageMetadata"].clone();
    let summands = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"];
    let sum: u64 = summands.iter().map(|name| usage[name].as_u64().unwrap()).sum();
    assert_eq!(
        (&usage["cachedContentTokenCount"], usage["totalTokenCount"].as_u64()),
        (&json!(600), Some(sum))
    );
    let (_, reply) = told(Fault::Reasoning(Reasoning { tokens: 7 }), false).await;
    assert_eq!(reply.json()["usageMetadata"]["thoughtsTokenCount"], 7);

    let sim = start().await;
    let script = |arguments: Value| {
        let call = ToolCallScript { name: "get_weather".to_owned(), arguments };
        Fault::ToolCalls(ToolCalls { calls: vec![call] })
    };
    sim.fault(Provider::Gemini, script(json!({"city": "Rome"})));
    sim.fault(Provider::Gemini, script(json!("{\"city\": ")));
    let call = whole(&sim, ARGON, &weather("x")).await.json();
    assert_eq!(parts(&call)[0]["functionCall"]["args"], json!({"city": "Rome"}));
    let broken = whole(&sim, ARGON, &weather("x")).await.json();
    assert_eq!(broken["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
    assert!(parts(&broken).is_empty());
}

#[tokio::test]
async fn faults_are_meant_for_models_and_methods() {
    let sim = start().await;
    sim.fault(Provider::Gemini, Scripted::from(Fault::status(500)).on_model(ARGON));
    sim.fault(Provider::Gemini, Scripted::from(Fault::status(503)).on_path(":generateContent"));
    assert_eq!(streamed(&sim, FLASH, &ask("x")).await.status, 200);
    assert_eq!(whole(&sim, FLASH, &ask("x")).await.status, 503);
    assert_eq!(whole(&sim, ARGON, &ask("x")).await.status, 500);
}
