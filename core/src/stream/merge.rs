//! Joining the pieces of fields that we do not know.

use serde_json::{Map, Value};

use crate::types::{Extra, Raw};

/// Adds the fields of one delta to those of the deltas before it. A field that comes once keeps its text; one that
/// comes in pieces is joined as OpenAI's streams are: strings are appended, arrays too, objects field by field;
/// anything else is replaced.
pub(super) fn add(whole: &mut Extra, more: &Extra) {
    for (name, piece) in more.iter() {
        let joined = joined(whole.get(name), piece);
        whole.insert(name, joined);
    }
}

/// `piece` joined to what came before it.
pub(super) fn joined(old: Option<&Raw>, piece: &Raw) -> Raw {
    old.and_then(|old| join(old, piece)).unwrap_or_else(|| piece.clone())
}

fn join(old: &Raw, new: &Raw) -> Option<Raw> {
    let mut whole: Value = old.read()?;
    append("", &mut whole, new.read()?);
    Raw::of(&whole).ok()
}

fn append(name: &str, whole: &mut Value, piece: Value) {
    match (whole, piece) {
        (_, Value::Null) => {}
        (Value::String(old), Value::String(new)) if !is_label(name) => old.push_str(&new),
        (Value::Array(old), Value::Array(new)) => old.extend(new),
        (Value::Object(old), Value::Object(new)) => append_fields(old, new),
        (old, new) => *old = new,
    }
}

fn append_fields(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (name, piece) in new {
        match old.get_mut(&name) {
            Some(whole) => append(&name, whole, piece),
            None => {
                old.insert(name, piece);
            }
        }
    }
}

/// Fields that name a thing and so never come in pieces.
fn is_label(name: &str) -> bool {
    matches!(name, "id" | "type" | "format" | "role" | "index" | "signature")
}
