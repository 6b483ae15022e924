//! Stage 2: model name → candidates in order. Pure.

use std::sync::Arc;

use super::registry::{Provider, Registry};
use super::{Candidate, Origin, Route};
use crate::clock::Millis;
use crate::config::FailoverMode;
use crate::error::{Error, Kind, Result};

/// Which provider makes the models whose names start so, where no table knows the name.
const FAMILIES: &[(&str, &str)] =
    &[("gpt-", "openai"), ("chatgpt-", "openai"), ("claude-", "anthropic"), ("gemini-", "gemini")];

/// Finds who could answer for `model`, word for word as the caller wrote it.
pub(crate) fn resolve(registry: &Registry, mode: FailoverMode, model: &str, at: Millis) -> Result<Route> {
    let (owners, name) = owners(registry, model)?;
    let mut candidates: Vec<Candidate> = owners
        .into_iter()
        .filter(|provider| allowed(mode, provider))
        .map(|provider| candidate(registry, provider, name, at))
        .collect();
    // A stable sort: within one kind the order of the names stays.
    candidates.sort_by_key(|candidate| match mode {
        FailoverMode::CloudFirst | FailoverMode::CloudOnly => candidate.provider.local,
        FailoverMode::LocalFirst | FailoverMode::LocalOnly => !candidate.provider.local,
    });
    Route::new(candidates).ok_or_else(|| {
        Error::new(
            Kind::NoCandidate,
            format!("The failover mode leaves no provider for the model {model:?}."),
        )
    })
}

/// The configured providers that serve `model`, and the name they know it by.
fn owners<'m>(registry: &Registry, model: &'m str) -> Result<(Vec<Arc<Provider>>, &'m str)> {
    let named: Vec<Arc<Provider>> = registry
        .iter()
        .filter(|provider| provider.models.iter().any(|name| name == model))
        .cloned()
        .collect();
    if !named.is_empty() {
        return Ok((named, model));
    }
    if let Some((prefix, name)) = model.split_once('/')
        && !name.is_empty()
        && let Some(provider) = registry.get(prefix)
    {
        return Ok((vec![provider.clone()], name));
    }
    let owner = registry
        .prices
        .providers()
        .find(|provider| registry.prices.model(provider, model).is_some())
        .or_else(|| family(model))
        .ok_or_else(|| unknown(model))?;
    match registry.get(owner) {
        Some(provider) => Ok((vec![provider.clone()], model)),
        None => Err(Error::new(
            Kind::NoCandidate,
            format!("The model {model:?} is {owner}'s, and the provider {owner} is not configured."),
        )),
    }
}

fn family(model: &str) -> Option<&'static str> {
    let by_name = FAMILIES.iter().find(|(prefix, _)| model.starts_with(prefix)).map(|(_, owner)| *owner);
    // OpenAI's reasoning models: o1, o3-mini, o4-…
    let mut letters = model.chars();
    let reasoning = letters.next() == Some('o') && letters.next().is_some_and(|c| c.is_ascii_digit());
    by_name.or(reasoning.then_some("openai"))
}

fn unknown(model: &str) -> Error {
    Error::new(
        Kind::ModelNotFound,
        format!("The model {model:?} does not exist or no configured provider serves it."),
    )
    .with(|details| details.param = Some("model".to_owned()))
}

pub(super) fn allowed(mode: FailoverMode, provider: &Provider) -> bool {
    match mode {
        FailoverMode::LocalOnly => provider.local,
        FailoverMode::CloudOnly => !provider.local,
        FailoverMode::CloudFirst | FailoverMode::LocalFirst => true,
    }
}

pub(super) fn candidate(registry: &Registry, provider: Arc<Provider>, model: &str, at: Millis) -> Candidate {
    let price = registry.prices.price(&provider.name, model, at.0).cloned();
    let info = registry.prices.model(&provider.name, model);
    let max_output_tokens = info.and_then(|info| info.max_output_tokens);
    Candidate { provider, model: model.to_owned(), price, max_output_tokens, origin: Origin::Asked, rank: 0 }
}
