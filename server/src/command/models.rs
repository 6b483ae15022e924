//! `lockgate models`.

use std::sync::Arc;

use lockgate::Gateway;
use lockgate::clock::SystemClock;
use lockgate::config::StoreUrl;

use crate::cli::{Json, Sources};
use crate::failure::Failure;
use crate::{listing, settings};

pub(super) async fn run(sources: &Sources, print: Json) -> Result<(), Failure> {
    let mut config = settings::read(sources)?;
    // Models come from settings and price tables alone: no store is touched.
    config.store = Some(StoreUrl::new("memory"));
    config.shared = false;
    let gateway = Gateway::start(config, Arc::new(SystemClock)).await?;
    let models = gateway.models();
    if print.json {
        return listing::json(&models);
    }
    if models.data.is_empty() {
        return listing::line(
            "No models: no provider is configured (set OPENAI_API_KEY, or [providers] in the settings).",
        );
    }
    let rows: Vec<[String; 2]> = models.data.into_iter().map(|model| [model.id, model.owned_by]).collect();
    listing::columns(["MODEL", "PROVIDER"], &rows)
}
