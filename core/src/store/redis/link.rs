//! The connection: one for all callers, a deadline on every call, and a new one where it broke.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lockgate_lua::Scripts;
use parking_lot::Mutex;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::time::Instant;

use super::RedisAddress;
use super::command::Command;
use super::failure::{away, failed, late};
use crate::error::Result;

/// After so many calls in a row without an answer in time the connection is given up.
const MOST_LATE: u32 = 3;
/// First pause after a connection could not be made, or was given up.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What was sent, and what went wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedisCounts {
    /// Scripts called.
    pub calls: u64,
    /// Scripts sent again in full, because the store did not know them.
    pub unknown_scripts: u64,
    /// Calls sent again because the connection broke before their answer came.
    pub resent: u64,
    /// Calls whose answer did not come in time.
    pub late: u64,
    /// Connections made.
    pub connections: u64,
    /// Bodies of large answers read or written by a command of their own.
    pub bodies: u64,
    /// Admissions asked again because the store's day had turned.
    pub turned: u64,
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) calls: AtomicU64,
    pub(super) unknown_scripts: AtomicU64,
    pub(super) resent: AtomicU64,
    pub(super) late: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) bodies: AtomicU64,
    pub(super) turned: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    fn read(&self) -> RedisCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RedisCounts {
            calls: of(&self.calls),
            unknown_scripts: of(&self.unknown_scripts),
            resent: of(&self.resent),
            late: of(&self.late),
            connections: of(&self.connections),
            bodies: of(&self.bodies),
            turned: of(&self.turned),
        }
    }
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let value = match self {
            Connection::Single(connection) => connection.send_packed_command(command).await?,
            Connection::Cluster(connection) => connection.req_packed_command(command).await?,
        };
        match value {
            Value::ServerError(error) => Err(error.into()),
            value => Ok(value),
        }
    }
}

struct State {
    connection: Option<Connection>,
    /// The number of the connection, so that only who used it gives it up.
    number: u64,
    /// Calls in a row without an answer in time.
    late: u32,
    pause: Duration,
    /// Until then nobody tries to connect.
    not_before: Option<Instant>,
}

pub(super) struct Link {
    address: RedisAddress,
    timeout: Duration,
    scripts: &'static Scripts,
    state: Mutex<State>,
    /// One connects, the others wait for it.
    connecting: tokio::sync::Mutex<()>,
    pub(super) tally: Tally,
}

impl Link {
    pub(super) fn new(address: RedisAddress, timeout: Duration, scripts: &'static Scripts) -> Link {
        let state = State { connection: None, number: 0, late: 0, pause: FIRST_PAUSE, not_before: None };
        Link {
            address,
            timeout,
            scripts,
            state: Mutex::new(state),
            connecting: tokio::sync::Mutex::default(),
            tally: Tally::default(),
        }
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    pub(super) fn counts(&self) -> RedisCounts {
        self.tally.read()
    }

    /// Calls a script. A call whose connection broke is sent once more: each script can be repeated.
    pub(super) async fn call(&self, command: &Command) -> Result<Value> {
        count(&self.tally.calls);
        self.in_time(async {
            match self.send(command.by_hash()).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    count(&self.tally.unknown_scripts);
                    let known = self.send(&command.by_text()).await;
                    self.preload_others();
                    known
                }
                other => other,
            }
        })
        .await
    }

    /// Sends a plain command.
    pub(super) async fn plain(&self, command: &Cmd) -> Result<Value> {
        self.in_time(self.send(command)).await
    }

    async fn in_time(&self, work: impl Future<Output = Result<Value, RedisError>>) -> Result<Value> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(value)) => {
                self.state.lock().late = 0;
                Ok(value)
            }
            Ok(Err(error)) if error.kind() == ErrorKind::ClusterConnectionNotFound => {
                Err(away().caused_by(error))
            }
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => {
                count(&self.tally.late);
                self.was_late();
                Err(late())
            }
        }
    }

    async fn send(&self, command: &Cmd) -> Result<Value, RedisError> {
        let (number, mut connection) = self.connection().await?;
        let sent = connection.send(command).await;
        match sent {
            Err(error) if is_broken(&error) => {
                self.give_up(number, false);
                count(&self.tally.resent);
                let (number, mut connection) = self.connection().await?;
                let again = connection.send(command).await;
                if again.as_ref().is_err_and(is_broken) {
                    self.give_up(number, true);
                }
                again
            }
            other => other,
        }
    }

    async fn connection(&self) -> Result<(u64, Connection), RedisError> {
        if let Some(known) = self.known()? {
            return Ok(known);
        }
        let _turn = self.connecting.lock().await;
        if let Some(known) = self.known()? {
            return Ok(known);
        }
        let made = tokio::time::timeout(self.timeout, self.connect()).await;
        let made = made.unwrap_or_else(|_| Err(unreachable()));
        let mut state = self.state.lock();
        match made {
            Ok(connection) => {
                count(&self.tally.connections);
                state.number += 1;
                state.late = 0;
                state.pause = FIRST_PAUSE;
                state.not_before = None;
                state.connection = Some(connection.clone());
                Ok((state.number, connection))
            }
            Err(error) => {
                tracing::warn!(address = %self.address, %error, "no connection to Redis");
                pause(&mut state);
                Err(error)
            }
        }
    }

    /// The connection there is; an error while none is to be made.
    fn known(&self) -> Result<Option<(u64, Connection)>, RedisError> {
        let state = self.state.lock();
        if let Some(connection) = &state.connection {
            return Ok(Some((state.number, connection.clone())));
        }
        match state.not_before {
            Some(at) if Instant::now() < at => Err(unreachable()),
            _ => Ok(None),
        }
    }

    fn give_up(&self, number: u64, pausing: bool) {
        let mut state = self.state.lock();
        if state.number == number && state.connection.take().is_some() {
            state.late = 0;
            if pausing {
                pause(&mut state);
            }
        }
    }

    /// A slow store is worse than one that is gone: after some calls in vain the others fail at once for a while.
    fn was_late(&self) {
        let mut state = self.state.lock();
        state.late += 1;
        if state.late >= MOST_LATE || state.connection.is_none() {
            state.late = 0;
            state.connection = None;
            pause(&mut state);
        }
    }

    async fn connect(&self) -> Result<Connection, RedisError> {
        if self.address.is_encrypted() {
            // The process may have one already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let nodes = self.address.nodes();
        if self.address.is_cluster() {
            return self.connect_cluster(nodes).await;
        }
        let node = nodes.first().map(String::as_str).unwrap_or_default();
        let settings = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = Client::open(node)?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
        if is_cluster(&mut connection).await {
            return self.connect_cluster(nodes).await;
        }
        let mut connection = Connection::Single(connection);
        preload(self.scripts, &mut connection).await;
        Ok(connection)
    }

    async fn connect_cluster(&self, nodes: &[String]) -> Result<Connection, RedisError> {
        let client = ClusterClient::builder(nodes.iter().map(String::as_str))
            .connection_timeout(self.timeout)
            .response_timeout(self.timeout)
            .build()?;
        let mut connection = Connection::Cluster(client.get_async_connection().await?);
        preload(self.scripts, &mut connection).await;
        Ok(connection)
    }

    /// A store that has forgotten one script has forgotten all.
    fn preload_others(&self) {
        let connection = self.state.lock().connection.clone();
        let scripts = self.scripts;
        if let Some(mut connection) = connection {
            tokio::spawn(async move { preload(scripts, &mut connection).await });
        }
    }
}

/// Loads the scripts. Where that fails, the first call of each brings it along.
async fn preload(scripts: &'static Scripts, connection: &mut Connection) {
    for script in scripts.all() {
        if let Err(error) = connection.send(redis::cmd("SCRIPT").arg("LOAD").arg(script.text)).await {
            tracing::debug!(%error, script = script.name, "a script was not loaded in advance");
            return;
        }
    }
}

async fn is_cluster(connection: &mut MultiplexedConnection) -> bool {
    let told = connection.send_packed_command(redis::cmd("INFO").arg("cluster")).await;
    let told = told.and_then(|value| Ok(redis::from_redis_value::<String>(value)?));
    told.is_ok_and(|info| info.lines().any(|line| line.trim() == "cluster_enabled:1"))
}

fn pause(state: &mut State) {
    state.not_before = Some(Instant::now() + state.pause);
    state.pause = (state.pause * 2).min(LONGEST_PAUSE);
}

fn is_broken(error: &RedisError) -> bool {
    // Also one to a server that is no longer the one to write to.
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || error.is_unrecoverable_error()
        || error.is_connection_dropped()
        || error.is_io_error()
}

fn unreachable() -> RedisError {
    RedisError::from((ErrorKind::ClusterConnectionNotFound, "no connection to Redis"))
}
