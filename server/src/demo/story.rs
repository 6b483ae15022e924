//! Tells the story.

use std::time::{Duration, Instant};

use lockgate::money::Nano;
use lockgate::store::{UsageLine, UsageQuery};
use lockgate_sim::Provider;

use super::call;
use super::crowd;
use super::narrate::Narrator;
use super::scene::{Expect, SCENES, SEMANTIC_SCENES};
use super::step::Step;
use super::world::World;
use crate::failure::Failure;

/// How long the ledger may take.
const LEDGER: Duration = Duration::from_secs(10);

/// Answers that no provider was called for: two hits, four of the crowd.
const HITS: u64 = 6;

/// What the answers of the story add up to.
#[derive(Debug, Default)]
struct Sum {
    requests: u64,
    cost: i64,
}

impl Sum {
    fn add(&mut self, cost: Option<i64>) {
        self.requests += 1;
        self.cost += cost.unwrap_or_default();
    }
}

/// Plays all scenes, then asks the ledger. Whether every step showed what it should.
pub(super) async fn tell(world: &World, narrator: &Narrator) -> Result<bool, Failure> {
    let client = call::client()?;
    let mut sum = Sum::default();
    let mut steps = Vec::new();
    narrator.begin(world)?;
    let semantic = if world.gateway.warm_up().await { SEMANTIC_SCENES } else { &[] };
    for scene in SCENES.iter().chain(semantic) {
        for take in 1..=scene.before {
            sum.add(call::send(&client, world, scene, take).await?.cost());
        }
        if let Some(trouble) = scene.trouble {
            world.sim.fault(Provider::OpenAi, trouble.fault());
        }
        let reply = call::send(&client, world, scene, 0).await?;
        if !semantic.is_empty() {
            // Questions are kept off the caller's path.
            world.gateway.flush(LEDGER).await;
        }
        let step = Step::judge(scene, &reply);
        if matches!(scene.expect, Expect::Answer(_)) {
            sum.add(step.cost_nano_usd);
        }
        narrator.step(&step)?;
        steps.push(step);
    }
    let (step, requests, cost) = crowd::gather(&client, world).await?;
    sum.requests += requests;
    sum.cost += cost;
    narrator.step(&step)?;
    steps.push(step);
    let ledger = ledger(world, &sum).await?;
    narrator.step(&ledger)?;
    steps.push(ledger);
    let ok = steps.iter().all(|step| step.ok);
    narrator.end(ok, &steps)?;
    Ok(ok)
}

/// The ledger must hold each answered request, no refused one, and the same cent.
async fn ledger(world: &World, sum: &Sum) -> Result<Step, Failure> {
    let asked = Instant::now();
    let written = world.gateway.flush(LEDGER).await;
    let lines = world.gateway.usage(&UsageQuery::default()).await?;
    let total = lines.into_iter().next().unwrap_or_default();
    let mut wrong = Vec::new();
    if !written {
        wrong.push("the ledger was not written in time".to_owned());
    }
    if total.requests != sum.requests {
        wrong.push(format!("{} requests in the ledger, {} were answered", total.requests, sum.requests));
    }
    if total.cost.nano() != sum.cost {
        let answers = Nano::from_nano(sum.cost);
        wrong.push(format!("${} in the ledger, the answers said ${answers}", total.cost));
    }
    if total.saved <= Nano::ZERO || total.cache_hits < HITS {
        wrong.push(format!("{} hits saved ${}", total.cache_hits, total.saved));
    }
    Ok(Step {
        name: "ledger",
        tells: "the ledger: every answer, no refusal, to the cent".to_owned(),
        ok: wrong.is_empty(),
        status: None,
        cache: None,
        provider: None,
        model: None,
        attempts: None,
        latency_us: u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX),
        cost_nano_usd: Some(total.cost.nano()),
        code: None,
        explain: None,
        wrong,
        says: vec![in_words(&total)],
    })
}

fn in_words(total: &UsageLine) -> String {
    format!(
        "{} requests, {} input and {} output tokens, ${}; {} from the cache saved ${}",
        total.requests, total.input_tokens, total.output_tokens, total.cost, total.cache_hits, total.saved
    )
}
