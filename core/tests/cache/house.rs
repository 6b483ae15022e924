//! A gateway before a simulated provider, and what its books say.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Request};
use lockgate::auth::{DEFAULT_PROJECT, NewKey, ProjectSettings};
use lockgate::config::Environment;
use lockgate::http::Body;
use lockgate::ids::ProjectId;
use lockgate::settle::Row;
use lockgate::store::{RowFilter, UsageLine, UsageQuery};
use lockgate::types::{ChatRequest, ChatResponse};
use lockgate::{Administration, Gateway};
use lockgate_sim::{Options, Recorded, Sim};
use tempfile::TempDir;

/// Longest wait for anything.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Where limits and rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Sqlite,
    /// SQLite that other processes may use, too: every admission waits for the file.
    Shared,
}

pub(crate) async fn gateway(sim: &Sim, store: &str) -> Gateway {
    build(sim, store, false).await
}

async fn build(sim: &Sim, store: &str, shared: bool) -> Gateway {
    Gateway::builder()
        .environment(Environment::empty())
        .set("store", store)
        .set("shared", shared)
        // A provider is asked once: what becomes of one failure is what is looked at.
        .set("routing.retries", 0)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .build()
        .await
        .unwrap()
}

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) gateway: Gateway,
    folder: TempDir,
}

/// An answer over HTTP.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

fn file(folder: &TempDir) -> String {
    format!("sqlite://{}/l.db", folder.path().display())
}

impl House {
    pub(crate) async fn new(store: Store) -> House {
        let sim = Sim::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let name = if store == Store::Memory { "memory".to_owned() } else { file(&folder) };
        let gateway = build(&sim, &name, store == Store::Shared).await;
        House { sim, gateway, folder }
    }

    /// The same SQLite file under another gateway.
    pub(crate) async fn reopened(self) -> House {
        let House { sim, gateway, folder } = self;
        assert!(gateway.close(SOON).await);
        drop(gateway);
        let gateway = build(&sim, &file(&folder), false).await;
        House { sim, gateway, folder }
    }

    /// One POST to the chat route.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answered {
        let mut request = Request::post("/v1/chat/completions").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.gateway.handle(request.body(body.into()).unwrap()).await;
        let (head, body) = response.into_parts();
        let body = match body {
            Body::Full(bytes) => bytes.to_vec(),
            Body::Stream(mut pieces) => {
                let mut all = Vec::new();
                while let Some(Ok(piece)) = pieces.next().await {
                    all.extend_from_slice(&piece);
                }
                all
            }
        };
        Answered {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body).unwrap(),
        }
    }

    pub(crate) async fn project(&self) -> ProjectId {
        self.gateway.admin().project(DEFAULT_PROJECT).await.unwrap().id
    }

    pub(crate) async fn new_project(&self, name: &str, settings: ProjectSettings) {
        self.gateway.admin().create_project(name, settings).await.unwrap();
    }

    /// A key's secret and its id.
    pub(crate) async fn key(&self, project: &str, new: NewKey) -> (String, lockgate::ids::KeyId) {
        let (key, secret) = self.gateway.admin().create_key(project, new).await.unwrap();
        (secret.expose().to_owned(), key.id)
    }

    /// Everything that has ended is on the books, nothing is reserved, and the limiter has spent what the ledger says.
    pub(crate) async fn balanced(&self) -> UsageLine {
        assert!(self.gateway.flush(SOON).await, "not everything was written");
        let usage = self.gateway.usage(&UsageQuery::default()).await.unwrap();
        let total = usage.into_iter().next().unwrap_or_default();
        let (mut open, mut settled) = (0, 0);
        for project in self.gateway.admin().projects().await.unwrap() {
            let seen = self.gateway.inspect(project.id).await.unwrap();
            assert_eq!(seen.spend[0].1.nano(), 0, "money is reserved in {}", project.name);
            open += seen.open;
            settled += seen.spend[0].0.nano();
        }
        assert_eq!((open, settled), (0, total.cost.nano()), "open reservations, spend of limiter and ledger");
        total
    }

    /// The ledger's rows, newest first; on disk only.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        assert!(self.gateway.flush(SOON).await, "not everything was written");
        let beside = Administration::open(self.gateway.config()).await.unwrap();
        let rows = beside.rows(&RowFilter { most: 100_000, ..RowFilter::default() }).await.unwrap();
        beside.close().await;
        rows
    }

    /// Waits until the provider has been asked so often.
    pub(crate) async fn asked(&self, times: usize) -> Vec<Recorded> {
        let asked = self.sim.wait_until(|records| records.len() >= times);
        tokio::time::timeout(SOON, asked).await.expect("the provider is asked")
    }

    /// Waits until no call to the provider is under way.
    pub(crate) async fn settled(&self) -> Vec<Recorded> {
        tokio::time::timeout(SOON, self.sim.settled()).await.expect("the provider's calls end")
    }
}

pub(crate) fn verdict(response: &ChatResponse) -> &str {
    &response.lockgate.as_ref().unwrap().cache
}

/// Text, verdict and cost of a stream that must end well.
pub(crate) async fn streamed(gateway: &Gateway, request: ChatRequest) -> (String, String, i64) {
    let mut stream = gateway.chat_stream(request).await.unwrap();
    let (mut text, mut cache, mut cost) = (String::new(), String::new(), -1);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        for choice in &chunk.choices {
            text.push_str(choice.delta.content.as_deref().unwrap_or_default());
        }
        if let Some(lockgate) = chunk.lockgate {
            cache = lockgate.cache;
            cost = lockgate.cost_nano_usd.unwrap();
        }
    }
    (text, cache, cost)
}

/// Polls once, without asking to be woken. The future must not be done by that.
pub(crate) fn begin<F: Future + ?Sized>(future: &mut Pin<Box<F>>) {
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "it was done at once");
}

/// Polls at most `left` times, then drops what it polled.
pub(crate) struct Polls<F> {
    future: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future> Polls<F> {
    pub(crate) fn new(future: F, left: usize) -> Polls<F> {
        Polls { future: Some(Box::pin(future)), left }
    }
}

impl<F: Future> Future for Polls<F> {
    /// None if it was dropped.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.left == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        self.left -= 1;
        let future = self.future.as_mut().expect("polled after its end");
        future.as_mut().poll(task).map(Some)
    }
}
