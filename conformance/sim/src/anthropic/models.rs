//! The models, and what each of them takes.

use serde::Serialize;

use crate::anthropic::date::rfc3339;
use crate::anthropic::error::{ApiError, no_such_model};
use crate::plan::Answer;

/// How a model can be made to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinks {
    /// `enabled` with a budget.
    Budget,
    /// `enabled` or `adaptive`, off by default.
    Either,
    /// `adaptive`, off by default.
    Adaptive,
    /// `adaptive`, on by default; the value that turns it off, if one does.
    ByDefault(Option<&'static str>),
}

/// A model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    /// The name in requests.
    alias: &'static str,
    /// The name in answers.
    pub(crate) id: &'static str,
    display_name: &'static str,
    /// Unix days of its release.
    released: u64,
    context: u64,
    pub(crate) longest_answer: u64,
    pub(crate) thinks: Thinks,
    pub(crate) efforts: &'static [&'static str],
    /// Whether `temperature` and the like may be set.
    pub(crate) sampling: bool,
    /// Whether a tool can be forced.
    pub(crate) forced_tools: bool,
    /// Whether the last turn may be the assistant's.
    pub(crate) prefill: bool,
    /// Whether an answer can be held to a schema.
    pub(crate) schemas: bool,
}

const LEVELS: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const OLDER_LEVELS: &[&str] = &["low", "medium", "high", "max"];

/// Claude 4.5 and before.
const OLD: Model = Model {
    alias: "",
    id: "",
    display_name: "",
    released: 20_000,
    context: 200_000,
    longest_answer: 64_000,
    thinks: Thinks::Budget,
    efforts: &[],
    sampling: true,
    forced_tools: true,
    prefill: true,
    schemas: true,
};

/// Claude 5 and later; also a name that is not listed.
const NEW: Model = Model {
    released: 20_600,
    context: 1_000_000,
    longest_answer: 128_000,
    thinks: Thinks::ByDefault(Some("disabled")),
    efforts: LEVELS,
    sampling: false,
    prefill: false,
    ..OLD
};

const MODELS: &[Model] = &[
    Model {
        alias: "claude-haiku-5-5",
        id: "claude-haiku-5-5",
        display_name: "Claude Haiku 5.5",
        released: 20_733,
        ..NEW
    },
    Model {
        alias: "claude-sonnet-5-5",
        id: "claude-sonnet-5-5",
        display_name: "Claude Sonnet 5.5",
        released: 20_724,
        thinks: Thinks::ByDefault(Some("between_tools")),
        forced_tools: false,
        ..NEW
    },
    Model {
        alias: "claude-opus-5-5",
        id: "claude-opus-5-5",
        display_name: "Claude Opus 5.5",
        released: 20_718,
        thinks: Thinks::ByDefault(None),
        forced_tools: false,
        ..NEW
    },
    Model {
        alias: "claude-fable-5-1",
        id: "claude-fable-5-1",
        display_name: "Claude Fable 5.1",
        released: 20_697,
        thinks: Thinks::ByDefault(None),
        forced_tools: false,
        ..NEW
    },
    Model {
        alias: "claude-opus-5",
        id: "claude-opus-5",
        display_name: "Claude Opus 5",
        released: 20_658,
        ..NEW
    },
    Model {
        alias: "claude-sonnet-5",
        id: "claude-sonnet-5",
        display_name: "Claude Sonnet 5",
        released: 20_634,
        ..NEW
    },
    Model {
        alias: "claude-opus-4-8",
        id: "claude-opus-4-8",
        display_name: "Claude Opus 4.8",
        released: 20_601,
        thinks: Thinks::Adaptive,
        ..NEW
    },
    Model {
        alias: "claude-sonnet-4-6",
        id: "claude-sonnet-4-6",
        display_name: "Claude Sonnet 4.6",
        released: 20_501,
        thinks: Thinks::Either,
        efforts: OLDER_LEVELS,
        sampling: true,
        ..NEW
    },
    Model {
        alias: "claude-opus-4-5",
        id: "claude-opus-4-5-20251101",
        display_name: "Claude Opus 4.5",
        released: 20_393,
        efforts: &["low", "medium", "high"],
        ..OLD
    },
    Model {
        alias: "claude-haiku-4-5",
        id: "claude-haiku-4-5-20251001",
        display_name: "Claude Haiku 4.5",
        released: 20_362,
        ..OLD
    },
    Model {
        alias: "claude-sonnet-4-5",
        id: "claude-sonnet-4-5-20250929",
        display_name: "Claude Sonnet 4.5",
        released: 20_360,
        ..OLD
    },
    Model {
        alias: "claude-opus-4-1",
        id: "claude-opus-4-1-20250805",
        display_name: "Claude Opus 4.1",
        released: 20_305,
        longest_answer: 32_000,
        schemas: false,
        ..OLD
    },
];

/// What a name stands for: the model's rules and the name in answers, or the vendor's 404.
///
/// Names outside the list are served too, as the newest are; but not those ending in `-does-not-exist`, nor other
/// vendors', which a gateway must not have sent here.
pub(crate) fn serving(name: &str) -> Result<(&'static Model, &str), ApiError> {
    if name.ends_with("-does-not-exist") || !name.starts_with("claude-") {
        return Err(no_such_model(name));
    }
    let known = MODELS.iter().find(|model| model.alias == name || model.id == name);
    Ok(known.map_or((&NEW, name), |model| (model, model.id)))
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
    lifecycle: &'static str,
    max_input_tokens: u64,
    max_tokens: u64,
}

impl<'a> Listed<'a> {
    fn new(id: &'a str, model: &'a Model) -> Self {
        let display_name = if model.display_name.is_empty() { id } else { model.display_name };
        Self {
            kind: "model",
            id,
            display_name,
            created_at: rfc3339(model.released * 86_400),
            lifecycle: "active",
            max_input_tokens: model.context,
            max_tokens: model.longest_answer,
        }
    }
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Listed<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// `GET /v1/models`.
pub(crate) fn list() -> Answer {
    let id = |model: Option<&'static Model>| model.map(|model| model.id);
    let data = MODELS.iter().map(|model| Listed::new(model.id, model)).collect();
    let (first_id, last_id) = (id(MODELS.first()), id(MODELS.last()));
    Answer::json(&List { data, has_more: false, first_id, last_id }, None, None)
}

/// `GET /v1/models/{id}`.
pub(crate) fn one(name: &str) -> Result<Answer, ApiError> {
    let (model, id) = serving(name)?;
    Ok(Answer::json(&Listed::new(id, model), None, None))
}
