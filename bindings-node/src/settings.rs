//! Settings as JavaScript gives them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lockgate::config::{Environment, Layers};
use lockgate::{Config, Error, Result};
use serde::Deserialize;
use serde_json::Value;
use toml::Table;

/// What a gateway is built from.
pub(crate) struct Settings {
    pub(crate) file: Option<PathBuf>,
    /// A JSON object; null stands for a setting that is not given.
    pub(crate) explicit: String,
    /// A JSON object of text.
    pub(crate) environment: String,
}

impl Settings {
    /// All layers as one, validated: `explicit` wins over `environment`, which wins over `file`.
    pub(crate) fn config(&self) -> Result<Config> {
        let variables: BTreeMap<String, String> = read("environment", &self.environment)?;
        let environment = variables
            .into_iter()
            .fold(Environment::empty(), |environment, (name, value)| environment.with(name, value));
        let mut layers = Layers::new().environment(environment);
        if let Some(file) = &self.file {
            layers = layers.file(file)?;
        }
        let explicit = given(read("settings", &self.explicit)?).unwrap_or_default();
        let table = Table::deserialize(explicit).map_err(|error| wrong("settings", &error))?;
        for (key, value) in table {
            layers = layers.set(&key, value);
        }
        layers.read()
    }
}

/// `value` without what is null.
fn given(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(given).collect())),
        Value::Object(fields) => Some(Value::Object(
            fields.into_iter().filter_map(|(name, value)| Some((name, given(value)?))).collect(),
        )),
        plain => Some(plain),
    }
}

fn read<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| wrong(what, &error))
}

fn wrong(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::config(what, "what was given", error)
}
