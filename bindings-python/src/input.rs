//! Python objects as JSON text, in one pass.

use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple, PyType,
};

/// Deeper than this nothing sensible is.
const DEEPEST: usize = 128;

/// `value` as JSON: dicts, lists, tuples, other mappings and iterables, text, numbers, and whatever has a
/// `model_dump` (pydantic's, so the SDKs' own types) or a `to_dict` (ours).
pub(crate) fn to_json(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    write(value, &mut out, 0)?;
    Ok(out)
}

fn write(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> PyResult<()> {
    if depth > DEEPEST {
        return Err(PyRecursionError::new_err("the request is nested too deeply, or contains itself"));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return write_text(text, out);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return write_dict(dict, out, depth);
    }
    if let Ok(list) = value.cast::<PyList>() {
        return write_list(list.iter(), out, depth);
    }
    if value.is_none() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
        return Ok(());
    }
    if value.is_instance_of::<PyInt>() {
        return write_int(value, out);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return write_float(number.value(), out);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return write_list(tuple.iter(), out, depth);
    }
    write_other(value, out, depth)
}

fn write_text(text: &Bound<'_, PyString>, out: &mut Vec<u8>) -> PyResult<()> {
    let text = text.to_cow()?;
    serde_json::to_writer(out, text.as_ref()).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn write_int(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<()> {
    match value.extract::<i64>() {
        Ok(small) => out.extend_from_slice(small.to_string().as_bytes()),
        // As int, since a subclass may print itself otherwise.
        Err(_) => {
            let plain = value.py().get_type::<PyInt>().call1((value,))?;
            out.extend_from_slice(plain.str()?.to_cow()?.as_bytes());
        }
    }
    Ok(())
}

fn write_float(number: f64, out: &mut Vec<u8>) -> PyResult<()> {
    if !number.is_finite() {
        return Err(PyValueError::new_err(format!("{number} is not a number that JSON can carry")));
    }
    serde_json::to_writer(out, &number).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn write_dict(dict: &Bound<'_, PyDict>, out: &mut Vec<u8>, depth: usize) -> PyResult<()> {
    out.push(b'{');
    let mut first = true;
    for (key, value) in dict.iter() {
        if is_left_out(&value) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let key = key.cast::<PyString>().map_err(|_| {
            PyTypeError::new_err(format!("{key:?} is a key of a JSON object and must be a str"))
        })?;
        write_text(key, out)?;
        out.push(b':');
        write(&value, out, depth + 1)?;
    }
    out.push(b'}');
    Ok(())
}

/// The OpenAI SDK's marks for "not given".
fn is_left_out(value: &Bound<'_, PyAny>) -> bool {
    // Almost every value is one of these, and no mark is.
    if value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyDict>()
        || value.is_instance_of::<PyList>()
    {
        return false;
    }
    let class = value.get_type();
    let is = |text: PyResult<Bound<'_, PyString>>, known: &[&str]| {
        text.is_ok_and(|text| text.to_cow().is_ok_and(|text| known.contains(&text.as_ref())))
    };
    is(class.name(), &["NotGiven", "Omit"]) && is(class.module(), &["openai", "openai._types"])
}

fn write_list<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut Vec<u8>,
    depth: usize,
) -> PyResult<()> {
    out.push(b'[');
    for (number, item) in items.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(&item, out, depth + 1)?;
    }
    out.push(b']');
    Ok(())
}

fn write_other(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> PyResult<()> {
    let py = value.py();
    let refused = || {
        let class = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!("a value of type {class} cannot be part of a request"))
    };
    // A class has these methods too, but no values; a set has no order, and the order counts.
    if value.is_instance_of::<PyType>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PySet>()
        || value.is_instance_of::<PyFrozenSet>()
    {
        return Err(refused());
    }
    if value.hasattr("model_dump")? {
        let how = PyDict::new(py);
        how.set_item("mode", "json")?;
        how.set_item("exclude_unset", true)?;
        how.set_item("by_alias", true)?;
        return write(&value.call_method("model_dump", (), Some(&how))?, out, depth + 1);
    }
    if value.hasattr("to_dict")? {
        return write(&value.call_method0("to_dict")?, out, depth + 1);
    }
    if value.hasattr("keys")? {
        let dict = py.get_type::<PyDict>().call1((value,))?;
        return write(&dict, out, depth + 1);
    }
    match value.try_iter() {
        Ok(items) => {
            let items: Vec<Bound<'_, PyAny>> = items.collect::<PyResult<_>>()?;
            write_list(items.into_iter(), out, depth)
        }
        Err(_) => Err(refused()),
    }
}
