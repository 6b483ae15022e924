//! From Gemini's answer, whole or chunk by chunk, to events: one reading for both.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::usage::Reports;
use super::wire::{Candidate, Feedback, FunctionCall, Reply, SaidPart};
use super::{error, finish, logprobs, signature};
use crate::provider::{Failure, FailureClass};
use crate::stream::{Carry, Delta, Event, Piece, Start, ToolPiece};
use crate::types::{Extra, FinishReason, Raw, SharedStr, Usage};

/// Most answers to one request; Gemini allows fewer.
const MAX_CANDIDATES: usize = 128;
/// Most calls in one answer.
const MAX_CALLS: u32 = 1024;

/// The answer told so far.
#[derive(Debug, Default)]
pub(super) struct Answers {
    id: Option<SharedStr>,
    /// Unknown fields of the answer told so far: chunks repeat them.
    told: Extra,
    /// Those that no delta has carried yet.
    waiting: Extra,
    candidates: BTreeMap<u32, Growing>,
    reports: Reports,
}

/// One answer that grows.
#[derive(Debug, Default)]
struct Growing {
    /// Bytes of text so far.
    text: usize,
    calls: u32,
    told: Extra,
    finish: Option<String>,
}

/// A part that OpenAI's messages have no place for, and where in the text it stood.
#[derive(Serialize)]
struct OwnPart<'a> {
    at: usize,
    part: &'a Raw,
}

impl Answers {
    /// Takes the next chunk, or the only one.
    pub(super) fn take(&mut self, reply: Reply, out: &mut Vec<Event>) -> Result<(), Failure> {
        let Reply { id, model, created, candidates, feedback, usage, error, mut extra, .. } = reply;
        if let Some(told) = error {
            return Err(error::in_band(&told));
        }
        if let Some(raw) = feedback.as_ref().and_then(|feedback| Raw::of(feedback).ok()) {
            extra.insert("promptFeedback", raw);
        }
        let news = news(&mut self.told, extra);
        self.start(id, model, created.as_deref(), news, out);
        if let Some(usage) = usage {
            self.reports.take(usage);
        }
        for (at, candidate) in (0..).zip(candidates) {
            self.candidate(at, candidate, out)?;
        }
        match feedback {
            Some(feedback) if self.candidates.is_empty() => self.blocked(feedback, out),
            _ => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        id: Option<String>,
        model: Option<String>,
        created: Option<&str>,
        news: Extra,
        out: &mut Vec<Event>,
    ) {
        if self.id.is_some() {
            self.waiting.absorb(news);
            return;
        }
        let id = SharedStr::from(id.unwrap_or_default());
        self.id = Some(id.clone());
        let created = created.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        out.push(Event::Start(Box::new(Start {
            id,
            model: SharedStr::from(model.unwrap_or_default()),
            created: created.map_or(0, jiff::Timestamp::as_second),
            extra: news,
            ..Start::default()
        })));
    }

    fn candidate(&mut self, at: u32, candidate: Candidate, out: &mut Vec<Event>) -> Result<(), Failure> {
        let Candidate { index, content, finish, logprobs, mut extra } = candidate;
        // A zero may be left out on Gemini's wire, and a single answer is the first.
        let choice = index.unwrap_or(at);
        if !self.candidates.contains_key(&choice) && self.candidates.len() >= MAX_CANDIDATES {
            return Err(Failure::malformed("The provider's answer has too many candidates."));
        }
        let growing = self.candidates.entry(choice).or_default();
        if let Some(word) = finish.filter(|word| word != "FINISH_REASON_UNSPECIFIED") {
            if finish::says_more(&word)
                && let Ok(raw) = Raw::of(&word)
            {
                extra.insert("finishReason", raw);
            }
            growing.finish = Some(word);
        }
        let mut carry = Carry {
            chunk: std::mem::take(&mut self.waiting),
            choice: news(&mut growing.told, extra),
            logprobs: logprobs.as_ref().and_then(logprobs::read),
            delta: Extra::default(),
        };
        let answer = self.id.as_deref().unwrap_or_default();
        let mut pieces = Vec::new();
        for raw in content.iter().flat_map(|content| &content.parts) {
            growing.part(answer, choice, raw, &mut pieces, &mut carry.delta)?;
        }
        let mut carry = (!carry.is_empty()).then(|| Box::new(carry));
        for piece in pieces {
            out.push(Event::Delta(Delta { choice, piece, carry: carry.take() }));
        }
        if carry.is_some() {
            out.push(Event::Delta(Delta { choice, piece: Piece::Nothing, carry }));
        }
        Ok(())
    }

    /// The prompt was blocked: there is no answer, and this is why.
    fn blocked(&mut self, feedback: Feedback, out: &mut Vec<Event>) {
        let Some(reason) = feedback.block_reason else { return };
        let said = feedback.block_message.filter(|message| !message.is_empty());
        let refusal = said.unwrap_or_else(|| format!("The prompt was blocked: {reason}."));
        let growing = Growing { finish: Some("PROHIBITED_CONTENT".to_owned()), ..Growing::default() };
        self.candidates.insert(0, growing);
        out.push(Event::Delta(Delta::new(0, Piece::Refusal(refusal))));
    }

    /// Tokens reported so far.
    pub(super) fn usage(&self) -> Option<&Usage> {
        self.reports.usage()
    }

    /// Whether every answer has come to its end. One whose number was passed over is still to come.
    pub(super) fn finished(&self) -> bool {
        let dense = (0..).zip(self.candidates.keys()).all(|(at, choice)| at == *choice);
        let ended = self.candidates.values().all(|growing| growing.finish.is_some());
        self.any() && dense && ended
    }

    /// Whether there is any answer.
    pub(super) fn any(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// Tells the ends, then what was used.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        if !self.waiting.is_empty() {
            let chunk = std::mem::take(&mut self.waiting);
            let choice = self.candidates.keys().next().copied().unwrap_or(0);
            let carry = Some(Box::new(Carry { chunk, ..Carry::default() }));
            out.push(Event::Delta(Delta { choice, piece: Piece::Nothing, carry }));
        }
        for (choice, growing) in &self.candidates {
            if let Some(reason) = growing.reason() {
                out.push(Event::Finish { choice: *choice, reason });
            }
        }
        if let Some(usage) = self.usage() {
            out.push(Event::Usage(Box::new(usage.clone())));
        }
        out.push(Event::End);
    }

    /// The failure of a stream that stops here.
    pub(super) fn cut(&self) -> Failure {
        let message = "The provider's stream ended without a reason for every answer.";
        Failure::new(FailureClass::Cut, message)
    }
}

impl Growing {
    fn reason(&self) -> Option<FinishReason> {
        self.finish.as_deref().map(|word| finish::reason(word, self.calls > 0))
    }

    fn part(
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
        let id = id.unwrap_or_else(|| made_up_id(answer, choice, index, &call.name, &arguments));
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

/// The field of a message with the parts that OpenAI's messages have no place for.
pub(super) const OWN_PARTS: &str = "gemini_parts";

/// What ids of ours begin with.
const OURS: &str = "gmcall_";

/// An id for a call that came without one: the same each time the answer is read, unlike any other answer's, and in
/// the form and length that every provider takes back.
fn made_up_id(answer: &str, choice: u32, index: u32, name: &str, arguments: &str) -> String {
    let mut told: String = answer.chars().filter(char::is_ascii_alphanumeric).take(22).collect();
    if told.is_empty() {
        let digest = Sha256::new().chain_update(name).chain_update([0]).chain_update(arguments).finalize();
        told = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    }
    format!("{OURS}{told}_{choice}_{index}")
}

/// Whether Gemini never gave this id.
pub(super) fn is_made_up(id: &str) -> bool {
    id.starts_with(OURS)
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

/// Those fields that are new or have changed.
fn news(told: &mut Extra, fields: Extra) -> Extra {
    let mut news = Extra::default();
    for (name, value) in fields {
        if told.get(&name) != Some(&value) {
            told.insert(name.as_str(), value.clone());
            news.insert(name, value);
        }
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_between_tokens_go() {
        let json = "{ \"a b\" : [ 1.50 ,\n\t\"\\\" x \\\\\" ,true ]\r\n}";
        assert_eq!(compact(json), r#"{"a b":[1.50,"\" x \\",true]}"#);
    }

    #[test]
    fn ids_that_are_made_up_are_known_again_and_differ() {
        let ids = [
            made_up_id("k3xGaZ01HpWbz7IPxN2QuAg", 0, 0, "f", "{}"),
            made_up_id("k3xGaZ01HpWbz7IPxN2QuAg", 0, 1, "f", "{}"),
            made_up_id("", 0, 0, "f", "{}"),
            made_up_id("", 0, 0, "g", "{}"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(is_made_up(id) && id.len() <= 40 && !ids[at + 1..].contains(id), "{id}");
        }
    }
}
