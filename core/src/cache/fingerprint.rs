//! Stage 3: the key of an answer in the exact cache.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::canonical::canonicalise;
use crate::ask::Ask;
use crate::auth::Project;
use crate::error::{Error, Result};
use crate::types::ChatRequest;

/// SHA-256 over a request's canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// Fields that cannot change what the model says.
const WITHOUT_EFFECT: &[&str] = &[
    "stream",
    "stream_options",
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
];

impl Fingerprint {
    /// The fingerprint of a request in a project: of the model as asked for and of every field that can change the
    /// answer, unknown ones too. The order of keys never matters, the order of messages always does. A purge moves
    /// the project's `cache_epoch`, so what was kept or is being written before it is never found after it.
    pub fn of_chat(project: &Project, request: &ChatRequest) -> Result<Fingerprint> {
        Fingerprint::of_body(project, "chat", request)
    }

    pub(crate) fn of(project: &Project, ask: &Ask) -> Result<Fingerprint> {
        match ask {
            Ask::Chat(request) => Fingerprint::of_body(project, ask.endpoint(), request),
            Ask::Embed(request) => Fingerprint::of_body(project, ask.endpoint(), request),
        }
    }

    fn of_body(project: &Project, endpoint: &str, body: &impl Serialize) -> Result<Fingerprint> {
        let text = serde_json::to_string(body)
            .map_err(|source| Error::invalid("body", format!("cannot be written as JSON: {source}")))?;
        // The form is versioned, so that a new one never meets an old one's answers.
        let Project { id, cache_epoch, .. } = project;
        let mut form = Vec::with_capacity(128 + text.len());
        form.extend_from_slice(format!("lockgate/{endpoint}/1/{id}/{cache_epoch}/").as_bytes());
        canonicalise(&text, &mut form, |name| !WITHOUT_EFFECT.contains(&name))?;
        Ok(Fingerprint(Sha256::digest(&form).into()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
