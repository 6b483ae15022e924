//! Sentences as vectors, for the semantic cache.
//!
//! The model that runs in process is a crate of its own (`embed/`); here are its thread, where its files are looked for,
//! and the embedders over HTTP.

mod find;
mod local;
mod remote;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use find::{cache_folder, model_folder};
use local::Local;
use remote::Remote;

use crate::config::{Config, EmbedderKind, Environment};
use crate::error::Result;
use crate::transport::Transport;

/// For one who has nothing else to do: a large model may have to be loaded first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes vectors of texts.
#[async_trait]
pub(crate) trait Embedder: Send + Sync + 'static {
    /// Vectors of embedders of the same name can be compared.
    fn name(&self) -> &str;

    /// Begins to get ready, where that takes a while.
    fn prepare(&self) {}

    /// The vector of `text`, of length 1, not later than `by`.
    async fn embed(&self, text: &str, by: Instant) -> Result<Vector>;

    /// Whether two texts mean the same, in log-odds, not later than `by`. None where the embedder does not read two
    /// texts together, or not as long ones.
    async fn same_meaning(&self, _a: &str, _b: &str, _by: Instant) -> Result<Option<f32>> {
        Ok(None)
    }
}

/// A text as a vector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vector {
    /// Of length 1.
    pub(crate) numbers: Vec<f32>,
    /// Whether all of the text was seen.
    pub(crate) whole: bool,
}

/// The embedder alone, for trying it out.
pub struct Texts(Arc<dyn Embedder>);

impl Texts {
    /// The embedder that the settings name; none where its model is not there.
    pub fn of(config: &Config) -> Result<Option<Texts>> {
        Ok(of(config, &Transport::new(config.timeouts)?)?.map(Texts))
    }

    /// The vector of a text, of length 1.
    pub async fn vector(&self, text: &str) -> Result<Vec<f32>> {
        Ok(self.0.embed(text, Instant::now() + PATIENCE).await?.numbers)
    }

    /// Whether two texts mean the same, in log-odds, where the embedder tells it.
    pub async fn same_meaning(&self, a: &str, b: &str) -> Result<Option<f32>> {
        self.0.same_meaning(a, b, Instant::now() + PATIENCE).await
    }
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Texts").field(&self.0.name()).finish()
    }
}

/// The embedder that the settings name; none where its model is not there.
pub(crate) fn of(config: &Config, transport: &Transport) -> Result<Option<Arc<dyn Embedder>>> {
    let embedder = &config.embedder;
    if embedder.kind != EmbedderKind::Minilm {
        return Ok(Some(Arc::new(Remote::new(embedder, transport.clone())?)));
    }
    // Where Python's packages are is the process's, whatever variables a test gives to the gateway.
    let Some(folder) = model_folder(config.model_dir.as_deref(), &Environment::of_process()) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Local::new(folder, config.embedder.path.as_deref())?)))
}
