//! The accept loop, and the way of one request from the socket to a provider.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::body::PlannedBody;
use crate::fault::Fault;
use crate::plan::{Answer, Content, Dialect, plan, set_header};
use crate::record::{Delivery, Log, Outcome, Recorded};
use crate::script::{Provider, Scripts};
use crate::wire::{Close, Tap, Wire};
use crate::{control, fault};

/// The largest request body read, in bytes.
const BODY_LIMIT: usize = 64 << 20;

/// The response body of every route.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) log: Log,
    pub(crate) scripts: Scripts,
    pub(crate) vendors: Vec<(Provider, Box<dyn Vendor>)>,
    pub(crate) latency: Duration,
    pub(crate) token_latency: Duration,
}

impl Shared {
    /// Forgets faults, records and what was changed.
    pub(crate) fn reset(&self) {
        self.scripts.clear();
        self.log.clear();
        self.vendors.iter().for_each(|(_, vendor)| vendor.reset());
    }

    /// Puts `models` in place of what is pulled; false for a vendor where nothing is.
    pub(crate) fn pull(&self, provider: Provider, models: &[String]) -> bool {
        self.vendors.iter().any(|(of, vendor)| *of == provider && vendor.pull(models))
    }
}

/// One request as it arrived.
pub(crate) struct Arrived {
    /// The record's number, for ids that differ from one answer to the next.
    pub(crate) id: u64,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A vendor: its answers, and its way to say that something is wrong.
pub(crate) trait Vendor: Dialect + Send + Sync {
    /// The answer to a request; `faults` may tell it what to say.
    fn answer(&self, arrived: &Arrived, faults: &[&Fault]) -> Answer;

    /// The answer for a scripted status.
    fn status(&self, arrived: &Arrived, fault: &fault::StatusFault) -> Answer;

    /// Puts these in place of the models that are pulled; false where none are.
    fn pull(&self, models: &[String]) -> bool {
        let _ = models;
        false
    }

    /// Forgets what was changed since the start.
    fn reset(&self) {}
}

/// Accepts connections until `stop` says so; dropping the tasks closes what is open.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            stream = next(&listener) => {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    connections.shutdown().await;
}

/// The next connection. An error is one connection reset in the queue, or no file descriptor left: a pause keeps the
/// latter from spinning.
async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Small writes must leave at once: a simulator that stalls 40 ms would be measured as the gateway's fault.
    let _ = stream.set_nodelay(true);
    let wire = Arc::new(Wire::default());
    let io = TokioIo::new(Tap::new(stream, Arc::clone(&wire)));
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        let wire = Arc::clone(&wire);
        async move { Ok::<_, Infallible>(route(request, &shared, wire).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // A connection that ends in an error is a client that left; the records say so.
        _ = builder.serve_connection(io, service) => {}
        () = wire.closing() => {}
    }
}

async fn route(request: Request<Incoming>, shared: &Shared, wire: Arc<Wire>) -> Response<Outgoing> {
    let path = request.uri().path().to_owned();
    if let Some(rest) = below(&path, "control") {
        return control::answer(request, rest, shared).await;
    }
    for (provider, vendor) in &shared.vendors {
        if let Some(rest) = below(&path, provider.name()) {
            return provide(*provider, vendor.as_ref(), rest.to_owned(), request, shared, wire).await;
        }
    }
    let known: Vec<_> = Provider::ALL.iter().map(|provider| format!("/{provider}")).collect();
    let message = format!("no such path `{path}`, expected one below /control, {}", known.join(", "));
    control::json(StatusCode::NOT_FOUND, &serde_json::json!({"error": {"message": message, "field": "path"}}))
}

/// The rest of `path` below its first segment `name`.
fn below<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(name)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

async fn provide(
    provider: Provider,
    vendor: &dyn Vendor,
    path: String,
    request: Request<Incoming>,
    shared: &Shared,
    wire: Arc<Wire>,
) -> Response<Outgoing> {
    let (parts, incoming) = request.into_parts();
    let collected = Limited::new(incoming, BODY_LIMIT).collect().await.map(|body| body.to_bytes());
    let body = collected.as_ref().cloned().unwrap_or_default();
    let delivery =
        shared.log.open(recorded(provider, &path, &parts.method, &parts.uri, &parts.headers, &body));
    if collected.is_err() {
        // The client left while sending, or sent more than any vendor takes; the drop of the delivery records it.
        return control::json(StatusCode::PAYLOAD_TOO_LARGE, &Value::Null);
    }
    let snapshot = delivery.entry().snapshot();
    let arrived = Arrived {
        id: snapshot.id,
        method: parts.method,
        path,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
    };
    let scripted = shared.scripts.take(provider, &arrived.path, snapshot.model());
    if let Some(scripted) = &scripted {
        delivery.entry().faulted(serde_json::to_value(scripted).unwrap_or_default());
    }
    let faults: Vec<&Fault> = scripted.iter().flat_map(|scripted| scripted.all()).collect();
    answer(shared, vendor, &arrived, &faults, delivery, wire).await
}

async fn answer(
    shared: &Shared,
    vendor: &dyn Vendor,
    arrived: &Arrived,
    faults: &[&Fault],
    mut delivery: Delivery,
    wire: Arc<Wire>,
) -> Response<Outgoing> {
    let status =
        faults.iter().find_map(|fault| if let Fault::Status(status) = fault { Some(status) } else { None });
    let answer =
        status.map_or_else(|| vendor.answer(arrived, faults), |status| vendor.status(arrived, status));
    let usage = answer.usage.clone();
    let pace =
        if matches!(answer.content, Content::Stream(_)) { shared.token_latency } else { Duration::ZERO };
    let plan = plan(answer, faults, vendor, pace);
    let broken = faults.iter().any(|fault| fault.breaks_the_answer());
    let planned = if broken { Outcome::Faulted } else { Outcome::Completed };

    let wait = shared.latency + plan.opening.wait;
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    if plan.opening.hang {
        return std::future::pending().await;
    }
    if plan.opening.reset {
        delivery.entry().finish(Outcome::Faulted);
        delivery.end();
        wire.close_now(Close::Reset);
        return std::future::pending().await;
    }
    delivery.entry().answering(plan.status.as_u16(), usage, planned);
    let mut response = Response::new(PlannedBody::new(plan.steps, delivery, wire).boxed_unsync());
    *response.status_mut() = plan.status;
    *response.headers_mut() = plan.headers;
    if let Some(length) = plan.length {
        set_header(response.headers_mut(), header::CONTENT_LENGTH.as_str(), &length.to_string());
    }
    response
}

fn recorded(
    provider: Provider,
    path: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Recorded {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        names
            .entry(name.as_str().to_owned())
            .and_modify(|known| {
                known.push_str(", ");
                known.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
    };
    Recorded {
        id: 0,
        provider,
        method: method.to_string(),
        path: path.to_owned(),
        query: uri.query().map(str::to_owned),
        headers: names,
        body,
        at_ms: 0,
        ended_at_ms: None,
        outcome: Outcome::Open,
        status: None,
        fault: None,
        bytes_sent: 0,
        events_sent: 0,
        usage: None,
        usage_sent: None,
    }
}

/// A response whose body is at hand.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Outgoing {
    Full::new(bytes.into()).boxed_unsync()
}
