//! Typed reading of parameters, with the vendor's wording when the type is wrong.

use serde_json::{Map, Value};

use crate::openai::error::{ApiError, invalid, missing};

/// A JSON object with its place in the request, such as `messages[0]`.
#[derive(Clone, Copy)]
pub(crate) struct Params<'a, 'p> {
    fields: &'a Map<String, Value>,
    place: &'p str,
}

impl<'a, 'p> Params<'a, 'p> {
    pub(crate) fn new(fields: &'a Map<String, Value>, place: &'p str) -> Self {
        Self { fields, place }
    }

    /// The full name of a field.
    pub(crate) fn name(&self, field: &str) -> String {
        if self.place.is_empty() { field.to_owned() } else { format!("{}.{field}", self.place) }
    }

    /// A field that is present and not null.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong_type(&self.name(field), expected, value))
    }

    pub(crate) fn bool(&self, field: &str) -> Result<Option<bool>, ApiError> {
        self.typed(field, "a boolean", Value::as_bool)
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(field, "a string", Value::as_str)
    }

    pub(crate) fn required_text(&self, field: &str) -> Result<&'a str, ApiError> {
        self.text(field)?.ok_or_else(|| missing(&self.name(field)))
    }

    pub(crate) fn array(&self, field: &str, expected: &str) -> Result<Option<&'a Vec<Value>>, ApiError> {
        self.typed(field, expected, Value::as_array)
    }

    pub(crate) fn object(&self, field: &str) -> Result<Option<&'a Map<String, Value>>, ApiError> {
        self.typed(field, "an object", Value::as_object)
    }

    pub(crate) fn required_object(&self, field: &str) -> Result<&'a Map<String, Value>, ApiError> {
        self.object(field)?.ok_or_else(|| missing(&self.name(field)))
    }

    /// An integer from `least` to `most`.
    pub(crate) fn integer(&self, field: &str, least: i64, most: i64) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.typed(field, "an integer", Value::as_i64)? else { return Ok(None) };
        let name = self.name(field);
        if value < least {
            let message = format!(
                "Invalid '{name}': integer below minimum value. Expected a value >= {least}, but got {value} instead."
            );
            return Err(invalid(&name, "integer_below_min_value", message));
        }
        if value > most {
            let message = format!(
                "Invalid '{name}': integer above maximum value. Expected a value <= {most}, but got {value} instead."
            );
            return Err(invalid(&name, "integer_above_max_value", message));
        }
        Ok(u64::try_from(value).ok())
    }

    /// A number from `least` to `most`.
    pub(crate) fn decimal(&self, field: &str, least: f64, most: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.typed(field, "a decimal", Value::as_f64)? else { return Ok(None) };
        let name = self.name(field);
        if value < least {
            let message = format!(
                "Invalid '{name}': decimal below minimum value. Expected a value >= {least}, but got {value} instead."
            );
            return Err(invalid(&name, "decimal_below_min_value", message));
        }
        if value > most {
            let message = format!(
                "Invalid '{name}': decimal above maximum value. Expected a value <= {most}, but got {value} instead."
            );
            return Err(invalid(&name, "decimal_above_max_value", message));
        }
        Ok(Some(value))
    }

    /// One of a closed list of words.
    pub(crate) fn choice(&self, field: &str, allowed: &[&str]) -> Result<Option<&'a str>, ApiError> {
        let Some(value) = self.text(field)? else { return Ok(None) };
        if allowed.contains(&value) {
            return Ok(Some(value));
        }
        Err(not_supported(&self.name(field), value, allowed))
    }
}

/// The vendor's 400 for a word outside a closed list.
pub(crate) fn not_supported(name: &str, value: &str, allowed: &[&str]) -> ApiError {
    let quoted: Vec<_> = allowed.iter().map(|word| format!("'{word}'")).collect();
    let list = match quoted.split_last() {
        Some((last, [first])) => format!("{first} and {last}"),
        Some((last, firsts)) if !firsts.is_empty() => format!("{}, and {last}", firsts.join(", ")),
        _ => quoted.concat(),
    };
    invalid(name, "invalid_value", format!("Invalid value: '{value}'. Supported values are: {list}."))
}

/// The vendor's 400 for a value of the wrong type.
pub(crate) fn wrong_type(name: &str, expected: &str, value: &Value) -> ApiError {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let message = format!("Invalid type for '{name}': expected {expected}, but got {got} instead.");
    invalid(name, "invalid_type", message)
}
