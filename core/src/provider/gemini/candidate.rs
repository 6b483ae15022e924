//! One answer that grows: its parts become pieces.

use serde::Serialize;

use super::wire::{FunctionCall, SaidPart};
use super::{finish, ids, signature};
use crate::provider::Failure;
use crate::stream::{Piece, ToolPiece};
use crate::types::{Extra, FinishReason, Raw};

/// Most calls in one answer.
const MAX_CALLS: u32 = 1024;

/// The field of a message with the parts that OpenAI's messages have no place for.
pub(in crate::provider) const OWN_PARTS: &str = "gemini_parts";

/// One answer that grows.
#[derive(Debug, Default)]
pub(super) struct Growing {
    /// Bytes of text so far.
    text: usize,
    calls: u32,
    /// Unknown fields told so far: chunks repeat them.
    pub(super) told: Extra,
    /// Why it ended, in Gemini's word.
    pub(super) finish: Option<String>,
}

/// A part that OpenAI's messages have no place for, and where in the text it stood.
#[derive(Serialize)]
struct OwnPart<'a> {
    at: usize,
    part: &'a Raw,
}

impl Growing {
    /// Why it ended.
    pub(super) fn reason(&self) -> Option<FinishReason> {
        self.finish.as_deref().map(|word| finish::reason(word, self.calls > 0))
    }

    /// Reads the next part of what it says. What no delta has a place for goes into `beside`.
    pub(super) fn part(
        &mut self,
        answer: &str,
        choice: u32,
        raw: &Raw,
        pieces: &mut Vec<Piece>,
        beside: &mut Extra,
    ) -> Result<(), Failure> {
        let part: SaidPart = serde_json::from_str(raw.get()).map_err(|problem| {
            Failure::malformed(format!("A part of the provider's answer cannot be read: {problem}."))
        })?;
        let SaidPart { text, thought, signature, call, extra } = part;
        let signature = signature.filter(|signature| !signature.is_empty());
        if let Some(call) = call {
            pieces.push(self.call(answer, choice, call, signature, extra)?);
            return Ok(());
        }
        // A part that holds only a signature is an empty piece of text.
        let Some(text) = text.or_else(|| extra.is_empty().then(String::new)) else {
            self.own(raw, beside);
            return Ok(());
        };
        beside.absorb(extra);
        if thought == Some(true) {
            if !text.is_empty() {
                pieces.push(Piece::Reasoning(text));
            }
            pieces.extend(signature.map(|seal| Piece::Thinking(Box::new(signature::of_thought(seal)))));
            return Ok(());
        }
        let start = self.text;
        self.text += text.len();
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let block = signature.map(|seal| signature::of_text(seal, start, self.text));
        pieces.extend(block.map(|block| Piece::Thinking(Box::new(block))));
        Ok(())
    }

    fn call(
        &mut self,
        answer: &str,
        choice: u32,
        call: FunctionCall,
        signature: Option<String>,
        beside: Extra,
    ) -> Result<Piece, Failure> {
        if self.calls >= MAX_CALLS {
            return Err(Failure::malformed("The provider's answer has too many calls."));
        }
        if call.name.is_empty() {
            return Err(Failure::malformed("A call in the provider's answer has no name."));
        }
        let index = self.calls;
        self.calls += 1;
        let arguments = call.args.filter(|args| !args.is_null());
        let arguments = arguments.map_or_else(|| "{}".to_owned(), |args| compact(args.get()));
        let id = call.id.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| ids::made_up(answer, choice, index, &call.name, &arguments));
        let mut extra = signature.map(signature::with_call).unwrap_or_default();
        extra.absorb(beside);
        Ok(Piece::Tool(Box::new(ToolPiece {
            index,
            id: Some(id),
            name: Some(call.name),
            arguments,
            extra,
            inner: call.extra,
            ..ToolPiece::default()
        })))
    }

    /// Code that Gemini ran, images it made …: kept as they came, to be handed back as they came.
    fn own(&self, raw: &Raw, beside: &mut Extra) {
        let mut parts: Vec<Raw> = beside.remove(OWN_PARTS).and_then(|known| known.read()).unwrap_or_default();
        parts.extend(Raw::of(&OwnPart { at: self.text, part: raw }).ok());
        if let Ok(all) = Raw::of(&parts) {
            beside.insert(OWN_PARTS, all);
        }
    }
}

/// JSON without the blanks between its tokens: whole answers come indented.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let blank = |letter: &char| matches!(letter, ' ' | '\t' | '\n' | '\r');
    let kept = json.chars().filter(|letter| {
        if quoted {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => {}
            }
            return true;
        }
        quoted = *letter == '"';
        !blank(letter)
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_between_tokens_go() {
        let json = "{ \"a b\" : [ 1.50 ,\n\t\"\\\" x \\\\\" ,true ]\r\n}";
        assert_eq!(compact(json), r#"{"a b":[1.50,"\" x \\",true]}"#);
    }
}
