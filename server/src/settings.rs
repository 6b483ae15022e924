//! Settings: flag > environment > file > default.

use std::path::Path;
use std::sync::Arc;

use lockgate::clock::SystemClock;
use lockgate::config::{Environment, Layers, StoreUrl};
use lockgate::{Config, Gateway};

use crate::cli::Sources;
use crate::failure::Failure;

/// The file that is read where no other is named.
const FILE: &str = "lockgate.toml";
/// The store of the command line, where nothing names one. The libraries' default is memory.
pub(crate) const STORE: &str = "sqlite://lockgate.db";

/// The layers of the command line: file, environment, flags, and its own defaults below them.
pub(crate) fn layers(sources: &Sources) -> Result<Layers, Failure> {
    let mut layers = Layers::new()
        .fallback("store", STORE)
        .fallback("auth", "required")
        .environment(Environment::of_process());
    if let Some(path) = &sources.config {
        layers = layers.file(path)?;
    } else if Path::new(FILE).is_file() {
        layers = layers.file(Path::new(FILE))?;
    }
    if let Some(store) = &sources.store {
        layers = layers.set("store", store.as_str());
    }
    if let Some(redis) = &sources.redis {
        layers = layers.set("redis", redis.as_str());
    }
    Ok(layers)
}

/// The settings of a command without flags of its own.
pub(crate) fn read(sources: &Sources) -> Result<Config, Failure> {
    Ok(layers(sources)?.read()?)
}

/// A gateway that touches no store: for what settings, price tables and the providers themselves say.
pub(crate) async fn without_store(mut config: Config) -> Result<Gateway, Failure> {
    config.store = Some(StoreUrl::new("memory"));
    config.redis = None;
    config.single_process = false;
    config.shared = false;
    Ok(Gateway::start(config, Arc::new(SystemClock)).await?)
}
