//! The engine in process against the naive one: random scripts, the same answers and the same counters.

use std::sync::Arc;

use lockgate::clock::ManualClock;
use lockgate::store::memory::{MemoryLimiter, Start};
use proptest::prelude::*;

use crate::naive::Naive;
use crate::script::{Call, Cast, Player, call, cases};
use crate::world::START;

/// Plays the script on both; the naive one tells no levels, so they are left out.
fn compare(calls: &[Call], start: Start) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cast = Cast::new(calls.len());
    let clocks = [ManualClock::at(START), ManualClock::at(START)];
    let engine = MemoryLimiter::new(clocks[0].clone(), start);
    let naive = Naive::new(clocks[1].clone());
    let [clock, naive_clock] = clocks;
    let mut player = Player::new(&cast, clock, &engine).without_levels();
    let mut shadow = Player::new(&cast, naive_clock, &naive);
    for (number, call) in calls.iter().enumerate() {
        let (seen, expected) =
            runtime.block_on(async { (player.play(number, call).await, shadow.play(number, call).await) });
        prop_assert_eq!(seen, expected, "call {}", number);
    }
    Ok(())
}

#[test]
fn random_scripts_go_as_the_naive_limiter_says() {
    proptest!(cases(150), |(calls in prop::collection::vec(call(), 1..120))| {
        compare(&calls, Start::Zero)?;
        compare(&calls, Start::Seeded)?;
    });
}

/// The generator must reach every kind of answer, or the law above says little.
#[test]
fn scripts_reach_every_kind_of_answer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut seen = std::collections::BTreeMap::new();
    let scripts = Arc::new(parking_lot::Mutex::new(Vec::new()));
    proptest!(cases(60), |(calls in prop::collection::vec(call(), 100..120))| {
        scripts.lock().push(calls);
    });
    for calls in scripts.lock().iter() {
        let cast = Cast::new(calls.len());
        let clock = ManualClock::at(START);
        let engine = MemoryLimiter::new(clock.clone(), Start::Zero);
        let mut player = Player::new(&cast, clock, &engine);
        for (number, call) in calls.iter().enumerate() {
            let told = runtime.block_on(player.play(number, call));
            for word in WORDS {
                *seen.entry(word).or_insert(0) += usize::from(told.contains(word));
            }
        }
    }
    let missing: Vec<_> = WORDS.iter().filter(|word| seen[*word] == 0).collect();
    assert!(missing.is_empty(), "never seen: {missing:?} of {seen:?}");
}

const WORDS: [&str; 16] = [
    "-> Admitted(Admitted { plan: 0",
    "-> Admitted(Admitted { plan: 1",
    "-> Hit { plan: 0",
    "-> Hit { plan: 1",
    "-> Reload",
    "limit: Requests,",
    "limit: Tokens,",
    "limit: Concurrency",
    "limit: Spend(Month",
    "limit: Spend(Day",
    "limit: SpendPerRequest",
    "-> Booked",
    "-> Late",
    "-> Already",
    "-> Raised(",
    "-> Gone",
];
