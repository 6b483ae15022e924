//! Text that tells whose answer it is.

use crate::model::draw::hash;
use crate::model::prompt::{Message, Prompt, Role};

const OPENINGS: &[&str] = &[
    "Sure, happy to help.",
    "Good question.",
    "Here is what I can say.",
    "Let me think about that.",
    "Thanks for asking.",
];

const CLOSINGS: &[&str] = &[
    "Let me know if you would like more detail.",
    "That is the short version; there is more to say if you need it.",
    "I hope this helps.",
    "Feel free to ask a follow-up question.",
];

/// Natural text that repeats what was asked, so that a test can tell whose answer it is.
pub(crate) fn prose(index: u64, asked: &Prompt<'_>) -> String {
    let prompt = asked.text();
    if let Some(count) = counting(prompt) {
        return (1..=count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    }
    let pick = |list: &[&'static str], salt: &str| {
        let length = u64::try_from(list.len()).unwrap_or(1).max(1);
        let place = hash(format!("{salt}{prompt}").as_bytes()).wrapping_add(index) % length;
        usize::try_from(place).ok().and_then(|place| list.get(place)).copied().unwrap_or_default()
    };
    let mut parts = vec![pick(OPENINGS, "opening").to_owned()];
    let results: Vec<String> = asked
        .messages
        .iter()
        .rev()
        .take_while(|message| message.role == Role::Tool)
        .map(|result| format!("The result of {} is {}.", called(asked, result), result.text))
        .collect();
    if results.is_empty() {
        parts.push(format!("You asked: \"{prompt}\""));
    } else {
        parts.extend(results.into_iter().rev());
    }
    let question = asked.question();
    match question.map_or(0, |message| message.images.len()) {
        0 => {}
        1 => parts.push("I can see the image you sent.".to_owned()),
        many => parts.push(format!("I can see the {many} images you sent.")),
    }
    if question.is_some_and(|message| message.attachments > 0) {
        parts.push("I have the file you attached.".to_owned());
    }
    parts.push(pick(CLOSINGS, "closing").to_owned());
    parts.join(" ")
}

/// The name of the tool whose result this is: by the call's id, else as the message says.
fn called<'a>(asked: &'a Prompt<'_>, result: &'a Message<'_>) -> &'a str {
    let earlier = asked.messages.iter().flat_map(|message| &message.tool_calls);
    let by_id = result.tool_call_id.and_then(|id| earlier.clone().find(|call| call.id == id));
    by_id.map(|call| call.name).or(result.name).unwrap_or("the tool")
}

/// The number in "count to N", up to 10,000: the way to ask for an answer of some length.
fn counting(prompt: &str) -> Option<u64> {
    let lower = prompt.to_lowercase();
    let (_, after) = lower.split_once("count to ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|count| (1..=10_000).contains(count))
}
