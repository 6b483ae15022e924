//! What is known of models by their names.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `models.json`: the families of models, and what is graded by `run --self`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    /// What a case may need of a model, and what it means.
    pub(crate) capabilities: BTreeMap<String, String>,
    /// What a case may need of an endpoint.
    pub(crate) endpoint_capabilities: BTreeMap<String, String>,
    /// The first whose prefix fits is the model's family.
    pub(crate) families: Vec<Family>,
    /// What Lockgate's own endpoint is known to have.
    pub(crate) lockgate: Vec<String>,
    /// The models `run --self` grades, by simulated provider.
    pub(crate) own: BTreeMap<String, Vec<String>>,
}

/// Models that can do the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Family {
    /// How their names begin, after a `provider/`.
    pub(crate) prefixes: Vec<String>,
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) kind: Kind,
    /// Every capability they have. They lack all others but those of `maybe`.
    pub(crate) has: Vec<String>,
    /// Capabilities that some of them have, or of which nobody knows.
    #[serde(default)]
    pub(crate) maybe: Vec<String>,
    /// Output tokens a request is allowed unless it says so itself: more for those that think first.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    #[default]
    Chat,
    Embedding,
}

/// Whether a capability is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    Yes,
    No,
    /// Nobody said; the endpoint's refusal counts as a no.
    Unknown,
}

/// Output tokens a request is allowed unless case or family says otherwise.
const LIMIT: u64 = 256;

/// A model to be graded.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// The name it is asked by.
    pub(crate) name: String,
    /// Whose it is, or `unknown`.
    pub(crate) provider: String,
    pub(crate) kind: Kind,
    family: Option<Family>,
}

impl Known {
    /// What is known of a model. An unknown one is taken for a chat model, unless its name says that it embeds.
    pub(crate) fn model(&self, name: &str) -> Model {
        let (prefix, bare) =
            name.rsplit_once('/').map_or((None, name), |(prefix, bare)| (Some(prefix), bare));
        let fits = |family: &&Family| family.prefixes.iter().any(|prefix| bare.starts_with(prefix));
        let family = self.families.iter().find(fits).cloned();
        let provider = match (&family, prefix) {
            (Some(family), _) => family.provider.clone(),
            (None, Some(prefix)) => prefix.split('/').next().unwrap_or(prefix).to_owned(),
            (None, None) => "unknown".to_owned(),
        };
        let embeds = if bare.contains("embed") { Kind::Embedding } else { Kind::Chat };
        let kind = family.as_ref().map_or(embeds, |family| family.kind);
        Model { name: name.to_owned(), provider, kind, family }
    }
}

impl Model {
    /// Whether the model has a capability.
    pub(crate) fn has(&self, capability: &str) -> Has {
        match &self.family {
            None => Has::Unknown,
            Some(family) if family.has.iter().any(|known| known == capability) => Has::Yes,
            Some(family) if family.maybe.iter().any(|known| known == capability) => Has::Unknown,
            Some(_) => Has::No,
        }
    }

    /// Output tokens a request is allowed.
    pub(crate) fn limit(&self) -> u64 {
        self.family.as_ref().and_then(|family| family.limit).unwrap_or(LIMIT)
    }
}
