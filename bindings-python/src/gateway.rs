//! The gateway as a Python object.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lockgate::clock::SystemClock;
use lockgate::types::{ChatRequest, EmbedRequest};
use lockgate::{CacheMode, CallOptions, Error};
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tokio::runtime::Handle;

use crate::errors::raise;
use crate::home::Home;
use crate::host::{self, Work};
use crate::inheritance::{self, Disk};
use crate::pending::{Ended, Finish, run};
use crate::settings::Settings;
use crate::stream::{Source, Stream};
use crate::{http, input, output};

/// A gateway in this process, and what it takes to build it again in a forked child.
#[pyclass(frozen, weakref, module = "lockgate._native")]
pub(crate) struct Gateway {
    settings: Settings,
    state: Mutex<State>,
}

enum State {
    Open(Home<Open>),
    /// Its files were closed for a fork; the next call opens them again.
    Resting,
    Closed,
}

struct Open {
    gateway: Arc<lockgate::Gateway>,
    runtime: Handle,
    disk: Disk,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let State::Open(home) = self.state.get_mut()
            && let Some(open) = home.take()
        {
            // What it leaves to do needs to know where.
            let runtime = open.runtime.clone();
            let _runtime = runtime.enter();
            drop(open);
        }
    }
}

/// What a caller says beside the request: key, customer, labels, cache, timeout in seconds, request id, explain.
type Options = (
    Option<String>,
    Option<String>,
    Option<std::collections::BTreeMap<String, String>>,
    Option<String>,
    Option<f64>,
    Option<String>,
    bool,
);

#[pymethods]
impl Gateway {
    #[new]
    fn new(
        py: Python<'_>,
        file: Option<PathBuf>,
        explicit: &Bound<'_, PyDict>,
        environment: &Bound<'_, PyDict>,
    ) -> PyResult<Gateway> {
        let settings = Settings::read(file, explicit, environment)?;
        let open = build(py, &settings)?;
        Ok(Gateway { settings, state: Mutex::new(State::Open(Home::new(open))) })
    }

    /// Asks for an answer: JSON objects, or a stream and its report.
    fn chat(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        options: Options,
        block: bool,
    ) -> PyResult<Py<PyAny>> {
        let body = input::to_json(request)?;
        let options = call_options(options).map_err(|error| raise(py, &error))?;
        let gateway = self.gateway(py)?;
        run(py, Box::pin(chat(gateway, body, options)), None, block)
    }

    /// Asks for embeddings.
    fn embed(
        &self,
        py: Python<'_>,
        request: &Bound<'_, PyAny>,
        options: Options,
        block: bool,
    ) -> PyResult<Py<PyAny>> {
        let body = input::to_json(request)?;
        let options = call_options(options).map_err(|error| raise(py, &error))?;
        let gateway = self.gateway(py)?;
        run(py, Box::pin(embed(gateway, body, options)), None, block)
    }

    /// Answers an HTTP request: status, headers, and bytes or a stream of them.
    #[allow(clippy::too_many_arguments, reason = "an HTTP request has these parts")]
    fn handle(
        &self,
        py: Python<'_>,
        method: &str,
        path: &str,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        body: &Bound<'_, PyBytes>,
        timeout: Option<f64>,
        block: bool,
    ) -> PyResult<Py<PyAny>> {
        let request = http::request(method, path, headers, body.as_bytes())?;
        let limit = seconds(timeout)?;
        let gateway = self.gateway(py)?;
        run(py, http::handle(gateway, request), limit, block)
    }

    /// The models that can be asked for; local providers are asked what they have.
    fn models(&self, py: Python<'_>, block: bool) -> PyResult<Py<PyAny>> {
        let gateway = self.gateway(py)?;
        run(py, Box::pin(models(gateway)), None, block)
    }

    /// One step of administration, by its name.
    fn administer(
        &self,
        py: Python<'_>,
        step: &str,
        arguments: &Bound<'_, PyAny>,
        block: bool,
    ) -> PyResult<Py<PyAny>> {
        let arguments = input::to_json(arguments)?;
        let gateway = self.gateway(py)?;
        run(py, Box::pin(administer(gateway, step.to_owned(), arguments)), None, block)
    }

    /// Waits until all that has ended is in the ledger; whether it is.
    fn flush(&self, py: Python<'_>, within: f64, block: bool) -> PyResult<Py<PyAny>> {
        let within = seconds(Some(within))?.unwrap_or_default();
        let gateway = self.gateway(py)?;
        run(py, Box::pin(async move { Ok(truth(gateway.flush(within).await)) }), None, block)
    }

    /// Ends the gateway; whether all is written.
    fn close(&self, py: Python<'_>, within: f64, block: bool) -> PyResult<Py<PyAny>> {
        let within = seconds(Some(within))?.unwrap_or_default();
        let open = match std::mem::replace(&mut *self.state.lock(), State::Closed) {
            State::Open(mut open) => open.take(),
            State::Resting | State::Closed => None,
        };
        let closing: Work<Ended> = Box::pin(async move {
            let Some(open) = open else { return Ok(truth(true)) };
            Ok(truth(open.gateway.close(within).await))
        });
        run(py, closing, None, block)
    }

    /// A fork is near: closes the files of a shared store if nothing uses them. They must not be open on both sides.
    fn rest(&self, py: Python<'_>) -> PyResult<()> {
        let open = {
            let mut state = self.state.lock();
            match &mut *state {
                State::Open(home)
                    if home.get().is_some_and(|open| {
                        matches!(open.disk, Disk::Shared(_)) && Arc::strong_count(&open.gateway) == 1
                    }) =>
                {
                    let open = home.take();
                    *state = State::Resting;
                    open
                }
                _ => None,
            }
        };
        if let Some(open) = open {
            let file = inheritance::path(open.gateway.config()).and_then(|path| path.file_name());
            let file = file.and_then(|name| name.to_str()).map(str::to_owned);
            let work: Work<()> = Box::pin(async move {
                open.gateway.close(REST).await;
                drop(open);
                let begun = tokio::time::Instant::now();
                // SQLite's connections are closed by threads of their own, a little later.
                while file.as_deref().is_some_and(inheritance::is_open) && begun.elapsed() < REST {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
            host::wait(py, work)?;
        }
        Ok(())
    }

    /// This is a forked child: remembers what the parent left open.
    fn inherit(&self) {
        if let State::Open(home) = &*self.state.lock()
            && !home.is_home()
            && let Some(open) = home.peek()
        {
            open.disk.inherit(home.process());
        }
    }
}

/// Before a fork, what is on the way to disk gets so long.
const REST: Duration = Duration::from_secs(5);

impl Gateway {
    /// The gateway of this process.
    fn gateway(&self, py: Python<'_>) -> PyResult<Arc<lockgate::Gateway>> {
        let refused = match &*self.state.lock() {
            State::Open(home) => match home.get() {
                Some(open) => return Ok(open.gateway.clone()),
                None => home.peek().and_then(|open| open.disk.refusal(home.process())),
            },
            State::Resting => None,
            State::Closed => Some(Error::new(lockgate::error::Kind::ShuttingDown, "The gateway is closed.")),
        };
        if let Some(error) = refused {
            return Err(raise(py, &error));
        }
        let open = build(py, &self.settings)?;
        let mut state = self.state.lock();
        if let State::Open(home) = &*state
            && let Some(other) = home.get()
        {
            // Another thread was quicker.
            return Ok(other.gateway.clone());
        }
        let gateway = open.gateway.clone();
        *state = State::Open(Home::new(open));
        Ok(gateway)
    }
}

fn build(py: Python<'_>, settings: &Settings) -> PyResult<Open> {
    let runtime = host::runtime(py)?;
    let config = settings.config().and_then(|config| inheritance::check(&config).map(|()| config));
    let config = config.map_err(|error| raise(py, &error))?;
    let starting: Work<lockgate::Result<lockgate::Gateway>> =
        Box::pin(lockgate::Gateway::start(config, Arc::new(SystemClock)));
    let gateway = host::wait(py, starting)?.map_err(|error| raise(py, &error))?;
    let disk = Disk::of(gateway.config());
    Ok(Open { gateway: Arc::new(gateway), runtime, disk })
}

async fn chat(gateway: Arc<lockgate::Gateway>, body: Vec<u8>, options: CallOptions) -> Ended {
    let request = ChatRequest::from_slice(&body)?;
    if request.is_stream() {
        let stream = gateway.chat_stream_with(request, options).await?;
        let report = stream.report().metadata();
        let finish: Finish = Box::new(move |py| {
            let stream = Stream::new(Source::Chunks(stream.fuse()), gateway);
            let report = output::object(py, &report)?;
            Ok((Py::new(py, stream)?, report).into_pyobject(py)?.into_any().unbind())
        });
        return Ok(finish);
    }
    let response = gateway.chat_with(request, options).await?;
    Ok(Box::new(move |py| output::object(py, &response)))
}

async fn embed(gateway: Arc<lockgate::Gateway>, body: Vec<u8>, options: CallOptions) -> Ended {
    let response = gateway.embed_with(EmbedRequest::from_slice(&body)?, options).await?;
    Ok(Box::new(move |py| output::object(py, &response)))
}

async fn models(gateway: Arc<lockgate::Gateway>) -> Ended {
    gateway.discover().await;
    let models = gateway.models().data;
    Ok(Box::new(move |py| output::object(py, &models)))
}

async fn administer(gateway: Arc<lockgate::Gateway>, step: String, arguments: Vec<u8>) -> Ended {
    let value = gateway.administer(&step, &arguments).await?;
    Ok(Box::new(move |py| output::object(py, &value)))
}

fn truth(value: bool) -> Finish {
    Box::new(move |py| Ok(value.into_pyobject(py)?.to_owned().into_any().unbind()))
}

fn call_options(
    (key, customer, labels, cache, timeout, request_id, explain): Options,
) -> lockgate::Result<CallOptions> {
    let timeout = timeout
        .map(|given| {
            Duration::try_from_secs_f64(given).ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
                Error::invalid("timeout", format!("{given} is not a number of seconds above 0"))
            })
        })
        .transpose()?;
    Ok(CallOptions {
        key,
        customer,
        labels: labels.unwrap_or_default(),
        cache: CacheMode::parse(cache.as_deref().unwrap_or_default())?,
        timeout,
        request_id,
        explain,
    })
}

/// A time limit in seconds.
pub(crate) fn seconds(given: Option<f64>) -> PyResult<Option<Duration>> {
    given
        .map(|given| {
            Duration::try_from_secs_f64(given)
                .map_err(|_| PyValueError::new_err(format!("{given} is not a number of seconds")))
        })
        .transpose()
}
