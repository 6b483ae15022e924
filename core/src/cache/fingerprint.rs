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

    pub(super) fn of_body(project: &Project, endpoint: &str, body: &impl Serialize) -> Result<Fingerprint> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ProjectSettings;
    use crate::clock::Millis;
    use crate::types::{ChatRequest, EmbedRequest};

    fn project(cache_epoch: u64) -> Project {
        Project {
            id: "01JGFJJZ00ABCDEFGHJKMNPQRS".parse().unwrap(),
            name: "golden".to_owned(),
            rev: 7,
            created_at: Millis(0),
            cache_epoch,
            settings: ProjectSettings::default(),
        }
    }

    fn chat(epoch: u64, body: &str) -> String {
        let ask = Ask::Chat(Box::new(ChatRequest::from_slice(body.as_bytes()).unwrap()));
        Fingerprint::of(&project(epoch), &ask).unwrap().to_string()
    }

    /// Made by another program from the rule alone. Where one changes, every answer that a store holds is lost, and
    /// processes of two versions do not find each other's: change the form's version with it.
    #[test]
    fn they_are_the_same_in_every_process_and_version() {
        let short = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}"#;
        assert_eq!(chat(0, short), "581eb079e6838cb16285ca4bdd357a28f6fb0dad110db1f6e7d757907fef294c");
        assert_eq!(chat(1, short), "06c1f79f109451a521c9e162a67e6bfe5fcb20f500cc685d997de7ab010f323c");
        let long = r#"{
            "top_k": 40.0, "user": "somebody", "stream": true, "max_tokens": 64, "temperature": 5e-1,
            "messages": [
                {"content": "S\u00e9 breve.\n", "role": "system"},
                {"content": "¿Qué?", "role": "user"}
            ],
            "model": "claude-sonnet-4-5"
        }"#;
        assert_eq!(chat(0, long), "8877cf8b3912f8be69433162f599815d917f5847ac6adbee1280ec671f0634e1");
        let embed: EmbedRequest =
            serde_json::from_str(r#"{"input": ["one", "two"], "model": "text-embedding-3-small"}"#).unwrap();
        let embed = Fingerprint::of(&project(0), &Ask::Embed(Box::new(embed))).unwrap();
        assert_eq!(embed.to_string(), "d1a956471e4bda5b5dd3adf369de3e1b0d2a95add937b6e785398c9b31e30160");
    }
}
