//! The body that carries out a plan.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use crate::plan::Step;
use crate::record::Delivery;
use crate::wire::{Mark, Wire};

/// Yields the steps' bytes, and tells the record what left the socket.
pub(crate) struct PlannedBody {
    steps: VecDeque<Step>,
    timer: Option<Pin<Box<Sleep>>>,
    silent: bool,
    delivery: Delivery,
    wire: Arc<Wire>,
}

impl PlannedBody {
    pub(crate) fn new(steps: VecDeque<Step>, delivery: Delivery, wire: Arc<Wire>) -> Self {
        let mut body = Self { steps, timer: None, silent: false, delivery, wire };
        if body.steps.is_empty() {
            // hyper never polls an empty body: the headers' flush ends it.
            body.mark(0, 0, None, true);
        }
        body
    }

    fn mark(&mut self, bytes: u64, events: u64, usage: Option<serde_json::Value>, end: bool) {
        let entry = Arc::clone(self.delivery.entry());
        self.wire.on_flush(Mark { entry, bytes, events, usage, end });
        if end {
            self.delivery.end();
        }
    }
}

impl Body for PlannedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let body = self.get_mut();
        loop {
            if body.silent {
                return Poll::Pending;
            }
            if let Some(timer) = &mut body.timer {
                ready!(timer.as_mut().poll(cx));
                body.timer = None;
            }
            match body.steps.pop_front() {
                Some(Step::Send { bytes, events, usage }) => {
                    let end = body.steps.is_empty();
                    body.mark(u64::try_from(bytes.len()).unwrap_or(u64::MAX), events, usage, end);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Wait(time)) => body.timer = Some(Box::pin(sleep(time))),
                Some(Step::Hang) => body.silent = true,
                Some(Step::Flush) => {
                    // Pending makes the connection write out its buffer before it asks again.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Close(close)) => {
                    body.mark(0, 0, None, true);
                    body.wire.close_after_flush(close);
                    body.silent = true;
                }
                None => {
                    if !body.delivery.ended() {
                        body.mark(0, 0, None, true);
                    }
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // Asked before the first poll: true would let hyper skip the steps of an empty stream.
        false
    }
}
