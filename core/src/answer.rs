//! What a caller gets: a whole answer or a stream, and a report of how it came about.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use futures_util::Stream;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::limits::{CapStanding, Standing};
use crate::money::Nano;
use crate::provider::token_counts;
use crate::route::{Candidate, EventSource};
use crate::settle::{Attempt, CacheVerdict, Ending, Outcome, Reservation};
use crate::stream::{Encoder, Event};
use crate::types::{ChatRequest, ChatResponse, Chunk, Metadata};

/// The end of the path.
pub(crate) enum Answer {
    Complete(Box<ChatResponse>, Box<Report>),
    Stream(ChatStream),
}

/// How an answer came about.
#[derive(Debug, Clone)]
pub struct Report {
    /// The gateway's id of the request.
    pub request_id: String,
    /// The provider that answers.
    pub provider: String,
    /// The model that answers.
    pub model: String,
    /// Where the answer comes from.
    pub cache: CacheVerdict,
    /// All attempts, in order.
    pub attempts: Vec<Attempt>,
    /// What was changed or left out.
    pub warnings: Vec<String>,
    /// The model asked for, where a cheaper one is used because of a cap.
    pub downgraded_from: Option<String>,
    /// Where the caller stands with its limits.
    pub standing: Standing,
    /// What it cost; none while it is not known, and where the price is unknown.
    pub cost: Option<Nano>,
    /// From arrival to the end of the answer, in milliseconds.
    pub latency_ms: u64,
}

impl Report {
    pub(crate) fn new(
        cx: &Context,
        candidate: &Candidate,
        standing: Standing,
        downgraded_from: Option<String>,
    ) -> Report {
        Report {
            request_id: cx.request_id.clone(),
            provider: candidate.provider.name.clone(),
            model: candidate.model.clone(),
            cache: CacheVerdict::Miss,
            attempts: cx.attempts.clone(),
            warnings: cx.warnings.clone(),
            downgraded_from,
            standing,
            cost: None,
            latency_ms: 0,
        }
    }

    /// The attempts as one line: `openai/gpt-4o=429,anthropic/claude-…=200`.
    #[must_use]
    pub fn attempts_line(&self) -> String {
        attempts_line(&self.attempts)
    }

    /// As the `lockgate` object of an answer.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let mut metadata = Metadata {
            latency_ms: self.latency_ms,
            provider: Some(self.provider.clone()),
            model: Some(self.model.clone()),
            cache: self.cache.as_str().to_owned(),
            request_id: self.request_id.clone(),
            warnings: self.warnings.clone(),
            attempts: Some(self.attempts_line()),
            downgraded_from: self.downgraded_from.clone(),
            ..Metadata::default()
        };
        metadata.set_cost(self.cost.map(Nano::nano));
        metadata
    }

    /// The answer is whole: what it cost, and what that leaves.
    fn end(&mut self, cx: &Context, held: Nano, cost: Option<Nano>) {
        self.cost = cost;
        self.latency_ms = cx.elapsed_us() / 1000;
        if let Some(CapStanding { spend, .. }) = &mut self.standing.cap {
            *spend = spend.saturating_sub(held).saturating_add(cost.unwrap_or(Nano::ZERO));
        }
    }
}

/// Attempts as one line.
pub(crate) fn attempts_line(attempts: &[Attempt]) -> String {
    let each =
        attempts.iter().map(|attempt| format!("{}/{}={}", attempt.provider, attempt.model, attempt.result));
    each.collect::<Vec<_>>().join(",")
}

impl Answer {
    /// Settles a whole answer.
    pub(crate) fn complete(
        mut response: ChatResponse,
        cx: &Context,
        mut reservation: Reservation,
        mut report: Report,
    ) -> Answer {
        match &response.usage {
            Some(usage) => reservation.usage(token_counts(usage)),
            None => response.choices.iter().for_each(|choice| reservation.output(&choice.message.text())),
        }
        let held = reservation.held().map_or(Nano::ZERO, |held| held.money);
        let cost = reservation.settle(Ending::ANSWERED, &cx.attempts);
        report.end(cx, held, cost);
        response.lockgate = Some(report.metadata());
        Answer::Complete(Box::new(response), Box::new(report))
    }
}

/// An answer in pieces. The last piece carries the gateway's metadata. Dropping it cancels the request upstream and
/// settles it.
pub struct ChatStream {
    pieces: Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>,
    report: Box<Report>,
}

impl ChatStream {
    pub(crate) fn new(
        request: &ChatRequest,
        source: EventSource,
        cx: Context,
        reservation: Reservation,
        report: Report,
    ) -> ChatStream {
        let encoder = Encoder::new(format!("chatcmpl-{}", cx.id), report.model.clone(), cx.created);
        let state = Streaming {
            source,
            encoder,
            include_usage: request.wants_usage(),
            reservation: Some(reservation),
            report: report.clone(),
            cx,
            ready: VecDeque::new(),
            ended: false,
        };
        let pieces = futures_util::stream::unfold(state, |mut state| async move {
            let piece = state.next().await?;
            Some((piece, state))
        });
        ChatStream { pieces: Box::pin(pieces), report: Box::new(report) }
    }

    /// What is known before the first piece: who answers, after which attempts.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl Stream for ChatStream {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.as_mut().poll_next(task)
    }
}

impl std::fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatStream").field("report", &self.report).finish_non_exhaustive()
    }
}

/// A stream under way.
struct Streaming {
    source: EventSource,
    encoder: Encoder,
    include_usage: bool,
    /// None once it is settled.
    reservation: Option<Reservation>,
    report: Report,
    cx: Context,
    ready: VecDeque<Chunk>,
    ended: bool,
}

impl Streaming {
    async fn next(&mut self) -> Option<Result<Chunk>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Some(Ok(chunk));
            }
            if self.ended {
                return None;
            }
            let reservation = self.reservation.as_mut()?;
            match self.source.next(reservation).await {
                Ok(Some(event)) => self.take(event),
                Ok(None) => self.finish(),
                Err(failed) => return Some(Err(self.fail(failed.into_error(&self.report.provider)))),
            }
        }
    }

    fn take(&mut self, event: Event) {
        let Some(reservation) = &mut self.reservation else { return };
        match &event {
            Event::Usage(usage) => reservation.usage(token_counts(usage)),
            Event::Delta(delta) => delta.piece.texts().for_each(|text| reservation.output(text)),
            Event::End => return self.finish(),
            _ => {}
        }
        if let Some(chunk) = self.encoder.chunk(event) {
            self.ready.push_back(chunk);
        }
    }

    /// Settles, then lets the last piece out.
    fn finish(&mut self) {
        self.ended = true;
        let Some(reservation) = self.reservation.take() else { return };
        let held = reservation.held().map_or(Nano::ZERO, |held| held.money);
        let cost = reservation.settle(Ending::ANSWERED, &self.cx.attempts);
        self.report.end(&self.cx, held, cost);
        let last = self.encoder.last(Some(self.report.metadata()), self.include_usage);
        self.ready.push_back(last);
    }

    fn fail(&mut self, error: Error) -> Error {
        self.ended = true;
        if let Some(reservation) = self.reservation.take() {
            let ending = Ending { outcome: Outcome::Failed, status: error.status() };
            reservation.settle(ending, &self.cx.attempts);
        }
        self.cx.explain(error)
    }
}
