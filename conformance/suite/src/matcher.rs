//! What must hold of one value.

use serde_json::{Map, Value};

use crate::fill::Values;

/// Checks the value at every pointer; the first that does not hold is told.
pub(crate) fn check_all<'m>(
    value: &Value,
    matchers: impl IntoIterator<Item = (&'m String, &'m Value)>,
) -> Result<(), String> {
    matchers.into_iter().try_for_each(|(pointer, matcher)| {
        check(value.pointer(pointer), matcher).map_err(|wrong| format!("{} {wrong}", place(pointer)))
    })
}

/// Parts of `value` by name, for later steps.
pub(crate) fn kept<'m>(
    value: &Value,
    names: impl IntoIterator<Item = (&'m String, &'m String)>,
) -> Result<Values, String> {
    names
        .into_iter()
        .map(|(name, pointer)| {
            let found = value.pointer(pointer).ok_or_else(|| format!("{} is missing", place(pointer)))?;
            Ok((name.clone(), found.clone()))
        })
        .collect()
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the answer" } else { pointer }
}

/// Checks one value; none is a value that is not there.
///
/// A matcher is a plain JSON value, which must be equal, or an object whose keys all begin with `$` and must all hold.
pub(crate) fn check(value: Option<&Value>, matcher: &Value) -> Result<(), String> {
    if let Some(laws) = matcher.as_object().filter(|fields| is_laws(fields)) {
        return laws.iter().try_for_each(|(law, wanted)| holds(value, law, wanted));
    }
    match value {
        Some(value) if value == matcher => Ok(()),
        found => Err(format!("is {}, expected {}", shown(found), shown(Some(matcher)))),
    }
}

fn is_laws(fields: &Map<String, Value>) -> bool {
    !fields.is_empty() && fields.keys().all(|key| key.starts_with('$'))
}

fn holds(value: Option<&Value>, law: &str, wanted: &Value) -> Result<(), String> {
    let found = || shown(value);
    let expect = |good: bool, what: String| {
        if good { Ok(()) } else { Err(format!("is {}, expected {what}", found())) }
    };
    // A law of what is there needs something there.
    let text = || value.and_then(Value::as_str).ok_or_else(|| format!("is {}, expected a string", found()));
    let list = || value.and_then(Value::as_array).ok_or_else(|| format!("is {}, expected an array", found()));
    match law {
        "$absent" => {
            let what = if *wanted == true { "nothing there" } else { "something there" };
            expect(value.is_none_or(Value::is_null) == (*wanted == true), what.to_owned())
        }
        "$type" => expect(
            value.is_some_and(|value| types(value).any(|name| wanted == name)),
            format!("a value of type {}", plain(wanted)),
        ),
        "$one_of" => {
            let good = wanted.as_array().is_some_and(|options| {
                options.iter().any(|option| value.is_some_and(|value| value == option))
            });
            expect(good, format!("one of {wanted}"))
        }
        "$not" => expect(check(value, wanted).is_err(), format!("not {wanted}")),
        "$contains" => {
            let good = text()?.to_lowercase().contains(&plain(wanted).to_lowercase());
            expect(good, format!("a text with {wanted} in it"))
        }
        "$lacks" => {
            let good = !text()?.to_lowercase().contains(&plain(wanted).to_lowercase());
            expect(good, format!("a text without {wanted}"))
        }
        "$starts" => expect(text()?.starts_with(&plain(wanted)), format!("a text that starts with {wanted}")),
        "$at_least" => {
            expect(compare(value, wanted).is_some_and(|order| order.is_ge()), format!("at least {wanted}"))
        }
        "$at_most" => {
            expect(compare(value, wanted).is_some_and(|order| order.is_le()), format!("at most {wanted}"))
        }
        "$more_than" => {
            expect(compare(value, wanted).is_some_and(|order| order.is_gt()), format!("more than {wanted}"))
        }
        "$length" => expect(length(value) == wanted.as_u64(), format!("a length of {wanted}")),
        "$min_length" => {
            expect(length(value) >= wanted.as_u64().or(Some(0)), format!("a length of at least {wanted}"))
        }
        "$each" => list()?.iter().enumerate().try_for_each(|(index, item)| {
            check_all(item, pointers(wanted)).map_err(|wrong| format!("item {index}: {wrong}"))
        }),
        "$some" => expect(
            list()?.iter().any(|item| check_all(item, pointers(wanted)).is_ok()),
            format!("an item with {wanted}"),
        ),
        "$json" => {
            let parsed: Value = serde_json::from_str(text()?)
                .map_err(|error| format!("is {}, expected a text that is JSON: {error}", found()))?;
            check_all(&parsed, pointers(wanted)).map_err(|wrong| format!("read as JSON: {wrong}"))
        }
        // Numbers within a distance.
        "$near" => {
            let good = match (value.and_then(Value::as_f64), wanted.as_array().map(Vec::as_slice)) {
                (Some(number), Some([centre, distance])) => centre
                    .as_f64()
                    .zip(distance.as_f64())
                    .is_some_and(|(centre, distance)| (number - centre).abs() <= distance),
                _ => false,
            };
            expect(good, format!("a number near {wanted}"))
        }
        // A pointer to a sum → the pointers to its parts.
        "$sums" => pointers(wanted).try_for_each(|(sum, parts)| {
            let number =
                |pointer: &str| value.and_then(|value| value.pointer(pointer)).and_then(Value::as_u64);
            let parts: Option<Vec<u64>> =
                parts.as_array().into_iter().flatten().map(|part| number(part.as_str()?)).collect();
            let good = parts.is_some_and(|parts| number(sum) == Some(parts.iter().sum()));
            expect(good, format!("numbers that add up: {wanted}"))
        }),
        "$distinct" => {
            let texts: Vec<String> = list()?
                .iter()
                .filter_map(|item| item.pointer(&plain(wanted)).map(Value::to_string))
                .collect();
            let unique: std::collections::BTreeSet<_> = texts.iter().collect();
            expect(unique.len() == texts.len(), format!("items that differ at {wanted}"))
        }
        unknown => Err(format!("cannot be checked: the case uses the unknown law {unknown}")),
    }
}

fn pointers(wanted: &Value) -> impl Iterator<Item = (&String, &Value)> {
    wanted.as_object().into_iter().flatten()
}

fn types(value: &Value) -> impl Iterator<Item = &'static str> {
    let whole = value.is_i64() || value.is_u64();
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    std::iter::once(name).chain(whole.then_some("integer"))
}

fn compare(value: Option<&Value>, wanted: &Value) -> Option<std::cmp::Ordering> {
    value?.as_f64()?.partial_cmp(&wanted.as_f64()?)
}

fn length(value: Option<&Value>) -> Option<u64> {
    let length = match value? {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => return None,
    };
    u64::try_from(length).ok()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as a reason shows it: its JSON, cut after some length.
pub(crate) fn shown(value: Option<&Value>) -> String {
    const LONGEST: usize = 120;
    let Some(value) = value else { return "missing".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn laws_hold_and_fail() {
        let answer = json!({
            "text": "It is 17 degrees", "count": 3, "none": null, "list": [{"id": 1}, {"id": 2}], "json": "{\"a\": [1]}",
        });
        let good = [
            ("/text", json!({"$contains": "DEGREES", "$min_length": 3, "$lacks": "rain", "$starts": "It"})),
            ("/count", json!({"$type": "integer", "$at_least": 3, "$at_most": 3, "$more_than": 2})),
            ("/count", json!(3)),
            ("/none", json!({"$absent": true})),
            ("/gone", json!({"$absent": true})),
            ("/text", json!({"$absent": false, "$not": "other", "$type": "string"})),
            ("/list", json!({"$length": 2, "$each": {"/id": {"$type": "number"}}, "$some": {"/id": 2}})),
            ("/list", json!({"$distinct": "/id"})),
            ("/json", json!({"$json": {"/a/0": 1}})),
            ("/count", json!({"$one_of": [1, 3], "$near": [5, 2]})),
            ("", json!({"$sums": {"/count": ["/list/0/id", "/list/1/id"]}})),
        ];
        for (pointer, matcher) in good {
            assert_eq!(check(answer.pointer(pointer), &matcher), Ok(()), "{pointer} {matcher}");
        }
        let bad = [
            ("/text", json!({"$contains": "rain"})),
            ("/text", json!({"$lacks": "degrees"})),
            ("/text", json!({"$json": {}})),
            ("/text", json!({"$type": "integer"})),
            ("/count", json!({"$contains": "3"})),
            ("/count", json!({"$more_than": 3})),
            ("/gone", json!({"$type": "string"})),
            ("/gone", json!({"$absent": false})),
            ("/gone", json!({"$min_length": 1})),
            ("/gone", json!({"$each": {}})),
            ("/gone", json!({"$at_most": 3})),
            ("/list", json!({"$each": {"/id": 1}})),
            ("/list", json!({"$some": {"/id": 3}})),
            ("/list", json!({"$length": 3})),
            ("/json", json!({"$json": {"/a/0": 2}})),
            ("/count", json!({"$no_such_law": 1})),
            ("/count", json!({"$near": [6, 2]})),
            ("", json!({"$sums": {"/count": ["/list/0/id", "/list/0/id"]}})),
            ("", json!({"$sums": {"/gone": ["/list/0/id"]}})),
            ("/text", json!({"a": 1})),
        ];
        for (pointer, matcher) in bad {
            assert!(check(answer.pointer(pointer), &matcher).is_err(), "{pointer} {matcher}");
        }
    }

    #[test]
    fn a_reason_names_the_place_and_both_values() {
        let matchers = json!({"/a/b": "x"});
        let wrong = check_all(&json!({"a": {"b": "y"}}), pointers(&matchers));
        assert_eq!(wrong, Err("/a/b is \"y\", expected \"x\"".to_owned()));
    }
}
