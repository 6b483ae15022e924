//! A step with several equal requests at once: one call to the provider, all answered.

use std::time::Duration;

use futures_util::future::try_join_all;
use lockgate_sim::{Fault, Provider};

use super::call;
use super::scene::{CROWD, Scene};
use super::step::Step;
use super::world::World;
use crate::failure::Failure;

/// How many ask the same.
const CALLS: usize = 5;
/// How long the provider takes: time enough for all of them to arrive.
const SLOW: Duration = Duration::from_millis(150);

/// Plays the step. Returns it with what the calls cost together.
pub(super) async fn gather(client: &reqwest::Client, world: &World) -> Result<(Step, u64, i64), Failure> {
    let scene: &Scene = &CROWD;
    let before = world.sim.requests().len();
    world.sim.fault(Provider::OpenAi, Fault::slow_headers(u64::try_from(SLOW.as_millis()).unwrap_or(150)));
    let replies = try_join_all((0..CALLS).map(|_| call::send(client, world, scene, 0))).await?;
    let upstream = world.sim.requests().len() - before;
    let costs: Vec<i64> = replies.iter().filter_map(call::Reply::cost).collect();
    let paid = costs.iter().filter(|cost| **cost > 0).count();
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    must(
        replies.iter().all(|reply| reply.status == 200 && !reply.text.is_empty()),
        "a call was not answered".into(),
    );
    must(
        replies.windows(2).all(|two| matches!(two, [a, b] if a.text == b.text)),
        "the answers differ".into(),
    );
    must(upstream == 1, format!("{upstream} calls reached the provider"));
    must(costs.len() == CALLS && paid == 1, format!("{paid} calls were paid"));
    let shared = replies.iter().find(|reply| reply.header("x-lockgate-cache") == Some("coalesced"));
    must(shared.is_some(), "no call says that it was coalesced".into());
    let shown = shared.or(replies.first());
    let header = |name: &str| shown.and_then(|reply| reply.header(name)).map(str::to_owned);
    let slowest = replies.iter().map(|reply| reply.latency).max().unwrap_or_default();
    let cost = costs.iter().sum();
    let step = Step {
        name: scene.name,
        tells: scene.tells.to_owned(),
        ok: wrong.is_empty(),
        status: shown.map(|reply| reply.status),
        cache: header("x-lockgate-cache"),
        provider: header("x-lockgate-provider"),
        model: header("x-lockgate-model"),
        attempts: header("x-lockgate-attempts"),
        latency_us: u64::try_from(slowest.as_micros()).unwrap_or(u64::MAX),
        cost_nano_usd: Some(cost),
        code: None,
        explain: None,
        wrong,
        says: vec![format!("{CALLS} calls at once, {upstream} at the provider, {paid} paid")],
    };
    Ok((step, CALLS as u64, cost))
}
