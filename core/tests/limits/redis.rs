//! One function, several engines: memory, a shared SQLite file and the scripts give equal verdicts on one clock.

use lockgate::clock::ManualClock;
use lockgate::store::Limiter;
use lockgate::store::memory::{MemoryLimiter, Start};
use proptest::prelude::*;

use crate::engines::{ENGINES, Engine, Unspent};
use crate::script::{Call, Cast, Player, call, cases};
use crate::world::{START, shared_limiter};

async fn compare(calls: &[Call], engines: &[Engine], file: bool) -> Result<(), TestCaseError> {
    let cast = Cast::new(calls.len());
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START);
    let memory = MemoryLimiter::new(clock.clone(), Start::Zero);
    let mut first = Player::new(&cast, clock, &memory);
    let mut limiters: Vec<(String, std::sync::Arc<ManualClock>, Box<dyn Limiter>)> = Vec::new();
    for engine in engines {
        let clock = ManualClock::at(START);
        limiters.push((format!("{engine:?}"), clock.clone(), Box::new(Unspent(engine.limiter(clock).await))));
    }
    if file {
        let clock = ManualClock::at(START);
        limiters.push(("SQLite".to_owned(), clock.clone(), Box::new(shared_limiter(&folder, clock).await)));
    }
    let mut others: Vec<_> = limiters
        .iter()
        .map(|(name, clock, limiter)| (name, Player::new(&cast, clock.clone(), limiter.as_ref())))
        .collect();
    for (number, call) in calls.iter().enumerate() {
        let told = first.play(number, call).await;
        for (name, other) in &mut others {
            prop_assert_eq!(&told, &other.play(number, call).await, "call {} on {}", number, name);
        }
    }
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// At least 10,000 calls: 100 scripts of at least 100.
#[test]
fn memory_and_redis_answer_alike() {
    let runtime = runtime();
    proptest!(cases(100), |(calls in prop::collection::vec(call(), 100..140))| {
        runtime.block_on(compare(&calls, &[Engine::Redis], false))?;
    });
}

/// At least 2,000 calls on each.
#[test]
fn all_engines_answer_alike() {
    let runtime = runtime();
    proptest!(cases(20), |(calls in prop::collection::vec(call(), 100..140))| {
        runtime.block_on(compare(&calls, &ENGINES, true))?;
    });
}
