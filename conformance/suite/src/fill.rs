//! Puts values into a case: the model, what earlier steps kept, texts of some length.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Values by name.
pub(crate) type Values = BTreeMap<String, Value>;

/// `template` with every `{{name}}` replaced: a string that is nothing else becomes the value itself, inside a longer one
/// the value's text. `{"$repeat": TEXT, "times": N}` becomes that text so many times over, `{"$find": [LIST, POINTER]}`
/// what the first item of the list that has something there has there, and `{"$spread": LIST}` in a list its items.
pub(crate) fn fill(template: &Value, values: &Values) -> Result<Value, String> {
    match template {
        Value::String(text) => fill_text(text, values),
        Value::Array(items) => fill_list(items, values),
        Value::Object(fields) => {
            if let Some((text, times)) = repeated(fields) {
                let text = fill(text, values)?;
                return Ok(text.as_str().unwrap_or_default().repeat(times).into());
            }
            if let Some([list, pointer]) = fields.get("$find").and_then(Value::as_array).map(Vec::as_slice) {
                return find(&fill(list, values)?, pointer.as_str().unwrap_or_default());
            }
            let filled = fields.iter().map(|(name, value)| Ok((name.clone(), fill(value, values)?)));
            filled.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

/// The same for a text of its own, such as a path.
pub(crate) fn fill_string(template: &str, values: &Values) -> Result<String, String> {
    fill_text(template, values).map(|value| plain(&value))
}

fn fill_list(items: &[Value], values: &Values) -> Result<Value, String> {
    let mut filled = Vec::with_capacity(items.len());
    for item in items {
        match item.get("$spread") {
            Some(list) => match fill(list, values)? {
                Value::Array(items) => filled.extend(items),
                other => return Err(format!("the case spreads {other}, which is no list")),
            },
            None => filled.push(fill(item, values)?),
        }
    }
    Ok(filled.into())
}

fn find(list: &Value, pointer: &str) -> Result<Value, String> {
    let mut items = list.as_array().into_iter().flatten();
    let found = items.find_map(|item| item.pointer(pointer));
    found.cloned().ok_or_else(|| format!("no item has {pointer}"))
}

fn repeated(fields: &Map<String, Value>) -> Option<(&Value, usize)> {
    let (text, times) = (fields.get("$repeat")?, fields.get("times")?.as_u64()?);
    Some((text, usize::try_from(times).ok()?))
}

fn fill_text(text: &str, values: &Values) -> Result<Value, String> {
    let named = |name: &str| {
        values.get(name).ok_or_else(|| format!("the case uses {{{{{name}}}}}, which no earlier step kept"))
    };
    if let Some(name) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"))
        && !name.contains("{{")
    {
        return named(name).cloned();
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(&plain(named(name)?));
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled.into())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_replace_strings_and_parts_of_them() {
        let values = Values::from([("call".to_owned(), json!({"id": "c1"})), ("n".to_owned(), json!(3))]);
        let filled = fill(&json!(["{{call}}", "item {{n}} of {{n}}", {"x": "{{n}}"}, 7]), &values);
        assert_eq!(filled, Ok(json!([{"id": "c1"}, "item 3 of 3", {"x": 3}, 7])));
        assert_eq!(fill(&json!({"$repeat": "a{{n}} ", "times": 2}), &values), Ok(json!("a3 a3 ")));
        let list = Values::from([("list".to_owned(), json!([{"a": 1}, {"b": 2}]))]);
        let filled = fill(&json!([0, {"$spread": "{{list}}"}, {"$find": ["{{list}}", "/b"]}]), &list);
        assert_eq!(filled, Ok(json!([0, {"a": 1}, {"b": 2}, 2])));
        assert!(fill(&json!({"$find": ["{{list}}", "/c"]}), &list).is_err());
        assert!(fill(&json!("{{nobody}}"), &values).is_err_and(|error| error.contains("nobody")));
    }
}
