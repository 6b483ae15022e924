//! From Gemini's answer, whole or chunk by chunk, to events: one reading for both.

use std::collections::BTreeMap;

use super::candidate::Growing;
use super::usage::Reports;
use super::wire::{Candidate, Feedback, Reply};
use super::{error, finish, logprobs};
use crate::provider::{Failure, FailureClass};
use crate::stream::{Carry, Delta, Event, Piece, Start};
use crate::types::{Extra, Raw, SharedStr, Usage};

/// Most answers to one request; Gemini allows fewer.
const MAX_CANDIDATES: usize = 128;

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
        self.candidates.entry(0).or_default().finish = Some("PROHIBITED_CONTENT".to_owned());
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
