//! What a model name resolves to.

use std::sync::Arc;

use super::registry::Provider;
use crate::pricing::Price;

/// One provider that could answer, under the name it knows the model by.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) provider: Arc<Provider>,
    pub(crate) model: String,
    /// None: unknown, which is not zero.
    pub(crate) price: Option<Price>,
    /// The most output tokens the model writes, where known.
    pub(crate) max_output_tokens: Option<u64>,
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

    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}
