//! The stores that every case runs on, as `conformance/cases/stores.json` lists them.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::case;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) name: String,
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

pub(crate) fn all() -> Vec<Store> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        stores: Vec<Store>,
    }
    case::read::<File>("stores.json").stores
}

impl Store {
    /// The settings for one case, whose files are in `folder`.
    pub(crate) fn settings(&self, folder: &Path) -> Vec<(String, toml::Value)> {
        let filled = self.settings.iter().map(|(name, value)| {
            let value = match value {
                Value::String(text) => toml::Value::String(filled(text, folder)),
                other => setting(other),
            };
            (name.clone(), value)
        });
        filled.collect()
    }
}

/// `{folder}`, `{unique}` and variables of the environment in their places. A variable that is missing is no store to
/// leave out but an error.
fn filled(text: &str, folder: &Path) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').expect("a closing brace");
        whole.push_str(before);
        whole.push_str(&match name {
            "folder" => folder.display().to_string(),
            "unique" => folder.file_name().unwrap().to_str().unwrap().replace('.', ""),
            name => std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; {text} needs it")),
        });
        rest = behind;
    }
    whole + rest
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
