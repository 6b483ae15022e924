//! The gateway's body as hyper's.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use lockgate::http::Body;

use super::log::RequestLog;

/// A response's body. Dropping it before its end cancels the request.
pub(super) struct Outgoing {
    /// None once a whole body was handed over.
    body: Option<Body>,
    log: RequestLog,
}

impl Outgoing {
    pub(super) fn new(body: Body, mut log: RequestLog) -> Outgoing {
        let body = match body {
            Body::Full(bytes) if bytes.is_empty() => None,
            body => Some(body),
        };
        if body.is_none() {
            log.complete();
        }
        Outgoing { body, log }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.body {
            None => Poll::Ready(None),
            Some(Body::Full(bytes)) => {
                let bytes = std::mem::take(bytes);
                self.body = None;
                self.log.complete();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Some(Body::Stream(stream)) => stream.as_mut().poll_next(task),
        };
        if let Poll::Ready(None) = piece {
            self.log.complete();
        }
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            None => SizeHint::with_exact(0),
            Some(Body::Full(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Some(Body::Stream(_)) => SizeHint::default(),
        }
    }
}
