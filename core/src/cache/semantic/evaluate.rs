//! How well threshold and guards tell paraphrases from near misses, on labelled pairs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Guard, SecondLook, objections};
use crate::error::{Error, Result};

/// Similarities at which the whole is told.
const THRESHOLDS: [f32; 13] = [0.70, 0.75, 0.80, 0.84, 0.86, 0.88, 0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.97];

/// What two questions are to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairLabel {
    /// One answer serves both.
    Same,
    /// It does not.
    Different,
}

/// Two questions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pair {
    /// What they are to one another.
    pub label: PairLabel,
    /// What kind of pair it is.
    #[serde(default)]
    pub class: String,
    /// One question.
    pub a: String,
    /// The other.
    pub b: String,
}

/// What was worked out for a pair.
#[derive(Debug, Clone)]
pub struct PairOutcome {
    /// The cosine of the two.
    pub similarity: f32,
    /// The guards that object.
    pub objections: Vec<Guard>,
    /// What the model reads in one order and in the other, where it is there and asked.
    pub read: Option<[f32; 2]>,
}

impl PairOutcome {
    /// The guard that refuses.
    #[must_use]
    pub fn guard(&self) -> Option<Guard> {
        match self.read {
            Some(read) => SecondLook::TRAINED.verdict(&self.objections, read),
            None => self.objections.first().copied(),
        }
    }
}

/// Shares of the pairs above a threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Outcomes {
    /// Pairs.
    pub pairs: usize,
    /// Of them labelled `same`.
    pub same: usize,
    /// Of them labelled `different`.
    pub different: usize,
    /// The share of `same` that is answered.
    pub recall: f64,
    /// The share of `different` that is answered.
    pub false_hit_rate: f64,
    /// The share of `same` that would be answered without guards.
    pub unguarded_recall: f64,
    /// The share of `different` that would be answered without guards.
    pub unguarded_false_hit_rate: f64,
}

/// All that is told of a set of pairs.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// The least similarity of a hit.
    pub threshold: f32,
    /// At it, over all pairs.
    #[serde(flatten)]
    pub all: Outcomes,
    /// At it, for each class.
    pub classes: BTreeMap<String, Outcomes>,
    /// How many pairs each guard refused that were near enough.
    pub guards: BTreeMap<Guard, usize>,
    /// Over all pairs, at each of several thresholds.
    pub thresholds: Vec<AtThreshold>,
}

/// The shares at one threshold.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AtThreshold {
    /// The least similarity of a hit.
    pub threshold: f32,
    /// At it, over all pairs.
    #[serde(flatten)]
    pub all: Outcomes,
}

/// Reads pairs from CSV with the columns `label`, `a`, `b` and, if it is there, `class`.
pub fn read_pairs(csv: &[u8]) -> Result<Vec<Pair>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
    let pairs: Result<Vec<Pair>> = reader
        .deserialize()
        .enumerate()
        .map(|(row, pair)| {
            pair.map_err(|source| {
                let what =
                    "must be CSV with the columns label (same or different), a, b and, if you like, class";
                Error::invalid("pairs", format!("row {}: {what} ({source})", row + 1))
            })
        })
        .collect();
    let pairs = pairs?;
    if pairs.is_empty() {
        return Err(Error::invalid("pairs", "there are none"));
    }
    Ok(pairs)
}

/// Works out all shares. `outcomes` are those of `pairs`, in the same order.
#[must_use]
pub fn evaluate(pairs: &[Pair], outcomes: &[PairOutcome], threshold: f32) -> Evaluation {
    let judged: Vec<(&Pair, &PairOutcome)> = pairs.iter().zip(outcomes).collect();
    let mut by_class: BTreeMap<String, Vec<(&Pair, &PairOutcome)>> = BTreeMap::new();
    for (pair, outcome) in &judged {
        by_class.entry(pair.class.clone()).or_default().push((pair, outcome));
    }
    let mut guards = BTreeMap::new();
    for (_, outcome) in judged.iter().filter(|(_, outcome)| outcome.similarity >= threshold) {
        if let Some(guard) = outcome.guard() {
            *guards.entry(guard).or_default() += 1;
        }
    }
    Evaluation {
        threshold,
        all: shares(&judged, threshold),
        classes: by_class.into_iter().map(|(class, pairs)| (class, shares(&pairs, threshold))).collect(),
        guards,
        thresholds: THRESHOLDS
            .into_iter()
            .map(|threshold| AtThreshold { threshold, all: shares(&judged, threshold) })
            .collect(),
    }
}

fn shares(judged: &[(&Pair, &PairOutcome)], threshold: f32) -> Outcomes {
    let count = |label: PairLabel, passes: &dyn Fn(&PairOutcome) -> bool| {
        judged.iter().filter(|(pair, outcome)| pair.label == label && passes(outcome)).count()
    };
    let near = |outcome: &PairOutcome| outcome.similarity >= threshold;
    let answered = |outcome: &PairOutcome| near(outcome) && outcome.guard().is_none();
    let share = |label: PairLabel, passes: &dyn Fn(&PairOutcome) -> bool| {
        let all = count(label, &|_| true);
        if all == 0 { 0.0 } else { count(label, passes) as f64 / all as f64 }
    };
    Outcomes {
        pairs: judged.len(),
        same: count(PairLabel::Same, &|_| true),
        different: count(PairLabel::Different, &|_| true),
        recall: share(PairLabel::Same, &answered),
        false_hit_rate: share(PairLabel::Different, &answered),
        unguarded_recall: share(PairLabel::Same, &near),
        unguarded_false_hit_rate: share(PairLabel::Different, &near),
    }
}

impl Pair {
    /// Which of two halves a pair belongs to, by what its first question hashes to: settings are chosen on one half and
    /// reported on the other. Pairs of one first question stay together.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        use sha2::{Digest, Sha256};
        Sha256::digest(self.a.as_bytes()).first().is_some_and(|byte| byte & 1 == 1)
    }

    /// The guards that object.
    #[must_use]
    pub fn objections(&self) -> Vec<Guard> {
        objections(&self.a, &self.b, &Guard::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(label: PairLabel, class: &str) -> Pair {
        Pair { label, class: class.to_owned(), a: "a".to_owned(), b: "b".to_owned() }
    }

    #[test]
    fn shares_are_of_their_label() {
        let pairs = [
            pair(PairLabel::Same, "x"),
            pair(PairLabel::Same, "x"),
            pair(PairLabel::Same, "y"),
            pair(PairLabel::Same, "y"),
            pair(PairLabel::Different, "y"),
            pair(PairLabel::Different, "z"),
        ];
        let outcome = |similarity, guard: Option<Guard>| PairOutcome {
            similarity,
            objections: guard.into_iter().collect(),
            read: None,
        };
        let outcomes = [
            outcome(0.99, None),
            outcome(0.93, Some(Guard::Words)),
            outcome(0.95, None),
            outcome(0.5, None),
            outcome(0.97, Some(Guard::Numbers)),
            outcome(0.96, None),
        ];
        let found = evaluate(&pairs, &outcomes, 0.92);
        assert_eq!((found.all.pairs, found.all.same, found.all.different), (6, 4, 2));
        assert_eq!((found.all.recall, found.all.unguarded_recall), (0.5, 0.75));
        assert_eq!((found.all.false_hit_rate, found.all.unguarded_false_hit_rate), (0.5, 1.0));
        assert_eq!(found.classes["x"].recall, 0.5);
        assert_eq!(found.guards, BTreeMap::from([(Guard::Words, 1), (Guard::Numbers, 1)]));
        let at = found.thresholds.iter().find(|at| at.threshold == 0.97).unwrap();
        assert_eq!((at.all.recall, at.all.false_hit_rate), (0.25, 0.0));
    }

    #[test]
    fn csv_is_read_and_its_mistakes_are_named() {
        let pairs = read_pairs(b"a,label,b\n\"How, now?\",same,What now\nx,different,y\n").unwrap();
        assert_eq!(pairs[0].a, "How, now?");
        assert_eq!(pairs[1].label, PairLabel::Different);
        for (text, named) in
            [("label,a,b\nsome,x,y\n", "row 1"), ("label,a\nsame,x\n", "row 1"), ("label,a,b\n", "none")]
        {
            let error = read_pairs(text.as_bytes()).unwrap_err();
            assert!(error.message().contains(named), "{}", error.message());
        }
    }
}
