//! Values that match a JSON schema.

use serde_json::{Map, Value, json};

use crate::model::draw::{hash, letters};

/// Levels of nesting before optional properties are left out, and references end.
const DEPTH: usize = 12;

/// Generates a value matching `schema`, taking words and numbers from `prompt` where they fit.
pub(crate) fn generate(schema: &Value, prompt: &str) -> Value {
    Generator { root: schema, prompt }.value(schema, "value", 0)
}

struct Generator<'a> {
    root: &'a Value,
    prompt: &'a str,
}

impl Generator<'_> {
    fn value(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let Some(fields) = schema.as_object() else { return json!(name) };
        if depth > DEPTH {
            return Value::Null;
        }
        if let Some(value) = fields.get("const") {
            return value.clone();
        }
        if let Some(words) = fields.get("enum").and_then(Value::as_array) {
            let named = words.iter().find(|word| word.as_str().is_some_and(|word| self.says(word)));
            return named.or(words.first()).cloned().unwrap_or_default();
        }
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            let target = if reference == "#" {
                Some(self.root)
            } else {
                self.root.pointer(reference.trim_start_matches('#'))
            };
            return target.map_or(Value::Null, |target| self.value(target, name, depth + 1));
        }
        for union in ["anyOf", "oneOf"] {
            if let Some(options) = fields.get(union).and_then(Value::as_array) {
                // Towards the bottom a nullable recursion ends with its null.
                let is_null = |option: &&Value| option.get("type").is_some_and(|kind| kind == "null");
                let deep = depth > DEPTH / 3;
                let chosen = if deep { options.iter().find(is_null) } else { None };
                let chosen =
                    chosen.or_else(|| options.iter().find(|option| !is_null(option))).or(options.first());
                return chosen.map_or(Value::Null, |option| self.value(option, name, depth + 1));
            }
        }
        if let Some(parts) = fields.get("allOf").and_then(Value::as_array) {
            let mut merged = Map::new();
            for part in parts {
                match self.value(part, name, depth + 1) {
                    Value::Object(object) => merged.extend(object),
                    other if parts.len() == 1 => return other,
                    _ => {}
                }
            }
            return Value::Object(merged);
        }
        match self.kind(fields).as_str() {
            "object" => self.object(fields, depth),
            "array" => self.array(fields, name, depth),
            "integer" => self.integer(fields),
            "number" => self.number(fields),
            "boolean" => json!(!self.says("not")),
            "null" => Value::Null,
            _ => json!(self.text(fields, name)),
        }
    }

    /// The type, in lower case: some vendors spell it in capitals.
    fn kind(&self, fields: &Map<String, Value>) -> String {
        let kind = match fields.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
            }
            _ if fields.contains_key("properties") => "object",
            _ if fields.contains_key("items") => "array",
            _ => "string",
        };
        kind.to_ascii_lowercase()
    }

    fn object(&self, fields: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> = fields
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = fields.get("properties").and_then(Value::as_object);
        let wanted = properties
            .into_iter()
            .flatten()
            .filter(|(name, _)| depth < DEPTH / 3 || required.contains(&name.as_str()));
        wanted
            .map(|(name, schema)| (name.clone(), self.value(schema, name, depth + 1)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn array(&self, fields: &Map<String, Value>, name: &str, depth: usize) -> Value {
        let bound = |name: &str| fields.get(name).and_then(Value::as_u64);
        let length = bound("minItems")
            .unwrap_or(u64::from(depth < DEPTH / 3))
            .min(bound("maxItems").unwrap_or(u64::MAX));
        let items = fields.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
        let singular = name.strip_suffix('s').unwrap_or(name);
        (0..length)
            .map(|index| match self.value(&items, singular, depth + 1) {
                // Items differ, so that a schema with unique ones is met.
                Value::String(text) if index > 0 && items.get("enum").is_none() => {
                    json!(format!("{text} {}", index + 1))
                }
                Value::Number(number) if index > 0 => number
                    .as_i64()
                    .map_or(json!(number), |number| json!(number.saturating_add_unsigned(index))),
                value => value,
            })
            .collect()
    }

    fn integer(&self, fields: &Map<String, Value>) -> Value {
        let bound = |name: &str| fields.get(name).and_then(Value::as_f64);
        let least =
            bound("minimum").map(f64::ceil).or(bound("exclusiveMinimum").map(|least| least.floor() + 1.0));
        let most =
            bound("maximum").map(f64::floor).or(bound("exclusiveMaximum").map(|most| most.ceil() - 1.0));
        let number = clamp(self.number_said().map_or(1.0, f64::trunc), least, most);
        let multiple = fields.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
        let number = multiple.map_or(number, |step| (number / step).ceil() * step);
        // Truncation is what is wanted: schemas in use bound integers far inside i64.
        json!(number as i64)
    }

    fn number(&self, fields: &Map<String, Value>) -> Value {
        let bound = |name: &str| fields.get(name).and_then(Value::as_f64);
        let least = bound("minimum").or(bound("exclusiveMinimum").map(|least| least + 0.5));
        let most = bound("maximum").or(bound("exclusiveMaximum").map(|most| most - 0.5));
        json!(clamp(self.number_said().unwrap_or(1.5), least, most))
    }

    fn text(&self, fields: &Map<String, Value>, name: &str) -> String {
        let seed = hash(self.prompt.as_bytes());
        let text = match fields.get("format").and_then(Value::as_str) {
            Some("date-time") => "2025-01-31T12:00:00Z".to_owned(),
            Some("date") => "2025-01-31".to_owned(),
            Some("time") => "12:00:00Z".to_owned(),
            Some("email") => "someone@example.com".to_owned(),
            Some("uri" | "url") => "https://example.com/".to_owned(),
            Some("uuid") => "123e4567-e89b-42d3-a456-426614174000".to_owned(),
            _ => self.proper_noun().unwrap_or_else(|| name.replace('_', " ")),
        };
        let bound = |name: &str| {
            fields.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
        };
        let mut text: String = text.chars().take(bound("maxLength").unwrap_or(usize::MAX)).collect();
        let short = bound("minLength").unwrap_or(0).saturating_sub(text.chars().count());
        text.push_str(&letters(seed, short));
        text
    }

    fn says(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.prompt
            .to_lowercase()
            .split(|character: char| !character.is_alphanumeric())
            .any(|said| said == word)
    }

    /// The first number in the prompt.
    fn number_said(&self) -> Option<f64> {
        self.prompt
            .split(|character: char| !character.is_ascii_digit() && character != '.')
            .map(|word| word.trim_matches('.'))
            .find_map(|word| word.parse().ok())
    }

    /// The first capitalised word that does not open the prompt or a sentence.
    fn proper_noun(&self) -> Option<String> {
        let mut opens = true;
        for word in self.prompt.split_whitespace() {
            let bare = word.trim_matches(|character: char| !character.is_alphanumeric());
            if !opens && bare.chars().count() > 1 && bare.chars().next().is_some_and(char::is_uppercase) {
                return Some(bare.to_owned());
            }
            opens = word.ends_with(['.', '!', '?', ':']);
        }
        None
    }
}

fn clamp(number: f64, least: Option<f64>, most: Option<f64>) -> f64 {
    number.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match_their_schemas() {
        let prompt = "What is the weather in Paris for 3 days, in celsius?";
        let cases = [
            (json!({"type": "string"}), json!("Paris")),
            (json!({"enum": ["fahrenheit", "celsius"]}), json!("celsius")),
            (json!({"type": "integer", "maximum": 2}), json!(2)),
            (json!({"type": "INTEGER", "minimum": 9}), json!(9)),
            (json!({"type": ["null", "number"], "minimum": 4.5}), json!(4.5)),
            (json!({"type": "string", "format": "date"}), json!("2025-01-31")),
            (json!({"type": "string", "maxLength": 3}), json!("Par")),
            (json!({"type": "array", "items": {"type": "integer"}, "minItems": 3}), json!([3, 4, 5])),
            (json!({"anyOf": [{"type": "null"}, {"const": 7}]}), json!(7)),
            (
                json!({"type": "object", "properties": {"at": {"$ref": "#/$defs/place"}},
                       "$defs": {"place": {"type": "object", "properties": {"ok": {"type": "boolean"}}}}}),
                json!({"at": {"ok": true}}),
            ),
            (
                json!({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}),
                json!({"a": 1, "b": 2}),
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(generate(&schema, prompt), expected, "{schema}");
        }
    }

    #[test]
    fn a_recursive_schema_ends() {
        let schema = json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}},
                           "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["name", "children", "next"],
        });
        let value = generate(&schema, "x");
        assert!(value["children"][0]["name"].is_string());
        assert!(value.to_string().len() < 4_000, "{value}");
    }
}
