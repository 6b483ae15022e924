//! The evaluation sets: what the docs report of what no guard was made from.

use std::collections::BTreeMap;

use lockgate::cache::semantic::{
    DEFAULT_THRESHOLD, Evaluation, Guard, Pair, PairLabel, PairOutcome, SecondLook, evaluate, read_pairs,
};
use lockgate_embed::{Kernel, MiniLm, dot};

use crate::house::model;

fn pairs() -> Vec<Pair> {
    read_pairs(include_bytes!("../../evaluation/pairs.csv")).unwrap()
}

/// By two authors who knew neither guards nor pairs; guards and second look have learned from them since.
fn independent() -> Vec<Pair> {
    read_pairs(include_bytes!("../../evaluation/independent.csv")).unwrap()
}

/// By two more such authors. Nothing was learned from them.
fn unseen() -> Vec<Pair> {
    read_pairs(include_bytes!("../../evaluation/held-back.csv")).unwrap()
}

fn evaluated(pairs: &[Pair]) -> Evaluation {
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
    evaluate(pairs, &outcomes, DEFAULT_THRESHOLD)
}

#[test]
fn no_pair_is_in_two_sets() {
    let sets = [pairs(), independent(), unseen()];
    let all: Vec<(&str, &str)> =
        sets.iter().flatten().map(|pair| (pair.a.as_str(), pair.b.as_str())).collect();
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(all.len() - different.len(), 0);
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
    let half: Vec<Pair> = pairs().into_iter().filter(Pair::is_held_back).collect();
    let found = evaluated(&half).all;
    println!("held back: {found:?}");
    assert!(found.false_hit_rate <= 0.005, "{found:?}");
    assert!(found.recall >= 0.30, "{found:?}");
    assert!(found.recall >= 0.85 * found.unguarded_recall, "{found:?}");
}

#[test]
fn traps_by_other_authors_hold_what_the_docs_say() {
    let learned = evaluated(&independent()).all;
    println!("learned from: {learned:?}");
    assert!(learned.false_hit_rate <= 0.005, "{learned:?}");
    let found = evaluated(&unseen()).all;
    println!("never learned from: {found:?}");
    assert!(found.different >= 300, "{found:?}");
    assert!(found.false_hit_rate <= 0.015, "{found:?}");
    assert!(found.false_hit_rate * 15.0 <= found.unguarded_false_hit_rate, "{found:?}");
    assert!(found.recall >= 0.55 * found.unguarded_recall, "{found:?}");
}
