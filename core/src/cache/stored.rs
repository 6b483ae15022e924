//! An answer as it is kept: one form, from which both JSON and a stream are told.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ask::Reply;
use crate::clock::Millis;
use crate::money::Nano;

/// An answer in the exact cache.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Without the gateway's metadata.
    pub(crate) reply: Reply,
    pub(crate) provider: String,
    pub(crate) model: String,
    /// What it cost, so what each hit saves; none where the price was unknown.
    pub(crate) cost: Option<Nano>,
    /// From then on it is no answer. Never prolonged.
    pub(crate) expires_at: Millis,
    /// Which version it is, where it comes from a limiter that keeps answers.
    pub(crate) version: Option<Arc<str>>,
    /// Bytes it takes, about.
    pub(crate) weight: u64,
}

/// The text form, for the tiers that keep text.
#[derive(Serialize, Deserialize)]
struct Text<'a> {
    /// The form's version.
    v: u32,
    endpoint: String,
    provider: String,
    model: String,
    cost: Option<Nano>,
    #[serde(borrow)]
    reply: &'a RawValue,
}

const VERSION: u32 = 1;

impl Stored {
    /// The answer and its text form; none where it cannot be written.
    pub(crate) fn new(
        reply: Reply,
        provider: &str,
        model: &str,
        cost: Option<Nano>,
        expires_at: Millis,
    ) -> Option<(Stored, Bytes)> {
        let json = String::from_utf8(reply.to_json().ok()?).ok()?;
        let text = Text {
            v: VERSION,
            endpoint: endpoint(&reply).to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            cost,
            reply: serde_json::from_str(&json).ok()?,
        };
        let body = Bytes::from(serde_json::to_vec(&text).ok()?);
        let weight = weight(body.len());
        let stored = Stored {
            reply,
            provider: provider.to_owned(),
            model: model.to_owned(),
            cost,
            expires_at,
            version: None,
            weight,
        };
        Some((stored, body))
    }

    /// Reads the text form; none of a form that this version does not know.
    pub(crate) fn read(body: &[u8], expires_at: Millis) -> Option<Stored> {
        let text: Text<'_> = serde_json::from_slice(body).ok()?;
        if text.v != VERSION {
            return None;
        }
        Some(Stored {
            reply: Reply::from_json(&text.endpoint, text.reply.get().as_bytes())?,
            provider: text.provider,
            model: text.model,
            cost: text.cost,
            expires_at,
            version: None,
            weight: weight(body.len()),
        })
    }
}

fn endpoint(reply: &Reply) -> &'static str {
    match reply {
        Reply::Chat(_) => "chat",
        Reply::Embed(_) => "embeddings",
    }
}

/// Parsed, an answer takes about twice its text, and a little more for itself.
fn weight(text: usize) -> u64 {
    512 + 2 * text as u64
}
