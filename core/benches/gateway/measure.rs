//! Times work in rounds. What is compared takes turns, so that a busy moment of the machine meets both.

use std::time::{Duration, Instant};

/// Rounds of each; the median counts.
const ROUNDS: usize = 41;
/// How long a round takes, about.
const ROUND: Duration = Duration::from_millis(50);

/// Something to time: does `times` operations.
#[allow(async_fn_in_trait, reason = "it stays in this benchmark")]
pub trait Work {
    async fn run(&mut self, times: u32);
}

/// Nanoseconds an operation.
pub struct Timed<W> {
    work: W,
    times: u32,
    rounds: Vec<f64>,
}

impl<W: Work> Timed<W> {
    /// Warms up, and finds how often the work fits into a round.
    pub async fn new(mut work: W) -> Timed<W> {
        let mut times = 64;
        loop {
            let begun = Instant::now();
            work.run(times).await;
            let took = begun.elapsed();
            if took >= ROUND / 4 {
                let fits = f64::from(times) * ROUND.as_secs_f64() / took.as_secs_f64();
                return Timed { work, times: fits.max(1.0) as u32, rounds: Vec::new() };
            }
            times *= 2;
        }
    }

    async fn round(&mut self) {
        let begun = Instant::now();
        self.work.run(self.times).await;
        self.rounds.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(self.times));
    }

    /// The median.
    pub fn nanos(&self) -> f64 {
        median(&self.rounds)
    }
}

pub fn median(all: &[f64]) -> f64 {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// Times one.
pub async fn alone<W: Work>(work: W) -> f64 {
    let mut timed = Timed::new(work).await;
    for _ in 0..ROUNDS {
        timed.round().await;
    }
    timed.nanos()
}

/// Times two in turns.
pub async fn duel<A: Work, B: Work>(one: A, other: B) -> (f64, f64) {
    let (mut one, mut other) = (Timed::new(one).await, Timed::new(other).await);
    for _ in 0..ROUNDS {
        one.round().await;
        other.round().await;
    }
    (one.nanos(), other.nanos())
}
