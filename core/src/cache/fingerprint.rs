//! Stage 3: the key of an answer in the exact cache.

use std::fmt;

use sha2::{Digest, Sha256};

use super::canonical::canonicalise;
use crate::error::{Error, Result};
use crate::ids::ProjectId;
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
    /// The fingerprint of a chat request in a project: of the model as asked for and of every field that can change
    /// the answer, unknown ones too. The order of keys never matters, the order of messages always does.
    pub fn of_chat(project: ProjectId, request: &ChatRequest) -> Result<Fingerprint> {
        let text = serde_json::to_string(request)
            .map_err(|source| Error::invalid("body", format!("cannot be written as JSON: {source}")))?;
        let mut hash = Sha256::new();
        // What is hashed is versioned, so that a new canonical form never meets an old one's answers.
        hash.update(b"lockgate/chat/1\0");
        hash.update(project.to_string());
        hash.update(b"\0");
        canonicalise(&text, &mut hash, |name| !WITHOUT_EFFECT.contains(&name))?;
        Ok(Fingerprint(hash.finalize().into()))
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
