//! The models, and what each of them is.

use serde::Serialize;

use crate::openai::error::{ApiError, no_such_model};
use crate::plan::Answer;

/// The models listed, each with the dated snapshot that answers for it and its Unix time of creation.
const MODELS: &[(&str, &str, u64)] = &[
    ("gpt-5.2", "gpt-5.2-2025-12-11", 1_765_313_051),
    ("gpt-5.1", "gpt-5.1-2025-11-13", 1_762_800_673),
    ("gpt-5", "gpt-5-2025-08-07", 1_754_425_777),
    ("gpt-5-mini", "gpt-5-mini-2025-08-07", 1_754_425_928),
    ("gpt-5-nano", "gpt-5-nano-2025-08-07", 1_754_426_384),
    ("gpt-4.1", "gpt-4.1-2025-04-14", 1_744_316_542),
    ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 1_744_318_173),
    ("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", 1_744_321_707),
    ("gpt-4o", "gpt-4o-2024-08-06", 1_715_367_049),
    ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 1_721_172_741),
    ("o1", "o1-2024-12-17", 1_734_375_816),
    ("o3", "o3-2025-04-16", 1_744_225_308),
    ("o3-mini", "o3-mini-2025-01-31", 1_737_146_383),
    ("o4-mini", "o4-mini-2025-04-16", 1_744_225_351),
    ("gpt-4-turbo", "gpt-4-turbo-2024-04-09", 1_712_361_441),
    ("gpt-4", "gpt-4-0613", 1_687_882_411),
    ("gpt-3.5-turbo", "gpt-3.5-turbo-0125", 1_677_610_602),
    ("text-embedding-3-small", "text-embedding-3-small", 1_705_948_997),
    ("text-embedding-3-large", "text-embedding-3-large", 1_705_953_180),
    ("text-embedding-ada-002", "text-embedding-ada-002", 1_671_217_299),
];

/// The model that answers for the name asked, or the vendor's 404.
///
/// Names outside the list are served too, since a gateway may be configured with any; but not those ending in
/// `-does-not-exist`, nor other vendors', which a gateway must not have sent here.
pub(crate) fn serving(model: &str) -> Result<&str, ApiError> {
    if model.ends_with("-does-not-exist") || model.starts_with("claude-") || model.starts_with("gemini-") {
        return Err(no_such_model(model));
    }
    Ok(MODELS.iter().find(|(name, _, _)| *name == model).map_or(model, |(_, snapshot, _)| snapshot))
}

/// Whether the model thinks before it answers, and so takes `max_completion_tokens` only.
pub(crate) fn reasons(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| model.starts_with(family)) && !model.contains("-chat")
}

/// Whether the model answers without thinking unless asked.
pub(crate) fn thinks_only_when_asked(model: &str) -> bool {
    model.starts_with("gpt-5.") && !model.starts_with("gpt-5.0")
}

/// Whether the model thinks aloud: its thinking is told as `reasoning_content`, as DeepSeek does in this protocol.
pub(crate) fn thinks_aloud(model: &str) -> bool {
    model.starts_with("deepseek-reasoner")
}

/// Tokens the model thinks for an effort.
pub(crate) fn thinking_tokens(model: &str, effort: Option<&str>) -> u64 {
    if !reasons(model) && !thinks_aloud(model) {
        return 0;
    }
    match effort {
        Some("none" | "minimal") => 0,
        None if thinks_only_when_asked(model) => 0,
        Some("low") => 64,
        Some("high") => 256,
        Some("xhigh") => 512,
        _ => 128,
    }
}

/// Tokens of prompt and answer together at most.
pub(crate) fn context_window(model: &str) -> u64 {
    match model {
        _ if model.starts_with("gpt-3.5") => 16_385,
        _ if model.starts_with("gpt-4.1") => 1_047_576,
        _ if model.starts_with("gpt-4o") || model.starts_with("gpt-4-turbo") => 128_000,
        "gpt-4" | "gpt-4-0613" => 8_192,
        _ if model.starts_with("gpt-5") => 400_000,
        _ => 200_000,
    }
}

/// Tokens of an answer at most, where a greater limit is refused.
pub(crate) fn longest_answer(model: &str) -> Option<u64> {
    match model {
        _ if model.starts_with("gpt-3.5") || model.starts_with("gpt-4-turbo") => Some(4_096),
        _ if model.starts_with("gpt-4.1") => Some(32_768),
        _ if model.starts_with("gpt-4o") => Some(16_384),
        _ => None,
    }
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Model<'a> {
    fn new(id: &'a str, created: u64) -> Self {
        Self { id, object: "model", created, owned_by: "system" }
    }
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

/// `GET /v1/models`.
pub(crate) fn list() -> Answer {
    let data = MODELS.iter().map(|(name, _, created)| Model::new(name, *created)).collect();
    Answer::json(&List { object: "list", data }, None, None)
}

/// `GET /v1/models/{id}`.
pub(crate) fn one(name: &str) -> Result<Answer, ApiError> {
    serving(name)?;
    let known = MODELS.iter().find(|(known, snapshot, _)| *known == name || *snapshot == name);
    let created = known.map_or(1_686_935_002, |(_, _, created)| *created);
    Ok(Answer::json(&Model::new(name, created), None, None))
}
