//! Lists of objects, told once. Signatures, citations and the blocks of a provider's own tools come bit by bit, and
//! OpenAI's clients cannot put such lists together: to one a second list is an error, to another it replaces the
//! first. So they wait, and go out whole with the end of their choice.

use std::collections::BTreeMap;

use super::merge::Fields;
use crate::types::{Chunk, ChunkChoice, Delta, Extra, Raw, ThinkingBlock};

/// The lists of one stream.
#[derive(Debug, Default)]
pub struct Lists(BTreeMap<u32, Held>);

#[derive(Debug, Default)]
struct Held {
    blocks: Vec<ThinkingBlock>,
    /// The thinking since the last block that closed some.
    thought: String,
    fields: Fields,
}

impl Lists {
    /// The chunk without its lists, or with all of them at the end of a choice; none if nothing is left of it.
    pub fn take(&mut self, mut chunk: Chunk) -> Option<Chunk> {
        let had_choices = !chunk.choices.is_empty();
        chunk.choices.retain_mut(|choice| !self.hold(choice));
        if had_choices && chunk.choices.is_empty() {
            if chunk.extra.is_empty() && chunk.usage.is_none() && chunk.lockgate.is_none() {
                return None;
            }
            // Loops look at the first choice.
            chunk.choices.push(ChunkChoice::default());
        }
        Some(chunk)
    }

    /// Takes the lists out of `choice`, or puts them in. Whether lists were all there was.
    fn hold(&mut self, choice: &mut ChunkChoice) -> bool {
        let delta = &mut choice.delta;
        let lists = !delta.thinking_blocks.is_empty() || delta.extra.iter().any(|(_, value)| is_list(value));
        if !lists && delta.reasoning_content.is_none() && choice.finish_reason.is_none() {
            return false;
        }
        let held = self.0.entry(choice.index).or_default();
        held.take(delta);
        if choice.finish_reason.is_some() {
            delta.thinking_blocks = std::mem::take(&mut held.blocks);
            delta.extra.absorb(std::mem::take(&mut held.fields).whole());
            return false;
        }
        lists && *delta == Delta::default() && choice.logprobs.is_none() && choice.extra.is_empty()
    }
}

impl Held {
    fn take(&mut self, delta: &mut Delta) {
        self.thought.push_str(delta.reasoning_content.as_deref().unwrap_or_default());
        for mut block in delta.thinking_blocks.drain(..) {
            // A block closes the thinking before it; at the end it is too far from it to go without its text.
            if block.kind == "thinking" {
                let own = block.thinking.get_or_insert_with(|| self.thought.clone());
                if self.thought.starts_with(own.as_str()) {
                    self.thought.drain(..own.len());
                }
            }
            self.blocks.push(block);
        }
        let names: Vec<String> =
            delta.extra.iter().filter(|(_, value)| is_list(value)).map(|(name, _)| name.to_owned()).collect();
        let mut lists = Extra::default();
        for name in names {
            if let Some(value) = delta.extra.remove(&name) {
                lists.insert(name, value);
            }
        }
        self.fields.add(&lists);
    }
}

/// Whether it is a list of objects without an `index`, by which clients would know what belongs together.
fn is_list(value: &Raw) -> bool {
    let objects = || value.read::<Vec<Extra>>().filter(|objects| !objects.is_empty());
    value.get().starts_with('[')
        && objects().is_some_and(|objects| objects.iter().all(|object| object.get("index").is_none()))
}
