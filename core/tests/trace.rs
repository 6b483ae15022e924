//! The record of decisions in the trace. In a program of its own: what is traced is decided for a whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use lockgate::config::Environment;
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Gateway};
use lockgate_sim::{Fault, Options, Provider, Sim};
use parking_lot::Mutex;

#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Vec<u8>>>);

impl Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn ask(gateway: &Gateway, id: &str, model: &str) -> lockgate::Result<()> {
    let options = CallOptions { request_id: Some(id.to_owned()), ..CallOptions::default() };
    gateway.chat_with(ChatRequest::new(model).user("a most peculiar prompt"), options).await.map(|_| ())
}

#[tokio::test]
async fn every_request_is_in_the_trace_once_with_what_was_decided() {
    let traced = Traced::default();
    let writer = traced.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        .set("routing.retries", 0)
        .set("providers.openai.api_key", "sk-secret")
        .set("providers.openai.base_url", sim.openai_base_url())
        .build()
        .await
        .unwrap();
    sim.fault(Provider::OpenAi, Fault::status(503));
    assert!(ask(&gateway, "failed", "gpt-4o").await.is_err());
    ask(&gateway, "answered", "gpt-4o").await.unwrap();
    ask(&gateway, "hit", "gpt-4o").await.unwrap();
    assert!(ask(&gateway, "refused", "nobody-s").await.is_err());
    assert!(gateway.flush(Duration::from_secs(10)).await);

    let text = String::from_utf8(traced.0.lock().clone()).unwrap();
    assert!(!text.contains("sk-secret") && !text.contains("peculiar"), "{text}");
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let record = |id: &str| {
        let mut of = events
            .iter()
            .filter(|event| event["target"] == "lockgate::decisions" && event["fields"]["request_id"] == id);
        let event = of.next().unwrap_or_else(|| panic!("{id} is not in {text}"));
        assert!(of.next().is_none(), "{id} is there twice");
        let fields = &event["fields"];
        let decisions: lockgate::telemetry::Decisions =
            serde_json::from_str(fields["decisions"].as_str().unwrap()).unwrap();
        (fields.clone(), decisions)
    };
    let (fields, decisions) = record("failed");
    assert_eq!((&fields["status"], &fields["model"]), (&502.into(), &"gpt-4o".into()));
    assert_eq!(decisions.candidates.first().unwrap().reason.as_deref(), Some("503"));
    let (fields, decisions) = record("answered");
    assert_eq!((&fields["status"], &fields["cache"]), (&200.into(), &"miss".into()));
    assert!(decisions.timings_us.attempt > 0);
    assert_eq!(record("hit").0["cache"], "exact");
    assert_eq!(record("refused").0["code"], "model_not_found");
}
