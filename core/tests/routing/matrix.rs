//! Every kind of fault, on the first, the first two and all candidates, streamed and not, with each vendor first: what
//! the caller sees is declared here.

use futures_util::StreamExt;
use lockgate::Gateway;
use lockgate_sim::{Fault, Sim};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::house::{Seen, ask, post, rows, settings, sim};
use crate::logs::Logs;
use crate::vendors::{VENDORS, Vendor};

/// How a call is broken.
#[derive(Clone, Copy)]
enum Break {
    /// By the simulator, for a stream or a whole answer.
    Scripted(fn(bool) -> Fault),
    /// Nobody listens.
    Refused,
    /// What answers does not speak TLS.
    Tls,
}

/// A fault and what is declared of it.
struct Kind {
    name: &'static str,
    how: Break,
    /// What `x-lockgate-attempts` says of the call; none where vendors differ in how they say it.
    result: Option<&'static str>,
    /// Status and code when every candidate fails so.
    exhausted: (u16, &'static str),
    /// The stream has begun when it breaks: it ends in an honest error, and nobody else is asked.
    committed: bool,
}

const fn kind(name: &'static str, how: Break, result: Option<&'static str>) -> Kind {
    Kind { name, how, result, exhausted: (502, "provider_error"), committed: false }
}

const fn with(kind: Kind, status: u16, code: &'static str) -> Kind {
    Kind { exhausted: (status, code), ..kind }
}

fn kinds() -> Vec<Kind> {
    use Break::{Refused, Scripted, Tls};
    vec![
        with(
            kind("429 with Retry-After", Scripted(|_| Fault::status(429).retry_after("7")), Some("429")),
            429,
            "upstream_rate_limited",
        ),
        with(
            kind("429 without", Scripted(|_| Fault::status(429)), Some("429")),
            429,
            "upstream_rate_limited",
        ),
        kind("500", Scripted(|_| Fault::status(500)), Some("500")),
        kind("503", Scripted(|_| Fault::status(503)), Some("503")),
        kind("529", Scripted(|_| Fault::status(529)), Some("529")),
        kind("refused", Refused, Some("connect")),
        kind("TLS", Tls, Some("connect")),
        kind("reset", Scripted(|_| Fault::Reset), Some("reset")),
        with(
            kind("stall before the first byte", Scripted(|_| Fault::stall_headers()), Some("timeout")),
            504,
            "deadline_exceeded",
        ),
        Kind {
            committed: true,
            ..with(
                kind("stall in mid-stream", Scripted(|_| Fault::stall_after_events(8)), Some("timeout")),
                504,
                "deadline_exceeded",
            )
        },
        Kind { committed: true, ..kind("cut in mid-stream", Scripted(|_| Fault::cut_after_events(8)), None) },
        Kind { committed: true, ..kind("cut after many bytes", Scripted(cut_late), None) },
        kind("cut after few bytes", Scripted(|_| Fault::drop_after_bytes(20)), None),
        kind("malformed", Scripted(|_| Fault::malformed_after(0)), Some("malformed")),
        kind("error inside a 200", Scripted(|_| Fault::error_after(0)), None),
        kind("empty stream", Scripted(|_| Fault::EmptyStream), None),
        with(
            kind("our key rejected", Scripted(|_| Fault::status(401)), Some("401")),
            502,
            "provider_auth_failed",
        ),
    ]
}

/// Past the first content of a stream, with every vendor; in the middle of a whole answer.
fn cut_late(stream: bool) -> Fault {
    Fault::drop_after_bytes(if stream { 2_000 } else { 200 })
}

/// A gateway with the plan, where the first `broken` are broken at their address, if that is how.
async fn gateway(sim: &Sim, plan: &[Vendor; 3], how: Break, broken: usize, nowhere: &str) -> Gateway {
    let mut builder = settings(sim)
        .set("routing.retries", 0)
        .set("routing.breaker.failures", 0)
        .set("timeouts.connect_ms", 200)
        .set("routing.chains.plan", plan.iter().map(Vendor::target).collect::<Vec<_>>());
    for (place, vendor) in plan.iter().enumerate() {
        let address = match how {
            Break::Refused if place < broken => nowhere.to_owned(),
            Break::Tls if place < broken => vendor.base_url(sim).replace("http://", "https://"),
            _ => vendor.base_url(sim),
        };
        builder = vendor.configure(builder, &address);
    }
    builder.build().await.unwrap()
}

/// The address of a port where nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A question whose answer takes each vendor more than eight events.
fn long(stream: bool) -> Value {
    let mut question = ask("plan", stream);
    let text = format!("count to 80: {}", question["messages"][0]["content"]);
    question["messages"][0]["content"] = text.into();
    question
}

fn check(kind: &Kind, plan: &[Vendor; 3], broken: usize, stream: bool, seen: &Seen, cell: &str) {
    let attempts: Vec<&str> = seen.attempts().split(',').collect();
    if kind.committed && stream {
        // Its content is out: an honest error follows, and nothing of another. Those before it failed unseen.
        assert_eq!(seen.status, 200, "{cell}: {}", seen.body);
        assert!(seen.body.contains("\"error\"") && !seen.body.contains("[DONE]"), "{cell}: {}", seen.body);
        assert_eq!(seen.body.matches("\"role\"").count(), 1, "{cell}: {}", seen.body);
        let declared = plan.iter().take(broken).enumerate().map(|(place, vendor)| {
            format!("{}={}", vendor.target(), if place + 1 < broken { "500" } else { "200" })
        });
        assert_eq!(attempts, declared.collect::<Vec<_>>(), "{cell}");
        return;
    }
    let asked = if broken < 3 { broken + 1 } else { 3 };
    if broken < 3 {
        assert_eq!(seen.status, 200, "{cell}: {}", seen.body);
        assert!(!seen.body.contains("\"error\""), "{cell}: {}", seen.body);
        assert!(!stream || seen.is_whole_stream(), "{cell}: {}", seen.body);
        assert_eq!(seen.header("x-lockgate-provider"), plan[broken].name, "{cell}");
        assert!(attempts.last().unwrap().ends_with("=200"), "{cell}: {attempts:?}");
    } else {
        assert_eq!(seen.status, kind.exhausted.0, "{cell}: {}", seen.body);
        assert_eq!(seen.json()["error"]["code"], kind.exhausted.1, "{cell}");
        if kind.name == "429 with Retry-After" {
            assert_eq!(seen.header("retry-after"), "7", "{cell}");
        }
        assert_eq!(seen.header("x-should-retry"), "false", "{cell}");
    }
    assert_eq!(attempts.len(), asked, "{cell}: {attempts:?}");
    for (attempt, vendor) in attempts.iter().zip(plan).take(broken) {
        let result = attempt.strip_prefix(&format!("{}=", vendor.target()));
        let result = result.unwrap_or_else(|| panic!("{cell}: {attempt}"));
        assert!(kind.result.is_none_or(|declared| declared == result), "{cell}: {attempt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_place_has_its_declared_outcome() {
    let logs = Logs::start();
    let nowhere = nowhere().await;
    let mut told = String::new();
    let cells = (0..VENDORS.len()).flat_map(|first| [1, 2, 3].map(|broken| (first, broken)));
    let runs = cells.map(|(first, broken)| {
        let nowhere = nowhere.clone();
        async move {
            let sim = sim().await;
            let plan = Vendor::plan(first);
            let mut told = String::new();
            for kind in kinds() {
                let gateway = gateway(&sim, &plan, kind.how, broken, &nowhere).await;
                for stream in [false, true] {
                    let cell = format!("{} on {broken} from {}, stream {stream}", kind.name, plan[0].name);
                    if let Break::Scripted(fault) = kind.how {
                        for (place, vendor) in plan.iter().take(broken).enumerate() {
                            // One that ends the request in sight is reached only where those before it fail otherwise.
                            let before = kind.committed && stream && place + 1 < broken;
                            let fault = if before { Fault::status(500) } else { fault(stream) };
                            sim.fault(vendor.at, vendor.on_chat(fault));
                        }
                    }
                    let seen = post(&gateway, &long(stream), &[("x-lockgate-explain", "1")]).await;
                    check(&kind, &plan, broken, stream, &seen, &cell);
                    told.push_str(&format!("{:?}{}", seen.headers, seen.body));
                    rows(&gateway).await;
                    sim.clear_faults();
                }
                told.push_str(&gateway.metrics().await);
                told.push_str(&serde_json::to_string(&rows(&gateway).await).unwrap());
            }
            // Each vendor saw its own key alone.
            for request in sim.settled().await {
                let vendor = VENDORS.iter().find(|vendor| vendor.at == request.provider).unwrap();
                let everything = format!("{:?}{:?}{}", request.headers, request.query, request.body);
                for other in VENDORS.iter().filter_map(|other| other.key) {
                    assert_eq!(everything.contains(other), Some(other) == vendor.key, "{everything}");
                }
                let url = format!("{}{:?}", request.path, request.query);
                assert!(vendor.key.is_none_or(|key| !url.contains(key)), "{url}");
            }
            told
        }
    });
    let mut runs = futures_util::stream::iter(runs).buffer_unordered(6);
    while let Some(more) = runs.next().await {
        told.push_str(&more);
    }
    let logged = logs.end();
    assert!(logged.contains("an attempt failed"), "the logs were not captured");
    for key in VENDORS.iter().filter_map(|vendor| vendor.key) {
        assert!(!told.contains(key), "a key is in an answer, a header, a metric or the ledger");
        assert!(!logged.contains(key), "a key is in the logs");
    }
}
