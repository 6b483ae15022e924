//! Embedders over HTTP: a service with `POST /embed`, and whatever speaks OpenAI's `/v1/embeddings`.

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde::Deserialize;
use serde_json::json;

use super::{Embedder, Vector};
use crate::auth::Secret;
use crate::config::{EmbedderConfig, EmbedderKind};
use crate::error::{Error, Kind, Result};
use crate::transport::Transport;

/// Longer vectors are a mistake.
const MOST_DIMENSIONS: usize = 8192;

/// One of them.
pub(super) struct Remote {
    kind: EmbedderKind,
    url: String,
    model: String,
    key: Option<Secret>,
    name: String,
    transport: Transport,
}

/// `{"embeddings": [[…]], "dimensions": 384}`
#[derive(Deserialize)]
struct Embeddings {
    embeddings: Vec<Vec<f32>>,
    #[serde(default)]
    dimensions: Option<usize>,
}

/// `{"data": [{"embedding": […]}]}`
#[derive(Deserialize)]
struct OpenAi {
    data: Vec<OpenAiOne>,
}

#[derive(Deserialize)]
struct OpenAiOne {
    embedding: Vec<f32>,
}

impl Remote {
    /// The embedder that is set; it is not asked yet.
    pub(super) fn new(config: &EmbedderConfig, transport: Transport) -> Result<Remote> {
        let base = config.url.clone().unwrap_or_default();
        let base = base.trim_end_matches('/');
        let path = if config.kind == EmbedderKind::Embed { "/embed" } else { "/embeddings" };
        // Whoever names the whole path means it.
        let url = if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") };
        let model = config.model.clone().unwrap_or_default();
        let name = format!("{url} {model}");
        Ok(Remote { kind: config.kind, url, model, key: config.api_key.clone(), name, transport })
    }

    fn request(&self, text: &str) -> Result<Request<Bytes>> {
        let body = match self.kind {
            EmbedderKind::Openai => json!({"model": self.model, "input": [text], "encoding_format": "float"}),
            EmbedderKind::Embed | EmbedderKind::Minilm => json!({"texts": [text]}),
        };
        let body = serde_json::to_vec(&body)
            .map_err(|source| Error::internal("a text cannot be written", source))?;
        let mut request = Request::builder().method(Method::POST).uri(&self.url);
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
            let mut value =
                value.map_err(|_| Error::config("embedder.api_key", "(hidden)", "cannot be a header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Bytes::from(body)).map_err(|source| Error::internal("a request cannot be made", source))
    }

    fn read(&self, body: &[u8]) -> Option<Vec<f32>> {
        let numbers = match self.kind {
            EmbedderKind::Openai => {
                serde_json::from_slice::<OpenAi>(body).ok()?.data.into_iter().next()?.embedding
            }
            EmbedderKind::Embed | EmbedderKind::Minilm => {
                let Embeddings { embeddings, dimensions } = serde_json::from_slice(body).ok()?;
                let numbers = embeddings.into_iter().next()?;
                if dimensions.is_some_and(|dimensions| dimensions != numbers.len()) {
                    return None;
                }
                numbers
            }
        };
        normalised(numbers)
    }
}

/// The vector with length 1; none of one that has no direction.
fn normalised(mut numbers: Vec<f32>) -> Option<Vec<f32>> {
    let length = f64::from(lockgate_embed::dot(&numbers, &numbers)).sqrt();
    let usable = length.is_finite() && length > 0.0 && numbers.len() <= MOST_DIMENSIONS;
    usable.then(|| {
        numbers.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
        numbers
    })
}

#[async_trait]
impl Embedder for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    async fn embed(&self, text: &str, by: Instant) -> Result<Vector> {
        let failed =
            |what: String| Error::new(Kind::StoreUnavailable, format!("the embedder failed: {what}"));
        let mut answer = self
            .transport
            .send(self.request(text)?, false, Some(by.into()))
            .await
            .map_err(|broken| failed(broken.to_string()))?;
        let mut body = Vec::new();
        while let Some(bytes) = answer.chunk().await.map_err(|broken| failed(broken.to_string()))? {
            body.extend_from_slice(&bytes);
            if body.len() > 1 << 20 {
                return Err(failed("its answer is too large".to_owned()));
            }
        }
        if !answer.status.is_success() {
            return Err(failed(format!("status {}", answer.status.as_u16())));
        }
        let numbers = self.read(&body).ok_or_else(|| failed("its answer is not understood".to_owned()))?;
        // What a service does with long texts is its own to know.
        Ok(Vector { numbers, whole: true })
    }
}
