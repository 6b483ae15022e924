//! `lockgate models`.

use lockgate::types::Model;

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
    let rows: Vec<[String; 5]> = models.data.into_iter().map(row).collect();
    listing::columns(["MODEL", "PROVIDER", "CONTEXT", "INPUT", "OUTPUT"], &rows)?;
    listing::line("Prices are US dollars per 1M tokens; - is not known.")
}

fn row(model: Model) -> [String; 5] {
    let unknown = || "-".to_owned();
    let context = model.context_window.map_or_else(unknown, |tokens| tokens.to_string());
    let (input, output) = match model.pricing {
        Some(pricing) => {
            (pricing.input.to_string(), pricing.output.map_or_else(unknown, |rate| rate.to_string()))
        }
        None => (unknown(), unknown()),
    };
    [model.id, model.owned_by, context, input, output]
}
