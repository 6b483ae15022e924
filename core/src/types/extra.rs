//! JSON kept as text, and the fields that we do not know.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// One JSON value, word for word as it was written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Raw(Box<RawValue>);

impl Raw {
    /// Takes `value` as JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Raw> {
        serde_json::value::to_raw_value(value).map(Raw)
    }

    /// Takes JSON text as it is.
    pub fn parse(text: impl Into<String>) -> serde_json::Result<Raw> {
        RawValue::from_string(text.into()).map(Raw)
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Reads the value as `T`; none if it is something else.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.get()).ok()
    }

    /// Whether the value is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.get().starts_with('{')
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.get() == "null"
    }
}

impl Default for Raw {
    /// `null`.
    fn default() -> Raw {
        Raw(RawValue::NULL.to_owned())
    }
}

impl PartialEq for Raw {
    /// Equal text; `1.0` and `1.00` differ.
    fn eq(&self, other: &Raw) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

/// Fields that an object carries beside the known ones: in their order, values word for word.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra(Vec<(String, Raw)>);

impl Extra {
    /// The value of field `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Raw> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets field `name`, in its place if it is there, else at the end. `name` must not be one of the object's known
    /// fields: it would be written twice.
    pub fn insert(&mut self, name: impl Into<String>, value: Raw) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes field `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Raw> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Sets every field of `other`.
    pub fn absorb(&mut self, other: Extra) {
        if self.0.is_empty() {
            self.0 = other.0;
            return;
        }
        for (name, value) in other.0 {
            self.insert(name, value);
        }
    }

    /// Adds a field without looking for an older one of that name.
    pub(crate) fn push(&mut self, name: String, value: Raw) {
        self.0.push((name, value));
    }

    /// Fails on the first name that occurs twice. Sorting keeps a hostile object of 100,000 fields cheap.
    pub(crate) fn refuse_duplicates<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.0.len() < 2 {
            return Ok(());
        }
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        }) {
            Some(twice) => Err(E::custom(format_args!("duplicate field `{twice}`"))),
            None => Ok(()),
        }
    }
}

impl IntoIterator for Extra {
    type Item = (String, Raw);
    type IntoIter = std::vec::IntoIter<(String, Raw)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Extra, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Extra;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extra, A::Error> {
                let mut extra = Extra::default();
                while let Some((key, value)) = map.next_entry::<Key<'de>, Raw>()? {
                    extra.push(key.into_string(), value);
                }
                extra.refuse_duplicates()?;
                Ok(extra)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A field's name, borrowed from the input where it has no escapes.
pub(crate) struct Key<'de>(Cow<'de, str>);

impl Key<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        struct Name;

        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }

            fn visit_string<E>(self, name: String) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name)))
            }
        }

        deserializer.deserialize_str(Name)
    }
}
