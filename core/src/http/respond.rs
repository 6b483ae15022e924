//! The way of a chat request through the gateway, whatever form its answer is written in.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Response, header};

use super::{Body, body, headers};
use crate::answer::{Answer, ChatStream, Report};
use crate::ask::{Ask, Reply};
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::money::Nano;
use crate::pipeline;
use crate::stream::KEEP_ALIVE;
use crate::types::{ChatRequest, Chunk};

/// How answers to a chat request are written.
pub(super) trait Form: Send + 'static {
    /// What translating the request left out.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// A whole answer as JSON.
    fn whole(&self, reply: &Reply) -> serde_json::Result<Vec<u8>>;

    /// Appends the events of a piece of the answer, if it has any.
    fn piece(&mut self, chunk: Chunk, out: &mut Vec<u8>) -> serde_json::Result<()>;

    /// Appends the event of a failure, after which nothing follows.
    fn failure(&mut self, error: &Error, out: &mut Vec<u8>);

    /// Appends the end of a stream that is whole.
    fn end(&mut self, out: &mut Vec<u8>) -> serde_json::Result<()>;
}

/// Answers `request` in `form`.
pub(super) async fn respond(
    gateway: &Gateway,
    call: headers::Call,
    request: ChatRequest,
    form: impl Form,
) -> Result<Response<Body>> {
    let streams = request.is_stream();
    let silence = Duration::from_millis(gateway.core().config.timeouts.silence_ms);
    let core = gateway.core().clone();
    let ask = Arc::new(Ask::Chat(Box::new(request)));
    let mut running: Running =
        Box::pin(async move { pipeline::run(&core, ask, call.options, Some(call.id)).await });
    if !streams {
        return whole(running.await?, &form);
    }
    tokio::select! {
        answer = &mut running => match answer? {
            Answer::Stream(stream) => Ok(streamed(stream, form)),
            answer @ Answer::Whole(..) => whole(answer, &form),
        },
        () = tokio::time::sleep(silence) => Ok(event_stream(late(running, silence, form))),
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// A whole answer.
pub(super) fn whole(answer: Answer, form: &impl Form) -> Result<Response<Body>> {
    let Answer::Whole(reply, mut report) = answer else {
        return Err(Error::new(Kind::Internal, "a stream came where none was asked for"));
    };
    report.warnings.extend_from_slice(form.warnings());
    let reply = if form.warnings().is_empty() { reply } else { reply.with_metadata(report.metadata()) };
    let text = form.whole(&reply).map_err(|source| Error::internal("an answer cannot be written", source))?;
    let mut response = body::json(200, text);
    put_report(response.headers_mut(), &report);
    let out = response.headers_mut();
    if let Some(cost) = report.cost {
        headers::put(out, "x-lockgate-cost-usd", &cost.to_string());
    }
    if let Some(cap) = &report.standing.cap {
        headers::put(out, "x-lockgate-spend-usd", &cap.spend.max(Nano::ZERO).to_string());
        headers::put(out, "x-lockgate-cap-usd", &cap.cap.to_string());
    }
    Ok(response)
}

fn streamed(answer: ChatStream, form: impl Form) -> Response<Body> {
    let mut report = answer.report().clone();
    report.warnings.extend_from_slice(form.warnings());
    let mut response = event_stream(events(answer, form));
    put_report(response.headers_mut(), &report);
    response
}

fn event_stream(events: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let mut response = Response::new(Body::Stream(Box::pin(events.map(Ok::<_, Infallible>))));
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that buffer would undo the streaming.
    headers::put(out, "x-accel-buffering", "no");
    response
}

/// The events of an answer: its pieces and its end, or a failure and no end.
fn events(answer: ChatStream, form: impl Form) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((answer, form)), |open| async move {
        let (mut answer, mut form) = open?;
        let mut out = Vec::with_capacity(512);
        loop {
            let next = answer.next().await;
            let goes_on = matches!(next, Some(Ok(_)));
            let written = match next {
                Some(Ok(mut chunk)) => {
                    if let Some(metadata) = &mut chunk.lockgate {
                        metadata.warnings.extend_from_slice(form.warnings());
                    }
                    form.piece(chunk, &mut out)
                }
                Some(Err(error)) => {
                    form.failure(&error, &mut out);
                    Ok(())
                }
                None => form.end(&mut out),
            };
            if let Err(source) = written {
                form.failure(&Error::internal("a piece of the answer cannot be written", source), &mut out);
                return Some((out.into(), None));
            }
            if !out.is_empty() || !goes_on {
                return Some((out.into(), goes_on.then_some((answer, form))));
            }
        }
    })
}

/// Nothing was heard for a while: headers and comments go out so that nobody in between gives up. What is known only
/// later is in the metadata of the last piece; a failure is an error event.
fn late(running: Running, silence: Duration, form: impl Form) -> impl Stream<Item = Bytes> + Send {
    enum Late<F> {
        Waiting(Running, F),
        Answering(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
        Over,
    }
    stream::unfold(Late::Waiting(running, form), move |state| async move {
        let mut answering = match state {
            Late::Over => return None,
            Late::Answering(events) => events,
            Late::Waiting(mut running, mut form) => tokio::select! {
                answer = &mut running => match answer {
                    Ok(Answer::Stream(answer)) => {
                        Box::pin(events(answer, form)) as Pin<Box<dyn Stream<Item = Bytes> + Send>>
                    }
                    Ok(Answer::Whole(..)) => return None,
                    Err(error) => {
                        let mut out = Vec::with_capacity(256);
                        form.failure(&error, &mut out);
                        return Some((out.into(), Late::Over));
                    }
                },
                () = tokio::time::sleep(silence) => {
                    return Some((Bytes::from_static(KEEP_ALIVE), Late::Waiting(running, form)));
                }
            },
        };
        let event = answering.next().await?;
        Some((event, Late::Answering(answering)))
    })
}

fn put_report(out: &mut HeaderMap, report: &Report) {
    headers::put(out, "x-lockgate-provider", &report.provider);
    headers::put(out, "x-lockgate-model", &report.model);
    headers::put(out, "x-lockgate-cache", report.cache.as_str());
    if let Some(similarity) = report.similarity {
        headers::put(out, "x-lockgate-similarity", &format!("{similarity:.4}"));
    }
    headers::put(out, "x-lockgate-attempts", &report.attempts_line());
    if let Some(from) = &report.downgraded_from {
        headers::put(out, "x-lockgate-downgraded-from", from);
    }
    if !report.warnings.is_empty() {
        headers::put(out, "x-lockgate-warnings", &report.warnings.join("; "));
    }
    headers::put_standing(out, &report.standing);
}
