//! Settings as Python gives them.

use std::path::PathBuf;

use lockgate::config::{Environment, Layers};
use lockgate::{Config, Result};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use toml::{Table, Value};

/// What a gateway is built from; kept, because a forked child builds its own.
#[derive(Clone)]
pub(crate) struct Settings {
    file: Option<PathBuf>,
    explicit: Table,
    environment: Environment,
}

impl Settings {
    /// `explicit` wins over `environment`, which wins over `file`.
    pub(crate) fn read(
        file: Option<PathBuf>,
        explicit: &Bound<'_, PyDict>,
        environment: &Bound<'_, PyDict>,
    ) -> PyResult<Settings> {
        let mut variables = Environment::empty();
        for (name, value) in environment.iter() {
            // Names and values that are not text hold no setting of ours.
            if let (Ok(name), Ok(value)) = (name.extract::<String>(), value.extract::<String>()) {
                variables = variables.with(name, value);
            }
        }
        Ok(Settings { file, explicit: table(explicit)?, environment: variables })
    }

    /// All layers as one, validated.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut layers = Layers::new().environment(self.environment.clone());
        if let Some(file) = &self.file {
            layers = layers.file(file)?;
        }
        for (key, value) in &self.explicit {
            layers = layers.set(key, value.clone());
        }
        layers.read()
    }
}

/// A dict as a table; None stands for a setting that is not given.
fn table(dict: &Bound<'_, PyDict>) -> PyResult<Table> {
    let mut table = Table::new();
    for (key, value) in dict.iter() {
        if value.is_none() {
            continue;
        }
        let key: String = key.extract().map_err(|_| {
            PyTypeError::new_err(format!("{key:?} is the name of a setting and must be a str"))
        })?;
        table.insert(key, setting(&value)?);
    }
    Ok(table)
}

fn setting(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_instance_of::<PyString>() {
        return Ok(Value::String(value.extract()?));
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Value::Boolean(flag.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Value::Integer(value.extract()?));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Value::Float(number.value()));
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return Ok(Value::Table(table(dict)?));
    }
    if value.hasattr("keys")? {
        let dict = value.py().get_type::<PyDict>().call1((value,))?;
        return Ok(Value::Table(table(dict.cast::<PyDict>()?)?));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<pyo3::types::PyTuple>() {
        let items: PyResult<Vec<Value>> = value.try_iter()?.map(|item| setting(&item?)).collect();
        return Ok(Value::Array(items?));
    }
    // Paths and decimals say themselves as text.
    let class = value.get_type().name()?.to_string();
    if value.hasattr("__fspath__")? || class == "Decimal" {
        return Ok(Value::String(value.str()?.extract()?));
    }
    Err(PyValueError::new_err(format!("a value of type {class} cannot be a setting")))
}
