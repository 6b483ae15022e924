//! `lockgate models`.

use crate::cli::{Json, Sources};
use crate::failure::Failure;
use crate::{listing, settings};

pub(super) async fn run(sources: &Sources, print: Json) -> Result<(), Failure> {
    let gateway = settings::without_store(settings::read(sources)?).await?;
    gateway.discover().await;
    let models = gateway.models();
    if print.json {
        return listing::json(&models);
    }
    if models.data.is_empty() {
        return listing::line(
            "No models: no provider is configured (set OPENAI_API_KEY or OLLAMA_HOST, or [providers] in the settings).",
        );
    }
    let rows: Vec<[String; 2]> = models.data.into_iter().map(|model| [model.id, model.owned_by]).collect();
    listing::columns(["MODEL", "PROVIDER"], &rows)
}
