//! Limits in Redis beside the least they could cost: a bare GET of the same answer, and the same script called by
//! `redis-benchmark`. Both programs must be on the PATH.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lockgate::cache::Fingerprint;
use lockgate::clock::{Clock, SystemClock};
use lockgate::ids::{AdmissionId, CustomerId, KeyId, ProjectId};
use lockgate::limits::{Admission, Caps, Charge, HotAnswer, Plan, Rates, Settlement, Verdict};
use lockgate::money::Nano;
use lockgate::store::Limiter;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use crate::measure::{Work, duel};
use crate::world::RUNTIME;

/// Callers at once, where Redis is to be the limit.
const CALLERS: usize = 256;
const SATURATED: u32 = 60_000;
/// An answer of usual size.
const ANSWER: usize = 600;

struct Server {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    fn start() -> Option<Server> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Some(Server { process, port, _folder: folder })
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A key with every rate and a customer with every cap.
fn ask(project: ProjectId, cache_key: Option<Fingerprint>) -> Admission {
    let much = Some(Nano::from_nano(9_000_000_000_000_000));
    let now = SystemClock.now();
    Admission {
        id: AdmissionId::new(now),
        project,
        key: KeyId::NONE,
        customer: Some(CustomerId::new("ada").unwrap().tag()),
        rev: 1,
        charge: Charge::Full,
        rates: Rates {
            requests_per_minute: Some(u32::MAX),
            tokens_per_minute: Some(u32::MAX),
            concurrency: Some(u32::MAX),
        },
        caps: Caps {
            project_month: much,
            key_month: much,
            customer_day: much,
            customer_month: much,
            customer_request: much,
        },
        first: Plan { cache_key, cached: false, version: None, money: Nano::from_nano(1000), tokens: 10 },
        second: None,
        lease: Duration::from_secs(60),
        follow: false,
    }
}

struct Bench {
    server: Server,
    limiter: Arc<RedisLimiter>,
    project: ProjectId,
    key: Fingerprint,
    connection: MultiplexedConnection,
}

impl Bench {
    async fn new(server: Server) -> Bench {
        let address = RedisAddress::parse(&server.url()).unwrap();
        let options = RedisOptions { address, prefix: "lg:".to_owned(), timeout: Duration::from_secs(5) };
        let limiter = Arc::new(RedisLimiter::connect(options, Arc::new(SystemClock)).await.unwrap());
        let (project, key) = (ProjectId::new(SystemClock.now()), Fingerprint([7; 32]));
        let Verdict::Seed(missing) = limiter.admit(&ask(project, None)).await.unwrap() else {
            unreachable!("empty")
        };
        let nothing: Vec<_> = missing.into_iter().map(|id| (id, Nano::ZERO)).collect();
        limiter.seed(project, &nothing).await.unwrap();
        let Verdict::Admitted(admitted) = limiter.admit(&ask(project, Some(key))).await.unwrap() else {
            unreachable!("it fits")
        };
        let settlement = Settlement { held: admitted.held, money: Nano::from_nano(1), tokens: 1 };
        let expires_at = SystemClock.now().after(Duration::from_secs(3600));
        let answer = HotAnswer { key, body: vec![b'x'; ANSWER].into(), expires_at, version: None };
        limiter.settle_and_keep(&settlement, &answer).await.unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let _: () =
            redis::cmd("SET").arg("bare").arg(vec![b'x'; ANSWER]).query_async(&mut connection).await.unwrap();
        Bench { server, limiter, project, key, connection }
    }

    /// The words of one admission, as Redis gets them.
    async fn words(&mut self) -> Vec<String> {
        let client = redis::Client::open(self.server.url()).unwrap();
        let mut monitor = client.get_async_monitor().await.unwrap();
        self.limiter.admit(&ask(self.project, None)).await.unwrap();
        let mut lines = monitor.on_message::<String>();
        while let Some(line) = lines.next().await {
            if let Some((_, words)) = line.split_once("] \"EVALSHA\" ") {
                return words.split(' ').map(|word| word.trim_matches('"').to_owned()).collect();
            }
        }
        unreachable!("it was sent")
    }

    /// Nanoseconds an admission, with many callers at once.
    async fn saturated(&self) -> f64 {
        let begun = Instant::now();
        let mut under_way = FuturesUnordered::new();
        let one = || async {
            assert!(matches!(self.limiter.admit(&ask(self.project, None)).await, Ok(Verdict::Admitted(_))))
        };
        for sent in 0..SATURATED {
            if sent as usize >= CALLERS {
                under_way.next().await;
            }
            under_way.push(one());
        }
        while under_way.next().await.is_some() {}
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(SATURATED)
    }

    /// The same by `redis-benchmark`, each admission with an id of its own.
    fn benchmark(&self, words: &[String]) -> Option<f64> {
        let id = ask(self.project, None).id.to_string();
        let (sha, rest) = words.split_first()?;
        // 12 digits at the end of an id, which has 26.
        let ids: Vec<&String> =
            rest.iter().filter(|word| word.len() == 26 && **word != KeyId::NONE.to_string()).collect();
        let mine = ids.first()?.to_string();
        let begin = id.get(..14)?;
        let varied = |word: &String| word.replace(&mine, &format!("{begin}__rand_int__"));
        let port = self.server.port.to_string();
        let sent = SATURATED.to_string();
        let told = Command::new("redis-benchmark")
            .args([
                "-p",
                &port,
                "-n",
                &sent,
                "-c",
                "16",
                "-P",
                "16",
                "-r",
                "1000000000",
                "--csv",
                "EVALSHA",
                sha,
            ])
            .args(rest.iter().map(varied))
            .output()
            .ok()?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        // A line of quoted fields: the command, then requests a second.
        let line = told.lines().last()?;
        let rate: f64 = line.rsplit("\",\"").nth(6)?.parse().ok()?;
        Some(1e9 / rate)
    }
}

/// `admit` that Redis answers from the cache, at concurrency 1.
struct Hit<'a>(&'a Bench);

impl Work for Hit<'_> {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let verdict = self.0.limiter.admit(&ask(self.0.project, Some(self.0.key))).await.unwrap();
            assert!(matches!(verdict, Verdict::Hit { body: Some(_), .. }));
        }
    }
}

/// A GET of as many bytes.
struct Get(MultiplexedConnection);

impl Work for Get {
    async fn run(&mut self, times: u32) {
        for _ in 0..times {
            let bytes: Vec<u8> = redis::cmd("GET").arg("bare").query_async(&mut self.0).await.unwrap();
            assert_eq!(bytes.len(), ANSWER);
        }
    }
}

/// What was measured, in nanoseconds, and what stands beside it.
pub type Line = (&'static str, f64, Option<(&'static str, f64)>);

/// Nothing where there is no Redis.
pub fn lines() -> Vec<Line> {
    let Some(server) = Server::start() else { return Vec::new() };
    RUNTIME.block_on(async {
        let mut bench = Bench::new(server).await;
        let (hit, bare) = duel(Hit(&bench), Get(bench.connection.clone())).await;
        let mut lines = vec![("admit, exact hit, Redis, c=1", hit, Some(("bare GET", bare)))];
        let words = bench.words().await;
        bench.saturated().await;
        let ours = bench.saturated().await;
        let theirs = tokio::task::block_in_place(|| bench.benchmark(&words));
        lines.push(("admit, Redis, saturated", ours, theirs.map(|theirs| ("redis-benchmark", theirs))));
        lines
    })
}
