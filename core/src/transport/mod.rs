//! The one way out: pooled HTTP connections with a deadline on every wait.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::config::Timeouts;
use crate::error::{Error, Result};

/// Sends requests to providers.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: reqwest::Client,
    /// For this machine: a proxy of the environment is on the way to the world, not to a local provider.
    direct: reqwest::Client,
    timeouts: Timeouts,
}

/// Why bytes did not come. No text of these names an address or a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// No connection: refused, unknown host, TLS.
    #[error("connect")]
    Connect,
    /// The connection broke.
    #[error("reset")]
    Reset,
    /// Nothing came in time.
    #[error("timeout")]
    Timeout,
    /// The answer is larger than allowed.
    #[error("too_large")]
    TooLarge,
}

/// An answer whose head has arrived.
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: reqwest::Response,
    idle: Duration,
    deadline: Option<Instant>,
}

/// The largest answer that is read whole.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

impl Transport {
    pub(crate) fn new(timeouts: Timeouts) -> Result<Transport> {
        // Already installed by the host process: then its choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(Duration::from_millis(timeouts.connect_ms))
                .tcp_nodelay(true)
                .tcp_keepalive(Duration::from_secs(30))
                .pool_idle_timeout(Duration::from_secs(90))
                .http2_adaptive_window(true)
                // A redirect would carry our key to an address nobody configured.
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("lockgate/", env!("CARGO_PKG_VERSION")))
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .build()
                .map_err(|source| Error::internal("the HTTP client cannot be built", Arc::new(source)))
        };
        Ok(Transport { client: build(builder())?, direct: build(builder().no_proxy())?, timeouts })
    }

    /// Sends `request` and waits for the head of the answer, not beyond `deadline`.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
        stream: bool,
        deadline: Option<Instant>,
    ) -> Result<Incoming, Broken> {
        let request = reqwest::Request::try_from(request).map_err(|_| Broken::Connect)?;
        let client = if is_local(request.url().host_str()) { &self.direct } else { &self.client };
        let first_byte = if stream { self.timeouts.first_byte_ms } else { self.timeouts.first_byte_json_ms };
        let head_by = earlier(Some(Instant::now() + Duration::from_millis(first_byte)), deadline);
        let response = within(head_by, client.execute(request)).await?.map_err(|error| triage(&error))?;
        Ok(Incoming {
            status: response.status(),
            headers: response.headers().clone(),
            body: response,
            idle: Duration::from_millis(self.timeouts.idle_ms),
            deadline,
        })
    }
}

/// Whether `host` is this machine.
fn is_local(host: Option<&str>) -> bool {
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
    })
}

impl Incoming {
    /// The next bytes of the body; none at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        let by = earlier(Some(Instant::now() + self.idle), self.deadline);
        within(by, self.body.chunk()).await?.map_err(|error| triage(&error))
    }

    /// The whole body.
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, Broken> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let mut whole = match self.chunk().await? {
            None => return Ok(first),
            Some(second) => {
                let mut whole = Vec::with_capacity(first.len() + second.len());
                whole.extend_from_slice(&first);
                whole.extend_from_slice(&second);
                whole
            }
        };
        while let Some(next) = self.chunk().await? {
            if whole.len() + next.len() > LARGEST_ANSWER {
                return Err(Broken::TooLarge);
            }
            whole.extend_from_slice(&next);
        }
        Ok(whole.into())
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Result<T, Broken> {
    match deadline {
        None => Ok(work.await),
        Some(deadline) => timeout_at(deadline, work).await.map_err(|_| Broken::Timeout),
    }
}

fn triage(error: &reqwest::Error) -> Broken {
    if error.is_timeout() {
        Broken::Timeout
    } else if error.is_connect() || error.is_builder() || tls(error) {
        Broken::Connect
    } else {
        Broken::Reset
    }
}

fn tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<rustls::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn this_machine_is_told_from_the_world() {
        for local in ["localhost", "LocalHost", "127.0.0.1", "127.8.8.8", "[::1]", "::1"] {
            assert!(is_local(Some(local)), "{local}");
        }
        for far in ["api.openai.com", "10.0.0.1", "localhost.example", "[2001:db8::1]", ""] {
            assert!(!is_local(Some(far)), "{far}");
        }
        assert!(!is_local(None));
    }
}
