//! The part of JSON Schema that an answer, or a strict tool, can be held to.

use serde_json::{Map, Value};

use crate::anthropic::error::{ApiError, invalid};

/// Keywords that hold one schema, a list of them, or schemas by name.
const INNER: [&str; 7] = ["items", "anyOf", "allOf", "oneOf", "properties", "$defs", "definitions"];

/// Keywords that nothing is held to, by type.
const BOUNDS: [(&str, &[&str]); 4] = [
    ("integer", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("string", &["minLength", "maxLength"]),
    ("array", &["maxItems", "uniqueItems"]),
];

/// Checks a schema at `place`, as deep as it goes.
pub(crate) fn check(schema: &Value, place: &str) -> Result<(), ApiError> {
    let Some(fields) = schema.as_object() else { return Ok(()) };
    let kinds: Vec<&str> = match fields.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if kinds.contains(&"object") && fields.get("additionalProperties") != Some(&Value::Bool(false)) {
        let what = "For 'object' type, 'additionalProperties' must be explicitly set to false";
        return Err(invalid(format!("{place}: {what}")));
    }
    for (kind, keywords) in BOUNDS.iter().filter(|(kind, _)| kinds.contains(kind)) {
        bounds(fields, kind, keywords, place)?;
    }
    for name in INNER {
        match fields.get(name) {
            Some(Value::Array(list)) => list.iter().try_for_each(|inner| check(inner, place))?,
            Some(Value::Object(named)) if !matches!(name, "items") => {
                named.values().try_for_each(|inner| check(inner, place))?;
            }
            Some(inner) => check(inner, place)?,
            None => {}
        }
    }
    Ok(())
}

fn bounds(fields: &Map<String, Value>, kind: &str, keywords: &[&str], place: &str) -> Result<(), ApiError> {
    let found: Vec<&str> = keywords.iter().copied().filter(|keyword| fields.contains_key(*keyword)).collect();
    match found.as_slice() {
        [] => {}
        [one] => {
            return Err(invalid(format!("{place}: For '{kind}' type, property '{one}' is not supported")));
        }
        several => {
            let several = several.join(", ");
            return Err(invalid(format!(
                "{place}: For '{kind}' type, properties {several} are not supported"
            )));
        }
    }
    match fields.get("minItems").and_then(Value::as_u64) {
        Some(least) if kind == "array" && least > 1 => {
            let what = "For 'array' type, 'minItems' values other than 0 or 1 are not supported";
            Err(invalid(format!("{place}: {what}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    #[test]
    fn only_what_can_be_held_to_passes() {
        let good = json!({"type": "object", "additionalProperties": false, "properties": {
            "a": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
            "properties": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]}}});
        assert!(check(&good, "x").is_ok());
        for bad in [
            json!({"type": "object"}),
            json!({"anyOf": [{"type": ["object", "null"], "additionalProperties": true}]}),
            json!({"type": "array", "items": {"type": "number", "minimum": 1}}),
            json!({"type": "array", "minItems": 2}),
            json!({"$defs": {"s": {"type": "string", "minLength": 1, "maxLength": 2}}}),
        ] {
            assert!(check(&bad, "x").is_err(), "{bad}");
        }
    }
}
