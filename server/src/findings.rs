//! What the settings give: what was found, what was not, what is doubtful.

use std::net::SocketAddr;

use lockgate::auth::Project;
use lockgate::cache::semantic::SemanticMode;
use lockgate::config::{AuthMode, ProviderKind, compatible_variables, key_variables};
use lockgate::{Config, Discovered, Gateway};
use serde::Serialize;

use crate::command::model::HOW_TO_GET;

/// What a start would find.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Findings {
    pub(crate) store: String,
    /// Where the limits are, where they are not with the store.
    pub(crate) redis: Option<String>,
    pub(crate) shared: bool,
    pub(crate) single_process: bool,
    pub(crate) auth: &'static str,
    /// Providers that requests can be sent to.
    pub(crate) providers: Vec<String>,
    /// Variables of the vendors that are not set.
    pub(crate) missing: Vec<&'static str>,
    /// Variables that would make other built-in providers known.
    pub(crate) also: Vec<&'static str>,
    /// Providers that say themselves which models they have.
    pub(crate) local: Vec<Local>,
    /// Whether questions in other words can be answered; none where no project wants it and no model is there.
    pub(crate) semantic: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// A provider that was asked for its models.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Local {
    pub(crate) provider: String,
    pub(crate) address: String,
    /// How many it has; none where it gave no list.
    pub(crate) models: Option<usize>,
}

impl Findings {
    /// Reads the settings.
    pub(crate) fn of(config: &Config) -> Findings {
        let mut missing: Vec<&str> = key_variables()
            .filter(|(name, _)| config.providers.get(*name).is_none_or(|provider| provider.api_key.is_none()))
            .map(|(_, variable)| variable)
            .collect();
        if !config.providers.values().any(|provider| provider.kind == Some(ProviderKind::Ollama)) {
            missing.push("OLLAMA_HOST");
        }
        Findings {
            store: config.store.as_ref().map_or_else(|| "memory".to_owned(), ToString::to_string),
            redis: config.redis_address().ok().flatten().map(|address| address.to_string()),
            shared: config.shared,
            single_process: config.single_process,
            auth: match config.auth {
                AuthMode::Optional => "optional",
                AuthMode::Required => "required",
            },
            providers: config.providers.keys().cloned().collect(),
            missing,
            also: compatible_variables()
                .filter(|(name, _)| !config.providers.contains_key(*name))
                .map(|(_, variable)| variable)
                .collect(),
            local: Vec::new(),
            semantic: None,
            warnings: warnings(config),
        }
    }

    /// Whether the semantic cache has its model, and whether one of these projects wants it.
    pub(crate) fn look_for_model(&mut self, gateway: &Gateway, projects: &[Project]) {
        let wanted = projects.iter().any(|project| project.settings.semantic.mode != SemanticMode::Off);
        self.semantic = match (gateway.embedder(), wanted) {
            (Some(name), true) => Some(format!("on, with {name}")),
            (Some(name), false) => Some(format!("off for every project; {name} is there")),
            (None, true) => {
                self.warnings.push(format!(
                    "a project has the semantic cache on, but the embedding model is not there, so it is off: {HOW_TO_GET}"
                ));
                Some("off: the embedding model is not there".to_owned())
            }
            (None, false) => None,
        };
    }

    /// Asks the local providers whether they are there, and what they have.
    pub(crate) async fn look(&mut self, gateway: &Gateway) {
        for Discovered { provider, address, models } in gateway.discover().await {
            if let Err(problem) = &models {
                self.warnings.push(format!(
                    "{provider} at {address} does not list its models ({problem}); it is asked again when a model is \
                     asked for that nobody else has"
                ));
            }
            self.local.push(Local { provider, address, models: models.ok() });
        }
    }

    /// The local providers as lines for people, with the name first.
    pub(crate) fn local_lines(&self) -> impl Iterator<Item = (&str, String)> {
        self.local.iter().map(|local| {
            let models = match local.models {
                Some(1) => "1 model".to_owned(),
                Some(count) => format!("{count} models"),
                None => "no answer".to_owned(),
            };
            (local.provider.as_str(), format!("{}, {models}", local.address))
        })
    }

    /// The providers as a line for people.
    pub(crate) fn providers_line(&self) -> String {
        if self.providers.is_empty() { "none".to_owned() } else { self.providers.join(", ") }
    }
}

/// The variables of other providers as a line for people.
pub(crate) fn also_line(variables: &[&str]) -> Option<String> {
    (!variables.is_empty()).then(|| format!("{} would each add a provider", variables.join(", ")))
}

fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let open = config.listen.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_loopback());
    if open && config.auth == AuthMode::Optional {
        warnings.push(format!(
            "auth = \"optional\" and listen = \"{}\": whoever reaches this address spends your providers' money; set \
             auth = \"required\" or listen on 127.0.0.1",
            config.listen
        ));
    }
    if config.providers.is_empty() {
        warnings.push("no provider is configured: every request is answered 404 or 503".to_owned());
    }
    if config.store.as_ref().is_some_and(|store| store.expose() == "memory") {
        warnings.push("store = \"memory\": keys, spend and the ledger end with the process".to_owned());
    }
    warnings
}
