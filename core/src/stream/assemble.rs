//! From events to a whole answer.

use std::collections::BTreeMap;

use super::event::{Carry, Delta, Event, Piece, ToolForm, ToolPiece};
use super::merge::{Fields, Joined};
use crate::types::{
    ChatResponse, Choice, Content, Extra, FinishReason, Message, Raw, Role, ThinkingBlock, ToolCall, Usage,
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
    tools: Vec<(ToolPiece, Fields)>,
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
        if block.kind == "thinking" && block.thinking.as_deref().unwrap_or_default().is_empty() {
            let since = self.reasoning.as_deref().and_then(|all| all.get(self.blocked..)).unwrap_or_default();
            block.thinking = Some(since.to_owned());
            self.blocked += since.len();
        }
        self.blocks.push(block);
    }

    fn tool(&mut self, piece: &ToolPiece) {
        match self.tools.iter_mut().find(|(tool, _)| tool.index == piece.index) {
            Some((tool, extra)) => {
                tool.arguments.push_str(&piece.arguments);
                extra.add(&piece.extra);
            }
            None => {
                let mut extra = Fields::default();
                extra.add(&piece.extra);
                self.tools.push((piece.clone(), extra));
            }
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
            tool_calls: self.tools.into_iter().map(|(tool, extra)| tool_call(tool, extra.whole())).collect(),
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

fn tool_call(tool: ToolPiece, extra: Extra) -> ToolCall {
    let (id, name) = (tool.id.unwrap_or_default(), tool.name.unwrap_or_default());
    let mut call = match tool.form {
        ToolForm::Function => ToolCall::new(id, name, tool.arguments),
        ToolForm::Custom => {
            let mut call = ToolCall { id, kind: "custom".to_owned(), ..ToolCall::default() };
            let custom = Custom { name: &name, input: &tool.arguments };
            if let Ok(raw) = Raw::of(&custom) {
                call.extra.insert("custom", raw);
            }
            call
        }
    };
    call.extra.absorb(extra);
    call
}

#[derive(serde::Serialize)]
struct Custom<'a> {
    name: &'a str,
    input: &'a str,
}
