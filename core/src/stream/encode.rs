//! From events to OpenAI's chunks, and from chunks to bytes.

use memchr::memchr2;
use serde::Serialize;

use super::event::{Delta, Event, Piece, Start, ToolForm, ToolPiece};
use crate::types::{
    self, Chunk, ChunkChoice, CustomDelta, ErrorBody, Extra, FunctionDelta, Metadata, Role, SharedStr,
    ToolCallDelta, Usage,
};

/// The end of a stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// A comment that keeps a silent stream open.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// Appends `chunk` as one event: `data: …`, a blank line.
pub fn write_chunk(chunk: &Chunk, out: &mut Vec<u8>) -> serde_json::Result<()> {
    write_event(None, chunk, out)
}

/// Appends an error as one event. What follows it is [`DONE`] or nothing.
pub fn write_error(error: &ErrorBody, out: &mut Vec<u8>) -> serde_json::Result<()> {
    write_event(None, error, out)
}

/// Appends `value` as one event, under `name` where it has one.
pub(crate) fn write_event<T: Serialize>(
    name: Option<&str>,
    value: &T,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let before = out.len();
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    let from = out.len();
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        out.truncate(before);
        return Err(error);
    }
    // Unknown fields keep their text, line breaks between tokens included, and a line break would end the event.
    // Inside strings JSON escapes them, so each one here stands for a space.
    let mut rest = out.get_mut(from..).unwrap_or_default();
    while let Some(at) = memchr2(b'\n', b'\r', rest) {
        let (_, tail) = rest.split_at_mut(at);
        let Some((line_break, tail)) = tail.split_first_mut() else { break };
        *line_break = b' ';
        rest = tail;
    }
    out.extend_from_slice(b"\n\n");
    Ok(())
}

/// Turns the events of one answer into chunks: the same id, model and time on each, the role once per choice, usage
/// on the last.
#[derive(Debug)]
pub struct Encoder {
    object: SharedStr,
    start: Start,
    usage: Option<Usage>,
    /// The choices whose role was sent.
    greeted: Vec<u32>,
}

impl Encoder {
    /// An encoder for one answer. `id` and `created` (seconds) stand in where the provider gives none, `model` too.
    pub fn new(id: impl Into<SharedStr>, model: impl Into<SharedStr>, created: i64) -> Encoder {
        Encoder {
            object: SharedStr::from("chat.completion.chunk"),
            start: Start { id: id.into(), model: model.into(), created, ..Start::default() },
            usage: None,
            greeted: Vec::new(),
        }
    }

    /// The chunk for `event`, if it has one: starts, usage, errors and the end have none of their own.
    pub fn chunk(&mut self, event: Event) -> Option<Chunk> {
        match event {
            Event::Start(start) => {
                self.started(*start);
                None
            }
            Event::Delta(delta) => Some(self.delta(delta)),
            Event::Finish { choice, reason } => {
                let delta = self.greet(choice);
                let mut choice = ChunkChoice { index: choice, delta, ..ChunkChoice::default() };
                choice.finish_reason = Some(reason);
                Some(self.with(choice, Extra::default()))
            }
            Event::Usage(usage) => {
                match &mut self.usage {
                    Some(known) => known.merge(*usage),
                    none => *none = Some(*usage),
                }
                None
            }
            Event::Error(_) | Event::End => None,
        }
    }

    /// The last chunk: usage and what the gateway did. Without `no_choices` (the caller did not ask for usage) it has
    /// one choice that says nothing, so that loops over `choices[0]` get through.
    pub fn last(&mut self, lockgate: Option<Metadata>, no_choices: bool) -> Chunk {
        let extra = std::mem::take(&mut self.start.extra);
        let mut chunk = self.blank(extra);
        if !no_choices {
            chunk.choices.push(ChunkChoice::default());
        }
        chunk.usage = self.usage.take();
        chunk.lockgate = lockgate;
        chunk
    }

    fn started(&mut self, start: Start) {
        let ours = &mut self.start;
        if !start.id.is_empty() {
            ours.id = start.id;
        }
        if !start.model.is_empty() {
            ours.model = start.model;
        }
        if start.created != 0 {
            ours.created = start.created;
        }
        ours.system_fingerprint = start.system_fingerprint;
        ours.service_tier = start.service_tier;
        ours.extra = start.extra;
    }

    fn blank(&self, extra: Extra) -> Chunk {
        Chunk {
            id: self.start.id.clone(),
            object: self.object.clone(),
            created: self.start.created,
            model: self.start.model.clone(),
            system_fingerprint: self.start.system_fingerprint.clone(),
            service_tier: self.start.service_tier.clone(),
            extra,
            ..Chunk::default()
        }
    }

    fn with(&mut self, choice: ChunkChoice, more: Extra) -> Chunk {
        let mut extra = std::mem::take(&mut self.start.extra);
        extra.absorb(more);
        let mut chunk = self.blank(extra);
        chunk.choices = vec![choice];
        chunk
    }

    /// A delta that carries the role, if this is the choice's first.
    fn greet(&mut self, choice: u32) -> types::Delta {
        let mut delta = types::Delta::default();
        if !self.greeted.contains(&choice) {
            self.greeted.push(choice);
            delta.role = Some(Role::Assistant);
        }
        delta
    }

    fn delta(&mut self, event: Delta) -> Chunk {
        let mut delta = self.greet(event.choice);
        match event.piece {
            Piece::Text(text) => delta.content = Some(text),
            Piece::Reasoning(text) => delta.reasoning_content = Some(text),
            Piece::Thinking(block) => delta.thinking_blocks.push(*block),
            Piece::Refusal(text) => delta.refusal = Some(text),
            Piece::Tool(tool) => delta.tool_calls.push(tool_delta(*tool)),
            Piece::Nothing => {}
        }
        let mut choice = ChunkChoice { index: event.choice, ..ChunkChoice::default() };
        let mut chunk_extra = Extra::default();
        if let Some(carry) = event.carry {
            delta.extra = carry.delta;
            choice.extra = carry.choice;
            choice.logprobs = carry.logprobs;
            chunk_extra = carry.chunk;
        }
        choice.delta = delta;
        self.with(choice, chunk_extra)
    }
}

fn tool_delta(tool: ToolPiece) -> ToolCallDelta {
    let first = tool.id.is_some();
    let kind = |word: &str| first.then(|| word.to_owned());
    let (name, written) = (tool.name, Some(tool.arguments));
    let delta =
        ToolCallDelta { index: Some(tool.index), id: tool.id, extra: tool.extra, ..ToolCallDelta::default() };
    match tool.form {
        ToolForm::Function => {
            let function = FunctionDelta { name, arguments: written, extra: tool.inner };
            ToolCallDelta { kind: kind("function"), function: Some(function), ..delta }
        }
        ToolForm::Custom => {
            let custom = CustomDelta { name, input: written, extra: tool.inner };
            ToolCallDelta { kind: kind("custom"), custom: Some(custom), ..delta }
        }
    }
}
