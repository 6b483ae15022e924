//! `lockgate migrate`.

use serde_json::json;

use super::store;
use crate::cli::{Json, Sources};
use crate::failure::Failure;
use crate::{listing, settings};

pub(super) async fn run(sources: &Sources, print: Json) -> Result<(), Failure> {
    let config = settings::read(sources)?;
    let url = config.store.as_ref().map(ToString::to_string).unwrap_or_default();
    // Opening brings the schema up to date, all steps or none.
    store::with_config(&config, async |store| {
        let version = store.schema();
        if print.json {
            listing::json(&json!({"store": url, "schema": version}))
        } else {
            listing::line(&format!("{url}: the schema is up to date (version {version})"))
        }
    })
    .await
}
