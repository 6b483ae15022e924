//! The form of answers that are not streams.

use serde_json::Value;

use crate::matcher::{check_all, shown};

/// An OpenAI error object: a message, a type, and `param` and `code` if there are any.
pub(crate) fn error_object(body: &Value) -> Result<&Value, String> {
    let error = body.get("error").filter(|error| error.is_object()).ok_or_else(|| {
        format!(
            "the answer is {}, expected {{\"error\": {{\"message\", \"type\", \"param\", \"code\"}}}}",
            shown(Some(body))
        )
    })?;
    let laws = serde_json::json!({
        "/message": {"$type": "string", "$min_length": 1},
        "/type": {"$type": "string", "$min_length": 1},
    });
    check_all(error, laws.as_object().into_iter().flatten()).map_err(|wrong| format!("error{wrong}"))?;
    for field in ["param", "code"] {
        let value = error.get(field);
        if !value.is_none_or(|value| value.is_null() || value.is_string()) {
            return Err(format!("error/{field} is {}, expected a string or null", shown(value)));
        }
    }
    Ok(error)
}

/// What a refusal says, in a few words.
pub(crate) fn complaint(body: &Value) -> String {
    let message = body.pointer("/error/message").and_then(Value::as_str);
    message.map_or_else(|| shown(Some(body)), |message| shown(Some(&message.into())))
}

/// A chat completion that SDKs can read.
pub(crate) fn completion(body: &Value) -> Result<(), String> {
    let laws = serde_json::json!({
        "/id": {"$type": "string", "$min_length": 1},
        "/object": "chat.completion",
        "/created": {"$type": "integer"},
        "/model": {"$type": "string", "$min_length": 1},
        "/choices": {"$min_length": 1, "$each": {
            "/message/role": "assistant",
            "/finish_reason": {"$one_of": ["stop", "length", "tool_calls", "content_filter", "function_call"]},
        }},
        "/usage/prompt_tokens": {"$type": "integer", "$at_least": 0},
        "/usage/completion_tokens": {"$type": "integer", "$at_least": 0},
        "/usage/total_tokens": {"$type": "integer", "$at_least": 0},
    });
    check_all(body, laws.as_object().into_iter().flatten())?;
    let choices = body.get("choices").and_then(Value::as_array).into_iter().flatten();
    for (place, choice) in choices.enumerate() {
        if choice.get("index").and_then(Value::as_u64) != u64::try_from(place).ok() {
            return Err(format!(
                "/choices/{place}/index is {}, expected {place}",
                shown(choice.get("index"))
            ));
        }
        message(choice.get("message").unwrap_or(&Value::Null))
            .map_err(|wrong| format!("/choices/{place}/message{wrong}"))?;
    }
    Ok(())
}

fn message(message: &Value) -> Result<(), String> {
    let content = message.get("content");
    if !content.is_none_or(|content| content.is_null() || content.is_string()) {
        return Err(format!("/content is {}, expected a string or null", shown(content)));
    }
    let calls = match message.get("tool_calls") {
        None | Some(Value::Null) => return Ok(()),
        Some(calls) => calls,
    };
    let laws = serde_json::json!({"/tool_calls": {"$each": {
        "/id": {"$type": "string", "$min_length": 1},
        "/type": {"$one_of": ["function", "custom"]},
    }, "$distinct": "/id"}});
    check_all(message, laws.as_object().into_iter().flatten())?;
    for (place, call) in calls.as_array().into_iter().flatten().enumerate() {
        if call.get("type").is_some_and(|kind| kind == "function") {
            let laws = serde_json::json!({
                "/function/name": {"$type": "string", "$min_length": 1},
                "/function/arguments": {"$type": "string"},
            });
            check_all(call, laws.as_object().into_iter().flatten())
                .map_err(|wrong| format!("/tool_calls/{place}{wrong}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_have_their_form() {
        assert!(
            error_object(&json!({"error": {"message": "m", "type": "t", "param": null, "code": "c"}}))
                .is_ok()
        );
        assert!(error_object(&json!({"error": {"message": "m", "type": "t"}})).is_ok());
        for bad in [
            json!({"error": "m"}),
            json!({"message": "m"}),
            json!({"error": {"message": "", "type": "t"}}),
            json!({"error": {"message": "m"}}),
            json!({"error": {"message": "m", "type": "t", "code": 400}}),
        ] {
            assert!(error_object(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn completions_have_their_form() {
        let good = json!({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        });
        assert_eq!(completion(&good), Ok(()));
        for (pointer, wrong) in [
            ("/id", json!("")),
            ("/created", json!(1.5)),
            ("/object", json!("x")),
            ("/choices", json!([])),
            ("/choices/0/index", json!(1)),
            ("/choices/0/finish_reason", json!("end_turn")),
            ("/choices/0/message/role", json!("model")),
            ("/choices/0/message/content", json!([])),
            ("/choices/0/message/tool_calls/0/id", json!(null)),
            ("/choices/0/message/tool_calls/0/function/arguments", json!({})),
            ("/usage/total_tokens", json!(null)),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = wrong;
            assert!(completion(&bad).is_err(), "{pointer}");
        }
    }
}
