//! Joining the pieces of fields that we do not know.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::types::{Extra, Raw};

/// A value that may come in pieces. One that comes once keeps its text; pieces are joined as OpenAI's streams are:
/// strings are appended, arrays too, objects field by field; anything else is replaced, but not by `null`.
#[derive(Debug, Clone)]
pub(super) enum Joined {
    Once(Raw),
    Text(String),
    List(Vec<Raw>),
    Object(Fields),
}

impl Joined {
    /// Adds a piece. `name` is the field's: some fields name a thing and never come in pieces.
    pub(super) fn add(&mut self, name: &str, piece: &Raw) {
        if piece.is_null() {
            return;
        }
        if let Joined::Once(first) = self {
            *self = Joined::open(first);
        }
        match self {
            Joined::Text(text) if !is_label(name) => {
                if let Some(more) = piece.read::<String>() {
                    text.push_str(&more);
                    return;
                }
            }
            Joined::List(list) => {
                if let Some(more) = piece.read::<Vec<Raw>>() {
                    list.extend(more);
                    return;
                }
            }
            Joined::Object(fields) => {
                if let Some(more) = piece.read::<Extra>() {
                    fields.add(&more);
                    return;
                }
            }
            Joined::Text(_) | Joined::Once(_) => {}
        }
        *self = Joined::Once(piece.clone());
    }

    /// The whole value.
    pub(super) fn whole(&self) -> Raw {
        match self {
            Joined::Once(raw) => raw.clone(),
            // Text, lists and objects of JSON values can always be written.
            pieces => Raw::of(pieces).unwrap_or_default(),
        }
    }

    fn open(first: &Raw) -> Joined {
        let open = match first.get().as_bytes().first() {
            Some(b'"') => first.read().map(Joined::Text),
            Some(b'[') => first.read().map(Joined::List),
            Some(b'{') => first.read::<Extra>().map(|extra| Joined::Object(Fields::of(&extra))),
            _ => None,
        };
        open.unwrap_or_else(|| Joined::Once(first.clone()))
    }
}

impl Serialize for Joined {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Joined::Once(raw) => raw.serialize(serializer),
            Joined::Text(text) => serializer.serialize_str(text),
            Joined::List(list) => list.serialize(serializer),
            Joined::Object(Fields(fields)) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Fields that may come in pieces, in the order in which they first came.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, Joined)>);

impl Fields {
    fn of(first: &Extra) -> Fields {
        let mut fields = Fields::default();
        fields.add(first);
        fields
    }

    /// Adds the fields of one delta to those of the deltas before it.
    pub(super) fn add(&mut self, more: &Extra) {
        for (name, piece) in more.iter() {
            match self.0.iter_mut().find(|(known, _)| known == name) {
                Some((_, joined)) => joined.add(name, piece),
                None => self.0.push((name.to_owned(), Joined::Once(piece.clone()))),
            }
        }
    }

    /// The whole fields.
    pub(super) fn whole(&self) -> Extra {
        let mut extra = Extra::default();
        for (name, joined) in &self.0 {
            extra.insert(name.as_str(), joined.whole());
        }
        extra
    }
}

/// Fields that name a thing and so never come in pieces.
fn is_label(name: &str) -> bool {
    matches!(name, "id" | "type" | "format" | "role" | "channel" | "index" | "signature")
}
