//! What makes vectors of questions, for the semantic cache.

use serde::{Deserialize, Serialize};

use crate::auth::Secret;
use crate::config::Environment;
use crate::error::{Error, Result};

/// The embedder of the semantic cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbedderConfig {
    /// What it is.
    pub kind: EmbedderKind,
    /// Where it is, where it is not in this process.
    pub url: Option<String>,
    /// The model to ask for, for `openai`.
    pub model: Option<String>,
    /// The key to send it.
    pub api_key: Option<Secret>,
    /// The variable that holds the key.
    pub api_key_env: Option<String>,
    /// The instructions to use in process: `avx512`, `avx2`, `scalar` or `f32`. Default: the fastest there are.
    pub path: Option<String>,
}

/// What an embedder is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbedderKind {
    /// all-MiniLM-L6-v2, in this process.
    #[default]
    Minilm,
    /// A service that answers `POST /embed`.
    Embed,
    /// A service that answers OpenAI's `POST /embeddings`.
    Openai,
}

impl EmbedderConfig {
    /// Reads the key from its variable.
    pub(super) fn fill(&mut self, environment: Option<&Environment>) -> Result<()> {
        let variable = self.api_key_env.as_ref().filter(|_| self.api_key.is_none());
        let Some(variable) = variable else { return Ok(()) };
        let value = environment.and_then(|environment| environment.get(variable));
        let value = value.ok_or_else(|| {
            Error::config("embedder.api_key_env", variable, "is not set in the environment")
        })?;
        self.api_key = Some(Secret::new(value));
        Ok(())
    }

    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |key: &str, value: &Option<String>, allowed: &str| {
            let shown = value.as_ref().map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
            Err(Error::config(&format!("embedder.{key}"), shown, allowed))
        };
        let remote = self.kind != EmbedderKind::Minilm;
        let usable = self.url.as_deref().is_some_and(|url| {
            (url.starts_with("http://") || url.starts_with("https://")) && url.parse::<http::Uri>().is_ok()
        });
        if remote && !usable {
            // A password in it is not shown.
            let shown = self.url.as_ref().map(|_| "(hidden)".to_owned());
            return wrong(
                "url",
                &shown,
                "must be an http or https URL, where the embedder is not in this process",
            );
        }
        if !remote && self.url.is_some() {
            return wrong("url", &Some("(hidden)".to_owned()), "needs kind = \"embed\" or \"openai\"");
        }
        if self.kind == EmbedderKind::Openai && self.model.is_none() {
            return wrong("model", &None, "must name the model to ask for");
        }
        Ok(())
    }
}
