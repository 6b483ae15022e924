//! Schemas in the words that Anthropic holds an answer to. It knows a part of JSON Schema: objects are closed, and
//! there are no bounds on numbers, lengths and counts. What it does not know goes into the description, where the
//! model at least reads it.

use serde_json::Value;

use super::json::{Json, Object};
use crate::types::{Extra, Raw};

/// Keywords taken as they are.
const PLAIN: [&str; 7] = ["type", "enum", "const", "title", "required", "default", "$ref"];
/// Keywords that hold schemas by name.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];
/// Keywords that hold a list of schemas, and what Anthropic calls them.
const LISTS: [(&str, &str); 3] = [("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")];
/// Formats of strings that an answer is held to.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Why a schema cannot be kept: it has an object whose keys are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FreeKeys;

/// A schema in Anthropic's words.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) object: Object<'static>,
    /// Keywords that are only told to the model.
    pub(super) told: Vec<String>,
}

/// Puts `schema`, a JSON object, into Anthropic's words.
pub(super) fn closed(schema: &Raw) -> Result<Schema, FreeKeys> {
    let mut told = Vec::new();
    let object = translate(schema.read().unwrap_or_default(), &mut told)?;
    Ok(Schema { object, told })
}

fn translate(schema: Extra, told: &mut Vec<String>) -> Result<Object<'static>, FreeKeys> {
    let mut object = Object::default();
    let mut words = Vec::new();
    let mut description = None;
    let mut tell = |name: String, value: &Raw| {
        words.push(format!("{name}: {}", value.get()));
        if !told.contains(&name) {
            told.push(name);
        }
    };
    let is_object = names(&schema, "object") || schema.get("properties").is_some();
    let reference = schema.get("$ref").is_some();
    let mut inner = Vec::new();
    for (name, value) in schema {
        let list = LISTS.iter().find(|(theirs, _)| *theirs == name);
        match name.as_str() {
            "description" => description = value.read::<String>(),
            "additionalProperties" if value.get() == "false" || value.get() == "true" => {}
            "additionalProperties" => return Err(FreeKeys),
            _ if NAMED.contains(&name.as_str()) => inner.push((name, value)),
            _ if list.is_some() => inner.push((list.map_or("", |(_, ours)| ours).to_owned(), value)),
            "items" => inner.push((name, value)),
            "minItems" if matches!(value.get(), "0" | "1") => object.set(name, value),
            "format" if value.read::<String>().is_some_and(|format| FORMATS.contains(&format.as_str())) => {
                object.set(name, value);
            }
            // Words about the schema, not about the answer.
            "$schema" | "$id" | "$comment" => {}
            _ if PLAIN.contains(&name.as_str()) => object.set(name, value),
            _ => tell(name, &value),
        }
    }
    if is_object
        && !reference
        && !inner.iter().any(|(name, value)| name == "properties" && value.get() != "{}")
    {
        return Err(FreeKeys);
    }
    for (name, value) in inner {
        let value = inside(&name, value, told)?;
        object.set(name, value);
    }
    if is_object {
        object.set("additionalProperties", false);
    }
    // Beside a reference nothing else may stand but definitions.
    if reference {
        for name in ["type", "title", "default", "enum", "const"] {
            object.remove(name);
        }
    } else if let Some(text) = described(description, &words) {
        object.set("description", text);
    }
    Ok(object)
}

/// The schemas inside a keyword.
fn inside(name: &str, value: Raw, told: &mut Vec<String>) -> Result<Json<'static>, FreeKeys> {
    if NAMED.contains(&name) {
        let mut object = Object::default();
        for (name, schema) in value.read::<Extra>().unwrap_or_default() {
            let schema = schema_or_flag(schema, told)?;
            object.set(name, schema);
        }
        return Ok(object.into());
    }
    if let Some(list) = value.read::<Vec<Raw>>() {
        let schemas = list.into_iter().map(|schema| schema_or_flag(schema, told));
        return Ok(Json::List(schemas.collect::<Result<_, _>>()?));
    }
    schema_or_flag(value, told)
}

fn schema_or_flag(value: Raw, told: &mut Vec<String>) -> Result<Json<'static>, FreeKeys> {
    match value.read::<Extra>() {
        Some(schema) => Ok(translate(schema, told)?.into()),
        // `true`: anything goes. Anthropic says itself what it makes of it.
        None => Ok(value.into()),
    }
}

/// Whether `type` is `kind`, or a list with it.
fn names(schema: &Extra, kind: &str) -> bool {
    match schema.get("type").and_then(Raw::read::<Value>) {
        Some(Value::String(word)) => word == kind,
        Some(Value::Array(words)) => words.iter().any(|word| word == kind),
        _ => false,
    }
}

fn described(description: Option<String>, words: &[String]) -> Option<String> {
    if words.is_empty() {
        return description;
    }
    let told = format!("{{{}}}", words.join(", "));
    Some(description.map_or(told.clone(), |text| format!("{text}\n\n{told}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Result<(String, Vec<String>), FreeKeys> {
        let schema = closed(&Raw::parse(text).unwrap())?;
        Ok((serde_json::to_string(&schema.object).unwrap(), schema.told))
    }

    #[test]
    fn objects_are_closed_and_keep_their_order() {
        let (text, told) = schema(
            r##"{"type":"object","properties":{"z":{"type":"string"},"a":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/P"}]}},
               "required":["z"],"$defs":{"P":{"type":"object","properties":{"n":{"type":"integer"}}}}}"##,
        )
        .unwrap();
        assert_eq!(
            text,
            r##"{"type":"object","required":["z"],"properties":{"z":{"type":"string"},"a":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/P"}]}},"$defs":{"P":{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}},"additionalProperties":false}"##
        );
        assert!(told.is_empty());
    }

    #[test]
    fn what_nobody_holds_the_answer_to_is_told() {
        let (text, told) = schema(
            r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1,"description":"How many"},
               "s":{"type":"string","minLength":2,"format":"date"},"t":{"type":"string","format":"regex"},
               "l":{"type":"array","items":{"type":"number"},"minItems":1,"maxItems":3}}}"#,
        )
        .unwrap();
        assert_eq!(told, ["minimum", "minLength", "format", "maxItems"]);
        assert!(
            text.contains(r#""n":{"type":"integer","description":"How many\n\n{minimum: 1}"}"#),
            "{text}"
        );
        assert!(
            text.contains(r#""s":{"type":"string","format":"date","description":"{minLength: 2}"}"#),
            "{text}"
        );
        assert!(
            text.contains(r#""minItems":1,"items":{"type":"number"},"description":"{maxItems: 3}"#),
            "{text}"
        );
    }

    #[test]
    fn objects_with_free_keys_cannot_be_kept() {
        for free in [
            r#"{"type":"object"}"#,
            r#"{"type":"object","additionalProperties":true}"#,
            r#"{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"integer"}}}}"#,
            r#"{"type":"object","properties":{"m":{"type":["object","null"]}}}"#,
        ] {
            assert_eq!(schema(free).unwrap_err(), FreeKeys, "{free}");
        }
        assert!(schema(r#"{"type":"object","properties":{"a":{}},"additionalProperties":true}"#).is_ok());
    }
}
