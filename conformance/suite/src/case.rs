//! A case as its file says it. `conformance/cases/README.md` explains every field.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A file of cases on one subject.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// What the cases are about.
    pub(crate) about: String,
    /// Values for `{{name}}` in all of them, such as a tool.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) cases: Vec<Case>,
}

/// What a case is run on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    /// Every model that chats.
    #[default]
    Chat,
    /// Every embedding model.
    Embedding,
    /// The endpoint, once.
    Endpoint,
    /// Every ordered pair of providers: begun on one, finished on the other.
    Switch,
}

/// A request or a conversation of several, and what must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// One sentence: what holds.
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) on: Subject,
    /// Capabilities without which the case says nothing.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Capabilities that must be known to be absent: how a model that lacks them refuses.
    #[serde(default)]
    pub(crate) lacks: Vec<String>,
    /// Runs a second time as a stream, under the name `NAME_streamed`.
    #[serde(default)]
    pub(crate) both_ways: bool,
    /// The output limit of requests that set none; by default the family's.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
    pub(crate) steps: Vec<Step>,
    /// What its file is about.
    #[serde(skip)]
    pub(crate) chapter: String,
    /// The values of its file.
    #[serde(skip)]
    pub(crate) values: BTreeMap<String, Value>,
}

/// Whose key a request carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Key {
    #[default]
    Own,
    /// One that nobody issued.
    Bad,
    /// No `Authorization` header.
    None,
}

/// One request, and what must hold of its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    #[serde(default = "post")]
    pub(crate) method: String,
    /// Below the base URL.
    #[serde(default = "chat")]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) key: Key,
    /// The JSON sent.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Text sent word for word in place of `body`.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// Copies sent at once; `{{n}}` tells them apart.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// Leaves the stream after so many events.
    #[serde(default)]
    pub(crate) leave_after_events: Option<usize>,
    /// What shows that the model has what the case needs; where nobody knows whether it does and this does not hold, the
    /// case is skipped.
    #[serde(default)]
    pub(crate) shows: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) expect: Expect,
    /// Names for parts of the answer, for later steps.
    #[serde(default)]
    pub(crate) keep: BTreeMap<String, String>,
}

/// What must hold of an answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// The status, or several that will do; 200 when absent.
    pub(crate) status: Statuses,
    /// Header name → matcher; null for a header that must be absent.
    pub(crate) headers: BTreeMap<String, Value>,
    /// JSON pointer → matcher. A stream is put together first.
    pub(crate) body: BTreeMap<String, Value>,
    /// Fields of the error object → matcher. Its form is always checked.
    pub(crate) error: BTreeMap<String, Value>,
    /// Whether a stream must tell usage on its last chunk.
    pub(crate) usage: bool,
}

/// Statuses that will do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Statuses {
    One(u16),
    Several(Vec<u16>),
}

impl Default for Statuses {
    fn default() -> Self {
        Self::One(200)
    }
}

impl Statuses {
    pub(crate) fn contain(&self, status: u16) -> bool {
        match self {
            Self::One(wanted) => *wanted == status,
            Self::Several(wanted) => wanted.contains(&status),
        }
    }

    /// Whether an answer, not a refusal, is expected.
    pub(crate) fn are_good(&self) -> bool {
        self.contain(200)
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(wanted) => write!(f, "{wanted}"),
            Self::Several(wanted) => {
                let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
                f.write_str(&wanted.join(" or "))
            }
        }
    }
}

fn post() -> String {
    "POST".to_owned()
}

fn chat() -> String {
    "/chat/completions".to_owned()
}

fn once() -> u32 {
    1
}
