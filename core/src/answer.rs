//! What a caller gets: a whole answer or a stream, and a report of how it came about.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Instant;

use futures_util::Stream;

use crate::ask::{Ask, Reply};
use crate::cache::{Head, Lost, Seat, Stored, Whole};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::ids::AdmissionId;
use crate::limits::{CapStanding, Standing};
use crate::money::Nano;
use crate::settle::{Attempt, CacheVerdict, Note};
use crate::stream::{Encoder, Event, replay};
use crate::telemetry::Decisions;
use crate::types::{Chunk, Metadata, Raw, Usd};

/// The end of the path.
pub(crate) enum Answer {
    Whole(Reply, Box<Report>),
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
    /// The cosine of the question whose answer this is, where it comes from the semantic cache.
    pub similarity: Option<f32>,
    /// How old that answer is, in milliseconds.
    pub age_ms: Option<u64>,
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
    /// What a cache saved.
    pub saved: Option<Nano>,
    /// From arrival to the end of the answer, in milliseconds.
    pub latency_ms: u64,
    /// Why it came about so, where the caller asked.
    pub decisions: Option<Box<Decisions>>,
}

impl Report {
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
            attempts: Some(self.attempts_line()).filter(|line| !line.is_empty()),
            downgraded_from: self.downgraded_from.clone(),
            saved_usd: self.saved.map(|saved| Usd { nano: saved.nano() }),
            similarity: self.similarity,
            age_ms: self.age_ms,
            ..Metadata::default()
        };
        metadata.explain = self.decisions.as_ref().and_then(|decisions| Raw::of(decisions).ok());
        metadata.set_cost(self.cost.map(Nano::nano));
        metadata
    }
}

/// Attempts as one line.
pub(crate) fn attempts_line(attempts: &[Attempt]) -> String {
    let each =
        attempts.iter().map(|attempt| format!("{}/{}={}", attempt.provider, attempt.model, attempt.result));
    each.collect::<Vec<_>>().join(",")
}

/// The caller's side of a request.
pub(crate) struct Desk {
    ask: Arc<Ask>,
    request_id: String,
    arrived: Instant,
    created: i64,
    id: AdmissionId,
    standing: Standing,
    downgraded_from: Option<String>,
    /// What is reserved for it, by which the standing is ahead of the books.
    held: Nano,
    /// What was decided for one who waits for another's answer, or gets it from the cache, if it wants to know.
    decisions: Option<Box<Decisions>>,
    /// How near the question is whose answer this is, and how old that is.
    similar: Option<(f32, u64)>,
    /// The row of one who waits for another's answer, or gets it from the cache. The leader's row is its
    /// reservation's.
    note: Option<Note>,
}

impl Desk {
    pub(crate) fn new(cx: &Context, ask: &Arc<Ask>) -> Desk {
        Desk {
            ask: ask.clone(),
            request_id: cx.request_id.clone(),
            arrived: cx.arrived,
            created: cx.created,
            id: cx.id,
            standing: cx.standing,
            downgraded_from: None,
            held: Nano::ZERO,
            decisions: cx.explanation(),
            similar: None,
            note: None,
        }
    }

    /// One who gets the answer to a question in other words.
    #[must_use]
    pub(crate) fn similar(self, similarity: f32, age_ms: u64) -> Desk {
        Desk { similar: Some((similarity, age_ms)), ..self }
    }

    /// The one who calls the provider, and holds so much.
    #[must_use]
    pub(crate) fn leading(self, held: Nano) -> Desk {
        Desk { held, ..self }
    }

    /// One who does not.
    #[must_use]
    pub(crate) fn noting(self, note: Note) -> Desk {
        Desk { note: Some(note), ..self }
    }

    /// Whether a cheaper model is used than was asked for.
    #[must_use]
    pub(crate) fn downgraded(self, is: bool) -> Desk {
        Desk { downgraded_from: is.then(|| self.ask.model().to_owned()), ..self }
    }

    fn report(&self, head: Head, cache: CacheVerdict) -> Report {
        Report {
            request_id: self.request_id.clone(),
            provider: head.provider,
            model: head.model,
            cache,
            similarity: self.similar.map(|(similarity, _)| similarity),
            age_ms: self.similar.map(|(_, age)| age),
            attempts: head.attempts,
            warnings: head.warnings,
            downgraded_from: self.downgraded_from.clone(),
            standing: self.standing,
            cost: None,
            saved: None,
            latency_ms: 0,
            decisions: if self.note.is_some() { self.decisions.clone() } else { head.decisions },
        }
    }

    /// There is no answer. A failure that is this caller's, too, is written down; else it may yet try again.
    fn lose(&mut self, lost: Lost) -> Lost {
        match (self.note.take(), &lost) {
            (Some(note), Lost::Failed(error)) => note.failed(error.status()),
            (Some(note), Lost::Leaderless(_)) => note.forget(),
            (None, _) => {}
        }
        lost
    }

    /// For providers that give their answers no id.
    fn own_id(&self) -> String {
        format!("chatcmpl-{}", self.id)
    }

    /// A whole answer as the caller gets it.
    fn sign(&self, reply: Reply, report: &Report) -> Reply {
        reply.identified(|| self.own_id(), &report.model, self.created).with_metadata(report.metadata())
    }

    /// The answer is whole: what it cost this caller, and what that leaves.
    fn end(&mut self, report: &mut Report, cost: Option<Nano>) {
        report.latency_ms = u64::try_from(self.arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        match self.note.take() {
            Some(note) => {
                report.cost = Some(Nano::ZERO);
                report.saved = cost;
                note.answered(cost.unwrap_or(Nano::ZERO));
            }
            None => report.cost = cost,
        }
        if let Some(CapStanding { spend, .. }) = &mut report.standing.cap {
            *spend = spend.saturating_sub(self.held).saturating_add(report.cost.unwrap_or(Nano::ZERO));
        }
    }
}

impl Answer {
    /// The answer of a call under way: this caller's own, or an equal one's.
    pub(crate) async fn live(mut desk: Desk, mut seat: Seat) -> Result<Answer, Lost> {
        let head = seat.head().await.map_err(|lost| desk.lose(lost))?;
        let cache = if desk.note.is_some() { CacheVerdict::Coalesced } else { CacheVerdict::Miss };
        if let Some(note) = &mut desk.note {
            note.served(&head.provider, &head.model);
        }
        let mut report = desk.report(head, cache);
        if desk.ask.is_stream() {
            return Ok(Answer::Stream(ChatStream::new(desk, Source::Live(seat), report)));
        }
        let whole = seat.whole().await.map_err(|lost| desk.lose(lost))?;
        desk.end(&mut report, whole.cost);
        // The last one out takes the answer, the others copies.
        let reply =
            Arc::try_unwrap(whole).map_or_else(|whole| whole.reply.clone(), |whole: Whole| whole.reply);
        Ok(Answer::Whole(desk.sign(reply, &report), Box::new(report)))
    }

    /// An answer from the cache.
    pub(crate) fn stored(mut desk: Desk, stored: &Stored, verdict: CacheVerdict) -> Answer {
        if let Some(note) = &mut desk.note {
            note.served(&stored.provider, &stored.model);
        }
        let head = Head {
            provider: stored.provider.clone(),
            model: stored.model.clone(),
            attempts: Vec::new(),
            warnings: Vec::new(),
            decisions: None,
        };
        let mut report = desk.report(head, verdict);
        match &stored.reply {
            Reply::Chat(response) if desk.ask.is_stream() => {
                let mut events = replay(response);
                events.retain(|event| *event != Event::End);
                let source = Source::Stored(events.into_iter(), stored.cost);
                Answer::Stream(ChatStream::new(desk, source, report))
            }
            reply => {
                desk.end(&mut report, stored.cost);
                Answer::Whole(desk.sign(reply.clone(), &report), Box::new(report))
            }
        }
    }
}

/// An answer in pieces. The last piece carries the gateway's metadata. Dropping it cancels the request upstream,
/// unless others wait for the same answer, and settles it.
pub struct ChatStream {
    pieces: Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>,
    report: Box<Report>,
}

impl ChatStream {
    fn new(desk: Desk, source: Source, report: Report) -> ChatStream {
        let shown = Box::new(report.clone());
        let encoder = Encoder::new(desk.own_id(), report.model.clone(), desk.created);
        let streaming = Streaming { desk, source, encoder, report, ended: false };
        let pieces = futures_util::stream::unfold(streaming, |mut streaming| async move {
            let piece = streaming.next().await?;
            Some((piece, streaming))
        });
        ChatStream { pieces: Box::pin(pieces), report: shown }
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

/// Where the events of a stream come from.
enum Source {
    Live(Seat),
    /// And what the answer cost when it was new.
    Stored(std::vec::IntoIter<Event>, Option<Nano>),
}

impl Source {
    async fn next(&mut self) -> Result<Option<Event>, Lost> {
        match self {
            Source::Live(seat) => seat.event().await,
            Source::Stored(events, _) => Ok(events.next()),
        }
    }

    /// What the whole answer cost, once it is whole.
    async fn cost(&mut self) -> Result<Option<Nano>, Lost> {
        match self {
            Source::Live(seat) => seat.whole().await.map(|whole| whole.cost),
            Source::Stored(_, cost) => Ok(*cost),
        }
    }
}

/// A stream under way.
struct Streaming {
    desk: Desk,
    source: Source,
    encoder: Encoder,
    report: Report,
    ended: bool,
}

impl Streaming {
    async fn next(&mut self) -> Option<Result<Chunk>> {
        while !self.ended {
            match self.source.next().await {
                Ok(Some(event)) => {
                    if let Some(chunk) = self.encoder.chunk(event) {
                        return Some(Ok(chunk));
                    }
                }
                Ok(None) => {
                    self.ended = true;
                    return Some(match self.source.cost().await {
                        Ok(cost) => Ok(self.last(cost)),
                        Err(lost) => Err(self.lost(lost)),
                    });
                }
                Err(lost) => {
                    self.ended = true;
                    return Some(Err(self.lost(lost)));
                }
            }
        }
        None
    }

    fn last(&mut self, cost: Option<Nano>) -> Chunk {
        self.desk.end(&mut self.report, cost);
        self.encoder.last(Some(self.report.metadata()), self.desk.ask.wants_usage())
    }

    fn lost(&mut self, lost: Lost) -> Error {
        let mut error = lost.into_error();
        if let Some(note) = self.desk.note.take() {
            note.failed(error.status());
            // What the leader's request was decided by is the leader's business.
            let own = self.desk.decisions.take();
            error = error.with(|details| details.decisions = own);
        }
        let id = self.desk.request_id.clone();
        error.with(|details| details.request_id = Some(id))
    }
}

impl Lost {
    /// The error for one who cannot try again.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Lost::Failed(error) | Lost::Leaderless(Some(error)) => error,
            Lost::Leaderless(None) => {
                Error::new(Kind::Internal, "The call to the provider ended without an answer.")
            }
        }
    }
}
