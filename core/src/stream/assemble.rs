//! From events to a whole answer.

use std::collections::BTreeMap;

use super::event::{Carry, Delta, Event, Piece, ToolForm, ToolPiece};
use super::merge::{Fields, Joined};
use crate::types::{
    ChatResponse, Choice, Content, CustomCall, Extra, FinishReason, FunctionCall, Message, Role,
    ThinkingBlock, ToolCall, Usage,
};

/// Padding of a single chunk; it means nothing in a whole answer.
const PADDING: &str = "obfuscation";

/// Builds a whole answer from the events of its stream.
#[derive(Debug, Default)]
pub struct Assembler {
    response: ChatResponse,
    choices: BTreeMap<u32, Answer>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Answer {
    text: Option<String>,
    reasoning: Option<String>,
    /// How much of `reasoning` the blocks so far have taken.
    blocked: usize,
    blocks: Vec<ThinkingBlock>,
    refusal: Option<String>,
    tools: Vec<Growing>,
    finish: Option<FinishReason>,
    logprobs: Option<Joined>,
    choice_extra: Extra,
    extra: Fields,
}

impl Assembler {
    /// Takes the next event.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::Start(start) => {
                let response = &mut self.response;
                response.id = start.id.to_string();
                response.model = start.model.to_string();
                response.created = start.created;
                response.system_fingerprint = start.system_fingerprint.as_ref().map(ToString::to_string);
                response.service_tier = start.service_tier.as_ref().map(ToString::to_string);
                response.extra.absorb(start.extra.clone());
                response.extra.remove(PADDING);
            }
            Event::Delta(delta) => self.delta(delta),
            Event::Finish { choice, reason } => {
                self.choices.entry(*choice).or_default().finish = Some(reason.clone());
            }
            Event::Usage(usage) => match &mut self.response.usage {
                Some(known) => known.merge(usage.as_ref().clone()),
                none => *none = Some(usage.as_ref().clone()),
            },
            Event::Error(_) => {}
            Event::End => self.ended = true,
        }
    }

    /// Whether the stream came to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.ended
    }

    /// The tokens reported so far.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.response.usage.as_ref()
    }

    /// The answer; none if the stream did not come to its end.
    #[must_use]
    pub fn finish(self) -> Option<ChatResponse> {
        self.ended.then(|| self.so_far())
    }

    /// What has come so far, whole or not.
    #[must_use]
    pub fn so_far(mut self) -> ChatResponse {
        self.response.choices =
            self.choices.into_iter().map(|(index, answer)| answer.into_choice(index)).collect();
        self.response
    }

    fn delta(&mut self, delta: &Delta) {
        let answer = self.choices.entry(delta.choice).or_default();
        match &delta.piece {
            Piece::Text(text) => answer.text.get_or_insert_default().push_str(text),
            Piece::Reasoning(text) => answer.reasoning.get_or_insert_default().push_str(text),
            Piece::Thinking(block) => answer.close_block(block),
            Piece::Refusal(text) => answer.refusal.get_or_insert_default().push_str(text),
            Piece::Tool(tool) => answer.tool(tool),
            Piece::Nothing => {}
        }
        let Some(carry) = &delta.carry else { return };
        let Carry { chunk, choice, logprobs, delta } = carry.as_ref();
        for (name, value) in chunk.iter().filter(|(name, _)| *name != PADDING) {
            match name {
                "system_fingerprint" => self.response.system_fingerprint = value.read(),
                "service_tier" => self.response.service_tier = value.read(),
                _ => self.response.extra.insert(name, value.clone()),
            }
        }
        answer.choice_extra.absorb(choice.clone());
        answer.extra.add(delta);
        if let Some(more) = logprobs {
            match &mut answer.logprobs {
                Some(whole) => whole.add("logprobs", more),
                none => *none = Some(Joined::Once(more.clone())),
            }
        }
    }
}

impl Answer {
    fn close_block(&mut self, block: &ThinkingBlock) {
        let mut block = block.clone();
        if block.kind == "thinking" {
            let since = self.reasoning.as_deref().and_then(|all| all.get(self.blocked..)).unwrap_or_default();
            // One that brings its own text, an empty one too, has taken that much.
            let own = block.thinking.get_or_insert_with(|| since.to_owned());
            if since.starts_with(own.as_str()) {
                self.blocked += own.len();
            }
        }
        self.blocks.push(block);
    }

    fn tool(&mut self, piece: &ToolPiece) {
        match self.tools.iter_mut().find(|tool| tool.first.index == piece.index) {
            Some(tool) => tool.add(piece),
            None => self.tools.push(Growing::new(piece)),
        }
    }

    fn into_choice(self, index: u32) -> Choice {
        let mut extra = self.extra.whole();
        let audio = extra.remove("audio");
        let silent = self.tools.is_empty() && self.refusal.is_none() && audio.is_none();
        let content = match self.text {
            Some(text) => Content::Text(text),
            None if silent => Content::Text(String::new()),
            None => Content::Null,
        };
        let message = Message {
            role: Role::Assistant,
            content: Some(content),
            refusal: self.refusal,
            reasoning_content: self.reasoning,
            thinking_blocks: self.blocks,
            tool_calls: self.tools.into_iter().map(Growing::whole).collect(),
            audio,
            extra,
            ..Message::default()
        };
        Choice {
            index,
            message,
            finish_reason: self.finish,
            logprobs: self.logprobs.map(|logprobs| logprobs.whole()),
            extra: self.choice_extra,
        }
    }
}

/// A tool call that grows.
#[derive(Debug)]
struct Growing {
    first: ToolPiece,
    extra: Fields,
    inner: Fields,
}

impl Growing {
    fn new(piece: &ToolPiece) -> Growing {
        let mut growing =
            Growing { first: piece.clone(), extra: Fields::default(), inner: Fields::default() };
        growing.extra.add(&piece.extra);
        growing.inner.add(&piece.inner);
        growing
    }

    fn add(&mut self, piece: &ToolPiece) {
        self.first.arguments.push_str(&piece.arguments);
        self.extra.add(&piece.extra);
        self.inner.add(&piece.inner);
    }

    fn whole(self) -> ToolCall {
        let ToolPiece { form, id, name, arguments, .. } = self.first;
        let (id, name) = (id.unwrap_or_default(), name.unwrap_or_default());
        let call = ToolCall { id, extra: self.extra.whole(), ..ToolCall::default() };
        let inner = self.inner.whole();
        match form {
            ToolForm::Function => {
                ToolCall { function: Some(FunctionCall { name, arguments, extra: inner }), ..call }
            }
            ToolForm::Custom => {
                let custom = CustomCall { name, input: arguments, extra: inner };
                ToolCall { kind: "custom".to_owned(), custom: Some(custom), ..call }
            }
        }
    }
}
