//! The gateway as an object of JavaScript's.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use lockgate::clock::SystemClock;
use lockgate::error::Kind;
use lockgate::types::{ChatRequest, EmbedRequest};
use lockgate::{CacheMode, CallOptions, Error};
use napi::Result;
use napi::bindgen_prelude::{BufferSlice, Either};
use napi_derive::napi;
use parking_lot::Mutex;

use crate::answer::{Answer, Ended, Value};
use crate::desk::{Desk, Leave, Line};
use crate::host::{self, Work};
use crate::http;
use crate::settings::Settings;
use crate::stream::{Source, Stream};

/// Larger requests are read in the runtime: reading them takes longer than an event loop should stand still.
const LARGE: usize = 64 * 1024;

/// A gateway in this process.
#[napi]
pub struct Gateway {
    line: Arc<Line>,
    place: Arc<Place>,
}

/// Where it is until it is closed.
struct Place(Mutex<Option<Arc<lockgate::Gateway>>>);

impl Leave for Place {
    fn leave(&self, within: Duration) -> Option<Work<()>> {
        let gateway = self.0.lock().take()?;
        Some(Box::pin(async move {
            gateway.close(within).await;
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        host::discard(self.0.get_mut().take());
    }
}

/// What a caller says beside the request.
#[napi(object, object_to_js = false)]
pub struct Choices {
    /// A gateway key.
    pub key: Option<String>,
    /// Whom the request is for.
    pub customer: Option<String>,
    /// Words for the ledger.
    pub labels: Option<HashMap<String, String>>,
    /// `off`, `refresh` or `only`.
    pub cache: Option<String>,
    /// Milliseconds.
    pub timeout: Option<f64>,
    /// The caller's own id.
    pub request_id: Option<String>,
    /// Whether to tell why.
    pub explain: Option<bool>,
}

/// Starts a gateway. The settings are JSON objects.
#[napi]
pub fn start(
    desk: &Desk,
    ticket: u32,
    file: Option<String>,
    explicit: String,
    environment: String,
) -> Result<()> {
    let settings = Settings { file: file.map(Into::into), explicit, environment };
    let line = desk.line().clone();
    let starting = {
        let line = line.clone();
        async move {
            let gateway = lockgate::Gateway::start(settings.config()?, Arc::new(SystemClock)).await?;
            let place = Arc::new(Place(Mutex::new(Some(Arc::new(gateway)))));
            let weak: Weak<Place> = Arc::downgrade(&place);
            line.watch_gateway(weak);
            Ok(Value::Gateway(Gateway { line, place }))
        }
    };
    line.spawn(ticket, Box::pin(starting))
}

#[napi]
impl Gateway {
    /// Asks for a whole answer.
    #[napi]
    pub fn chat(&self, ticket: u32, body: String, choices: Option<Choices>) -> Result<Option<Answer>> {
        let large = body.len() > LARGE;
        self.with(ticket, large, |gateway| async move {
            let options = options(choices)?;
            let request = ChatRequest::from_slice(body.as_bytes())?;
            Value::json(&gateway.chat_with(request, options).await?)
        })
    }

    /// Asks for an answer in pieces.
    #[napi]
    pub fn chat_stream(&self, ticket: u32, body: String, choices: Option<Choices>) -> Result<Option<Answer>> {
        let large = body.len() > LARGE;
        let line = self.line.clone();
        self.with(ticket, large, |gateway| async move {
            let options = options(choices)?;
            let request = ChatRequest::from_slice(body.as_bytes())?;
            let chunks = gateway.chat_stream_with(request, options).await?;
            let report = serde_json::to_string(&chunks.report().metadata())
                .map_err(|source| Error::internal("a report cannot be written", source))?;
            Ok(Value::Stream(Stream::new(&line, Source::Chunks(chunks.fuse())), report))
        })
    }

    /// Asks for embeddings.
    #[napi]
    pub fn embed(&self, ticket: u32, body: String, choices: Option<Choices>) -> Result<Option<Answer>> {
        let large = body.len() > LARGE;
        self.with(ticket, large, |gateway| async move {
            let options = options(choices)?;
            let request = EmbedRequest::from_slice(body.as_bytes())?;
            Value::json(&gateway.embed_with(request, options).await?)
        })
    }

    /// Answers an HTTP request. Headers are name, value, name, value …
    #[napi]
    pub fn handle(
        &self,
        ticket: u32,
        method: String,
        path: String,
        headers: Vec<String>,
        body: Option<Either<String, BufferSlice<'_>>>,
    ) -> Result<Option<Answer>> {
        let body = match body {
            None => bytes::Bytes::new(),
            Some(Either::A(text)) => text.into(),
            Some(Either::B(raw)) => bytes::Bytes::copy_from_slice(&raw),
        };
        let large = body.len() > LARGE;
        let line = self.line.clone();
        self.with(ticket, large, |gateway| async move {
            let request = http::request(&method, &path, &headers, body)?;
            Ok(http::answer(&line, gateway.handle(request).await))
        })
    }

    /// The models that can be asked for; local providers are asked what they have.
    #[napi]
    pub fn models(&self, ticket: u32) -> Result<Option<Answer>> {
        self.with(ticket, false, |gateway| async move {
            gateway.discover().await;
            Value::json(&gateway.models().data)
        })
    }

    /// One step of administration, by its name.
    #[napi]
    pub fn administer(&self, ticket: u32, step: String, arguments: String) -> Result<Option<Answer>> {
        self.with(ticket, false, |gateway| async move {
            Ok(Value::Json(gateway.administer(&step, arguments.as_bytes()).await?.to_string()))
        })
    }

    /// Waits until all that has ended is in the ledger; whether it is.
    #[napi]
    pub fn flush(&self, ticket: u32, within: f64) -> Result<Option<Answer>> {
        self.with(ticket, false, move |gateway| async move {
            Ok(Value::Truth(gateway.flush(milliseconds("within", within)?).await))
        })
    }

    /// Ends the gateway; whether all is written.
    #[napi]
    pub fn close(&self, ticket: u32, within: f64) -> Result<Option<Answer>> {
        let within = match milliseconds("within", within) {
            Ok(within) => within,
            Err(error) => return Ok(Some(Answer::new(ticket, Err(error)))),
        };
        let Some(gateway) = self.place.0.lock().take() else {
            return Ok(Some(Answer::new(ticket, Ok(Value::Truth(true)))));
        };
        self.line.run(ticket, Box::pin(async move { Ok(Value::Truth(gateway.close(within).await)) }))
    }

    /// Does `work` with the gateway, if it is open.
    fn with<W>(
        &self,
        ticket: u32,
        large: bool,
        work: impl FnOnce(Arc<lockgate::Gateway>) -> W,
    ) -> Result<Option<Answer>>
    where
        W: Future<Output = Ended> + Send + 'static,
    {
        let Some(gateway) = self.place.0.lock().clone() else {
            let closed = Error::new(Kind::ShuttingDown, "The gateway is closed.");
            return Ok(Some(Answer::new(ticket, Err(closed))));
        };
        let work = Box::pin(work(gateway));
        if large { self.line.spawn(ticket, work).map(|()| None) } else { self.line.run(ticket, work) }
    }
}

fn options(choices: Option<Choices>) -> lockgate::Result<CallOptions> {
    let Some(given) = choices else { return Ok(CallOptions::default()) };
    let timeout = given.timeout.map(|limit| milliseconds("timeout", limit)).transpose()?;
    if timeout.is_some_and(|limit| limit.is_zero()) {
        return Err(Error::invalid("timeout", "0 is not a number of milliseconds above 0"));
    }
    Ok(CallOptions {
        key: given.key,
        customer: given.customer,
        labels: given.labels.unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>(),
        cache: CacheMode::parse(given.cache.as_deref().unwrap_or_default())?,
        timeout,
        request_id: given.request_id,
        explain: given.explain.unwrap_or_default(),
    })
}

fn milliseconds(name: &'static str, given: f64) -> lockgate::Result<Duration> {
    Duration::try_from_secs_f64(given / 1000.0)
        .map_err(|_| Error::invalid(name, format!("{given} is not a number of milliseconds")))
}
