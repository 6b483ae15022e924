//! The stores that every case runs on, as `conformance/cases/stores.json` lists them.

use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::case;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) name: String,
    /// Whether it wants servers running.
    #[serde(default)]
    servers: bool,
    settings: Map<String, Value>,
    /// Whether keys and customers can be made from another process; in Rust it makes no difference.
    #[serde(rename = "administered")]
    _administered: Administered,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Administered {
    Inside,
    Anywhere,
}

/// All of them; without the feature `test-servers` those that want none.
pub(crate) fn all() -> Vec<Store> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        stores: Vec<Store>,
    }
    let mut stores = case::read::<File>("stores.json").stores;
    stores.retain(|store| cfg!(feature = "test-servers") || !store.servers);
    stores
}

/// What a case has for itself.
pub(crate) struct Place {
    folder: TempDir,
    #[cfg(feature = "test-servers")]
    database: Option<crate::servers::Database>,
}

impl Store {
    /// A place for one case.
    pub(crate) async fn place(&self) -> Place {
        #[cfg(feature = "test-servers")]
        let database = match self.servers {
            true => Some(crate::servers::Database::new().await),
            false => None,
        };
        Place {
            folder: tempfile::tempdir().unwrap(),
            #[cfg(feature = "test-servers")]
            database,
        }
    }

    /// The settings for one case.
    pub(crate) fn settings(&self, place: &Place) -> Vec<(String, toml::Value)> {
        let filled = self.settings.iter().map(|(name, value)| {
            let value = match value {
                Value::String(text) => toml::Value::String(place.filled(text)),
                other => setting(other),
            };
            (name.clone(), value)
        });
        filled.collect()
    }
}

impl Place {
    /// `{folder}`, `{unique}`, `{database}` and variables of the environment in their places. A variable that is missing
    /// is no store to leave out but an error.
    fn filled(&self, text: &str) -> String {
        let mut whole = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').expect("a closing brace");
            whole.push_str(before);
            whole.push_str(&self.value(name));
            rest = behind;
        }
        whole + rest
    }

    fn value(&self, name: &str) -> String {
        match name {
            "folder" => self.folder.path().display().to_string(),
            "unique" => self.folder.path().file_name().unwrap().to_str().unwrap().replace('.', ""),
            #[cfg(feature = "test-servers")]
            "database" => self.database.as_ref().expect("a store that wants servers").address(),
            name => std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set")),
        }
    }
}

/// A JSON value as a setting.
pub(crate) fn setting(value: &Value) -> toml::Value {
    match value {
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number.as_i64().expect("a whole number").into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(setting).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            toml::Value::Table(fields.iter().map(|(name, value)| (name.clone(), setting(value))).collect())
        }
        Value::Null => panic!("a setting has a value"),
    }
}
