//! Thousands of requests with a third of the calls broken before their first content, and one candidate that never
//! fails: no caller sees an error, and the bill is what the simulator says it delivered. `LOCKGATE_CHAOS_REQUESTS` sets how many
//! requests; the seed is fixed.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;
use lockgate::Gateway;
use lockgate_sim::{Fault, Outcome, Recorded, Sim};

use crate::house::{ask, post, rows, settings, sim};
use crate::vendors::{VENDORS, Vendor, counted};

/// Requests in `make test`.
const REQUESTS: usize = 2_000;
const AT_ONCE: usize = 24;
/// Requests after which the ledger is read: in memory it keeps single rows of the last 10,000.
const READ_AFTER: usize = 5_000;

/// A small generator: the same story each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

async fn gateway(sim: &Sim, plan: &[Vendor]) -> Gateway {
    let mut builder = settings(sim)
        .set("routing.retries", 0)
        .set("timeouts.first_byte_ms", 1_500)
        .set("timeouts.first_byte_json_ms", 1_500)
        .set("timeouts.idle_ms", 1_500)
        .set("routing.chains.plan", plan.iter().map(Vendor::target).collect::<Vec<_>>());
    for vendor in plan {
        builder = vendor.configure(builder, &vendor.base_url(sim));
    }
    builder.build().await.unwrap()
}

/// A fault that breaks a call before its first content.
fn fault(dice: &mut Dice) -> Fault {
    match dice.below(8) {
        0 => Fault::status(429),
        1 => Fault::status(500),
        2 => Fault::status(503),
        3 => Fault::Reset,
        4 => Fault::malformed_after(0),
        5 => Fault::error_after(0),
        6 => Fault::EmptyStream,
        _ => Fault::status(401),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_before_the_first_content_are_never_seen_and_never_billed() {
    let requests: usize = std::env::var("LOCKGATE_CHAOS_REQUESTS")
        .map_or(REQUESTS, |text| text.parse().expect("LOCKGATE_CHAOS_REQUESTS is a number"));
    let sim = sim().await;
    let gateway = Arc::new(gateway(&sim, VENDORS).await);
    let (sound, others) = VENDORS.split_last().unwrap();
    let mut dice = Dice(7);
    // Three of ten calls to the others are broken; so many are scripted that none runs out.
    for vendor in others {
        for _ in 0..requests {
            if dice.below(10) < 3 {
                sim.fault(vendor.at, vendor.on_chat(fault(&mut dice)));
            } else {
                sim.fault(vendor.at, vendor.on_chat(Fault::slow_events(0)));
            }
        }
    }
    let mut failed_over = 0;
    let mut rows = BTreeMap::new();
    for from in (0..requests).step_by(READ_AFTER) {
        let round = from..requests.min(from + READ_AFTER);
        let count = round.len();
        let answers = futures_util::stream::iter(round).map(|number| {
            let gateway = gateway.clone();
            let stream = number % 2 == 1;
            async move { (stream, post(&gateway, &ask("plan", stream), &[]).await) }
        });
        let mut answers = answers.buffer_unordered(AT_ONCE);
        while let Some((stream, seen)) = answers.next().await {
            assert_eq!(seen.status, 200, "{}", seen.body);
            assert!(!seen.body.contains("\"error\""), "{}", seen.body);
            assert!(!stream || seen.is_whole_stream(), "{}", seen.body);
            failed_over += usize::from(seen.attempts().contains(','));
        }
        rows.extend(self::rows(&gateway).await.into_iter().take(count).map(|row| (row.id, row)));
    }
    assert!(failed_over * 10 > requests, "only {failed_over} of {requests} requests met a fault");
    assert_eq!(rows.len(), requests);
    // By provider: what was billed is what was delivered whole.
    let mut delivered: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for call in sim.settled().await.iter().filter(|call| answered(call)) {
        let vendor = VENDORS.iter().find(|vendor| vendor.at == call.provider).unwrap();
        // A list of models has no usage.
        let Some(usage) = &call.usage_sent else { continue };
        let (input, output) = counted(vendor, usage);
        let sum = delivered.entry(vendor.name).or_default();
        *sum = (sum.0 + input, sum.1 + output);
    }
    let mut billed: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in rows.values() {
        assert!(!row.estimated, "{row:?}");
        let sum = billed.entry(row.provider.as_deref().unwrap()).or_default();
        *sum = (sum.0 + row.tokens.input, sum.1 + row.tokens.output);
    }
    assert_eq!(billed, delivered);
    assert!(VENDORS.len() == 1 || delivered.contains_key(sound.name));
    println!("{requests} requests, {failed_over} of them failed over, billed by provider {billed:?}");
}

/// Whether a call was answered whole.
fn answered(call: &Recorded) -> bool {
    let harmless = call.fault.as_ref().is_none_or(|fault| fault["kind"] == "slow_events");
    call.status == Some(200) && call.outcome == Outcome::Completed && harmless
}
