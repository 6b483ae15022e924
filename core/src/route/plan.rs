//! Stage 2: the ways in which a request could be served, and what each may cost. Pure.

use std::sync::Arc;

use super::demand::Demand;
use super::{Registry, Route, resolve};
use crate::auth::Caller;
use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::config::FailoverMode;
use crate::error::{Error, Kind, Result};
use crate::limits::{Plan, Plans, trigger};
use crate::money::Nano;
use crate::types::ChatRequest;

/// One way to serve a request.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The request; under a downgrade it names the cheaper model.
    pub(crate) request: Arc<ChatRequest>,
    pub(crate) route: Route,
    pub(crate) demand: Demand,
    /// The most it may cost at the first candidate.
    pub(crate) money: Nano,
}

/// The request as asked, and the cheaper way, where one is declared.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub(crate) first: Way,
    pub(crate) second: Option<Way>,
}

impl Ways {
    /// What each way would take at the limiter.
    pub(crate) fn plans(&self, key: impl Fn(&Way) -> Result<Fingerprint>) -> Result<Plans> {
        let plan = |way: &Way| {
            Ok(Plan {
                cache_key: Some(key(way)?),
                cached: false,
                money: way.money,
                tokens: way.demand.total(),
            })
        };
        Ok(Plans { first: plan(&self.first)?, second: self.second.as_ref().map(plan).transpose()? })
    }

    /// The way that was admitted.
    pub(crate) fn take(self, plan: usize) -> Way {
        match (plan, self.second) {
            (1.., Some(second)) => second,
            _ => self.first,
        }
    }
}

/// Finds the ways.
pub(crate) fn plan(
    registry: &Registry,
    mode: FailoverMode,
    caller: &Caller,
    request: &Arc<ChatRequest>,
    at: Millis,
) -> Result<Ways> {
    let first = way(registry, mode, caller, request.clone(), at)?;
    let cheaper = caller.project.settings.downgrade.get(&request.model).filter(|_| trigger(caller).is_some());
    // A table that names a model nobody serves is no way at all: the first one's refusal stands.
    let second = cheaper.and_then(|model| {
        let request = ChatRequest { model: model.clone(), ..request.as_ref().clone() };
        way(registry, mode, caller, Arc::new(request), at).ok()
    });
    Ok(Ways { first, second })
}

fn way(
    registry: &Registry,
    mode: FailoverMode,
    caller: &Caller,
    request: Arc<ChatRequest>,
    at: Millis,
) -> Result<Way> {
    if !caller.may_use(&request.model) {
        return Err(Error::new(
            Kind::ModelNotFound,
            format!("The model {:?} is not allowed here.", request.model),
        )
        .with(|details| details.param = Some("model".to_owned())));
    }
    let route = resolve(registry, mode, &request.model, at)?;
    let candidate = route.first();
    let demand = Demand::of(&request, candidate, &caller.project.settings);
    let money = match &candidate.price {
        Some(price) => price.reserve(demand.input_tokens, demand.output_tokens),
        None if caller.caps().any() => return Err(unknown_price(&request.model)),
        None => Nano::ZERO,
    };
    Ok(Way { request, route, demand, money })
}

pub(super) fn unknown_price(model: &str) -> Error {
    let message = format!(
        "The price of the model {model:?} is unknown and a spend cap applies. Set it in the settings: \
         [[prices]] with provider and model, or price = \"free\" for the provider."
    );
    Error::new(Kind::UnknownPrice, message).with(|details| details.param = Some("model".to_owned()))
}
