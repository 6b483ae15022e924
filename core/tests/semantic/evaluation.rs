//! The evaluation set: what the docs report of its held-back half.

use std::collections::BTreeMap;

use lockgate::cache::semantic::{
    DEFAULT_THRESHOLD, Evaluation, Guard, Pair, PairLabel, PairOutcome, SecondLook, evaluate, read_pairs,
};
use lockgate_embed::{Kernel, MiniLm, dot};

use crate::house::model;

fn pairs() -> Vec<Pair> {
    read_pairs(include_bytes!("../../evaluation/pairs.csv")).unwrap()
}

fn evaluated(held_back: bool) -> Evaluation {
    let pairs: Vec<Pair> = pairs().into_iter().filter(|pair| pair.is_held_back() == held_back).collect();
    let model = MiniLm::load(&model(), Kernel::best()).unwrap();
    let vector = |text: &str| model.embed(text).vector;
    let outcome = |pair: &Pair| {
        let similarity = dot(&vector(&pair.a), &vector(&pair.b));
        let mut guard = pair.guard(&Guard::ALL);
        let alignment = (guard == Some(Guard::Words))
            .then(|| model.alignment(&pair.a, &pair.b, lockgate::cache::semantic::is_function_word));
        guard =
            guard.filter(|_| !alignment.is_some_and(|found| SecondLook::TRAINED.passes(similarity, found)));
        PairOutcome { similarity, guard, alignment }
    };
    let outcomes: Vec<PairOutcome> = pairs.iter().map(outcome).collect();
    evaluate(&pairs, &outcomes, DEFAULT_THRESHOLD)
}

#[test]
fn the_set_is_large_and_has_every_kind_of_trap() {
    let pairs = pairs();
    assert!(pairs.len() >= 1000, "{}", pairs.len());
    let mut traps: BTreeMap<&str, usize> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.label == PairLabel::Different) {
        *traps.entry(&pair.class).or_default() += 1;
    }
    for class in [
        "numbers",
        "dates",
        "units",
        "negation",
        "antonyms",
        "entities",
        "places",
        "code",
        "direction",
        "question type",
        "context",
    ] {
        assert!(traps[class] >= 25, "{class}: {}", traps[class]);
    }
    assert!(traps.values().sum::<usize>() >= 400);
    let held_back = pairs.iter().filter(|pair| pair.is_held_back()).count();
    assert!(held_back * 5 > pairs.len() * 2 && held_back * 5 < pairs.len() * 3, "{held_back}");
}

#[test]
fn the_held_back_half_holds_what_the_docs_say() {
    let found = evaluated(true).all;
    println!("held back: {found:?}");
    assert!(found.false_hit_rate <= 0.005, "{found:?}");
    assert!(found.recall >= 0.30, "{found:?}");
    assert!(found.recall >= 0.85 * found.unguarded_recall, "{found:?}");
}
