//! JSON to send, borrowed from the caller's request where that has it.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::types::{Extra, Raw};

/// A value to send.
#[derive(Debug, Clone)]
pub(super) enum Json<'a> {
    Text(Cow<'a, str>),
    /// Word for word.
    Raw(Cow<'a, Raw>),
    Whole(u64),
    Flag(bool),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// An object to send, in the order of its fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// An object of a `type`.
    pub(super) fn of(kind: impl Into<Cow<'a, str>>) -> Object<'a> {
        Object(vec![(Cow::Borrowed("type"), Json::Text(kind.into()))])
    }

    /// With one more field.
    #[must_use]
    pub(super) fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) -> Object<'a> {
        self.set(name, value);
        self
    }

    /// Adds a field, or changes it.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds the caller's unknown fields, but those of a name that is there.
    #[must_use]
    pub(super) fn extended(mut self, extra: &'a Extra) -> Object<'a> {
        for (name, value) in extra.iter() {
            if !self.has(name) {
                self.0.push((Cow::Borrowed(name), value.into()));
            }
        }
        self
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Extra> for Object<'_> {
    fn from(extra: Extra) -> Self {
        Object(extra.into_iter().map(|(name, value)| (Cow::Owned(name), value.into())).collect())
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Text(text) => serializer.serialize_str(text),
            Json::Raw(raw) => raw.serialize(serializer),
            Json::Whole(number) => serializer.serialize_u64(*number),
            Json::Flag(flag) => serializer.serialize_bool(*flag),
            Json::List(list) => list.serialize(serializer),
            Json::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Json<'a> {
        Json::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Json::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a Raw> for Json<'a> {
    fn from(raw: &'a Raw) -> Json<'a> {
        Json::Raw(Cow::Borrowed(raw))
    }
}

impl From<Raw> for Json<'_> {
    fn from(raw: Raw) -> Self {
        Json::Raw(Cow::Owned(raw))
    }
}

impl From<u64> for Json<'_> {
    fn from(number: u64) -> Self {
        Json::Whole(number)
    }
}

impl From<bool> for Json<'_> {
    fn from(flag: bool) -> Self {
        Json::Flag(flag)
    }
}

impl<'a> From<Object<'a>> for Json<'a> {
    fn from(object: Object<'a>) -> Json<'a> {
        Json::Object(object)
    }
}

impl<'a, T: Into<Json<'a>>> From<Vec<T>> for Json<'a> {
    fn from(list: Vec<T>) -> Json<'a> {
        Json::List(list.into_iter().map(Into::into).collect())
    }
}
