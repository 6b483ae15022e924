//! Layers of settings, merged key by key, then read as one.

use std::path::Path;

use toml::{Table, Value};

use super::url::without_password;
use super::{Config, Environment};
use crate::error::{Error, Result};

/// Settings from several places. A later call of a method wins over an earlier one of the same kind; between kinds
/// the order is explicit > environment > file > default.
#[derive(Debug, Default)]
pub struct Layers {
    fallback: Table,
    file: Table,
    environment: Option<Environment>,
    explicit: Table,
}

impl Layers {
    /// No settings.
    #[must_use]
    pub fn new() -> Layers {
        Layers::default()
    }

    /// Reads a TOML file.
    pub fn file(self, path: &Path) -> Result<Layers> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::config("config", path.display(), format!("cannot be read: {source}")))?;
        self.toml(&text, &path.display().to_string())
    }

    /// Takes TOML text as the file layer; `origin` is named in errors.
    pub fn toml(mut self, text: &str, origin: &str) -> Result<Layers> {
        let table = text.parse::<Table>().map_err(|source| {
            Error::config("config", origin, format!("is not TOML: {}", source.to_string().trim_end()))
        })?;
        merge(&mut self.file, table);
        Ok(self)
    }

    /// Sets a default of the caller's own: below all other layers.
    #[must_use]
    pub fn fallback(mut self, key: &str, value: impl Into<Value>) -> Layers {
        self.fallback.insert(key.to_owned(), value.into());
        self
    }

    /// Takes the environment.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Layers {
        self.environment = Some(environment);
        self
    }

    /// Sets one key, as `project.monthly_cap`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Layers {
        let mut nested = value.into();
        for part in key.rsplit('.') {
            nested = Value::Table(Table::from_iter([(part.to_owned(), nested)]));
        }
        if let Value::Table(table) = nested {
            merge(&mut self.explicit, table);
        }
        self
    }

    /// Takes a whole table as explicit settings.
    #[must_use]
    pub fn explicit(mut self, table: Table) -> Layers {
        merge(&mut self.explicit, table);
        self
    }

    /// Reads and validates the settings.
    pub fn read(self) -> Result<Config> {
        let mut merged = self.fallback;
        merge(&mut merged, self.file);
        if let Some(environment) = &self.environment {
            let named = |layer: &Table, name: &str| {
                layer.get("providers").and_then(|providers| providers.get(name)).is_some()
            };
            let table = environment.table(|name| named(&merged, name) || named(&self.explicit, name))?;
            merge(&mut merged, table);
        }
        merge(&mut merged, self.explicit);
        let table = Value::Table(merged);
        let mut config: Config = serde_path_to_error::deserialize(table.clone()).map_err(|source| {
            let path = source.path().to_string();
            let shown = at(&table, &path).map_or_else(|| "?".to_owned(), |value| shown(&path, value));
            Error::config(&path, shown, source.into_inner().to_string().trim_end())
        })?;
        config.fill(self.environment.as_ref())?;
        config.validate()?;
        Ok(config)
    }
}

/// Lays `over` on `under`: tables merge, all else is replaced.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

fn at<'a>(table: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(table, |value, part| value.get(part))
}

/// The value for an error message; secrets stay secret.
fn shown(path: &str, value: &Value) -> String {
    if path == "redis"
        || path.ends_with("api_key")
        || path.contains("api_keys")
        || path.contains("provider_keys")
        || path.contains("headers")
    {
        return "***".to_owned();
    }
    match value.as_str() {
        // Also under a name that is no setting: it may be one, misspelt.
        Some(text) if text.contains(':') && (text.contains("://") || text.contains('@')) => {
            format!("{:?}", without_password(text))
        }
        _ => value.to_string(),
    }
}
