//! Stage 2: the ways in which a request could be served, and what each may cost. Pure.

use std::sync::Arc;

use super::demand::Demand;
use super::substitute::candidates;
use super::{Registry, Route, Rules};
use crate::ask::Ask;
use crate::auth::Caller;
use crate::cache::{Keys, Known};
use crate::error::{Error, Kind, Result};
use crate::limits::{Plan, Plans, trigger};
use crate::money::Nano;

/// One way to serve a request.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// What is asked; under a downgrade it names the cheaper model.
    pub(crate) ask: Arc<Ask>,
    pub(crate) route: Route,
    /// The most tokens it may take; zero until it is estimated.
    pub(crate) demand: Demand,
    /// The most it may cost at the first candidate; zero until it is estimated.
    pub(crate) money: Nano,
}

/// The request as asked, and the cheaper way, where one is declared.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub(crate) first: Way,
    pub(crate) second: Option<Way>,
}

impl Way {
    fn estimate(&mut self, caller: &Caller) {
        let candidate = self.route.first();
        self.demand = Demand::of(&self.ask, candidate, &caller.project.settings);
        self.money = candidate.price.as_ref().map_or(Nano::ZERO, |price| self.demand.cost(price));
    }
}

impl Ways {
    /// Estimates what each way may take. An answer that is known takes nothing.
    pub(crate) fn estimate(&mut self, caller: &Caller, known: &Known) {
        for (index, way) in std::iter::once(&mut self.first).chain(&mut self.second).enumerate() {
            if known.get(index).is_none() {
                way.estimate(caller);
            }
        }
    }

    /// What each way would take at the limiter.
    pub(crate) fn plans(&self, keys: &Keys, known: &Known) -> Plans {
        let plan = |index: usize, way: &Way| Plan {
            cache_key: keys.at_limiter(index),
            cached: known.get(index).is_some(),
            version: known.get(index).and_then(|stored| stored.version.clone()),
            money: way.money,
            tokens: way.demand.total(),
        };
        Plans {
            first: plan(0, &self.first),
            second: self.second.as_ref().map(|way| plan(1, way)),
            follow: keys.follows(),
        }
    }

    /// The way that was admitted.
    pub(crate) fn take(self, plan: usize) -> Way {
        match (plan, self.second) {
            (1.., Some(second)) => second,
            _ => self.first,
        }
    }
}

/// Finds the ways. What they may cost is estimated later, where no cache knows the answer.
pub(crate) fn plan(registry: &Registry, rules: &Rules<'_>, ask: &Arc<Ask>) -> Result<Ways> {
    let caller = rules.caller;
    let first = way(registry, rules, ask.clone())?;
    let cheaper = caller.project.settings.downgrade.get(ask.model()).filter(|_| trigger(caller).is_some());
    // A table that names a model nobody serves is no way at all: the first one's refusal stands.
    let second = cheaper.and_then(|model| way(registry, rules, Arc::new(ask.with_model(model))).ok());
    Ok(Ways { first, second })
}

fn way(registry: &Registry, rules: &Rules<'_>, ask: Arc<Ask>) -> Result<Way> {
    let model = ask.model();
    if !rules.caller.may_use(model) {
        return Err(Error::new(Kind::ModelNotFound, format!("The model {model:?} is not allowed here."))
            .with(|details| details.param = Some("model".to_owned())));
    }
    let route = candidates(registry, rules, model)?;
    if route.first().price.is_none() && rules.caller.caps().any() {
        return Err(unknown_price(model));
    }
    Ok(Way { ask, route, demand: Demand::default(), money: Nano::ZERO })
}

pub(super) fn unknown_price(model: &str) -> Error {
    let message = format!(
        "The price of the model {model:?} is unknown and a spend cap applies. Set it in the settings: \
         [[prices]] with provider and model, or price = \"free\" for the provider."
    );
    Error::new(Kind::UnknownPrice, message).with(|details| details.param = Some("model".to_owned()))
}
