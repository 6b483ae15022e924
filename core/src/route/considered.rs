//! What becomes of the candidates, for the record of decisions.

use super::{Candidate, Failed, Health, Origin, Route, Standing};
use crate::context::Context;
use crate::pricing::Price;
use crate::telemetry::{Considered, PriceSource, Verdict};

impl Context {
    /// Writes the plan down.
    pub(crate) fn plan(&mut self, route: &Route, health: &Health) {
        self.decisions.price = Some(match &route.first().price {
            None => PriceSource::Unknown,
            Some(price) if *price == Price::free() => PriceSource::Free,
            Some(_) => PriceSource::Table,
        });
        self.decisions.candidates = route
            .candidates()
            .map(|candidate| Considered {
                provider: candidate.provider.name.clone(),
                model: candidate.model.clone(),
                why: candidate.origin.as_str().to_owned(),
                verdict: Verdict::NotAsked,
                reason: None,
                breaker_open: health.standing(candidate) == Standing::Open,
            })
            .collect();
    }

    /// Writes down what became of a candidate.
    pub(crate) fn consider(&mut self, candidate: &Candidate, outcome: &Result<(), &Failed>) {
        let told = self
            .decisions
            .candidates
            .iter_mut()
            .find(|told| told.provider == candidate.provider.name && told.model == candidate.model);
        let Some(told) = told else { return };
        (told.verdict, told.reason) = match outcome {
            Ok(()) => (Verdict::Answered, None),
            Err(Failed::Request(error) | Failed::Skipped(error)) => {
                (Verdict::Skipped, Some(format!("{}: {}", error.code(), error.message())))
            }
            Err(failed) => (Verdict::Failed, Some(failed.result())),
        };
    }
}

impl Origin {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Origin::Asked => "asked",
            Origin::Chain { .. } => "chain",
            Origin::Tier => "tier",
        }
    }
}
