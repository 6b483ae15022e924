//! Logs: one line for each request, on standard error. Never a prompt, a key or a query.

use std::io::{self, IsTerminal};
use std::time::Instant;

use clap::ValueEnum;
use http::{Method, Response};
use lockgate::config::LogFormat;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Level {
    /// Failures of the gateway and its stores.
    Error,
    /// And what may need attention.
    Warn,
    /// And a line for each request.
    #[default]
    Info,
    /// And details of connections.
    Debug,
}

/// Starts logging. Other crates log warnings only: at more, some of them would write what they carry.
pub(crate) fn start(format: LogFormat, level: Level) {
    let own = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let others = LevelFilter::WARN.min(own);
    let filter = Targets::new().with_target("lockgate", own).with_default(others);
    let layer = match format {
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_target(false).with_writer(io::stderr).boxed()
        }
        LogFormat::Pretty => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            fmt::layer().compact().with_ansi(colour).with_target(false).with_writer(io::stderr).boxed()
        }
    };
    // Logging already set up stays as it is.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// Longest path in a log line, in characters.
const LONGEST_PATH: usize = 200;

/// One request, logged when it ends or its caller goes away.
pub(super) struct RequestLog {
    arrived: Instant,
    method: Method,
    path: String,
    /// 499 until there is an answer: the caller went away.
    status: u16,
    request_id: String,
    complete: bool,
}

impl RequestLog {
    pub(super) fn new(arrived: Instant, method: Method, path: &str) -> RequestLog {
        let path = path.chars().take(LONGEST_PATH).collect();
        RequestLog { arrived, method, path, status: 499, request_id: String::new(), complete: false }
    }

    /// The head of the answer goes out.
    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        self.status = response.status().as_u16();
        let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        self.request_id = id.unwrap_or_default().to_owned();
    }

    /// The last byte was handed over.
    pub(super) fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let latency_ms = u64::try_from(self.arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            request_id = %self.request_id,
            method = %self.method,
            path = %self.path,
            status = self.status,
            latency_ms,
            complete = self.complete,
            "request"
        );
    }
}
