//! How many tokens a request may take: an upper bound, because it is what gets reserved.

use crate::ask::Ask;
use crate::auth::{CapMode, ProjectSettings};
use crate::route::Candidate;
use crate::tokens::Estimate;
use crate::types::{ChatRequest, Content, EmbedInput, EmbedRequest, Message, Part};

/// Output tokens reserved for a request that sets no maximum, where the project says nothing.
const DEFAULT_OUTPUT_TOKENS: u64 = 4096;

/// The most tokens a request may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) input_tokens: u64,
    /// All answers together.
    pub(crate) output_tokens: u64,
    /// The maximum to send upstream in strict cap mode, for one answer.
    pub(crate) output_cap: Option<u64>,
}

impl Demand {
    pub(crate) fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// The demand of `ask` on `candidate`.
    pub(crate) fn of(ask: &Ask, candidate: &Candidate, settings: &ProjectSettings) -> Demand {
        match ask {
            Ask::Chat(request) => Demand::of_chat(request, candidate, settings),
            Ask::Embed(request) => {
                Demand { input_tokens: inputs(request), output_tokens: 0, output_cap: None }
            }
        }
    }

    fn of_chat(request: &ChatRequest, candidate: &Candidate, settings: &ProjectSettings) -> Demand {
        let asked = request.output_limit();
        let default = settings.default_output_tokens.map_or(DEFAULT_OUTPUT_TOKENS, u64::from);
        let most = candidate.max_output_tokens.unwrap_or(u64::MAX);
        let each = asked.unwrap_or(default).min(most);
        let strict = settings.cap_mode == CapMode::Strict && asked.is_none();
        Demand {
            input_tokens: input(request, &candidate.model),
            output_tokens: each.saturating_mul(u64::from(request.answers())),
            output_cap: strict.then_some(each),
        }
    }
}

fn inputs(request: &EmbedRequest) -> u64 {
    match request.inputs() {
        Ok(EmbedInput::Texts(texts)) => texts.iter().map(|text| Estimate::of_text(text)).sum(),
        Ok(EmbedInput::Tokens(tokens)) => tokens,
        // Refused before it comes here.
        Err(_) => 0,
    }
}

fn input(request: &ChatRequest, model: &str) -> u64 {
    let mut estimate = Estimate::for_model(model);
    for message in &request.messages {
        estimate.add_message();
        add_message(&mut estimate, message);
    }
    for tool in request.tools.iter().flatten() {
        estimate.add_tool();
        add_json(&mut estimate, tool);
    }
    if let Some(format) = &request.response_format {
        add_json(&mut estimate, format);
    }
    // Fields that we do not know may be more input: functions, documents, search options.
    for (name, value) in request.extra.iter() {
        estimate.add_text(name);
        estimate.add_text(value.get());
    }
    estimate.total()
}

fn add_message(estimate: &mut Estimate, message: &Message) {
    match &message.content {
        None | Some(Content::Null) => {}
        Some(Content::Text(text)) => estimate.add_text(text),
        Some(Content::Parts(parts)) => parts.iter().for_each(|part| add_part(estimate, part)),
    }
    let texts = [&message.name, &message.refusal, &message.reasoning_content, &message.tool_call_id];
    texts.into_iter().flatten().for_each(|text| estimate.add_text(text));
    for call in &message.tool_calls {
        estimate.add_tool();
        add_json(estimate, call);
    }
    message.thinking_blocks.iter().for_each(|block| add_json(estimate, block));
}

fn add_part(estimate: &mut Estimate, part: &Part) {
    match part {
        Part::Text { text, .. } => estimate.add_text(text),
        Part::Image { image_url, .. } => estimate.add_image(image_url.detail.as_deref()),
        // Sound, files and what we do not know: their text in base64 is longer than what the model reads of it.
        other => add_json(estimate, other),
    }
}

fn add_json(estimate: &mut Estimate, value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        estimate.add_text(&text);
    }
}
