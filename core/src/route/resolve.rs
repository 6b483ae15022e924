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
    if let Some(certain) = certain(registry, model) {
        return Ok(certain);
    }
    let found: Vec<Arc<Provider>> =
        registry.iter().filter(|provider| provider.found.has(model)).cloned().collect();
    if !found.is_empty() {
        return Ok((found, model));
    }
    // A dated pin of a model in the tables, then a name of a family.
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

/// The owners that settings, price tables or the name itself tell for certain: whatever else a provider may have.
fn certain<'m>(registry: &Registry, model: &'m str) -> Option<(Vec<Arc<Provider>>, &'m str)> {
    let named: Vec<Arc<Provider>> = registry
        .iter()
        .filter(|provider| provider.models.iter().any(|name| name == model))
        .cloned()
        .collect();
    if !named.is_empty() {
        return Some((named, model));
    }
    let knows = |provider: &Provider, name: &str| registry.prices.names(&provider.name, name);
    let listed: Vec<Arc<Provider>> =
        registry.iter().filter(|provider| knows(provider, model)).cloned().collect();
    if let Some((prefix, name)) = model.split_once('/')
        && !name.is_empty()
        && let Some(provider) = registry.get(prefix)
        // Models have slashes in their names, too: openai/gpt-oss-20b is one of Groq's.
        && (listed.is_empty() || knows(provider, name))
    {
        return Some((vec![provider.clone()], name));
    }
    (!listed.is_empty()).then_some((listed, model))
}

/// Whether it is known who serves `model`, without asking the providers what they have.
pub(super) fn is_known(registry: &Registry, model: &str) -> bool {
    certain(registry, model).is_some() || registry.iter().any(|provider| provider.found.has(model))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Layers};

    fn found(providers: &[&str], extra: &str, model: &str) -> Result<Vec<String>> {
        let environment = providers.iter().fold(Environment::empty(), |environment, name| {
            environment.with(format!("{}_API_KEY", name.to_uppercase()), "k")
        });
        let config = Layers::new().environment(environment).toml(extra, "test")?.read()?;
        let registry = Registry::new(&config)?;
        let route = resolve(&registry, FailoverMode::CloudFirst, model, Millis(0))?;
        Ok(route.candidates().map(|c| format!("{}: {}", c.provider.name, c.model)).collect())
    }

    #[test]
    fn a_name_with_slashes_finds_its_provider() {
        let both = ["openai", "groq", "together", "openrouter"];
        for (model, expected) in [
            ("groq/openai/gpt-oss-20b", "groq: openai/gpt-oss-20b"),
            (
                "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
                "together: meta-llama/Llama-3.3-70B-Instruct-Turbo",
            ),
            (
                "openrouter/meta-llama/llama-3.3-70b-instruct:free",
                "openrouter: meta-llama/llama-3.3-70b-instruct:free",
            ),
            ("openai/gpt-4.1", "openai: gpt-4.1"),
            ("openai/gpt-999", "openai: gpt-999"),
            ("gpt-4.1", "openai: gpt-4.1"),
        ] {
            assert_eq!(found(&both, "", model).unwrap(), [expected], "{model}");
        }
        // The name that two of them know the model by, though there is a provider `openai`.
        let twice = found(&both, "", "openai/gpt-oss-20b").unwrap();
        assert_eq!(twice, ["groq: openai/gpt-oss-20b", "together: openai/gpt-oss-20b"]);
        assert_eq!(found(&["openai"], "", "openai/gpt-oss-20b").unwrap(), ["openai: gpt-oss-20b"]);
        let listed = "[providers.openrouter]\nmodels = [\"openai/gpt-4.1\"]";
        assert_eq!(found(&both, listed, "openai/gpt-4.1").unwrap(), ["openrouter: openai/gpt-4.1"]);
        let unknown = found(&both, "", "meta-llama/nobody").unwrap_err();
        assert_eq!(unknown.code(), "model_not_found");
    }

    #[test]
    fn a_model_of_a_provider_that_is_not_configured_says_so() {
        let error = found(&["groq"], "", "gpt-4.1").unwrap_err();
        assert!(error.message().contains("openai is not configured"), "{error}");
    }
}
