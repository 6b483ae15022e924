//! Which case runs on which model.

use std::collections::BTreeSet;

use crate::case::{Case, Subject};
use crate::family::{Has, Kind, Known, Model};
use crate::preflight::Endpoint;

/// A case on a model, or on a pair of them.
#[derive(Debug, Clone)]
pub(crate) struct Run<'c> {
    pub(crate) case: &'c Case,
    /// The case's name, with what tells several runs of one provider apart.
    pub(crate) name: String,
    pub(crate) provider: String,
    /// The model of a chat, embedding or endpoint case; where a switch begins.
    pub(crate) model: Option<Model>,
    /// Where a switch ends.
    pub(crate) other: Option<Model>,
    /// Why it is not run.
    pub(crate) skip: Option<String>,
    /// What it needs and nobody knows whether it is there.
    pub(crate) unknown: Vec<String>,
}

/// Every run, in the order of the cases.
pub(crate) fn runs<'c>(
    cases: &[&'c Case],
    models: &[Model],
    endpoint: &Endpoint,
    known: &Known,
) -> Vec<Run<'c>> {
    let planner = Planner { models, endpoint, known };
    cases.iter().flat_map(|case| planner.of(case)).collect()
}

struct Planner<'a> {
    models: &'a [Model],
    endpoint: &'a Endpoint,
    known: &'a Known,
}

impl Planner<'_> {
    fn of<'c>(&self, case: &'c Case) -> Vec<Run<'c>> {
        match case.on {
            Subject::Endpoint => {
                let model = self.of_kind(Kind::Chat).next().or(self.models.first()).cloned();
                vec![self.run(case, case.name.clone(), "endpoint", model, None)]
            }
            Subject::Chat => self.each_model(case, Kind::Chat, "chat"),
            Subject::Embedding => self.each_model(case, Kind::Embedding, "embedding"),
            Subject::Switch => self.each_pair(case),
        }
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Model> {
        self.models.iter().filter(move |model| model.kind == kind)
    }

    fn providers(&self) -> BTreeSet<&str> {
        self.models.iter().map(|model| model.provider.as_str()).collect()
    }

    fn each_model<'c>(&self, case: &'c Case, kind: Kind, word: &str) -> Vec<Run<'c>> {
        let mut runs: Vec<Run<'c>> = self
            .of_kind(kind)
            .map(|model| {
                let siblings = self.of_kind(kind).filter(|other| other.provider == model.provider).count();
                let name =
                    if siblings > 1 { format!("{}@{}", case.name, model.name) } else { case.name.clone() };
                self.run(case, name, &model.provider, Some(model.clone()), None)
            })
            .collect();
        for provider in self.providers() {
            if !self.of_kind(kind).any(|model| model.provider == provider) {
                let mut run = self.run(case, case.name.clone(), provider, None, None);
                run.skip = Some(format!("no {word} model of {provider} is graded"));
                runs.push(run);
            }
        }
        runs
    }

    /// Every ordered pair of providers, by the first model of each that has what the case needs.
    fn each_pair<'c>(&self, case: &'c Case) -> Vec<Run<'c>> {
        let able = |provider: &&str| {
            let models = || self.of_kind(Kind::Chat).filter(|model| model.provider == **provider);
            models().find(|model| self.missing(case, model).is_none()).or(models().next()).cloned()
        };
        let models: Vec<Model> = self.providers().iter().filter_map(able).collect();
        if models.len() < 2 {
            let mut run = self.run(case, case.name.clone(), "endpoint", None, None);
            run.skip = Some("models of two providers are needed".to_owned());
            return vec![run];
        }
        let pairs = models.iter().flat_map(|from| models.iter().map(move |to| (from, to)));
        pairs
            .filter(|(from, to)| from.provider != to.provider)
            .map(|(from, to)| {
                let name = format!("{}_from_{}", case.name, from.provider);
                self.run(case, name, &to.provider, Some(from.clone()), Some(to.clone()))
            })
            .collect()
    }

    fn run<'c>(
        &self,
        case: &'c Case,
        name: String,
        provider: &str,
        model: Option<Model>,
        other: Option<Model>,
    ) -> Run<'c> {
        let both = || model.iter().chain(&other);
        let skip = match case.on {
            Subject::Endpoint => self.missing_of_endpoint(case),
            _ => both().find_map(|model| self.missing(case, model)),
        };
        let mut unknown: Vec<String> = case
            .needs
            .iter()
            .filter(|capability| match self.endpoint.has(capability, self.known) {
                Some(has) => has == Has::Unknown,
                None => both().any(|model| model.has(capability) == Has::Unknown),
            })
            .cloned()
            .collect();
        unknown.dedup();
        Run { case, name, provider: provider.to_owned(), model, other, skip, unknown }
    }

    fn missing_of_endpoint(&self, case: &Case) -> Option<String> {
        let mut needs = case.needs.iter();
        needs.find_map(|capability| {
            let absent = self.endpoint.has(capability, self.known) == Some(Has::No);
            absent.then(|| format!("the endpoint lacks {}", self.explained(capability)))
        })
    }

    /// Why the case says nothing of this model.
    fn missing(&self, case: &Case, model: &Model) -> Option<String> {
        if let Some(missing) = self.missing_of_endpoint(case) {
            return Some(missing);
        }
        let lacks = |capability: &&String| model.has(capability) == Has::No;
        let of_model = |capability: &&String| self.endpoint.has(capability, self.known).is_none();
        if let Some(capability) = case.needs.iter().filter(of_model).find(lacks) {
            return Some(format!("{} lacks {}", model.name, self.explained(capability)));
        }
        let there = case.lacks.iter().find(|capability| !lacks(capability));
        there.map(|capability| format!("{} is not known to lack {capability}", model.name))
    }

    fn explained(&self, capability: &str) -> String {
        let about = self
            .known
            .capabilities
            .get(capability)
            .or_else(|| self.known.endpoint_capabilities.get(capability));
        about.map_or_else(|| capability.to_owned(), |about| format!("{capability} ({about})"))
    }
}
