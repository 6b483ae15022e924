//! What a model name resolves to.

use std::sync::Arc;

use super::registry::Provider;
use crate::pricing::Price;

/// Why a candidate is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Its provider has the model asked for.
    Asked,
    /// A chain names it.
    Chain {
        /// Whether its answers are kept as answers to the request.
        kept: bool,
    },
    /// It is of the tier of the model asked for.
    Tier,
}

/// One provider that could answer, under the name it knows the model by.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) provider: Arc<Provider>,
    pub(crate) model: String,
    /// None: unknown, which is not zero.
    pub(crate) price: Option<Price>,
    /// The most output tokens the model writes, where known.
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) origin: Origin,
    /// Candidates of one rank are equal; a lower one is asked before a higher one.
    pub(crate) rank: u16,
}

impl Candidate {
    /// Whether its answer is kept as an answer to the request.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.origin, Origin::Asked | Origin::Chain { kept: true })
    }
}

/// The candidates for one request, in the order they are tried.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    first: Candidate,
    rest: Vec<Candidate>,
}

impl Route {
    /// None for no candidates.
    pub(crate) fn new(candidates: Vec<Candidate>) -> Option<Route> {
        let mut candidates = candidates.into_iter();
        Some(Route { first: candidates.next()?, rest: candidates.collect() })
    }

    pub(crate) fn first(&self) -> &Candidate {
        &self.first
    }

    /// Whether `candidate` stands in for what the caller asked for. Where nobody has a model of that name, the first
    /// of its chain is what it means.
    pub(crate) fn is_stand_in(&self, candidate: &Candidate) -> bool {
        let alias = || self.candidates().all(|other| other.origin != Origin::Asked);
        candidate.origin != Origin::Asked && !(std::ptr::eq(candidate, &self.first) && alias())
    }

    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    pub(crate) fn into_candidates(self) -> Vec<Candidate> {
        let mut all = vec![self.first];
        all.extend(self.rest);
        all
    }
}
