//! Typed reading of a request, as protobuf reads JSON: names in either case, nothing that is not known.

use serde_json::{Map, Value};

use crate::gemini::error::{ApiError, not_json, payload};

/// A JSON object with its place in the request, such as `contents[0].parts[1]`, in the vendor's snake case.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: String,
}

/// `topP` as `top_p`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

impl<'a> Fields<'a> {
    /// The body of a request.
    pub(crate) fn body(value: &'a Value) -> Result<Self, ApiError> {
        value.as_object().map(|map| Self { map, place: String::new() }).ok_or_else(not_json)
    }

    /// The object at `place`.
    pub(crate) fn at(value: &'a Value, place: String) -> Result<Self, ApiError> {
        match value.as_object() {
            Some(map) => Ok(Self { map, place }),
            None => Err(wrong(&place, "type.googleapis.com/google.protobuf.Struct", value)),
        }
    }

    /// Where a field stands.
    pub(crate) fn place(&self, field: &str) -> String {
        let field = snake(field);
        if self.place.is_empty() { field } else { format!("{}.{field}", self.place) }
    }

    /// Refuses fields that are not among `known`, which are in camel case.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let strange =
            self.map.keys().find(|name| !known.iter().any(|known| *name == known || **name == snake(known)));
        let Some(name) = strange else { return Ok(()) };
        let at = if self.place.is_empty() { String::new() } else { format!(" at '{}'", self.place) };
        let message =
            format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.");
        Err(payload(&self.place, message))
    }

    /// A field that is present and not null.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        let value = self.map.get(field).or_else(|| self.map.get(&snake(field)));
        value.filter(|value| !value.is_null())
    }

    /// Whether the field is there.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    fn typed<T>(
        &self,
        field: &str,
        kind: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(&self.place(field), kind, value))
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(field, "TYPE_STRING", Value::as_str)
    }

    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, ApiError> {
        self.typed(field, "TYPE_BOOL", Value::as_bool)
    }

    pub(crate) fn integer(&self, field: &str) -> Result<Option<i64>, ApiError> {
        let read = |value: &Value| value.as_i64().filter(|number| i32::try_from(*number).is_ok());
        self.typed(field, "TYPE_INT32", read)
    }

    pub(crate) fn float(&self, field: &str) -> Result<Option<f64>, ApiError> {
        self.typed(field, "TYPE_FLOAT", Value::as_f64)
    }

    /// A word of an enumeration, in any case.
    pub(crate) fn word(
        &self,
        field: &str,
        kind: &str,
        known: &[&'static str],
    ) -> Result<Option<&'static str>, ApiError> {
        let find = |text: &str| known.iter().copied().find(|word| word.eq_ignore_ascii_case(text));
        let kind = format!("type.googleapis.com/google.ai.generativelanguage.v1beta.{kind}");
        self.typed(field, &kind, |value| value.as_str().and_then(find))
    }

    pub(crate) fn object(&self, field: &str) -> Result<Option<Fields<'a>>, ApiError> {
        self.get(field).map(|value| Fields::at(value, self.place(field))).transpose()
    }

    /// A list; one value stands for a list of one.
    pub(crate) fn list(&self, field: &str) -> Vec<&'a Value> {
        match self.get(field) {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        }
    }

    /// The objects of a list, each with its place.
    pub(crate) fn objects(&self, field: &str) -> Result<Vec<Fields<'a>>, ApiError> {
        let place = self.place(field);
        let list = self.list(field).into_iter().enumerate();
        list.map(|(index, value)| Fields::at(value, format!("{place}[{index}]"))).collect()
    }

    pub(crate) fn texts(&self, field: &str) -> Result<Vec<&'a str>, ApiError> {
        let place = self.place(field);
        let list = self.list(field).into_iter().enumerate();
        list.map(|(index, value)| {
            value.as_str().ok_or_else(|| wrong(&format!("{place}[{index}]"), "TYPE_STRING", value))
        })
        .collect()
    }
}

fn wrong(place: &str, kind: &str, value: &Value) -> ApiError {
    payload(place, format!("Invalid value at '{place}' ({kind}), {value}"))
}
