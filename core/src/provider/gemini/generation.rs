//! `generationConfig`: how the answer is made.

use serde::Serialize;

use super::NAME;
use super::model::{Model, Thinking};
use super::request::put;
use super::warnings::Warnings;
use crate::error::Result;
use crate::provider::Call;
use crate::provider::express::{output_limit, unsupported};
use crate::types::{ChatRequest, Extra};

/// Most answers to one request.
const MOST_ANSWERS: u32 = 8;

pub(super) fn generation(call: &Call<'_>, model: Model<'_>, warnings: &mut Warnings) -> Result<Extra> {
    let request = call.request;
    let mut config = Extra::default();
    if let Some(temperature) = &request.temperature {
        put(&mut config, "temperature", temperature)?;
    }
    if let Some(top_p) = &request.top_p {
        put(&mut config, "topP", top_p)?;
    }
    if let Some(limit) = output_limit(call, &mut warnings.0) {
        put(&mut config, "maxOutputTokens", &limit)?;
    }
    if request.n.is_some_and(|answers| answers > MOST_ANSWERS) {
        return Err(unsupported("n", NAME, &format!("it gives at most {MOST_ANSWERS} answers")));
    }
    if let Some(answers) = request.n.filter(|answers| *answers > 1) {
        put(&mut config, "candidateCount", &answers)?;
    }
    if let Some(stop) = &request.stop {
        put(&mut config, "stopSequences", stop.as_slice())?;
    }
    if let Some(seed) = request.seed {
        match i32::try_from(seed) {
            Ok(seed) => put(&mut config, "seed", &seed)?,
            Err(_) => warnings.tell(format!("seed was left out: {NAME} takes 32 bits")),
        }
    }
    if let Some(penalty) = &request.presence_penalty {
        put(&mut config, "presencePenalty", penalty)?;
    }
    if let Some(penalty) = &request.frequency_penalty {
        put(&mut config, "frequencyPenalty", penalty)?;
    }
    if request.logprobs == Some(true) {
        put(&mut config, "responseLogprobs", &true)?;
        if let Some(top) = request.top_logprobs.filter(|top| *top > 0) {
            put(&mut config, "logprobs", &top)?;
        }
    }
    format(request, &mut config)?;
    modalities(request, &mut config)?;
    if let Some(effort) = &request.reasoning_effort
        && let Some(thinking) = thinking(effort, model, warnings)
    {
        put(&mut config, "thinkingConfig", &thinking)?;
    }
    Ok(config)
}

fn format(request: &ChatRequest, config: &mut Extra) -> Result<()> {
    let Some(format) = &request.response_format else { return Ok(()) };
    if format.kind == "text" {
        return Ok(());
    }
    put(config, "responseMimeType", "application/json")?;
    match format.json_schema.as_ref().and_then(|schema| schema.schema.as_ref()) {
        Some(schema) => put(config, "responseJsonSchema", schema),
        None => Ok(()),
    }
}

fn modalities(request: &ChatRequest, config: &mut Extra) -> Result<()> {
    if request.audio.is_some() {
        return Err(unsupported("audio", NAME, "it answers chats in text"));
    }
    let asked = request.modalities.as_deref().unwrap_or_default();
    if asked.iter().all(|modality| modality == "text") {
        return Ok(());
    }
    if asked.iter().any(|modality| !matches!(modality.as_str(), "text" | "image")) {
        return Err(unsupported("modalities", NAME, "it answers chats in text or images"));
    }
    let modalities: Vec<String> = asked.iter().map(|modality| modality.to_ascii_uppercase()).collect();
    put(config, "responseModalities", &modalities)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ThinkingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
    /// Without it the thinking is billed and not shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    include_thoughts: bool,
}

/// `effort` in the words of the model. The budgets are those of Google's own OpenAI-compatible endpoint. Where the
/// model has no such level, the nearest is taken, and told.
fn thinking(effort: &str, model: Model<'_>, warnings: &mut Warnings) -> Option<ThinkingConfig> {
    let include_thoughts = effort != "none";
    let sent = match (model.thinking(), effort) {
        (Thinking::Never, "none") => return None,
        (Thinking::Budget { least }, _) => {
            let budget = match effort {
                "none" => Some(least),
                "minimal" | "low" => Some(1024),
                "medium" => Some(8192),
                "high" | "xhigh" => Some(24_576),
                _ => None,
            };
            budget.map(|budget| {
                let exact = budget != least || least == 0;
                (
                    ThinkingConfig { thinking_budget: Some(budget), thinking_level: None, include_thoughts },
                    exact && effort != "xhigh",
                    budget.to_string(),
                )
            })
        }
        (Thinking::Level { minimal, medium }, _) => {
            let level = match effort {
                "none" | "minimal" if minimal => Some("MINIMAL"),
                "none" | "minimal" | "low" => Some("LOW"),
                "medium" if medium => Some("MEDIUM"),
                "medium" | "high" | "xhigh" => Some("HIGH"),
                _ => None,
            };
            level.map(|level| {
                let exact = level.eq_ignore_ascii_case(effort);
                (
                    ThinkingConfig { thinking_budget: None, thinking_level: Some(level), include_thoughts },
                    exact,
                    level.to_owned(),
                )
            })
        }
        (Thinking::Never, _) => None,
    };
    let Some((config, exact, word)) = sent else {
        warnings.left_out("reasoning_effort");
        return None;
    };
    if !exact {
        warnings
            .tell(format!("reasoning_effort {effort} was sent as {word}: {} has no {effort}", model.name()));
    }
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(effort: &str, model: &str) -> (String, usize) {
        let mut warnings = Warnings::default();
        let config = thinking(effort, Model::new(model), &mut warnings);
        (serde_json::to_string(&config).unwrap(), warnings.0.len())
    }

    #[test]
    fn efforts_become_budgets_and_levels() {
        for (effort, model, config, told) in [
            ("low", "gemini-2.5-flash", r#"{"thinkingBudget":1024,"includeThoughts":true}"#, 0),
            ("none", "gemini-2.5-flash", r#"{"thinkingBudget":0}"#, 0),
            ("none", "gemini-2.5-pro", r#"{"thinkingBudget":128}"#, 1),
            ("xhigh", "gemini-2.5-pro", r#"{"thinkingBudget":24576,"includeThoughts":true}"#, 1),
            ("high", "gemini-4-argon", r#"{"thinkingLevel":"HIGH","includeThoughts":true}"#, 0),
            ("none", "gemini-4-argon", r#"{"thinkingLevel":"LOW"}"#, 1),
            ("minimal", "gemini-3.6-flash", r#"{"thinkingLevel":"MINIMAL","includeThoughts":true}"#, 0),
            ("medium", "gemini-3-pro-preview", r#"{"thinkingLevel":"HIGH","includeThoughts":true}"#, 1),
            ("low", "gemini-2.0-flash", "null", 1),
            ("none", "gemini-2.0-flash", "null", 0),
            ("much", "gemini-4-argon", "null", 1),
        ] {
            assert_eq!(sent(effort, model), (config.to_owned(), told), "{effort} {model}");
        }
    }
}
