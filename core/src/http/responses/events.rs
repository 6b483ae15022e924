//! The events of a streamed response, made from the pieces of a chat answer.

use serde::Serialize;
use serde_json::{Value, json};

use super::growing::Growing;
use super::output::{Echo, Failure, Ids, Item, Part, Response, Status, Used, annotations, ending, logprobs};
use crate::error::Error;
use crate::stream::write_event;
use crate::types::{
    Chunk, ChunkChoice, ErrorObject, Extra, FinishReason, Metadata, Raw, ToolCallDelta, Usage,
};

/// Writes the events of one response.
pub(super) struct Events {
    ids: Ids,
    /// The number of the next event.
    number: u64,
    begun: bool,
    created: i64,
    model: String,
    service_tier: Option<String>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    lockgate: Option<Metadata>,
    extra: Extra,
    /// The items so far. The last one is open, and so are all calls.
    items: Vec<Growing>,
}

/// One event: its fields after its type and number.
#[derive(Serialize)]
struct Event<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    body: T,
}

/// The body of an event about the whole response.
#[derive(Serialize)]
struct Whole<'a> {
    response: Response<'a>,
}

impl Events {
    /// Events of the answer to the request `request_id`.
    pub(super) fn new(request_id: &str) -> Events {
        Events {
            ids: Ids::after(request_id),
            number: 0,
            begun: false,
            created: 0,
            model: String::new(),
            service_tier: None,
            finish: None,
            usage: None,
            lockgate: None,
            extra: Extra::default(),
            items: Vec::new(),
        }
    }

    /// Appends the events of a piece.
    pub(super) fn piece(&mut self, echo: &Echo, chunk: Chunk, out: &mut Vec<u8>) -> serde_json::Result<()> {
        if !self.begun {
            self.ids = Ids::after(&chunk.id);
            self.created = chunk.created;
            self.model = chunk.model.to_string();
            self.begin(echo, out)?;
        }
        if let Some(tier) = chunk.service_tier {
            self.service_tier = Some(tier.to_string());
        }
        self.extra.absorb(chunk.extra);
        self.usage = chunk.usage.or(self.usage.take());
        self.lockgate = chunk.lockgate.or(self.lockgate.take());
        // One answer: n is not a part of this protocol.
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            self.choice(choice, out)?;
        }
        Ok(())
    }

    /// Appends the end: what is open is closed, and the whole response is told.
    pub(super) fn end(&mut self, echo: &Echo, out: &mut Vec<u8>) -> serde_json::Result<()> {
        if !self.begun {
            self.begin(echo, out)?;
        }
        if !self.items.iter().any(|item| !matches!(item, Growing::Thinking { .. })) {
            self.open(Growing::saying(), out)?;
        }
        let (status, incomplete) = ending(self.finish.as_ref());
        self.close_last(status, out)?;
        for at in 0..self.items.len() {
            self.close_call(at, status, out)?;
        }
        let mut response = self.response(echo, status);
        response.incomplete_details = incomplete;
        let kind = if status == Status::Incomplete { "response.incomplete" } else { "response.completed" };
        self.tell(kind, Whole { response }, out)
    }

    /// Appends a failure: the response failed, and nothing follows.
    pub(super) fn failure(
        &mut self,
        echo: &Echo,
        error: &Error,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        let told = ErrorObject::from(error);
        if !self.begun {
            self.begin(echo, out)?;
        }
        let mut response = self.response(echo, Status::Failed);
        response.error = Some(Failure::from(&told));
        self.tell("response.failed", Whole { response }, out)?;
        // The official SDKs raise on this one. The fields stand twice, as clients differ in where they look.
        let body = json!({"code": told.code, "message": told.message, "param": told.param, "error": told});
        self.tell("error", body, out)
    }

    fn begin(&mut self, echo: &Echo, out: &mut Vec<u8>) -> serde_json::Result<()> {
        self.begun = true;
        for kind in ["response.created", "response.in_progress"] {
            let response = self.response(echo, Status::InProgress);
            self.tell(kind, Whole { response }, out)?;
        }
        Ok(())
    }

    fn tell<T: Serialize>(&mut self, kind: &str, body: T, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let event = Event { kind, sequence_number: self.number, body };
        self.number += 1;
        write_event(Some(kind), &event, out)
    }

    /// An event about the item at `at`.
    fn tell_of(
        &mut self,
        at: usize,
        kind: &str,
        mut body: Value,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        if let (Some(fields), Some(item)) = (body.as_object_mut(), self.items.get(at)) {
            fields.insert("item_id".to_owned(), item.id(&self.ids, at).into());
            fields.insert("output_index".to_owned(), at.into());
        }
        self.tell(kind, body, out)
    }

    /// An event that tells the item at `at` as it stands.
    fn tell_item(
        &mut self,
        at: usize,
        kind: &str,
        status: Status,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        #[derive(Serialize)]
        struct Told {
            output_index: usize,
            item: Option<Item>,
        }
        let item = self.items.get(at).map(|item| item.told(&self.ids, at, status));
        self.tell(kind, Told { output_index: at, item }, out)
    }

    fn response<'a>(&self, echo: &'a Echo, status: Status) -> Response<'a> {
        let mut response = echo.blank(self.ids.response());
        response.status = status;
        if self.created != 0 {
            response.created_at = self.created;
        }
        if !self.model.is_empty() {
            response.model.clone_from(&self.model);
        }
        if status != Status::InProgress {
            let told = |(at, item): (usize, &Growing)| item.told(&self.ids, at, status.of_item());
            response.output = self.items.iter().enumerate().map(told).collect();
            response.usage = self.usage.as_ref().map(Used::from);
            response.lockgate.clone_from(&self.lockgate);
            response.extra = self.extra.clone();
        }
        response.service_tier = self.service_tier.clone().or(response.service_tier);
        response
    }

    fn choice(&mut self, choice: ChunkChoice, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let ChunkChoice { delta, finish_reason, logprobs: probabilities, .. } = choice;
        if let Some(text) = delta.reasoning_content {
            self.think(&text, out)?;
        }
        for block in delta.thinking_blocks {
            self.continue_or_open(Growing::thinking(), out)?;
            if let Some(Growing::Thinking { blocks, .. }) = self.items.last_mut() {
                blocks.push(block);
            }
        }
        let mut extra = delta.extra;
        let notes = annotations(extra.remove("annotations").as_ref());
        if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
            self.text(&text, logprobs(probabilities.as_ref()), out)?;
        }
        for note in notes {
            self.annotate(note, out)?;
        }
        if let Some(refusal) = delta.refusal {
            self.refuse(&refusal, out)?;
        }
        if let (false, Some(Growing::Saying { extra: known, .. })) = (extra.is_empty(), self.items.last_mut())
        {
            known.absorb(extra);
        }
        for call in delta.tool_calls {
            self.call(call, out)?;
        }
        self.finish = finish_reason.or(self.finish.take());
        Ok(())
    }

    /// Makes `item` the last one, after closing the one before it. Gives its place.
    fn open(&mut self, item: Growing, out: &mut Vec<u8>) -> serde_json::Result<usize> {
        self.close_last(Status::Completed, out)?;
        let at = self.items.len();
        self.items.push(item);
        self.tell_item(at, "response.output_item.added", Status::InProgress, out)?;
        Ok(at)
    }

    /// The place of the last item if it is of the kind of `item`, else of `item`, which is opened.
    fn continue_or_open(&mut self, item: Growing, out: &mut Vec<u8>) -> serde_json::Result<usize> {
        match self.items.last() {
            Some(last) if last.is_like(&item) => Ok(self.items.len() - 1),
            _ => self.open(item, out),
        }
    }

    fn think(&mut self, more: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let at = self.continue_or_open(Growing::thinking(), out)?;
        if matches!(self.items.last(), Some(Growing::Thinking { text, .. }) if text.is_empty()) {
            let part = json!({"type": "summary_text", "text": ""});
            let body = json!({"summary_index": 0, "part": part});
            self.tell_of(at, "response.reasoning_summary_part.added", body, out)?;
        }
        if let Some(Growing::Thinking { text, .. }) = self.items.last_mut() {
            text.push_str(more);
        }
        let body = json!({"summary_index": 0, "delta": more});
        self.tell_of(at, "response.reasoning_summary_text.delta", body, out)
    }

    /// The place of the message and of its last part, which is of the kind of `part`: opened where they are not.
    fn part(&mut self, part: Part, out: &mut Vec<u8>) -> serde_json::Result<(usize, usize)> {
        let at = self.continue_or_open(Growing::saying(), out)?;
        let (parts, last) = match self.items.get(at) {
            Some(Growing::Saying { parts, .. }) => (parts.len(), parts.last()),
            _ => (0, None),
        };
        if last.is_some_and(|last| std::mem::discriminant(last) == std::mem::discriminant(&part)) {
            return Ok((at, parts.saturating_sub(1)));
        }
        self.close_part(at, out)?;
        let body = json!({"content_index": parts, "part": part});
        if let Some(Growing::Saying { parts, .. }) = self.items.get_mut(at) {
            parts.push(part);
        }
        self.tell_of(at, "response.content_part.added", body, out)?;
        Ok((at, parts))
    }

    fn last_part(&mut self) -> Option<&mut Part> {
        match self.items.last_mut() {
            Some(Growing::Saying { parts, .. }) => parts.last_mut(),
            _ => None,
        }
    }

    fn text(&mut self, more: &str, probabilities: Vec<Raw>, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let (at, index) = self.part(Part::no_text(), out)?;
        let body = json!({"content_index": index, "delta": more, "logprobs": probabilities});
        if let Some(Part::OutputText { text, logprobs, .. }) = self.last_part() {
            text.push_str(more);
            logprobs.extend(probabilities);
        }
        self.tell_of(at, "response.output_text.delta", body, out)
    }

    fn annotate(&mut self, note: Raw, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let (at, index) = self.part(Part::no_text(), out)?;
        let mut body = json!({"content_index": index, "annotation_index": 0, "annotation": note});
        if let Some(Part::OutputText { annotations, .. }) = self.last_part() {
            if let Some(place) = body.get_mut("annotation_index") {
                *place = annotations.len().into();
            }
            annotations.push(note);
        }
        self.tell_of(at, "response.output_text.annotation.added", body, out)
    }

    fn refuse(&mut self, more: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let (at, index) = self.part(Part::Refusal { refusal: String::new() }, out)?;
        if let Some(Part::Refusal { refusal }) = self.last_part() {
            refusal.push_str(more);
        }
        self.tell_of(at, "response.refusal.delta", json!({"content_index": index, "delta": more}), out)
    }

    fn call(&mut self, mut delta: ToolCallDelta, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let index = delta.index.unwrap_or_default();
        let more = match (&mut delta.function, &mut delta.custom) {
            (_, Some(custom)) => custom.input.take(),
            (Some(function), None) => function.arguments.take(),
            (None, None) => None,
        };
        let begun = |item: &Growing| matches!(item, Growing::Calling { index: known, .. } if *known == index);
        let at = match self.items.iter().position(begun) {
            Some(at) => at,
            None => self.open(Growing::calling(index, &delta), out)?,
        };
        let more = more.unwrap_or_default();
        let Some(Growing::Calling { custom, written, extra, .. }) = self.items.get_mut(at) else {
            return Ok(());
        };
        written.push_str(&more);
        extra.absorb(delta.extra);
        let kind = if *custom {
            "response.custom_tool_call_input.delta"
        } else {
            "response.function_call_arguments.delta"
        };
        if more.is_empty() { Ok(()) } else { self.tell_of(at, kind, json!({"delta": more}), out) }
    }

    /// Closes the last item, unless it is a call: calls stay open to the end, because their pieces may be mixed.
    fn close_last(&mut self, status: Status, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Some(at) = self.items.len().checked_sub(1) else { return Ok(()) };
        match self.items.get(at) {
            Some(Growing::Thinking { text, .. }) => {
                if !text.is_empty() {
                    let done = json!({"summary_index": 0, "text": text});
                    let part = json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}});
                    self.tell_of(at, "response.reasoning_summary_text.done", done, out)?;
                    self.tell_of(at, "response.reasoning_summary_part.done", part, out)?;
                }
                self.tell_item(at, "response.output_item.done", Status::Completed, out)
            }
            Some(Growing::Saying { .. }) => {
                self.close_part(at, out)?;
                self.tell_item(at, "response.output_item.done", status, out)
            }
            _ => Ok(()),
        }
    }

    /// Closes the last part of the message at `at`.
    fn close_part(&mut self, at: usize, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Some(Growing::Saying { parts, .. }) = self.items.get(at) else { return Ok(()) };
        let Some(part) = parts.last() else { return Ok(()) };
        let index = parts.len() - 1;
        let (kind, done) = match part {
            Part::OutputText { text, logprobs, .. } => (
                "response.output_text.done",
                json!({"content_index": index, "text": text, "logprobs": logprobs}),
            ),
            Part::Refusal { refusal } => {
                ("response.refusal.done", json!({"content_index": index, "refusal": refusal}))
            }
        };
        let told = json!({"content_index": index, "part": part});
        self.tell_of(at, kind, done, out)?;
        self.tell_of(at, "response.content_part.done", told, out)
    }

    fn close_call(&mut self, at: usize, status: Status, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Some(Growing::Calling { custom, name, written, .. }) = self.items.get(at) else { return Ok(()) };
        let (kind, body) = if *custom {
            ("response.custom_tool_call_input.done", json!({"input": written}))
        } else {
            ("response.function_call_arguments.done", json!({"arguments": written, "name": name}))
        };
        self.tell_of(at, kind, body, out)?;
        self.tell_item(at, "response.output_item.done", status, out)
    }
}
