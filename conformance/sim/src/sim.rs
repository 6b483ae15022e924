//! The running simulator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::record::{Delivered, Log, Recorded, all_settled};
use crate::script::{Provider, Scripted, Scripts};
use crate::server::{Shared, accept};

/// How a simulator is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Allows an address other than loopback. The simulator has no secrets, but its control protocol has no lock.
    pub allow_remote: bool,
    /// Wait before the headers of every answer.
    pub latency: Duration,
    /// Wait before every event of a stream.
    pub token_latency: Duration,
    /// A fixed Unix time in seconds for `created` fields; the wall clock when absent.
    pub created: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            latency: Duration::ZERO,
            token_latency: Duration::ZERO,
            created: None,
        }
    }
}

/// A simulator in this process; it stops when dropped.
pub struct Sim {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Sim {
    /// Listens and serves on the current tokio runtime.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not loopback without `allow_remote`, else what binding says.
    pub async fn start(options: Options) -> io::Result<Self> {
        if !options.listen.ip().is_loopback() && !options.allow_remote {
            let message =
                format!("listen is {}, expected a loopback address unless remote is allowed", options.listen);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let clock = Clock::new(options.created);
        let shared = Arc::new(Shared {
            log: Log::new(),
            scripts: Scripts::default(),
            vendors: Provider::ALL
                .iter()
                .map(|provider| (*provider, (provider.row().start)(clock)))
                .collect(),
            latency: options.latency,
            token_latency: options.token_latency,
        });
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { shared, address, stop, server: Some(server) })
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Base URL of the control protocol, without a trailing slash.
    pub fn control_url(&self) -> String {
        format!("http://{}/control", self.address)
    }

    /// What one would set as `OPENAI_BASE_URL`: ends in `/v1`.
    pub fn openai_base_url(&self) -> String {
        self.base_url(Provider::OpenAi)
    }

    /// What one would set as the provider's base URL in its own SDK.
    pub fn base_url(&self, provider: Provider) -> String {
        format!("http://{}/{provider}{}", self.address, provider.row().base)
    }

    /// Scripts one more fault for the provider, behind those already waiting.
    pub fn fault(&self, provider: Provider, fault: impl Into<Scripted>) {
        self.shared.scripts.push(provider, fault.into());
    }

    /// Scripts several faults, in order.
    pub fn faults<F: Into<Scripted>>(&self, provider: Provider, faults: impl IntoIterator<Item = F>) {
        for fault in faults {
            self.fault(provider, fault);
        }
    }

    /// The faults no request has met yet, in order.
    pub fn waiting_faults(&self) -> Vec<(Provider, Scripted)> {
        self.shared.scripts.waiting()
    }

    /// Everything that arrived since start or the last reset, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.log.snapshot()
    }

    /// What clients received, in order of arrival, for comparison with a ledger.
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.requests().iter().map(Recorded::delivered).collect()
    }

    /// Waits until no request is still being answered, and returns them all.
    pub async fn settled(&self) -> Vec<Recorded> {
        self.wait_until(all_settled).await
    }

    /// Waits until the records satisfy `ready`, and returns them. Has no deadline of its own.
    pub async fn wait_until(&self, ready: impl Fn(&[Recorded]) -> bool) -> Vec<Recorded> {
        self.shared.log.wait_until(ready).await
    }

    /// Puts these in place of the models that are pulled; without a tag a name gets the default one.
    /// A provider whose models are not pulled stays as it is.
    pub fn pull<N: Into<String>>(&self, provider: Provider, models: impl IntoIterator<Item = N>) {
        let models: Vec<String> = models.into_iter().map(Into::into).collect();
        self.shared.pull(provider, &models);
    }

    /// Forgets waiting faults and records, and what is pulled is again what was at the start. Requests under way end
    /// unrecorded.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops listening and closes every connection; returns when that is done.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            // It ends by itself; a panic in it has nothing left to break.
            let _ = server.await;
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}
