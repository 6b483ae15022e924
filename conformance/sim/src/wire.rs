//! One connection: what was flushed to the socket, and how it is made to break.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::record::{Entry, Outcome};

/// How a fault closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// A TCP reset: the peer reads `ECONNRESET`.
    Reset,
    /// An orderly FIN in the middle of a message.
    Drop,
}

/// Progress of one answer, true once the bytes before it were flushed to the socket.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) entry: Arc<Entry>,
    pub(crate) bytes: u64,
    pub(crate) events: u64,
    pub(crate) usage: Option<Value>,
    pub(crate) end: bool,
}

#[derive(Default)]
struct State {
    armed: Option<Close>,
    fired: Option<Close>,
    marks: Vec<Mark>,
}

/// The handle by which an answer reaches the connection under it.
///
/// Over HTTP/1.1 the marks are exact: hyper flushes everything a body yielded before it polls the body again. Over
/// HTTP/2 several bodies share the socket, so a mark may come true one flush early.
#[derive(Default)]
pub(crate) struct Wire {
    state: Mutex<State>,
    fired: Notify,
}

impl Wire {
    /// Applies `mark` with the next flush.
    pub(crate) fn on_flush(&self, mark: Mark) {
        self.state.lock().marks.push(mark);
    }

    /// Closes the connection once everything written so far has left.
    pub(crate) fn close_after_flush(&self, close: Close) {
        self.state.lock().armed = Some(close);
    }

    /// Closes the connection now, whatever is still buffered.
    pub(crate) fn close_now(&self, close: Close) {
        self.state.lock().fired = Some(close);
        self.fired.notify_one();
    }

    /// Returns when a fault wants the connection closed.
    pub(crate) async fn closing(&self) {
        self.fired.notified().await;
    }

    fn flushed(&self) {
        let (marks, armed) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.marks), state.armed.take())
        };
        for mark in marks {
            mark.entry.progress(mark.bytes, mark.events, mark.usage, mark.end);
        }
        if let Some(close) = armed {
            self.close_now(close);
        }
    }

    /// The connection is gone: what was not flushed never arrived.
    fn abandoned(&self) -> Option<Close> {
        let (marks, fired) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.marks), state.fired)
        };
        for mark in marks {
            mark.entry.finish(Outcome::Aborted);
        }
        fired
    }
}

/// The socket, tapped for flushes.
pub(crate) struct Tap {
    stream: TcpStream,
    wire: Arc<Wire>,
}

impl Tap {
    pub(crate) fn new(stream: TcpStream, wire: Arc<Wire>) -> Self {
        Self { stream, wire }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if self.wire.abandoned() == Some(Close::Reset) {
            // With a zero linger, close(2) sends RST instead of FIN. A failure leaves a FIN: still a broken answer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = polled {
            self.wire.flushed();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
