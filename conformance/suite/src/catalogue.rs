//! The cases built in.

use std::collections::BTreeSet;

use crate::Unfit;
use crate::case::{Case, File, Subject};
use crate::family::Known;

/// Every file of `conformance/cases/conformance` but `models.json`; a test compares this list with the folder.
const FILES: &[(&str, &str)] = &[
    ("basics", include_str!("../../cases/conformance/basics.json")),
    ("parameters", include_str!("../../cases/conformance/parameters.json")),
    ("streaming", include_str!("../../cases/conformance/streaming.json")),
    ("tools", include_str!("../../cases/conformance/tools.json")),
    ("formats", include_str!("../../cases/conformance/formats.json")),
    ("vision", include_str!("../../cases/conformance/vision.json")),
    ("reasoning", include_str!("../../cases/conformance/reasoning.json")),
    ("switching", include_str!("../../cases/conformance/switching.json")),
    ("embeddings", include_str!("../../cases/conformance/embeddings.json")),
    ("models_list", include_str!("../../cases/conformance/models_list.json")),
    ("refusals", include_str!("../../cases/conformance/refusals.json")),
    ("load", include_str!("../../cases/conformance/load.json")),
    ("responses", include_str!("../../cases/conformance/responses.json")),
    ("lockgate", include_str!("../../cases/conformance/lockgate.json")),
];

const MODELS: &str = include_str!("../../cases/conformance/models.json");

/// The cases and what is known of models.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) cases: Vec<Case>,
    pub(crate) known: Known,
}

impl Catalogue {
    /// Reads what is built in, and checks what the types cannot say.
    pub(crate) fn read() -> Result<Self, Unfit> {
        let known: Known =
            serde_json::from_str(MODELS).map_err(|error| format!("models.json cannot be read: {error}"))?;
        let mut cases = Vec::new();
        for (name, text) in FILES {
            let file: File =
                serde_json::from_str(text).map_err(|error| format!("{name}.json cannot be read: {error}"))?;
            for mut case in file.cases {
                case.chapter.clone_from(&file.about);
                case.values.clone_from(&file.values);
                cases.extend(both_ways(case));
            }
        }
        let catalogue = Self { cases, known };
        catalogue.check()?;
        Ok(catalogue)
    }

    /// The cases asked for: by whole name, or by a beginning followed by `*`.
    pub(crate) fn chosen(&self, wanted: &[String]) -> Result<Vec<&Case>, Unfit> {
        if wanted.is_empty() {
            return Ok(self.cases.iter().collect());
        }
        let fits = |case: &Case, wanted: &str| match wanted.strip_suffix('*') {
            Some(beginning) => case.name.starts_with(beginning),
            None => case.name == wanted,
        };
        if let Some(unknown) = wanted.iter().find(|wanted| !self.cases.iter().any(|case| fits(case, wanted)))
        {
            return Err(format!("--case {unknown}: there is no such case; `list` names them").into());
        }
        Ok(self.cases.iter().filter(|case| wanted.iter().any(|wanted| fits(case, wanted))).collect())
    }

    fn check(&self) -> Result<(), Unfit> {
        let mut names = BTreeSet::new();
        let known = |capability: &String| {
            self.known.capabilities.contains_key(capability)
                || self.known.endpoint_capabilities.contains_key(capability)
        };
        for case in &self.cases {
            if !names.insert(&case.name) {
                return Err(format!("the case {} is there twice", case.name).into());
            }
            if let Some(unknown) = case.needs.iter().chain(&case.lacks).find(|capability| !known(capability))
            {
                return Err(format!("{}: `{unknown}` is no capability", case.name).into());
            }
            if case.steps.is_empty() {
                return Err(format!("{} has no steps", case.name).into());
            }
        }
        let mut declared =
            self.known.families.iter().flat_map(|family| family.has.iter().chain(&family.maybe));
        if let Some(unknown) = declared.find(|capability| !self.known.capabilities.contains_key(*capability))
        {
            return Err(format!("models.json: `{unknown}` is no capability").into());
        }
        Ok(())
    }
}

/// The case, and where it says so the same one as a stream.
fn both_ways(case: Case) -> Vec<Case> {
    if !case.both_ways {
        return vec![case];
    }
    let mut streamed = case.clone();
    streamed.name.push_str("_streamed");
    streamed.about.push_str(" As a stream.");
    for step in &mut streamed.steps {
        let chats = step.path == "/chat/completions";
        if let Some(body) = step.body.as_mut().and_then(serde_json::Value::as_object_mut) {
            body.insert("stream".to_owned(), true.into());
            if chats {
                body.insert("stream_options".to_owned(), serde_json::json!({"include_usage": true}));
            }
        }
        step.expect.usage = chats && step.expect.status.are_good();
    }
    vec![case, streamed]
}

impl Case {
    /// What the case is run on, in words.
    pub(crate) fn subject(&self) -> &'static str {
        match self.on {
            Subject::Chat => "each chat model",
            Subject::Embedding => "each embedding model",
            Subject::Endpoint => "the endpoint",
            Subject::Switch => "each pair of providers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/conformance")
    }

    #[test]
    fn the_catalogue_reads_and_every_file_is_in_it() {
        let catalogue = Catalogue::read().unwrap_or_else(|unfit| panic!("{}", unfit.0));
        assert!(catalogue.cases.len() > 60, "{}", catalogue.cases.len());
        let files = std::fs::read_dir(folder()).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".json").map(str::to_owned)
        });
        let on_disk: BTreeSet<String> = files.filter(|name| name != "models").collect();
        let built_in: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(on_disk, built_in);
    }

    #[test]
    fn every_simulated_provider_has_models_of_a_known_family() {
        let known = Catalogue::read().unwrap_or_else(|unfit| panic!("{}", unfit.0)).known;
        for provider in lockgate_sim::Provider::ALL {
            let models = known.own.get(provider.name()).unwrap_or_else(|| panic!("{provider} has no models"));
            for model in models {
                assert_eq!(known.model(model).provider, provider.name(), "{model}");
            }
        }
    }

    #[test]
    fn at_least_a_hundred_cases_run_at_home() {
        let catalogue = Catalogue::read().unwrap_or_else(|unfit| panic!("{}", unfit.0));
        let own = |provider: &lockgate_sim::Provider| catalogue.known.own.get(provider.name()).cloned();
        let names = lockgate_sim::Provider::ALL.iter().filter_map(own).flatten();
        let models: Vec<_> = names.map(|name| catalogue.known.model(&name)).collect();
        let endpoint = crate::preflight::Endpoint { lockgate: true, auth: true };
        let cases: Vec<&Case> = catalogue.cases.iter().collect();
        let runs = crate::plan::runs(&cases, &models, &endpoint, &catalogue.known);
        assert!(runs.iter().filter(|run| run.skip.is_none()).count() >= 100);
        let names: BTreeSet<_> = runs.iter().map(|run| (&run.name, &run.provider)).collect();
        assert_eq!(names.len(), runs.len(), "name and provider tell every run apart");
    }

    #[test]
    fn every_capability_is_needed_or_lacked_by_a_case() {
        let catalogue = Catalogue::read().unwrap_or_else(|unfit| panic!("{}", unfit.0));
        for capability in
            catalogue.known.capabilities.keys().chain(catalogue.known.endpoint_capabilities.keys())
        {
            let used = catalogue
                .cases
                .iter()
                .any(|case| case.needs.contains(capability) || case.lacks.contains(capability));
            assert!(used || capability == "max_tokens", "{capability}");
        }
    }

    #[test]
    fn cases_are_chosen_by_name_or_beginning() {
        let catalogue = Catalogue::read().unwrap_or_else(|unfit| panic!("{}", unfit.0));
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            catalogue.chosen(&wanted).map(|cases| cases.len())
        };
        assert_eq!(names(&["text"]).ok(), Some(1));
        assert!(names(&["tools_*"]).is_ok_and(|count| count > 5));
        assert!(names(&["no_such_case"]).is_err_and(|unfit| unfit.0.contains("no_such_case")));
    }
}
