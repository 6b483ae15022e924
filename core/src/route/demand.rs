//! How many tokens a request may take: an upper bound, because it is what gets reserved.

use crate::ask::Ask;
use crate::auth::{CapMode, ProjectSettings};
use crate::money::Nano;
use crate::pricing::Price;
use crate::route::Candidate;
use crate::tokens::Estimate;
use crate::types::{ChatRequest, Content, EmbedInput, EmbedRequest, Extra, Message, Part, Tool};

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
    /// It asks a provider to keep the prompt for long, which costs more to write.
    pub(crate) long_writes: bool,
}

impl Demand {
    pub(crate) fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// What it costs at most, at `price`.
    pub(crate) fn cost(&self, price: &Price) -> Nano {
        if self.long_writes {
            price.reserve_long_writes(self.input_tokens, self.output_tokens)
        } else {
            price.reserve(self.input_tokens, self.output_tokens)
        }
    }

    /// The demand of `ask` on `candidate`.
    pub(crate) fn of(ask: &Ask, candidate: &Candidate, settings: &ProjectSettings) -> Demand {
        match ask {
            Ask::Chat(request) => Demand::of_chat(request, candidate, settings),
            Ask::Embed(request) => Demand { input_tokens: inputs(request), ..Demand::default() },
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
            long_writes: keeps_long(request),
        }
    }
}

/// Whether the request marks any of the prompt to be kept for an hour: Anthropic's `cache_control`, on the request, a
/// message, a part of one or a tool.
fn keeps_long(request: &ChatRequest) -> bool {
    let marked = |extra: &Extra| extra.get("cache_control").is_some_and(|mark| mark.get().contains("\"1h\""));
    let message = |message: &Message| {
        let parts = match &message.content {
            Some(Content::Parts(parts)) => parts.as_slice(),
            _ => &[],
        };
        marked(&message.extra) || parts.iter().any(|part| marked(part.extra()))
    };
    let tool = |tool: &Tool| {
        marked(&tool.extra) || tool.function.as_ref().is_some_and(|function| marked(&function.extra))
    };
    marked(&request.extra) || request.messages.iter().any(message) || request.tools.iter().flatten().any(tool)
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
    // What a provider said in its own form goes back to it: what it searched and found may be most of the prompt.
    message.extra.iter().for_each(|(_, value)| estimate.add_text(value.get()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::PriceTable;

    fn read(body: serde_json::Value) -> ChatRequest {
        ChatRequest::from_slice(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_prompt_that_is_kept_for_an_hour_is_reserved_at_what_that_costs() {
        let mark = |ttl: &str| serde_json::json!({"type": "ephemeral", "ttl": ttl});
        let asked = |field: &str, ttl: &str| {
            let mut body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": [
                {"type": "text", "text": "x"}]}], "tools": [{"type": "function", "function": {"name": "f"}}]});
            body.pointer_mut(field).unwrap()["cache_control"] = mark(ttl);
            read(body)
        };
        for field in ["", "/messages/0", "/messages/0/content/0", "/tools/0", "/tools/0/function"] {
            assert!(keeps_long(&asked(field, "1h")), "{field}");
            assert!(!keeps_long(&asked(field, "5m")), "{field}");
        }
        let price = PriceTable::builtin().unwrap().price("anthropic", "claude-opus-4-8", 0).unwrap();
        let cost = |long_writes| {
            let demand = Demand { input_tokens: 1_000, output_tokens: 10, long_writes, ..Demand::default() };
            demand.cost(price).nano()
        };
        // 1000 × 6.25 + 10 × 25.00, and 1000 × 10.00 + 10 × 25.00
        assert_eq!((cost(false), cost(true)), (6_500_000, 10_250_000));
    }

    #[test]
    fn what_goes_back_in_a_providers_own_form_counts() {
        let said = |found: &str| {
            let blocks = serde_json::json!([{"type": "web_search_tool_result", "content": found}]);
            read(serde_json::json!({"model": "m", "messages": [
                {"role": "assistant", "content": "Found.", "content_blocks": blocks}]}))
        };
        let more = input(&said(&"otter ".repeat(500)), "m") - input(&said("otter"), "m");
        assert!(more >= 499, "{more}");
    }
}
