//! `generationConfig`, read and checked.

use crate::gemini::error::{ApiError, field, invalid};
use crate::gemini::fields::Fields;
use crate::gemini::models::{Model, OUTPUT_LIMIT, Thinks};
use crate::model::Format;

/// How an answer is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Config<'a> {
    pub(crate) limit: Option<u64>,
    pub(crate) candidates: u64,
    pub(crate) stop: Vec<&'a str>,
    pub(crate) format: Format<'a>,
    /// Alternatives wanted per token, when log probabilities are.
    pub(crate) logprobs: Option<u64>,
    pub(crate) thinking: u64,
    pub(crate) shows_thoughts: bool,
}

const KNOWN: [&str; 21] = [
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "responseLogprobs",
    "logprobs",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "mediaResolution",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "enableEnhancedCivicAnswers",
    "audioTranscriptionConfig",
];

pub(crate) fn read<'a>(body: &Fields<'a>, model: Model<'_>, request: &str) -> Result<Config<'a>, ApiError> {
    let Some(config) = body.object("generationConfig")? else {
        return Ok(Config {
            limit: None,
            candidates: 1,
            stop: Vec::new(),
            format: Format::Text,
            logprobs: None,
            thinking: default_thinking(model),
            shows_thoughts: false,
        });
    };
    config.only(&KNOWN)?;
    let bad = |name: &str, message: &str| Err(field(request, &config.place(name), message));
    for (name, most) in [("temperature", 2.0), ("topP", 1.0)] {
        if config.float(name)?.is_some_and(|value| !(0.0..=most).contains(&value)) {
            return bad(name, &format!("{name} must be in the range [0.0, {most:.1}]."));
        }
    }
    for name in ["presencePenalty", "frequencyPenalty"] {
        if config.float(name)?.is_some_and(|value| !(-2.0..2.0).contains(&value)) {
            return bad(name, &format!("{name} must be in the range [-2.0, 2.0)."));
        }
    }
    config.integer("seed")?;
    config.float("topK")?;
    let candidates = config.integer("candidateCount")?.unwrap_or(1);
    if !(1..=8).contains(&candidates) {
        return bad("candidateCount", "candidate_count must be in the range [1, 8].");
    }
    let limit = config.integer("maxOutputTokens")?;
    if let Some(limit) = limit.filter(|limit| !(1..=OUTPUT_LIMIT).contains(limit)) {
        return Err(invalid(format!(
            "Unable to submit request because it has a maxOutputTokens value of {limit} but the supported range is from 1 \
             (inclusive) to {} (exclusive). Update the value and try again.",
            OUTPUT_LIMIT + 1
        )));
    }
    let stop = config.texts("stopSequences")?;
    if stop.len() > 5 {
        return bad("stopSequences", "The number of stop sequences must not exceed 5.");
    }
    let (thinking, shows_thoughts) = thinking(&config, model)?;
    Ok(Config {
        limit: limit.and_then(|limit| u64::try_from(limit).ok()),
        candidates: u64::try_from(candidates).unwrap_or(1),
        stop,
        format: format(&config)?,
        logprobs: logprobs(&config)?,
        thinking,
        shows_thoughts,
    })
}

fn format<'a>(config: &Fields<'a>) -> Result<Format<'a>, ApiError> {
    let kind = config.text("responseMimeType")?.unwrap_or("text/plain");
    if !matches!(kind, "text/plain" | "application/json" | "text/x.enum") {
        return Err(invalid(format!(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, \
             `application/json`, `application/xml`, `application/yaml` and `text/x.enum`, got `{kind}`.\n"
        )));
    }
    config.object("responseSchema")?;
    config.object("responseJsonSchema")?;
    let schema = config.get("responseJsonSchema").or_else(|| config.get("responseSchema"));
    match (kind, schema) {
        ("text/plain", Some(_)) => Err(invalid(
            "Function calling or a response schema with a response mime type: 'text/plain' is unsupported",
        )),
        (_, Some(schema)) => Ok(Format::JsonSchema(schema)),
        ("application/json", None) => Ok(Format::JsonObject),
        _ => Ok(Format::Text),
    }
}

fn logprobs(config: &Fields<'_>) -> Result<Option<u64>, ApiError> {
    let wanted = config.flag("responseLogprobs")?.unwrap_or(false);
    let top = config.integer("logprobs")?;
    if top.is_some() && !wanted {
        return Err(invalid("Logprobs is set but response_logprobs is not."));
    }
    if top.is_some_and(|top| !(0..=20).contains(&top)) {
        return Err(invalid("Logprobs should be in the range [0, 20]."));
    }
    Ok(wanted.then(|| top.and_then(|top| u64::try_from(top).ok()).unwrap_or(0)))
}

/// Tokens thought where nothing is said of it.
fn default_thinking(model: Model<'_>) -> u64 {
    match model.thinks() {
        Thinks::Never => 0,
        Thinks::ByBudget { .. } if model.name.contains("lite") => 0,
        _ => 128,
    }
}

/// How many tokens to think, and whether to show it.
fn thinking(config: &Fields<'_>, model: Model<'_>) -> Result<(u64, bool), ApiError> {
    let Some(thinking) = config.object("thinkingConfig")? else {
        return Ok((default_thinking(model), false));
    };
    thinking.only(&["includeThoughts", "thinkingBudget", "thinkingLevel"])?;
    let shows = thinking.flag("includeThoughts")? == Some(true);
    let budget = thinking.integer("thinkingBudget")?;
    let levels = ["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"];
    let level = thinking.word("thinkingLevel", "ThinkingConfig.ThinkingLevel", &levels)?;
    let tokens = match (model.thinks(), budget, level) {
        (Thinks::Never, ..) => {
            return Err(invalid(format!("Thinking is not enabled for models/{}", model.name)));
        }
        (_, Some(_), Some(_)) => {
            return Err(invalid("You can only set only one of thinking budget and thinking level."));
        }
        (Thinks::ByBudget { .. }, _, Some(_)) => {
            return Err(invalid("Thinking level is not supported for this model."));
        }
        (Thinks::ByBudget { always: true }, Some(0), _) => {
            return Err(invalid("Budget 0 is invalid. This model only works in thinking mode."));
        }
        (Thinks::ByLevel(known), _, Some(level)) if !known.contains(&level) => {
            return Err(invalid(format!(
                "Thinking level {level} is not supported for this model. Please retry with other thinking level."
            )));
        }
        (_, Some(budget), _) if budget >= 0 => u64::try_from(budget).unwrap_or(0).min(256),
        (_, _, Some("MINIMAL")) => 0,
        (_, _, Some("LOW")) => 64,
        (_, _, Some("HIGH" | "XHIGH")) => 256,
        _ => default_thinking(model).max(128),
    };
    Ok((tokens, shows))
}
