//! The content blocks of an answer, one after another or interleaved, as pieces of the grammar. A whole answer goes
//! through here, too, so that it reads as its stream would.

use std::collections::BTreeMap;

use super::citation::Span;
use super::format::ANSWER_TOOL;
use super::wire::{Block, Delta, DeltaKind};
use super::{CITATIONS, CONTENT_BLOCKS, NAME};
use crate::provider::Failure;
use crate::stream::{self, Carry, Event, Piece, ToolPiece};
use crate::types::{Extra, Raw, ThinkingBlock};

/// Most blocks open at once; Anthropic closes one before it opens the next.
const MAX_OPEN: usize = 64;
/// Most calls in one answer.
const MAX_CALLS: u32 = 1024;

/// What is between two stretches of text that something else stood between.
const GAP: &str = "\n\n";

/// The blocks so far.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: BTreeMap<u32, Open>,
    calls: u32,
    text: Text,
}

/// The text of the answer so far.
#[derive(Debug, Default)]
struct Text {
    characters: u64,
    ends_in_space: bool,
    /// Something that is not text came after it.
    interrupted: bool,
}

#[derive(Debug)]
enum Open {
    Text {
        from: Option<u64>,
        citations: Vec<Raw>,
    },
    Thinking(Box<ThinkingBlock>),
    Tool {
        index: u32,
        begun: bool,
        input: Option<Raw>,
    },
    /// The call whose input is the answer.
    Answer {
        begun: bool,
        input: Option<Raw>,
    },
    /// One that OpenAI's shape has no place for.
    Own {
        block: Extra,
        input: String,
    },
    /// All was told at its start.
    Told,
}

impl Blocks {
    /// Whether there are calls for the caller to make.
    pub(super) fn has_calls(&self) -> bool {
        self.calls > 0
    }

    pub(super) fn start(&mut self, index: u32, raw: &Raw, out: &mut Vec<Event>) -> Result<(), Failure> {
        if self.open.contains_key(&index) || self.open.len() >= MAX_OPEN {
            return Err(Failure::malformed("The provider's stream opens a block again, or too many."));
        }
        let Some(block) = raw.read::<Block>().filter(|block| !block.kind.is_empty()) else {
            return Err(Failure::malformed("A block of the provider's answer cannot be read."));
        };
        if block.kind != "text" {
            self.text.interrupted = self.text.characters > 0;
        }
        let open = match block.kind.as_str() {
            "text" => {
                let mut open = Open::Text { from: None, citations: block.citations.unwrap_or_default() };
                self.say(block.text.unwrap_or_default(), &mut open, out);
                open
            }
            "thinking" => {
                if let Some(text) = block.thinking.filter(|text| !text.is_empty()) {
                    tell(Piece::Reasoning(text), out);
                }
                let signature = block.signature.filter(|signature| !signature.is_empty());
                Open::Thinking(Box::new(ThinkingBlock { signature, ..thinking(block.kind, raw) }))
            }
            "redacted_thinking" => {
                let block = ThinkingBlock { data: block.data, ..thinking(block.kind, raw) };
                tell(Piece::Thinking(Box::new(block)), out);
                Open::Told
            }
            "tool_use" if block.name.as_deref() == Some(ANSWER_TOOL) => {
                Open::Answer { begun: false, input: block.input }
            }
            "tool_use" => self.call(block, raw, out)?,
            _ => Open::Own { block: raw.read().unwrap_or_default(), input: String::new() },
        };
        self.open.insert(index, open);
        Ok(())
    }

    fn call(&mut self, block: Block, raw: &Raw, out: &mut Vec<Event>) -> Result<Open, Failure> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (Some(id), Some(name)) = (given(block.id), given(block.name)) else {
            return Err(Failure::malformed("The provider's answer has a tool call without id or name."));
        };
        if self.calls >= MAX_CALLS {
            return Err(Failure::malformed("The provider's answer has too many tool calls."));
        }
        let index = self.calls;
        self.calls += 1;
        let piece =
            ToolPiece { index, id: Some(id), name: Some(name), extra: unknown(raw), ..ToolPiece::default() };
        tell(Piece::Tool(Box::new(piece)), out);
        Ok(Open::Tool { index, begun: false, input: block.input })
    }

    /// More of a block. `raw` is the whole event, for deltas of blocks that are not known.
    pub(super) fn delta(
        &mut self,
        index: u32,
        delta: Delta,
        raw: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let Some(mut open) = self.open.remove(&index) else {
            return Err(Failure::malformed("The provider's stream goes on with a block that is not open."));
        };
        match (&mut open, delta.kind) {
            (Open::Text { .. }, DeltaKind::TextDelta) => self.say(delta.text, &mut open, out),
            (Open::Text { citations, .. }, DeltaKind::CitationsDelta) => citations.extend(delta.citation),
            (Open::Thinking(_), DeltaKind::ThinkingDelta) if !delta.thinking.is_empty() => {
                tell(Piece::Reasoning(delta.thinking), out);
            }
            (Open::Thinking(block), DeltaKind::SignatureDelta) if !delta.signature.is_empty() => {
                block.signature.get_or_insert_default().push_str(&delta.signature);
            }
            (Open::Tool { index, begun, .. }, DeltaKind::InputJsonDelta)
                if !delta.partial_json.is_empty() =>
            {
                *begun = true;
                tell(written(*index, delta.partial_json), out);
            }
            (Open::Answer { begun, .. }, DeltaKind::InputJsonDelta) if !delta.partial_json.is_empty() => {
                *begun = true;
                self.say(delta.partial_json, &mut open, out);
            }
            (Open::Own { input, .. }, DeltaKind::InputJsonDelta) => input.push_str(&delta.partial_json),
            (Open::Own { block, .. }, _) => grow(block, raw),
            _ => {}
        }
        self.open.insert(index, open);
        Ok(())
    }

    pub(super) fn stop(&mut self, index: u32, out: &mut Vec<Event>) -> Result<(), Failure> {
        let Some(open) = self.open.remove(&index) else {
            return Err(Failure::malformed("The provider's stream closes a block that is not open."));
        };
        match open {
            Open::Text { from, citations } => self.cite(from, citations, out),
            Open::Thinking(block) => tell(Piece::Thinking(block), out),
            Open::Tool { index, begun: false, input } => {
                let input = input.as_ref().map_or("{}", Raw::get);
                tell(written(index, input.to_owned()), out);
            }
            Open::Answer { begun: false, input } => {
                let input = input.as_ref().map_or("{}", Raw::get).to_owned();
                self.say(input, &mut Open::Told, out);
            }
            Open::Own { mut block, input } => {
                if let Ok(input) = Raw::parse(input) {
                    block.insert("input", input);
                }
                if let Ok(raw) = Raw::of(&[block]) {
                    carry(CONTENT_BLOCKS, raw, out);
                }
            }
            Open::Tool { .. } | Open::Answer { .. } | Open::Told => {}
        }
        Ok(())
    }

    /// Closes what is still open.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure> {
        while let Some(index) = self.open.keys().next().copied() {
            self.stop(index, out)?;
        }
        Ok(())
    }

    /// More text of the answer.
    fn say(&mut self, mut words: String, open: &mut Open, out: &mut Vec<Event>) {
        if words.is_empty() {
            return;
        }
        let text = &mut self.text;
        let count = |words: &str| words.chars().count() as u64;
        let gap = std::mem::take(&mut text.interrupted) && !text.ends_in_space;
        if gap {
            text.characters += count(GAP);
        }
        if let Open::Text { from, .. } = open {
            from.get_or_insert(text.characters);
        }
        text.characters += count(&words);
        text.ends_in_space = words.ends_with(char::is_whitespace);
        if gap {
            words.insert_str(0, GAP);
        }
        tell(Piece::Text(words), out);
    }

    fn cite(&self, from: Option<u64>, citations: Vec<Raw>, out: &mut Vec<Event>) {
        let (Some(start_index), false) = (from, citations.is_empty()) else { return };
        let end_index = self.text.characters;
        let spans = citations.into_iter().map(|citation| Span { start_index, end_index, citation });
        if let Ok(raw) = Raw::of(&spans.collect::<Vec<_>>()) {
            carry(CITATIONS, raw, out);
        }
    }
}

fn tell(piece: Piece, out: &mut Vec<Event>) {
    out.push(Event::Delta(stream::Delta::new(0, piece)));
}

fn carry(field: &str, value: Raw, out: &mut Vec<Event>) {
    let mut delta = Extra::default();
    delta.insert(field, value);
    let carry = Some(Box::new(Carry { delta, ..Carry::default() }));
    out.push(Event::Delta(stream::Delta { choice: 0, piece: Piece::Nothing, carry }));
}

fn written(index: u32, arguments: String) -> Piece {
    Piece::Tool(Box::new(ToolPiece { index, arguments, ..ToolPiece::default() }))
}

fn thinking(kind: String, raw: &Raw) -> ThinkingBlock {
    ThinkingBlock { kind, provider: Some(NAME.to_owned()), extra: unknown(raw), ..ThinkingBlock::default() }
}

/// The fields of a block that are not known.
fn unknown(raw: &Raw) -> Extra {
    let mut extra = Extra::default();
    for (name, value) in raw.read::<Extra>().unwrap_or_default() {
        if !Block::KNOWN.contains(&name.as_str()) && !value.is_null() {
            extra.insert(name, value);
        }
    }
    extra
}

/// Adds a delta of a kind that is not known to its block: text is appended, everything else replaced.
fn grow(block: &mut Extra, event: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Event {
        delta: Extra,
    }
    let Ok(Event { delta }) = serde_json::from_slice(event) else { return };
    for (name, value) in delta.into_iter().filter(|(name, _)| name != "type") {
        let more = value.read::<String>();
        let known = block.get(&name).and_then(Raw::read::<String>);
        let joined = known.zip(more).and_then(|(known, more)| Raw::of(&(known + &more)).ok());
        block.insert(name, joined.unwrap_or(value));
    }
}
