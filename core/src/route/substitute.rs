//! Who may stand in for a model: the chains that are declared, and the models of the same tier. Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::resolve::{self, allowed, resolve};
use super::{Candidate, Origin, Registry, Route};
use crate::auth::{Caller, ProjectSettings};
use crate::clock::Millis;
use crate::config::{Chain, FailoverMode, Routing, Substitute};
use crate::error::{Error, Kind, Result};
use crate::pricing::{self, Tier};

/// The model of each tier by provider.
static TIERS: LazyLock<Tiers> =
    LazyLock::new(|| toml::from_str(include_str!("../../pricing/tiers.toml")).unwrap_or_default());

type Tiers = BTreeMap<String, BTreeMap<Tier, String>>;

/// What decides who may answer.
pub(crate) struct Rules<'a> {
    pub(crate) mode: FailoverMode,
    pub(crate) routing: &'a Routing,
    pub(crate) caller: &'a Caller,
    /// Whether a chat is asked for: vectors of another model are no substitute.
    pub(crate) chat: bool,
    pub(crate) at: Millis,
}

/// The models that are named to stand in for `model`: in its chain, and as the cheaper one where a cap is reached.
pub(super) fn named<'a>(rules: &'a Rules<'_>, model: &str) -> impl Iterator<Item = &'a str> {
    let cheaper = rules.caller.project.settings.downgrade.get(model);
    chain(rules, model).into_iter().flat_map(|chain| &chain.models).chain(cheaper).map(String::as_str)
}

/// Finds who could answer for `model`: its providers, then who may stand in for it.
pub(super) fn candidates(registry: &Registry, rules: &Rules<'_>, model: &str) -> Result<Route> {
    let settings = &rules.caller.project.settings;
    let (asked, missing) = match resolve(registry, rules.mode, model, rules.at) {
        Ok(route) => (route.into_candidates(), None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut all: Vec<Candidate> = asked;
    let substitute = settings.substitute.unwrap_or(rules.routing.substitute);
    if substitute != Substitute::Never {
        all.extend(chained(registry, rules, model));
    }
    if substitute == Substitute::Tier && rules.chat {
        let siblings = siblings(registry, rules, model);
        match rules.mode {
            // Here a local model that may stand in comes before the one asked for.
            FailoverMode::LocalFirst => {
                let (local, cloud): (Vec<_>, Vec<_>) =
                    siblings.into_iter().partition(|candidate| candidate.provider.local);
                all.splice(0..0, local);
                all.extend(cloud);
            }
            _ => all.extend(siblings),
        }
    }
    all.retain(|candidate| may_serve(settings, rules.caller, candidate));
    let mut seen: Vec<(String, String)> = Vec::new();
    all.retain(|candidate| {
        let name = (candidate.provider.name.clone(), candidate.model.clone());
        let fresh = !seen.contains(&name);
        if fresh {
            seen.push(name);
        }
        fresh
    });
    rank(&mut all);
    Route::new(all).ok_or_else(|| missing.unwrap_or_else(|| nobody(model)))
}

fn nobody(model: &str) -> Error {
    Error::new(
        Kind::NoCandidate,
        format!("The project's settings leave no provider for the model {model:?}."),
    )
}

/// Whether the project and the key allow `candidate`.
fn may_serve(settings: &ProjectSettings, caller: &Caller, candidate: &Candidate) -> bool {
    let provider = &candidate.provider.name;
    let allowed = settings.providers.as_ref().is_none_or(|names| names.contains(provider));
    let named =
        || caller.may_use(&candidate.model) || caller.may_use(&format!("{provider}/{}", candidate.model));
    allowed && (candidate.origin == Origin::Asked || named())
}

/// The chain of `model`: the project's own, else the gateway's.
fn chain<'a>(rules: &'a Rules<'_>, model: &str) -> Option<&'a Chain> {
    rules.caller.project.settings.chains.get(model).or_else(|| rules.routing.chains.get(model))
}

fn chained(registry: &Registry, rules: &Rules<'_>, model: &str) -> Vec<Candidate> {
    let Some(chain) = chain(rules, model) else { return Vec::new() };
    let origin = Origin::Chain { kept: chain.cache_substitutes };
    chain
        .models
        .iter()
        // One whose provider is not configured is no candidate.
        .filter_map(|name| resolve(registry, rules.mode, name, rules.at).ok())
        .flat_map(Route::into_candidates)
        .map(|candidate| Candidate { origin, ..candidate })
        .collect()
}

/// The models of `model`'s tier at the other providers, in the order of the failover mode.
fn siblings(registry: &Registry, rules: &Rules<'_>, model: &str) -> Vec<Candidate> {
    let Some((owner, tier)) = tier_of(registry, rules.routing, model) else { return Vec::new() };
    let mut siblings: Vec<Candidate> = registry
        .iter()
        .filter(|provider| provider.name != owner && allowed(rules.mode, provider))
        .filter_map(|provider| {
            let name = at_tier(rules.routing, &provider.name, tier)?;
            let candidate = resolve::candidate(registry, provider.clone(), name, rules.at);
            Some(Candidate { origin: Origin::Tier, ..candidate })
        })
        .collect();
    siblings.sort_by_key(|candidate| {
        let local_first = matches!(rules.mode, FailoverMode::LocalFirst | FailoverMode::LocalOnly);
        candidate.provider.local != local_first
    });
    siblings
}

/// The model of `tier` at `provider`: as set, else the built-in table's.
fn at_tier<'a>(routing: &'a Routing, provider: &str, tier: Tier) -> Option<&'a str> {
    let set = routing.tiers.get(provider).and_then(|tiers| tiers.get(&tier));
    set.or_else(|| TIERS.get(provider).and_then(|tiers| tiers.get(&tier))).map(String::as_str)
}

/// Whose model it is, and its tier: as the price table has it, or as the settings say.
fn tier_of(registry: &Registry, routing: &Routing, model: &str) -> Option<(String, Tier)> {
    let (provider, name) = match model.split_once('/') {
        Some((prefix, name)) if registry.get(prefix).is_some() => (Some(prefix), name),
        _ => (None, model),
    };
    let known = registry
        .prices
        .providers()
        .filter(|owner| provider.is_none_or(|provider| provider == *owner))
        .find_map(|owner| {
            let info = registry.prices.model(owner, name)?;
            (info.kind == pricing::Kind::Chat).then(|| (owner.to_owned(), info.tier))
        });
    let set = || {
        routing
            .tiers
            .iter()
            .filter(|(owner, _)| provider.is_none_or(|provider| provider == owner.as_str()))
            .find_map(|(owner, tiers)| {
                tiers.iter().find(|(_, set)| *set == name).map(|(tier, _)| (owner.clone(), *tier))
            })
    };
    known.or_else(set)
}

/// Numbers the groups of candidates: those of one number are equal, and the better one is asked first. Only
/// providers of the very model asked for are equal, and only where they are of one kind, local or not.
fn rank(candidates: &mut [Candidate]) {
    let mut number: u16 = 0;
    let mut last: Option<(bool, bool)> = None;
    for candidate in candidates {
        let group = (candidate.origin == Origin::Asked, candidate.provider.local);
        if last.is_some_and(|last| last != group || !group.0) {
            number = number.saturating_add(1);
        }
        candidate.rank = number;
        last = Some(group);
    }
}
