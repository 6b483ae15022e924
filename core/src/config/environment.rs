//! The environment as a layer of settings.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Environment variables, taken once so that tests can give their own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Providers whose settings the environment can carry: name, key variable, address variable.
const PROVIDERS: &[(&str, &str, &str)] = &[("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL")];

/// Variables that are a top-level setting.
const SETTINGS: &[(&str, &str)] = &[
    ("LOCKGATE_STORE", "store"),
    ("LOCKGATE_REDIS", "redis"),
    ("LOCKGATE_LISTEN", "listen"),
    ("LOCKGATE_FAILOVER_MODE", "failover_mode"),
];

/// The built-in providers, each with the variable that can hold its key.
pub fn key_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROVIDERS.iter().map(|(name, key, _)| (*name, *key))
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

    /// The settings that the variables make.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        for (variable, setting) in SETTINGS {
            if let Some(value) = self.get(variable) {
                table.insert((*setting).to_owned(), Value::String(value.to_owned()));
            }
        }
        let mut providers = Table::new();
        for (name, key, address) in PROVIDERS {
            let mut provider = Table::new();
            if let Some(value) = self.get(key) {
                provider.insert("api_key".to_owned(), Value::String(value.to_owned()));
            }
            if let Some(value) = self.get(address) {
                provider.insert("base_url".to_owned(), Value::String(value.to_owned()));
            }
            if !provider.is_empty() {
                providers.insert((*name).to_owned(), Value::Table(provider));
            }
        }
        if !providers.is_empty() {
            table.insert("providers".to_owned(), Value::Table(providers));
        }
        table
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
