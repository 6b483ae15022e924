//! `lockgate cache eval`: recall and false hits on labelled pairs.

use std::path::Path;

use clap::ValueEnum;
use lockgate::cache::semantic::{Evaluation, Outcomes, Pair, PairOutcome, SecondLook, evaluate, read_pairs};
use lockgate::embed::Texts;
use serde_json::json;

use super::model::HOW_TO_GET;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::{listing, settings};

/// A half of the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Half {
    /// The one to choose settings on.
    Tuning,
    /// The one to report.
    HeldBack,
}

pub(super) async fn run(
    sources: &Sources,
    file: &Path,
    threshold: f32,
    half: Option<Half>,
    json: bool,
    features: bool,
) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Failure::usage(format!("--threshold {threshold}: must be from 0 to 1")));
    }
    let text = std::fs::read(file)
        .map_err(|source| Failure::usage(format!("--pairs {}: cannot be read ({source})", file.display())))?;
    let mut pairs = read_pairs(&text)
        .map_err(|error| Failure::usage(format!("--pairs {}: {}", file.display(), error.message())))?;
    if let Some(half) = half {
        pairs.retain(|pair| pair.is_held_back() == (half == Half::HeldBack));
    }
    let config = settings::read(sources)?;
    let Some(texts) = Texts::of(&config)? else {
        return Err(Failure::usage(format!("the embedding model is not there: {HOW_TO_GET}")));
    };
    let mut outcomes = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        outcomes.push(outcome(&texts, pair).await?);
    }
    if features {
        return show_features(&pairs, &outcomes);
    }
    let found = evaluate(&pairs, &outcomes, threshold);
    if json { listing::json(&found) } else { show(&found) }
}

async fn outcome(texts: &Texts, pair: &Pair) -> Result<PairOutcome, Failure> {
    let (a, b) = (texts.vector(&pair.a).await?, texts.vector(&pair.b).await?);
    let similarity = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let asked = SecondLook::asks(&pair.a, &pair.b);
    let read = if asked { texts.same_meaning(&pair.a, &pair.b).await? } else { None };
    let back = if asked { texts.same_meaning(&pair.b, &pair.a).await? } else { None };
    let read = read.zip(back).map(|(read, back)| [read, back]);
    Ok(PairOutcome { similarity, objections: pair.objections(), read })
}

/// What was worked out for each pair, as JSON: what `core/evaluation/weigh.py` learns from.
fn show_features(pairs: &[Pair], outcomes: &[PairOutcome]) -> Result<(), Failure> {
    let seen = pairs.iter().zip(outcomes).map(|(pair, outcome)| {
        let PairOutcome { similarity, objections, read } = outcome;
        json!({
            "label": pair.label, "class": pair.class, "a": pair.a, "b": pair.b,
            "similarity": similarity, "objections": objections, "read": read, "guard": outcome.guard(),
        })
    });
    listing::json(&seen.collect::<Vec<_>>())
}

fn show(found: &Evaluation) -> Result<(), Failure> {
    let row = |name: String, outcomes: &Outcomes| {
        let percent = |share: f64, of: usize| {
            if of == 0 { "-".to_owned() } else { format!("{:.1} %", share * 100.0) }
        };
        [
            name,
            outcomes.pairs.to_string(),
            percent(outcomes.recall, outcomes.same),
            percent(outcomes.unguarded_recall, outcomes.same),
            percent(outcomes.false_hit_rate, outcomes.different),
            percent(outcomes.unguarded_false_hit_rate, outcomes.different),
        ]
    };
    let head = |first| [first, "PAIRS", "RECALL", "UNGUARDED", "FALSE HITS", "UNGUARDED"];
    let mut rows = vec![row(format!("all, at {}", found.threshold), &found.all)];
    rows.extend(found.classes.iter().map(|(class, outcomes)| row(class.clone(), outcomes)));
    listing::columns(head("CLASS"), &rows)?;
    listing::line("")?;
    let rows: Vec<_> = found.thresholds.iter().map(|at| row(at.threshold.to_string(), &at.all)).collect();
    listing::columns(head("THRESHOLD"), &rows)?;
    listing::line("")?;
    let rows: Vec<[String; 2]> =
        found.guards.iter().map(|(guard, count)| [guard.to_string(), count.to_string()]).collect();
    listing::columns(["GUARD", "REFUSED"], &rows)
}
