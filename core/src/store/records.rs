//! Projects, keys and customers as both databases hold them.

use super::columns::{Columns, Fetched, json};
use crate::auth::{Customer, CustomerLimits, Key, KeyHash, Project, ProjectSettings};
use crate::error::{Error, Kind, Result};
use crate::limits::Rates;

/// Settings as stored. Unlike a listing, the store keeps the project's provider keys in clear: they are sent.
pub(super) fn settings_text(settings: &ProjectSettings) -> Result<String> {
    let unwritable = |error| Error::internal("project settings cannot be written", error);
    let mut value = serde_json::to_value(settings).map_err(unwritable)?;
    let keys = settings.provider_keys.iter().map(|(provider, key)| (provider.clone(), key.expose().into()));
    if let (Some(fields), false) = (value.as_object_mut(), settings.provider_keys.is_empty()) {
        fields.insert("provider_keys".to_owned(), serde_json::Value::Object(keys.collect()));
    }
    json(&value)
}

pub(super) fn project(row: &impl Fetched) -> Result<Project> {
    let row = Columns(row);
    Ok(Project {
        id: row.id("id")?,
        name: row.text("name")?.to_owned(),
        rev: row.number("rev")?,
        created_at: row.millis("created_at")?,
        cache_epoch: row.number("cache_epoch")?,
        settings: row.json("settings")?,
    })
}

pub(super) fn key(row: &impl Fetched) -> Result<Key> {
    let row = Columns(row);
    let hash = row.bytes("hash")?.try_into();
    Ok(Key {
        id: row.id("id")?,
        project: row.id("project")?,
        name: row.text("name")?.to_owned(),
        hint: row.text("hint")?.to_owned(),
        hash: KeyHash(hash.map_err(|error| Error::internal("a stored key hash has not 32 bytes", error))?),
        rates: Rates {
            requests_per_minute: row.number_opt("requests_per_minute")?,
            tokens_per_minute: row.number_opt("tokens_per_minute")?,
            concurrency: row.number_opt("concurrency")?,
        },
        monthly_cap: row.nano_opt("monthly_cap")?,
        models: row.json_opt("models")?,
        customer: row.word_opt("customer")?,
        created_at: row.millis("created_at")?,
        expires_at: row.millis_opt("expires_at")?,
        revoked_at: row.millis_opt("revoked_at")?,
        rotated_from: row.id_opt("rotated_from")?,
    })
}

pub(super) fn customer(row: &impl Fetched) -> Result<Customer> {
    let row = Columns(row);
    Ok(Customer {
        project: row.id("project")?,
        id: row.word("id")?,
        limits: CustomerLimits {
            daily_cap: row.nano_opt("daily_cap")?,
            monthly_cap: row.nano_opt("monthly_cap")?,
            per_request_cap: row.nano_opt("per_request_cap")?,
            on_limit: row.word("on_limit")?,
        },
        updated_at: row.millis("updated_at")?,
    })
}

/// The error of a change to what is not there.
pub(super) fn missing(what: &'static str, id: impl std::fmt::Display) -> Error {
    Error::new(Kind::NotFound, format!("there is no {what} {id}")).with(|d| d.param = Some(what.to_owned()))
}
