//! The models that are pulled: `GET /api/tags`.

use http::header::AUTHORIZATION;
use serde::Deserialize;

use super::{error, wire};
use crate::error::Result;
use crate::provider::{Endpoint, Failure, FailureClass, Outgoing};
use crate::types::{Model, Raw};

#[derive(Deserialize)]
struct Tags {
    /// A list; `null` where there are none.
    models: Raw,
}

#[derive(Deserialize)]
struct Tag {
    /// Older versions know only this one.
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    modified_at: Option<String>,
}

pub(super) fn request(endpoint: &Endpoint) -> Result<Outgoing> {
    Outgoing::get(endpoint, "/api/tags")?.key(endpoint, AUTHORIZATION, "Bearer ")
}

pub(super) fn read(body: &[u8]) -> Result<Vec<Model>, Failure> {
    let tags: Option<Tags> = serde_json::from_slice(body).ok();
    let Some(tags) = tags.and_then(|tags| tags.models.read::<Option<Vec<Tag>>>()) else {
        return Err(match error::told(body) {
            Some(words) => Failure::told(FailureClass::InBand, None, Some(&words)),
            None => Failure::malformed("The provider's list of models cannot be read."),
        });
    };
    let models = tags.unwrap_or_default().into_iter().map(|tag| Model {
        created: wire::seconds(tag.modified_at.as_deref()),
        id: if tag.model.is_empty() { tag.name } else { tag.model },
        ..Model::default()
    });
    Ok(models.filter(|model| !model.id.is_empty()).collect())
}
