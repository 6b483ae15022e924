//! Killed under load, again and again: what was answered is on the books, once (promises P2, P10, P11).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockgate::settle::Outcome;
use lockgate_sim::{Fault, Provider, Scripted};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::books;
use crate::house::{House, SOON};
use crate::web::{Address, Response, parse, request};

const KILLS: u64 = 20;
const CALLERS: u64 = 12;
/// Names the moments; another gives others.
const SEED: u64 = 0x10c4_6a7e;

/// A small generator, so that a run can be told again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

/// One whose end the caller saw.
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) status: u16,
    pub(crate) cost: Option<i64>,
}

/// The body of one of several kinds of request, and whether its caller leaves midway.
fn ask(dice: &mut Dice, id: &str) -> (Value, bool) {
    let kind = dice.below(8);
    let (model, text) = match kind {
        // Asked before, or by somebody else right now.
        0 | 1 => ("gpt-4.1", format!("known {}", dice.below(6))),
        2 => ("gpt-4.1", format!("shared {}", id.split('-').next().unwrap())),
        // The provider fails these, and is slow with those.
        3 => ("gpt-4.1-mini", id.to_owned()),
        4 | 5 => ("gpt-4.1-nano", id.to_owned()),
        _ => ("gpt-4.1", id.to_owned()),
    };
    let body = json!({
        "model": model, "stream": dice.below(2) == 0, "max_tokens": 200,
        "messages": [{"role": "user", "content": text}],
    });
    (body, kind == 5)
}

/// The whole answer; none if the server was gone before its end, or its caller before that.
async fn call(address: Address, bytes: &[u8], leaves: bool) -> Option<Response> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(bytes).await.ok()?;
    let mut received = Vec::new();
    loop {
        match stream.read_buf(&mut received).await {
            Ok(0) => break,
            Ok(_) if leaves && received.windows(9).any(|window| window == b"\"content\"") => return None,
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    if !received.windows(4).any(|window| window == b"\r\n\r\n") {
        return None;
    }
    let response = parse(&received);
    let whole = match response.header("content-length") {
        Some(length) => length.parse::<usize>().unwrap() == response.body.len(),
        None => response.body.contains("data: [DONE]") || response.body.contains("data: {\"error\":"),
    };
    whole.then_some(response)
}

fn cost(response: &Response) -> Option<i64> {
    match response.header("content-type") {
        Some("application/json") => response.json()["lockgate"]["cost_nano_usd"].as_i64(),
        _ => {
            let events = response.events();
            let last = events.iter().rev().find(|data| *data != "[DONE]")?;
            serde_json::from_str::<Value>(last).unwrap()["lockgate"]["cost_nano_usd"].as_i64()
        }
    }
}

pub(crate) async fn keep_asking(
    address: Address,
    key: String,
    name: String,
    seed: u64,
    killed: Arc<AtomicBool>,
) -> Vec<Seen> {
    let mut dice = Dice(seed);
    let mut seen = Vec::new();
    for number in 0.. {
        if killed.load(Ordering::SeqCst) {
            break;
        }
        let id = format!("{name}-{number}");
        let (body, leaves) = ask(&mut dice, &id);
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("x-request-id", id.as_str())];
        let bytes = request("POST", "/v1/chat/completions", &headers, &body.to_string());
        if let Some(response) = call(address, &bytes, leaves).await {
            seen.push(Seen { id, status: response.status, cost: cost(&response) });
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_nothing_that_was_answered() {
    kills_lose_nothing(&House::new().await, KILLS).await;
}

/// Kills the server at random moments under load, starts it anew each time, and looks at the books.
pub(crate) async fn kills_lose_nothing(house: &House, kills: u64) {
    // Errors are to end requests, too, and not to be waited out.
    house.write("lockgate.toml", &format!("{}[routing]\nretries = 0\n", house.settings));
    let (key, _) = house.key(&[]).await;
    house
        .sim
        .fault(Provider::OpenAi, Scripted::from(Fault::status(500)).on_model("gpt-4.1-mini").times(u32::MAX));
    house.sim.fault(
        Provider::OpenAi,
        Scripted::from(Fault::slow_events(3)).on_model("gpt-4.1-nano").times(u32::MAX),
    );
    let mut dice = Dice(SEED);
    let (mut answered, mut kinds, mut expired) = (Vec::new(), [0; 2], 0);
    for kill in 0..kills {
        let server = house.serve(&[]).await;
        let killed = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let name = format!("k{kill}-{caller}");
                tokio::spawn(keep_asking(
                    server.address,
                    key.clone(),
                    name,
                    dice.below(u64::MAX),
                    killed.clone(),
                ))
            })
            .collect();
        let moment = Duration::from_micros(10_000 + dice.below(350_000));
        tokio::time::sleep(moment).await;
        server.signal(Signal::KILL);
        killed.store(true, Ordering::SeqCst);
        assert_eq!(server.ended().await.0, None);
        for caller in callers {
            answered.extend(timeout(SOON, caller).await.unwrap().unwrap());
        }
        println!("seed {SEED:#x}: kill {kill} after {moment:?}, {} answers so far", answered.len());

        // The next start has everything on the books before it serves.
        let server = house.serve(&[]).await;
        let rows = books::rows(house).await;
        for seen in &answered {
            let row = rows.get(&seen.id).unwrap_or_else(|| panic!("{} ({}) is lost", seen.id, seen.status));
            if let Some(cost) = seen.cost {
                assert_eq!((row.outcome, row.status), (Outcome::Answered, 200), "{row:?}");
                assert_eq!(row.cost.map(|cost| cost.nano()), Some(cost), "{row:?}");
            } else {
                assert_eq!(
                    (row.outcome, row.cost.map(|cost| cost.nano())),
                    (Outcome::Failed, Some(0)),
                    "{row:?}"
                );
            }
        }
        let total = house.json(&["usage"]).await[0].take();
        let sum: i64 = rows.values().filter_map(|row| row.cost).map(|cost| cost.nano()).sum();
        assert_eq!(total["cost_nano_usd"], sum);
        assert_eq!(total["requests"], rows.len());
        expired = rows.values().filter(|row| row.outcome == Outcome::Expired).count();
        kinds = [
            rows.values().filter(|row| row.cache.as_str() == "exact").count(),
            rows.values().filter(|row| row.outcome == Outcome::Failed).count(),
        ];
        server.signal(Signal::KILL);
        server.ended().await;
    }
    assert!(answered.len() > 100, "only {} were answered", answered.len());
    assert!(
        kinds.iter().all(|kind| *kind > 0) && expired > 0,
        "hits and errors {kinds:?}, expired {expired}"
    );
    books::are_balanced(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_make_the_same_fingerprint() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let servers = [house.serve(&["--shared"]).await, house.serve(&["--shared"]).await];
    let body = r#"{"model":"gpt-4.1","x":{"b":1,"a":2},"messages":[{"role":"user","content":"Same?"}]}"#;
    let turned = r#"{"messages":[{"content":"Same?","role":"user"}],"x":{"a":2.0,"b":1},"model":"gpt-4.1"}"#;
    let bearer = format!("Bearer {key}");
    let send = async |address: Address, mode: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("x-lockgate-cache", mode)];
        crate::web::send(address, &request("POST", "/v1/chat/completions", &headers, body)).await
    };
    assert_eq!(send(servers[0].address, "default", body).await.header("x-lockgate-cache"), Some("miss"));
    // Answers reach the file together, a moment later.
    let found = async {
        loop {
            let answer = send(servers[1].address, "only", turned).await;
            if answer.status == 200 {
                return answer;
            }
            assert_eq!(answer.error()["code"], "cache_miss");
        }
    };
    let found = timeout(SOON, found).await.expect("the other process finds it");
    assert_eq!(found.header("x-lockgate-cache"), Some("exact"));
    assert_eq!(house.sim.requests().len(), 1);
    for server in servers {
        server.end().await;
    }
}
