//! The record of decisions: why a request got the answer it got. It holds no prompt, no answer and no secret.

use serde::{Deserialize, Serialize};

use crate::cache::semantic::Guard;
use crate::limits::Standing;
use crate::money::Nano;

/// What was decided about one request, stage by stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decisions {
    /// What the limits left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsTold>,
    /// What the exact cache said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactVerdict>,
    /// What the semantic cache said; absent where it had no part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<SemanticTold>,
    /// Who could have answered, in the order of the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Considered>,
    /// Where the price comes from that the request was admitted at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceSource>,
    /// Time spent in each stage, in microseconds.
    pub timings_us: Timings,
}

/// What the limits said of a request, and what they left. Absent where there is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsTold {
    /// Requests left in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_requests: Option<u32>,
    /// Tokens left in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_tokens: Option<u32>,
    /// The scope of the cap with the least left: `project`, `key` or `customer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_scope: Option<String>,
    /// That cap, in nano-USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_nano_usd: Option<i64>,
    /// What is left of it, in nano-USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_nano_usd: Option<i64>,
    /// What was reserved for the request, in nano-USD.
    pub reserved_nano_usd: i64,
    /// Whether the cheaper way was admitted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub downgraded: bool,
    /// The code of the error, where they refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl LimitsTold {
    pub(crate) fn of(standing: &Standing, reserved: Nano, downgraded: bool) -> LimitsTold {
        let cap = standing.cap.as_ref();
        LimitsTold {
            remaining_requests: standing.requests.map(|level| level.remaining),
            remaining_tokens: standing.tokens.map(|level| level.remaining),
            cap_scope: cap.map(|cap| cap.counter.scope.kind().to_owned()),
            cap_nano_usd: cap.map(|cap| cap.cap.nano()),
            remaining_nano_usd: cap.map(|cap| cap.cap.saturating_sub(cap.spend).nano()),
            reserved_nano_usd: reserved.nano(),
            downgraded,
            refused: None,
        }
    }
}

/// What the exact cache said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExactVerdict {
    /// It was not asked: switched off, or a request it does not serve.
    Off,
    /// It does not know the answer.
    Miss,
    /// It has the answer at hand.
    Hot,
    /// It has the answer in the store.
    Warm,
    /// An equal request is under way.
    Flight,
}

/// What the semantic cache said, and how long its parts took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SemanticTold {
    /// What it said.
    pub verdict: SemanticVerdict,
    /// The cosine of the nearest question, or of the one whose answer was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// The guard that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// How old the answer is, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// Tokenising and embedding, in microseconds.
    pub embed_us: u64,
    /// The search, in microseconds.
    pub search_us: u64,
    /// The guards, in microseconds.
    pub guards_us: u64,
}

/// What the semantic cache said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SemanticVerdict {
    /// It knows no question that is near enough.
    #[default]
    Miss,
    /// It gave an answer.
    Hit,
    /// It would have given an answer, and was told not to.
    Shadow,
    /// It knows one that is near enough, and a guard refused it.
    Refused,
    /// It took too long.
    Late,
    /// The embedder or the store failed.
    Failed,
}

impl SemanticVerdict {
    /// As in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SemanticVerdict::Miss => "miss",
            SemanticVerdict::Hit => "hit",
            SemanticVerdict::Shadow => "shadow",
            SemanticVerdict::Refused => "refused",
            SemanticVerdict::Late => "late",
            SemanticVerdict::Failed => "failed",
        }
    }
}

/// A candidate, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// The provider.
    pub provider: String,
    /// The model, as the provider knows it.
    pub model: String,
    /// Why it is one: `asked`, `chain` or `tier`.
    pub why: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was skipped, or how it failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether its breaker was open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaker_open: bool,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Another answered first.
    NotAsked,
    /// It could not be asked.
    Skipped,
    /// It failed.
    Failed,
    /// It answered.
    Answered,
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// The price tables, or the settings laid over them.
    Table,
    /// It costs nothing.
    Free,
    /// It is not known.
    Unknown,
}

/// The stages of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Who calls.
    Identify,
    /// Who could answer.
    Resolve,
    /// The cache's key.
    Fingerprint,
    /// Waiting for an equal request.
    Join,
    /// The limits.
    Admit,
    /// The warm and the semantic cache.
    Recall,
    /// The provider, until its first content or, without a stream, its whole answer.
    Attempt,
}

/// Microseconds by stage; 0 is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "named after the stages")]
pub struct Timings {
    #[serde(skip_serializing_if = "is_zero")]
    pub identify: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub resolve: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub fingerprint: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub join: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub admit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub recall: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub attempt: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Timings {
    /// Adds time to a stage, which may come more than once.
    pub fn add(&mut self, stage: Stage, micros: u64) {
        let spent = match stage {
            Stage::Identify => &mut self.identify,
            Stage::Resolve => &mut self.resolve,
            Stage::Fingerprint => &mut self.fingerprint,
            Stage::Join => &mut self.join,
            Stage::Admit => &mut self.admit,
            Stage::Recall => &mut self.recall,
            Stage::Attempt => &mut self.attempt,
        };
        *spent = spent.saturating_add(micros);
    }

    /// Every stage with its time.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("identify", self.identify),
            ("resolve", self.resolve),
            ("fingerprint", self.fingerprint),
            ("join", self.join),
            ("admit", self.admit),
            ("recall", self.recall),
            ("attempt", self.attempt),
        ]
        .into_iter()
    }
}
