//! The stream of `POST /responses`: typed events, of which the last tells the whole response.

use serde_json::Value;

use crate::event_stream::Event;
use crate::matcher::shown;

/// Checks the events' order, and returns the response of the last.
pub(crate) fn whole(events: &[Event]) -> Result<Value, String> {
    let mut told = String::new();
    let mut last_number = None;
    let mut last = Value::Null;
    let said = events.iter().filter(|event| event.data != "[DONE]");
    for (place, event) in said.enumerate() {
        let data: Value = serde_json::from_str(&event.data)
            .map_err(|error| format!("event {place} is not JSON ({error})"))?;
        let Some(kind) = data.get("type").and_then(Value::as_str).map(str::to_owned) else {
            return Err(format!("event {place}: type is {}, expected a string", shown(data.get("type"))));
        };
        if event.name.as_ref().is_some_and(|name| *name != kind) {
            return Err(format!(
                "event {place}: the type is {kind}, but the event is named {:?}",
                event.name
            ));
        }
        let number = data.get("sequence_number").and_then(Value::as_u64);
        if number.is_none() || (place > 0 && number <= last_number) {
            return Err(format!(
                "event {place}: sequence_number is {}, expected a growing integer",
                shown(data.get("sequence_number"))
            ));
        }
        last_number = number;
        match (place, kind.as_str()) {
            (0, "response.created") => {}
            (0, _) => return Err(format!("the first event is {kind}, expected response.created")),
            (_, "error" | "response.failed") => {
                return Err(format!("event {place} is an error: {}", shown(Some(&data))));
            }
            (_, "response.output_text.delta") => {
                told.push_str(data.get("delta").and_then(Value::as_str).unwrap_or_default());
            }
            _ => {}
        }
        last = data;
    }
    let kind = last.get("type").and_then(Value::as_str).unwrap_or("nothing");
    if !matches!(kind, "response.completed" | "response.incomplete") {
        return Err(format!("the last event is {kind}, expected response.completed"));
    }
    let response = last.get("response").cloned().unwrap_or_default();
    let text = output_text(&response);
    if text != told {
        return Err(format!(
            "the deltas say {}, but the response {}",
            shown(Some(&told.into())),
            shown(Some(&text.into()))
        ));
    }
    Ok(response)
}

/// All text of a response, one part after another.
fn output_text(response: &Value) -> String {
    let items = response.get("output").and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| item.get("content").and_then(Value::as_array))
        .flatten()
        .filter(|part| part.get("type").is_some_and(|kind| kind == "output_text"))
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events() -> Vec<Value> {
        let response =
            json!({"output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}]});
        vec![
            json!({"type": "response.created", "sequence_number": 0, "response": {}}),
            json!({"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hel"}),
            json!({"type": "response.output_text.delta", "sequence_number": 2, "delta": "lo"}),
            json!({"type": "response.completed", "sequence_number": 3, "response": response}),
        ]
    }

    fn verdict(sent: &[Value]) -> Result<Value, String> {
        let name = |data: &Value| data["type"].as_str().map(str::to_owned);
        let events: Vec<Event> =
            sent.iter().map(|data| Event { name: name(data), data: data.to_string() }).collect();
        whole(&events)
    }

    #[test]
    fn the_last_event_tells_the_response() {
        assert_eq!(verdict(&events()).unwrap()["output"][0]["content"][0]["text"], "Hello");
    }

    #[test]
    fn broken_orders_are_told() {
        for (place, field, wrong, says) in [
            (0, "type", json!("response.in_progress"), "first event"),
            (2, "sequence_number", json!(1), "growing"),
            (2, "delta", json!("p"), "the deltas say"),
            (3, "type", json!("response.failed"), "is an error"),
            (3, "type", json!("response.output_text.done"), "last event"),
        ] {
            let mut events = events();
            events[place][field] = wrong;
            let verdict = verdict(&events);
            assert!(verdict.as_ref().is_err_and(|wrong| wrong.contains(says)), "{says}: {verdict:?}");
        }
    }
}
