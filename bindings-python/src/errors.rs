//! The gateway's errors as Python exceptions.

use std::error::Error as _;

use lockgate::Error;
use lockgate::error::Kind;
use pyo3::exceptions::{PyRuntimeError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

/// Why work did not succeed.
pub(crate) enum Failure {
    /// The gateway says so.
    Gateway(Error),
    /// The time the caller gave for one read is over.
    ReadTimeout,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Gateway(error)
    }
}

impl Failure {
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Failure::Gateway(error) => raise(py, &error),
            Failure::ReadTimeout => PyTimeoutError::new_err("nothing came in time"),
        }
    }
}

/// The exception for `error`, its causes chained.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).unwrap_or_else(|broken| broken)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("lockgate._errors").map(Bound::unbind))?;
    let class = module.bind(py).getattr(error.kind().exception())?;
    let details = error.details();
    let more = PyDict::new(py);
    more.set_item("code", error.code())?;
    more.set_item("status", error.status())?;
    more.set_item("request_id", details.request_id.as_deref())?;
    more.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    more.set_item("provider", details.provider.as_deref())?;
    more.set_item("param", details.param.as_deref())?;
    more.set_item("attempts", details.attempts.as_deref())?;
    let raised = class.call(PyTuple::new(py, [error.message()])?, Some(&more))?;
    let raised = PyErr::from_value(raised);
    raised.set_cause(py, causes(py, error));
    Ok(raised)
}

/// The whole table: code, HTTP status and exception of every kind of error.
#[pyfunction]
pub(crate) fn kinds() -> Vec<(&'static str, u16, &'static str)> {
    Kind::ALL.iter().map(|kind| (kind.code(), kind.status(), kind.exception())).collect()
}

fn causes(py: Python<'_>, error: &Error) -> Option<PyErr> {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    texts.into_iter().rev().fold(None, |deeper, text| {
        let raised = PyRuntimeError::new_err(text);
        raised.set_cause(py, deeper);
        Some(raised)
    })
}
