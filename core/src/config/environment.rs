//! The environment as a layer of settings.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::error::{Error, Result};
use crate::provider::ollama;
use crate::provider::openai::{Dialect, Paths};

/// Environment variables, taken once so that tests can give their own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Providers whose settings the environment can carry: name, key variables of which the first that is set counts,
/// address variable. Those that speak OpenAI's protocol are in the table of dialects.
const PROVIDERS: &[(&str, &[&str], &str)] = &[
    ("anthropic", &["ANTHROPIC_API_KEY"], "ANTHROPIC_BASE_URL"),
    // Google's own clients read both.
    ("gemini", &["GEMINI_API_KEY", "GOOGLE_API_KEY"], "GEMINI_BASE_URL"),
];

/// Variables with the dated version of Azure's API.
const AZURE_VERSIONS: &[&str] = &["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"];

/// Where Ollama is, in its own way to say it.
const OLLAMA_HOST: &str = "OLLAMA_HOST";

/// Variables that are a top-level setting.
const SETTINGS: &[(&str, &str)] = &[
    ("LOCKGATE_STORE", "store"),
    ("LOCKGATE_REDIS", "redis"),
    ("LOCKGATE_LISTEN", "listen"),
    ("LOCKGATE_MODEL_DIR", "model_dir"),
    ("LOCKGATE_FAILOVER_MODE", "failover_mode"),
];

/// The vendors, each with the variable that can hold its key.
pub fn key_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let native = PROVIDERS.iter().filter_map(|(name, keys, _)| Some((*name, *keys.first()?)));
    [("openai", "OPENAI_API_KEY")].into_iter().chain(native)
}

/// The other built-in providers, which speak OpenAI's protocol, each with the variable that makes it known: the one
/// with its key, or with its address where that is not the same for all.
pub fn compatible_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let others = Dialect::all().filter(|dialect| *dialect != Dialect::OPENAI);
    others.filter_map(|dialect| {
        let shared = dialect.base_url.is_some() && !dialect.local;
        let variables = if shared { dialect.key_variables } else { dialect.address_variables };
        Some((dialect.name, *variables.first()?))
    })
}

impl Environment {
    /// The process's environment. Values that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Environment {
        let pairs = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Environment(pairs.collect())
    }

    /// No variables.
    #[must_use]
    pub fn empty() -> Environment {
        Environment::default()
    }

    /// Adds a variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Environment {
        self.0.insert(name.into(), value.into());
        self
    }

    /// A variable; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// The settings that the variables make. `named` says which providers other layers name.
    pub(super) fn table(&self, named: impl Fn(&str) -> bool) -> Result<Table> {
        let mut table = Table::new();
        for (variable, setting) in SETTINGS {
            if let Some(value) = self.get(variable) {
                table.insert((*setting).to_owned(), Value::String(value.to_owned()));
            }
        }
        if let Some(path) = self.get("LOCKGATE_EMBED_PATH") {
            let path = Table::from_iter([("path".to_owned(), Value::String(path.to_owned()))]);
            table.insert("embedder".to_owned(), Value::Table(path));
        }
        let native = PROVIDERS.iter().map(|(name, keys, address)| {
            (*name, provider(&[("api_key", self.first(keys)), ("base_url", self.get(address))]))
        });
        let dialects =
            Dialect::all().map(|dialect| (dialect.name, self.compatible(dialect, named(dialect.name))));
        let ollama = self.ollama()?.map(|ollama| ("ollama", ollama));
        let providers = native.chain(dialects).chain(ollama).filter(|(_, provider)| !provider.is_empty());
        let providers: Table =
            providers.map(|(name, provider)| (name.to_owned(), Value::Table(provider))).collect();
        if !providers.is_empty() {
            table.insert("providers".to_owned(), Value::Table(providers));
        }
        Ok(table)
    }

    /// Ollama needs no key, so it is the address that says whether it is to be used.
    fn ollama(&self) -> Result<Option<Table>> {
        let url = match (self.get("OLLAMA_BASE_URL"), self.get(OLLAMA_HOST)) {
            (Some(url), _) => url.to_owned(),
            (None, Some(host)) => ollama::address(host).ok_or_else(|| {
                let allowed = "must be a host, host:port, or an http or https URL";
                // It may hold a password.
                let shown = if host.contains('@') { "(hidden)".to_owned() } else { format!("{host:?}") };
                Error::config(OLLAMA_HOST, shown, allowed)
            })?,
            (None, None) => return Ok(None),
        };
        let mut provider = Table::from_iter([("base_url".to_owned(), Value::String(url))]);
        if let Some(key) = self.get("OLLAMA_API_KEY") {
            provider.insert("api_key".to_owned(), Value::String(key.to_owned()));
        }
        Ok(Some(provider))
    }

    /// The first of the variables that is set.
    fn first(&self, variables: &[&str]) -> Option<&str> {
        variables.iter().find_map(|variable| self.get(variable))
    }

    fn compatible(&self, dialect: &Dialect, named: bool) -> Table {
        let address = self.first(dialect.address_variables);
        // A key alone leads nowhere where there is no address that all users share, and none of a machine of one's
        // own is to be guessed.
        let found = named || address.is_some() || (dialect.base_url.is_some() && !dialect.local);
        let key = self.first(dialect.key_variables).filter(|_| found);
        let versions = if dialect.paths == Paths::Azure { AZURE_VERSIONS } else { &[] };
        let version = self.first(versions).filter(|_| found);
        provider(&[("api_key", key), ("base_url", address), ("api_version", version)])
    }
}

/// The settings of a provider that are there.
fn provider(settings: &[(&str, Option<&str>)]) -> Table {
    let there = settings.iter().filter_map(|(key, value)| Some((*key, (*value)?)));
    there.map(|(key, value)| (key.to_owned(), Value::String(value.to_owned()))).collect()
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
