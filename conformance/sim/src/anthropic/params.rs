//! Typed reading of parameters, with the vendor's wording when something is wrong.

use serde_json::{Map, Value};

use crate::anthropic::error::{ApiError, invalid};

/// A JSON object with its place in the request, such as `messages.0`.
#[derive(Clone, Copy)]
pub(crate) struct Params<'a, 'p> {
    fields: &'a Map<String, Value>,
    place: &'p str,
}

impl<'a, 'p> Params<'a, 'p> {
    pub(crate) fn new(fields: &'a Map<String, Value>, place: &'p str) -> Self {
        Self { fields, place }
    }

    /// The object at `place`.
    pub(crate) fn of(value: &'a Value, place: &'p str) -> Result<Self, ApiError> {
        let fields = value.as_object();
        fields.map(|fields| Self { fields, place }).ok_or_else(|| wrong(place, "Input should be an object"))
    }

    /// The same object, named as `place` has it.
    pub(crate) fn at<'q>(&self, place: &'q str) -> Params<'a, 'q> {
        Params { fields: self.fields, place }
    }

    /// The full name of a field.
    pub(crate) fn name(&self, field: &str) -> String {
        if self.place.is_empty() { field.to_owned() } else { format!("{}.{field}", self.place) }
    }

    /// The object as it is written.
    pub(crate) fn written(&self) -> String {
        serde_json::to_string(self.fields).unwrap_or_default()
    }

    /// A 400 about a field.
    pub(crate) fn wrong(&self, field: &str, what: &str) -> ApiError {
        wrong(&self.name(field), what)
    }

    /// A field that is present and not null.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    pub(crate) fn required(&self, field: &str) -> Result<&'a Value, ApiError> {
        self.get(field).ok_or_else(|| self.wrong(field, "Field required"))
    }

    fn typed<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let wrong = || self.wrong(field, &format!("Input should be a valid {expected}"));
        read(value).map(Some).ok_or_else(wrong)
    }

    pub(crate) fn bool(&self, field: &str) -> Result<Option<bool>, ApiError> {
        self.typed(field, "boolean", Value::as_bool)
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(field, "string", Value::as_str)
    }

    pub(crate) fn required_text(&self, field: &str) -> Result<&'a str, ApiError> {
        self.required(field)?;
        self.text(field)?.ok_or_else(|| self.wrong(field, "Field required"))
    }

    pub(crate) fn array(&self, field: &str) -> Result<Option<&'a Vec<Value>>, ApiError> {
        self.typed(field, "list", Value::as_array)
    }

    pub(crate) fn object(&self, field: &str) -> Result<Option<&'a Map<String, Value>>, ApiError> {
        self.typed(field, "dictionary", Value::as_object)
    }

    /// A whole number of at least `least`.
    pub(crate) fn whole(&self, field: &str, least: u64) -> Result<Option<u64>, ApiError> {
        let number = self.typed(field, "integer", Value::as_i64)?;
        match number.map(u64::try_from) {
            None => Ok(None),
            Some(Ok(number)) if number >= least => Ok(Some(number)),
            Some(_) => Err(self.wrong(field, &format!("Input should be greater than or equal to {least}"))),
        }
    }

    /// A number from 0 to 1.
    pub(crate) fn share(&self, field: &str) -> Result<Option<f64>, ApiError> {
        let number = self.typed(field, "number", Value::as_f64)?;
        match number {
            Some(number) if number < 0.0 => {
                Err(self.wrong(field, "Input should be greater than or equal to 0"))
            }
            Some(number) if number > 1.0 => Err(self.wrong(field, "Input should be less than or equal to 1")),
            number => Ok(number),
        }
    }

    /// One of a closed list of words.
    pub(crate) fn choice(&self, field: &str, allowed: &[&str]) -> Result<Option<&'a str>, ApiError> {
        match self.text(field)? {
            Some(word) if !allowed.contains(&word) => {
                Err(self.wrong(field, &format!("Input should be {}", listed(allowed, " or "))))
            }
            word => Ok(word),
        }
    }

    /// The `type` of an object of several kinds.
    pub(crate) fn tag(&self, allowed: &[&str]) -> Result<&'a str, ApiError> {
        let Some(tag) = self.text("type")? else {
            return Err(wrong(self.place, "Unable to extract tag using discriminator 'type'"));
        };
        if allowed.contains(&tag) {
            return Ok(tag);
        }
        let expected = listed(allowed, ", ");
        let what = format!(
            "Input tag '{tag}' found using 'type' does not match any of the expected tags: {expected}"
        );
        Err(wrong(self.place, &what))
    }

    /// A 400 for a field that is among `gone`.
    pub(crate) fn without(&self, gone: &[&str]) -> Result<(), ApiError> {
        self.refuse(|field| gone.contains(&field))
    }

    /// A 400 for a field outside `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        self.refuse(|field| !known.contains(&field))
    }

    fn refuse(&self, which: impl Fn(&str) -> bool) -> Result<(), ApiError> {
        match self.fields.keys().find(|field| which(field)) {
            Some(field) => Err(self.wrong(field, "Extra inputs are not permitted")),
            None => Ok(()),
        }
    }
}

/// A 400 about the field at `place`.
pub(crate) fn wrong(place: &str, what: &str) -> ApiError {
    invalid(format!("{place}: {what}"))
}

/// `'a', 'b' or 'c'`.
fn listed(words: &[&str], last: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((end, firsts)) if !firsts.is_empty() => format!("{}{last}{end}", firsts.join(", ")),
        _ => quoted.concat(),
    }
}
