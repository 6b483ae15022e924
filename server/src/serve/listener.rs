//! Accepts connections, and ends them in order.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use lockgate::Gateway;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::answer;
use crate::signals::Signals;

/// How serving came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All requests ended by themselves.
    Drained,
    /// So many connections had to be cut.
    Cut(usize),
    /// A second signal came; the exit code for it.
    AtOnce(u8),
}

/// Head bytes of HTTP/2 requests that are taken before the stream is refused.
const HEAD_BYTES: u32 = 256 * 1024;
/// Wait after an error of the listener itself, as when no file handle is left.
const BACKOFF: Duration = Duration::from_millis(100);

/// A listening server.
pub(crate) struct Server {
    listener: TcpListener,
    app: Router,
    head_timeout: Duration,
}

impl Server {
    /// Serves `gateway` on `listener`.
    pub(crate) fn new(listener: TcpListener, gateway: Gateway) -> Server {
        let head_timeout = Duration::from_millis(gateway.config().request_timeout_ms);
        Server { listener, app: answer::router(gateway), head_timeout }
    }

    /// Serves until the first signal, then lets what is under way end for at most `drain`.
    pub(crate) async fn run(self, signals: &mut Signals, drain: Duration) -> Ended {
        let Server { listener, app, head_timeout } = self;
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, app.clone(), graceful.watcher(), head_timeout));
                    }
                    Err(error) => pause(&error).await,
                },
                Some(_) = connections.join_next() => {}
                _ = signals.next() => break,
            }
        }
        // The socket closes first: whoever comes now is refused and goes elsewhere.
        drop(listener);
        tracing::info!(
            connections = connections.len(),
            seconds = drain.as_secs(),
            "ending; requests under way go on"
        );
        let drained = tokio::select! {
            drained = tokio::time::timeout(drain, graceful.shutdown()) => drained.is_ok(),
            code = signals.next() => return Ended::AtOnce(code),
        };
        // Dropping a connection drops its requests, and that settles them.
        let left = connections.len();
        connections.shutdown().await;
        if drained { Ended::Drained } else { Ended::Cut(left) }
    }
}

async fn pause(error: &io::Error) {
    let of_one_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !of_one_connection {
        tracing::error!(%error, "connections cannot be accepted");
        tokio::time::sleep(BACKOFF).await;
    }
}

async fn serve(stream: TcpStream, app: Router, watcher: Watcher, head_timeout: Duration) {
    // The pieces of a stream must leave at once.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES);
    let service = TowerToHyperService::new(app);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}
