//! What an answer costs in tokens, and what is reported of it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::fault::Fault;

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) prompt: u64,
    /// Everything generated, thinking included.
    pub(crate) completion: u64,
    /// Thinking alone, over all choices.
    pub(crate) thinking: u64,
}

/// Usage as it is told: the vendor's own object in its field order, unless a script changed it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Reported<U> {
    Counted(U),
    Changed(Value),
}

impl<U: Serialize> Reported<U> {
    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What the script makes of the counted usage, a vendor's object; none when it is not to be reported. `change` lays a
/// script's fields over the object: [`overlay`], and whatever the vendor adds up.
pub(crate) fn reported<U: Serialize>(
    counted: U,
    faults: &[&Fault],
    change: impl Fn(&mut Value, &Map<String, Value>),
) -> Option<Reported<U>> {
    if faults.contains(&&Fault::NoUsage) {
        return None;
    }
    let mut told = Reported::Counted(counted);
    for fault in faults {
        if let Fault::Usage(fields) = fault {
            let mut value = told.value();
            change(&mut value, fields);
            told = Reported::Changed(value);
        }
    }
    Some(told)
}

/// Lays `fields` over `base`; objects inside are merged.
pub(crate) fn overlay(base: &mut Value, fields: &Map<String, Value>) {
    let Some(object) = base.as_object_mut() else { return };
    for (name, value) in fields {
        match (object.get_mut(name), value) {
            (Some(inner @ Value::Object(_)), Value::Object(details)) => overlay(inner, details),
            _ => {
                object.insert(name.clone(), value.clone());
            }
        }
    }
}
