//! `POST /v1/chat/completions`.

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
use crate::ask::Ask;
use crate::error::{Error, Result};
use crate::gateway::Gateway;
use crate::money::Nano;
use crate::pipeline;
use crate::stream::{DONE, KEEP_ALIVE, write_chunk, write_error};
use crate::types::{ChatRequest, Chunk, ErrorBody};

pub(super) async fn complete(gateway: &Gateway, call: headers::Call, body: &[u8]) -> Result<Response<Body>> {
    let request = ChatRequest::from_slice(body)?;
    let streams = request.is_stream();
    let silence = Duration::from_millis(gateway.core().config.timeouts.silence_ms);
    let core = gateway.core().clone();
    let ask = Arc::new(Ask::Chat(Box::new(request)));
    let mut running: Running =
        Box::pin(async move { pipeline::run(&core, ask, call.options, Some(call.id)).await });
    if !streams {
        return whole(running.await?);
    }
    tokio::select! {
        answer = &mut running => match answer? {
            Answer::Stream(stream) => Ok(streamed(stream)),
            answer @ Answer::Whole(..) => whole(answer),
        },
        () = tokio::time::sleep(silence) => Ok(event_stream(late(running, silence))),
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// A whole answer.
pub(super) fn whole(answer: Answer) -> Result<Response<Body>> {
    let Answer::Whole(reply, report) = answer else {
        return Err(Error::new(crate::error::Kind::Internal, "a stream came where none was asked for"));
    };
    let text = reply.to_json().map_err(|source| Error::internal("an answer cannot be written", source))?;
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

fn streamed(answer: ChatStream) -> Response<Body> {
    let report = answer.report().clone();
    let mut response = event_stream(events(answer));
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

/// The events of an answer: chunks and `[DONE]`, or an error and no `[DONE]`.
fn events(answer: ChatStream) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some(answer), |answer| async move {
        let mut answer = answer?;
        match answer.next().await {
            Some(Ok(chunk)) => Some((chunk_event(&chunk), Some(answer))),
            Some(Err(error)) => Some((error_event(&error), None)),
            None => Some((Bytes::from_static(DONE), None)),
        }
    })
}

fn chunk_event(chunk: &Chunk) -> Bytes {
    let mut out = Vec::with_capacity(512);
    match write_chunk(chunk, &mut out) {
        Ok(()) => out.into(),
        Err(source) => error_event(&Error::internal("a chunk cannot be written", source)),
    }
}

fn error_event(error: &Error) -> Bytes {
    let mut out = Vec::with_capacity(256);
    // Strings alone: it cannot fail; were it to, the missing [DONE] says that something did.
    let _ = write_error(&ErrorBody::from(error), &mut out);
    out.into()
}

/// Nothing was heard for a while: headers and comments go out so that nobody in between gives up. What is known only
/// later is in the metadata of the last piece; a failure is an error event.
fn late(running: Running, silence: Duration) -> impl Stream<Item = Bytes> + Send {
    enum Late {
        Waiting(Running),
        Answering(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
        Over,
    }
    stream::unfold(Late::Waiting(running), move |state| async move {
        let mut answering = match state {
            Late::Over => return None,
            Late::Answering(events) => events,
            Late::Waiting(mut running) => tokio::select! {
                answer = &mut running => match answer {
                    Ok(Answer::Stream(answer)) => Box::pin(events(answer)) as Pin<Box<dyn Stream<Item = Bytes> + Send>>,
                    Ok(Answer::Whole(..)) => return None,
                    Err(error) => return Some((error_event(&error), Late::Over)),
                },
                () = tokio::time::sleep(silence) => {
                    return Some((Bytes::from_static(KEEP_ALIVE), Late::Waiting(running)));
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
    headers::put(out, "x-lockgate-attempts", &report.attempts_line());
    if let Some(from) = &report.downgraded_from {
        headers::put(out, "x-lockgate-downgraded-from", from);
    }
    if !report.warnings.is_empty() {
        headers::put(out, "x-lockgate-warnings", &report.warnings.join("; "));
    }
    headers::put_standing(out, &report.standing);
}
