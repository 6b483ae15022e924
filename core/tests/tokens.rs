//! The admission estimate against the true o200k count, over the committed corpus.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)] // Helpers of tests.

#[path = "corpus/samples.rs"]
mod samples;

use std::collections::BTreeMap;
use std::path::Path;

use lockgate::tokens::{Estimate, count};
use proptest::prelude::*;
use samples::Sample;

const SEED: u64 = 20_261_123;

fn corpus() -> (usize, Vec<Sample>) {
    let mut all = samples::written(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    let written = all.len();
    let mixed = samples::mixed(&all, SEED, 60);
    all.extend(mixed);
    all.retain(|sample| !sample.text.trim().is_empty());
    (written, all)
}

#[test]
fn the_estimate_bounds_the_count_on_999_of_1000_texts() {
    let (written, corpus) = corpus();
    assert!(written >= 500 && corpus.len() >= 2_400, "{written} written, {} in all", corpus.len());
    let mut ratios: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let (mut estimated, mut counted, mut below) = (0, 0, Vec::new());
    for sample in &corpus {
        let (estimate, exact) = (Estimate::of_text(&sample.text), count(&sample.text));
        if estimate < exact {
            below.push((&sample.kind, estimate, exact, sample.text.chars().take(60).collect::<String>()));
        }
        (estimated, counted) = (estimated + estimate, counted + exact);
        ratios.entry(&sample.kind).or_default().push(estimate as f64 / exact as f64);
    }
    let mean = |ratios: &[f64]| ratios.iter().sum::<f64>() / ratios.len() as f64;
    for (kind, ratios) in &ratios {
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{kind:28} {:4} texts, estimate ÷ count: mean {:.2}, least {least:.2}",
            ratios.len(),
            mean(ratios)
        );
    }
    let overall = estimated as f64 / counted as f64;
    let all: Vec<f64> = ratios.into_values().flatten().collect();
    println!(
        "{} texts: {} below; mean ratio {:.2}, by tokens {overall:.2}",
        corpus.len(),
        below.len(),
        mean(&all)
    );
    assert!(below.len() * 1000 <= corpus.len(), "{below:#?}");
    assert!(overall < 1.4, "the estimate has become loose: {overall:.2}");
}

#[test]
fn mixing_is_deterministic() {
    let texts = |(_, corpus): (usize, Vec<Sample>)| corpus.into_iter().map(|s| s.text).collect::<Vec<_>>();
    assert_eq!(texts(corpus()), texts(corpus()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_estimated_within_its_bytes(text in any::<String>()) {
        let estimate = Estimate::of_text(&text);
        prop_assert!((estimate == 0) == text.is_empty());
        prop_assert!(estimate <= 1 + 4 * text.len() as u64);
    }

    #[test]
    fn a_longer_text_is_never_estimated_lower(text in "[a-zA-Z0-9 .,é你\n]{0,40}", more in "[a-z]{1,9}") {
        let longer = format!("{text} {more}");
        prop_assert!(Estimate::of_text(&longer) >= Estimate::of_text(&text));
    }
}
