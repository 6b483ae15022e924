//! Questions that were answered, kept so that they are found by their meaning.

use async_trait::async_trait;
use bytes::Bytes;

use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{CustomerId, ProjectId};

/// Where they are kept. What is not in the same group is never compared: a group is one project, and requests that are
/// equal in all but their last message.
#[async_trait]
pub trait MeaningStore: Send + Sync + 'static {
    /// The nearest questions of a group that have not expired, the best first.
    async fn nearest(&self, sought: Sought) -> Result<Vec<Neighbour>>;

    /// Keeps questions, each in place of the same one.
    async fn keep_meanings(&self, meanings: &[Meaning]) -> Result<()>;

    /// Removes at most `most` that have expired at `now`; returns how many.
    async fn expire_meanings(&self, now: Millis, most: u32) -> Result<u64>;

    /// Removes at most `most`, the oldest first, as long as all together take more than `bytes`; returns how many.
    async fn trim_meanings(&self, bytes: u64, most: u32) -> Result<u64>;
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Sought {
    /// Where.
    pub group: Fingerprint,
    /// The question's vector, of length 1.
    pub vector: Vec<f32>,
    /// The time.
    pub now: Millis,
    /// How many at most.
    pub most: usize,
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// Of the group and the question: the same one is kept once.
    pub id: Fingerprint,
    /// Its project.
    pub project: ProjectId,
    /// Its group.
    pub group: Fingerprint,
    /// Whose question it is, where the request named a customer.
    pub customer: Option<CustomerId>,
    /// The question: the request's last message.
    pub question: String,
    /// Its vector, of length 1.
    pub vector: Vec<f32>,
    /// The answer, as text of the cache's own form.
    pub body: Bytes,
    /// When it came from the provider.
    pub created_at: Millis,
    /// From then on it is no answer.
    pub expires_at: Millis,
}

impl Meaning {
    /// Bytes it takes, about.
    pub(super) fn size(&self) -> u64 {
        (256 + self.question.len() + self.body.len() + 4 * self.vector.len()) as u64
    }
}

/// A question that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// The cosine.
    pub similarity: f32,
    /// The question.
    pub question: String,
    /// Its answer.
    pub body: Bytes,
    /// When that came from the provider.
    pub created_at: Millis,
    /// From then on it is no answer.
    pub expires_at: Millis,
}

/// A vector as SQLite keeps it.
pub(super) fn packed(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What [`packed`] made bytes.
pub(super) fn unpacked(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
}
