//! The table at the end: whole requests, each next to the least that the same bytes could cost.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use lockgate::{CacheMode, CallOptions, Gateway};
use lockgate_sim::Sim;

use crate::client::Client;
use crate::echo::Echo;
use crate::failover::{Again, Attempted, FailsOver, Providers};
use crate::machine::machine;
use crate::measure::{Work, alone, duel, median};
use crate::server::Server;
use crate::world::{RUNTIME, World, small, small_json};

/// Connections at once.
const CONCURRENCY: [usize; 2] = [1, 20];

struct Line {
    what: String,
    nanos: f64,
    beside: Option<(&'static str, f64)>,
}

/// Measures and prints.
pub fn print() {
    let mut lines = Vec::new();
    let memory = World::memory();
    let sqlite = World::sqlite();
    let crowded = World::crowded();
    RUNTIME.block_on(async {
        lines.push(line("exact hit, chat, memory", alone(Hit(&memory.gateway)).await, None));
        lines.push(line("exact hit, chat, SQLite", alone(Hit(&sqlite.gateway)).await, None));
        lines.push(line("exact hit, handle, memory", alone(Handle::new(&memory.gateway)).await, None));
        let (ours, bare) = duel(Proxied(&memory.gateway), Bare::new(&memory.sim)).await;
        lines.push(line("miss, chat, memory", ours, Some(("bare reqwest", bare))));
        routed(&mut lines, &memory, &crowded).await;
    });
    if let Some(server) = Server::start(&memory.sim.openai_base_url()) {
        let echo = Echo::start();
        for connections in CONCURRENCY {
            let (ours, bare) = RUNTIME.block_on(async {
                let ours = Post::to_server(&server, connections).await;
                duel(ours, Post::to_echo(&echo, connections).await).await
            });
            let what = format!("exact hit, HTTP, SQLite, c={connections}");
            lines.push(line(what, ours, Some(("axum echo", bare))));
        }
    }
    let redis = crate::redis::lines();
    if redis.is_empty() {
        println!("Redis was left out: there is no redis-server on the PATH.");
    }
    lines.extend(redis.into_iter().map(|(what, nanos, beside)| line(what, nanos, beside)));
    show(&lines);
}

/// The way to a provider that answers: what it costs where nothing fails, and how soon another is asked.
async fn routed(lines: &mut Vec<Line>, memory: &World, crowded: &World) {
    let (attempted, stage) = Attempted::new(&memory.gateway);
    let (_, bare) = duel(attempted, Bare::new(&memory.sim)).await;
    lines.push(line("attempt stage, nothing fails", median(&stage.lock()), Some(("bare reqwest", bare))));
    let (many, one) = duel(Proxied(&crowded.gateway), Proxied(&memory.gateway)).await;
    lines.push(line("miss, 8 candidates and 4 keys", many, Some(("1 candidate, 1 key", one))));
    let (ours, bare) = (Providers::start().await, Providers::start().await);
    let (over, again) = duel(FailsOver::new(&ours).await, Again::new(&bare)).await;
    lines.push(line("from failure to next attempt", ours.gap(), Some(("bare reqwest", bare.gap()))));
    lines.push(line("miss after a failure", over, Some(("bare reqwest, twice", again))));
}

fn line(what: impl Into<String>, nanos: f64, beside: Option<(&'static str, f64)>) -> Line {
    Line { what: what.into(), nanos, beside }
}

fn show(lines: &[Line]) {
    println!("\n{}\n", machine());
    println!("{:<32} {:>12}   {:>28} {:>8}", "", "µs a request", "beside", "ratio");
    for Line { what, nanos, beside } in lines {
        let beside = beside
            .map(|(name, bare)| (format!("{name} {:.1}", bare / 1000.0), format!("{:.2}", nanos / bare)));
        let (beside, ratio) = beside.unwrap_or_default();
        println!("{what:<32} {:>12.1}   {beside:>28} {ratio:>8}", nanos / 1000.0);
    }
    if std::env::var_os("LOCKGATE_BIN").is_none() {
        println!("HTTP was left out: LOCKGATE_BIN names no server.");
    }
}

/// `gateway.chat` that the cache answers.
struct Hit<'a>(&'a Gateway);

impl Work for Hit<'_> {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            self.0.chat(small()).await.unwrap();
        }
    }
}

/// The same as HTTP without a socket.
struct Handle<'a> {
    gateway: &'a Gateway,
    body: Bytes,
}

impl Handle<'_> {
    fn new(gateway: &Gateway) -> Handle<'_> {
        Handle { gateway, body: small_json().into() }
    }
}

impl Work for Handle<'_> {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let request = Request::post("/v1/chat/completions").body(self.body.clone()).unwrap();
            assert_eq!(self.gateway.handle(request).await.status(), 200);
        }
    }
}

/// `gateway.chat` that a provider answers, with all stages on but the cache.
struct Proxied<'a>(&'a Gateway);

impl Work for Proxied<'_> {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let options = CallOptions { cache: CacheMode::Off, ..CallOptions::default() };
            self.0.chat_with(small(), options).await.unwrap();
        }
    }
}

/// The same call without a gateway, as the provider's own SDK makes it at best.
struct Bare {
    client: reqwest::Client,
    url: String,
    body: Bytes,
}

impl Bare {
    fn new(sim: &Sim) -> Bare {
        let url = format!("{}/chat/completions", sim.openai_base_url());
        Bare { client: reqwest::Client::new(), url, body: small_json().into() }
    }
}

impl Work for Bare {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let call = self.client.post(&self.url).header("content-type", "application/json");
            let answer = call.bearer_auth("sk-bench").body(self.body.clone()).send().await.unwrap();
            let answer = answer.error_for_status().unwrap().bytes().await.unwrap();
            serde_json::from_slice::<serde_json::Value>(&answer).unwrap();
        }
    }
}

/// Posts over several connections at once.
struct Post(Vec<Client>);

impl Post {
    async fn to_server(server: &Server, connections: usize) -> Post {
        let headers = format!("authorization: Bearer {}\r\n", server.key);
        let connect = || Client::new(server.address, "/v1/chat/completions", &headers, &BODY);
        let mut clients = join_all((0..connections).map(|_| connect())).await;
        for client in &mut clients {
            client.post().await;
            let answer = String::from_utf8_lossy(client.post().await).into_owned();
            assert!(answer.contains("x-lockgate-cache: exact"), "{answer}");
        }
        Post(clients)
    }

    async fn to_echo(echo: &Echo, connections: usize) -> Post {
        let connect = || Client::new(echo.address, "/v1/chat/completions", "", &BODY);
        Post(join_all((0..connections).map(|_| connect())).await)
    }
}

static BODY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(small_json);

impl Work for Post {
    async fn run(&mut self, times: u32) {
        let each = times.div_ceil(self.0.len() as u32);
        join_all(self.0.iter_mut().map(|client| async move {
            for _ in 0..each {
                client.post().await;
            }
        }))
        .await;
    }
}
