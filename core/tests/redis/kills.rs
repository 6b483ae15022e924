//! P2 and P11: gateways that share Redis and Postgres, killed at random moments under load. Nothing answered is missing,
//! nothing is counted twice, and leases end.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lockgate::clock::{Clock, SystemClock};
use lockgate::limits::{CounterId, Scope, Window};
use lockgate::settle::{Outcome, Row};
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};
use lockgate::store::{Limiter, RowFilter};
use lockgate::{CallOptions, Gateway};
use lockgate_sim::{Fault, Provider, Scripted};
use parking_lot::Mutex;

use crate::house::{House, SOON, elsewhere, project, question};
use crate::server::Server;

const ROUNDS: u64 = 6;
const NAMES: [&str; 3] = ["a", "b", "c"];
const CALLERS: usize = 16;
/// Names the moments; another gives others.
const SEED: u64 = 0x10c4_6a7f;

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A gateway that asks until it is killed, and writes down each answer once it has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_under_load() {
    let Some(config) = elsewhere() else { return };
    let file = std::env::var("LOCKGATE_TEST_ANSWERS").unwrap();
    let file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    let file = Arc::new(Mutex::new(file));
    let run = std::env::var("LOCKGATE_TEST_RUN").unwrap();
    let gateway = Gateway::start(config, Arc::new(SystemClock)).await.unwrap();
    let callers = (0..CALLERS).map(|caller| {
        let (gateway, file, run) = (gateway.clone(), file.clone(), run.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let id = format!("{run}-{caller}-{n}");
                let text = if n % 5 == 0 { format!("known {}", n % 7) } else { id.clone() };
                let options = CallOptions {
                    request_id: Some(id.clone()),
                    customer: Some(format!("customer {}", caller % 3)),
                    ..CallOptions::default()
                };
                if let Some(cost) = answered(&gateway, &text, options, n % 3 == 0).await {
                    file.lock().write_all(format!("{id} {cost}\n").as_bytes()).unwrap();
                }
            }
        })
    });
    futures_util::future::join_all(callers).await;
}

/// What an answer cost.
async fn answered(gateway: &Gateway, text: &str, options: CallOptions, stream: bool) -> Option<i64> {
    if !stream {
        let answer = gateway.chat_with(question(text), options).await.ok()?;
        return answer.lockgate?.cost_nano_usd;
    }
    let mut pieces = gateway.chat_stream_with(question(text), options).await.ok()?;
    let mut cost = None;
    while let Some(piece) = pieces.next().await {
        cost = piece.ok()?.lockgate.and_then(|told| told.cost_nano_usd).or(cost);
    }
    cost
}

struct Stage {
    house: House,
    server: Server,
}

impl Stage {
    fn answers(&self) -> PathBuf {
        self.house.folder.path().join("answers")
    }

    fn start(&self, name: &str, run: &str) -> Child {
        self.house
            .process("kills::a_gateway_under_load", name)
            .env("LOCKGATE_TEST_ANSWERS", self.answers())
            .env("LOCKGATE_TEST_RUN", run)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Every answer that a caller had, and what it was said to cost.
    fn seen(&self) -> HashMap<String, i64> {
        let text = std::fs::read_to_string(self.answers()).unwrap_or_default();
        // The last line of a process that was killed may be cut off.
        let whole = text.lines().filter_map(|line| line.split_once(' '));
        whole.filter_map(|(id, cost)| Some((id.to_owned(), cost.parse().ok()?))).collect()
    }

    /// Leases that nobody renews end now.
    async fn end_leases(&self, gateway: &Gateway) {
        let open = format!("{}{{{}}}:open", gateway.config().redis_prefix, project(gateway).await);
        let mut connection = self.server.connection().await;
        let ids: Vec<String> =
            redis::cmd("ZRANGE").arg(&open).arg(0).arg(-1).query_async(&mut connection).await.unwrap();
        for id in ids {
            let _: () = redis::cmd("ZADD")
                .arg(&open)
                .arg("XX")
                .arg(1)
                .arg(id)
                .query_async(&mut connection)
                .await
                .unwrap();
        }
    }
}

fn limiter_options(gateway: &Gateway, server: &Server) -> RedisOptions {
    let address = RedisAddress::parse(&server.url()).unwrap();
    RedisOptions { address, prefix: gateway.config().redis_prefix.clone(), timeout: SOON }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_are_killed_lose_nothing_and_count_nothing_twice() {
    let rounds = std::env::var("LOCKGATE_REDIS_KILLS").map_or(ROUNDS, |text| text.parse().unwrap());
    let server = Server::start();
    let house = House::new(server.url()).await;
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::slow_headers(3)).times(u32::MAX));
    let stage = Stage { house, server };
    let mut dice = Dice(SEED);
    let mut answers = 0;
    for round in 0..rounds {
        let mut running: Vec<Child> =
            NAMES.iter().map(|name| stage.start(name, &format!("{name}{round}"))).collect();
        // All of them work, and then each is killed at a moment of its own.
        let begun = Instant::now();
        while stage.seen().len() < answers + 60 {
            assert!(begun.elapsed() < SOON, "the gateways do not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for process in &mut running {
            tokio::time::sleep(Duration::from_micros(dice.below(60_000))).await;
            process.kill().unwrap();
            process.wait().unwrap();
        }
        answers = stage.seen().len();
    }

    // The next start takes over what they left in their spools.
    let mut last = None;
    for name in NAMES {
        let gateway = stage.house.gateway(name).await;
        assert!(gateway.flush(SOON).await);
        if let Some(before) = last.replace(gateway) {
            assert!(before.close(SOON).await);
        }
    }
    let gateway = last.unwrap();
    let rows = gateway.rows(&RowFilter { most: 1_000_000, ..RowFilter::default() }).await.unwrap();
    let mut by_id: HashMap<&str, &Row> = HashMap::new();
    for row in &rows {
        let other = by_id.insert(row.client_request_id.as_deref().expect("each is named"), row);
        assert!(other.is_none(), "twice: {row:?} {other:?}");
    }
    for (id, cost) in stage.seen() {
        let row = by_id.get(id.as_str()).unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(
            (row.outcome, row.cost.map(|cost| cost.nano())),
            (Outcome::Answered, Some(cost)),
            "{row:?}"
        );
    }
    let expired = rows.iter().filter(|row| row.outcome == Outcome::Expired).count();
    assert!(expired > 0, "nobody was killed in the middle of a request");

    // What was admitted and not written down before the kill is left to its lease, and charged by it.
    stage.end_leases(&gateway).await;
    let id = project(&gateway).await;
    let limiter =
        RedisLimiter::connect(limiter_options(&gateway, &stage.server), Arc::new(SystemClock)).await.unwrap();
    let mut lapsed = HashMap::new();
    while limiter.inspect(id, &[]).await.unwrap().open > 0 {
        lapsed.extend(limiter.lapsed(id, 1000).await.unwrap().into_iter().map(|held| (held.id, held)));
    }
    lapsed.extend(limiter.lapsed(id, 1000).await.unwrap().into_iter().map(|held| (held.id, held)));
    let known: HashMap<_, _> = rows.iter().map(|row| (row.id, row)).collect();
    let unwritten: i64 =
        lapsed.values().filter(|held| !known.contains_key(&held.id)).map(|held| held.money.nano()).sum();
    let month = CounterId { window: Window::month(SystemClock.now()), scope: Scope::Project };
    let seen = limiter.inspect(id, &[month]).await.unwrap();
    let sum: i64 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.nano()).sum();
    assert_eq!((seen.open, seen.spend[0].1.nano()), (0, 0), "something is reserved");
    assert_eq!(seen.spend[0].0.nano(), sum + unwritten, "Redis, and the ledger with {} leases", lapsed.len());
    println!(
        "{} answers, {expired} expired in the ledger, {} by their lease",
        stage.seen().len(),
        lapsed.len()
    );
    assert!(gateway.close(SOON).await);
}
