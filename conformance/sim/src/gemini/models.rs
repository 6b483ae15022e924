//! The models, and what each of them is.

use serde::Serialize;

use crate::gemini::error::{ApiError, no_such_model};
use crate::gemini::{in_query, version as version_of};
use crate::plan::Answer;
use crate::server::Arrived;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Chat,
    Embedding,
}

/// The models listed: name, name for people, what for.
const MODELS: &[(&str, &str, For)] = &[
    ("gemini-4-argon", "Gemini 4 Argon", For::Chat),
    ("gemini-4-hydrogen", "Gemini 4 Hydrogen", For::Chat),
    ("gemini-3.8-flash", "Gemini 3.8 Flash", For::Chat),
    ("gemini-3.6-flash", "Gemini 3.6 Flash", For::Chat),
    ("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", For::Chat),
    ("gemini-3-pro-preview", "Gemini 3 Pro Preview", For::Chat),
    ("gemini-2.5-pro", "Gemini 2.5 Pro", For::Chat),
    ("gemini-2.5-flash", "Gemini 2.5 Flash", For::Chat),
    ("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", For::Chat),
    ("gemini-2.0-flash", "Gemini 2.0 Flash", For::Chat),
    ("gemini-embedding-2", "Gemini Embedding 2", For::Embedding),
    ("gemini-embedding-001", "Gemini Embedding 001", For::Embedding),
];

/// Dimensions of the vectors of every embedding model.
pub(crate) const DIMENSIONS: i64 = 3_072;

/// Tokens of a prompt, and of an answer, at most.
pub(crate) const INPUT_LIMIT: u64 = 1_048_576;
pub(crate) const OUTPUT_LIMIT: i64 = 65_536;

/// A model that answers chats, or the vendor's 404. Names outside the list are served too, but not those ending in
/// `-does-not-exist`, nor other vendors'.
pub(crate) fn chat<'a>(arrived: &Arrived, model: &'a str, method: &str) -> Result<Model<'a>, ApiError> {
    if is_foreign(model) || model.contains("embedding") {
        return Err(no_such_model(version_of(arrived), model, method));
    }
    Ok(Model { name: model, version: version(model) })
}

/// A model that makes vectors.
pub(crate) fn embedding(arrived: &Arrived, model: &str, method: &str) -> Result<(), ApiError> {
    if is_foreign(model) || !model.contains("embedding") {
        return Err(no_such_model(version_of(arrived), model, method));
    }
    Ok(())
}

fn is_foreign(model: &str) -> bool {
    let ours = model.starts_with("gemini-") || model.starts_with("gemma-");
    model.ends_with("-does-not-exist") || !ours
}

/// The generation: 2.5 of `gemini-2.5-flash`; a name without a number is the newest.
fn version(model: &str) -> f64 {
    let number = model.trim_start_matches("gemini-").split('-').next().unwrap_or_default();
    number.parse().unwrap_or(9.0)
}

/// A model of chats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model<'a> {
    pub(crate) name: &'a str,
    version: f64,
}

/// How a model is told how long to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinks {
    Never,
    /// By tokens; `always` where it cannot be switched off.
    ByBudget {
        always: bool,
    },
    /// By these levels.
    ByLevel(&'static [&'static str]),
}

impl Model<'_> {
    pub(crate) fn thinks(self) -> Thinks {
        let flash = self.name.contains("flash");
        if self.version < 2.5 || self.name.starts_with("gemma-") {
            Thinks::Never
        } else if self.version < 3.0 {
            Thinks::ByBudget { always: !flash }
        } else if self.version < 3.1 && !flash {
            Thinks::ByLevel(&["LOW", "HIGH"])
        } else if self.version < 3.7 && flash {
            Thinks::ByLevel(&["MINIMAL", "LOW", "MEDIUM", "HIGH"])
        } else {
            Thinks::ByLevel(&["LOW", "MEDIUM", "HIGH"])
        }
    }

    /// Whether its calls have ids, its answers are sealed, and calls without their seal are refused.
    pub(crate) fn seals(self) -> bool {
        matches!(self.thinks(), Thinks::ByLevel(_))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    version: &'static str,
    display_name: String,
    description: String,
    input_token_limit: u64,
    output_token_limit: i64,
    supported_generation_methods: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_temperature: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<bool>,
}

impl Listed {
    fn new(name: &str, title: &str, purpose: For) -> Self {
        let chats = purpose == For::Chat;
        let methods: &'static [&'static str] = if chats {
            &["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
        } else {
            &["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"]
        };
        let model = Model { name, version: version(name) };
        Self {
            name: format!("models/{name}"),
            version: "001",
            display_name: title.to_owned(),
            description: format!("{title}, simulated."),
            input_token_limit: if chats { INPUT_LIMIT } else { 8_192 },
            output_token_limit: if chats { OUTPUT_LIMIT } else { 1 },
            supported_generation_methods: methods,
            temperature: chats.then_some(1),
            top_p: chats.then_some(0.95),
            top_k: chats.then_some(64),
            max_temperature: chats.then_some(2),
            thinking: (chats && model.thinks() != Thinks::Never).then_some(true),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    models: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// `GET /v1beta/models`, in pages.
pub(crate) fn list(query: Option<&str>) -> Result<Answer, ApiError> {
    let number = |name: &str| in_query(query?, name)?.parse::<usize>().ok();
    let size = number("pageSize").filter(|size| *size > 0).unwrap_or(50).min(1000);
    let from = number("pageToken").unwrap_or(0);
    let models =
        MODELS.iter().skip(from).take(size).map(|(name, title, kind)| Listed::new(name, title, *kind));
    let next = from.saturating_add(size);
    let list =
        List { models: models.collect(), next_page_token: (next < MODELS.len()).then(|| next.to_string()) };
    Ok(Answer::json(&list, None, None))
}

/// `GET /v1beta/models/{name}`.
pub(crate) fn one(arrived: &Arrived, name: &str) -> Result<Answer, ApiError> {
    if is_foreign(name) {
        return Err(no_such_model(version_of(arrived), name, "generateContent"));
    }
    let known = MODELS.iter().find(|(known, _, _)| *known == name);
    let kind = if name.contains("embedding") { For::Embedding } else { For::Chat };
    let (title, kind) = known.map_or((name, kind), |(_, title, kind)| (*title, *kind));
    Ok(Answer::json(&Listed::new(name, title, kind), None, None))
}
