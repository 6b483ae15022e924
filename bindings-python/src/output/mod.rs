//! Results as Python objects: dicts, lists, text and numbers.

mod names;
mod read;
mod write;

use pyo3::prelude::*;
use serde::Serialize;

/// `value` as the objects that its JSON would be, without the JSON.
pub(crate) fn object(py: Python<'_>, value: &impl Serialize) -> PyResult<Py<PyAny>> {
    value.serialize(write::Write::new(py)).map(Bound::unbind).map_err(write::Unwritable::into_raised)
}
