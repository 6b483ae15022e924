//! The conversation of a request, read and checked.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::gemini::error::{ApiError, field, invalid, payload};
use crate::gemini::fields::Fields;
use crate::gemini::signature;
use crate::model::{Call, Message, Role};

/// Tokens of an image, at low resolution and otherwise.
const LOW_IMAGE: u64 = 280;
const IMAGE: u64 = 1_120;

/// One turn.
#[derive(Debug, Clone)]
pub(crate) struct Read<'a> {
    /// What is said and called in it, without the results.
    pub(crate) message: Message<'a>,
    pub(crate) results: Vec<Result<'a>>,
    pub(crate) first_call_sealed: bool,
}

/// What a function gave.
#[derive(Debug, Clone)]
pub(crate) struct Result<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) name: &'a str,
    text: String,
}

type Checked<T> = std::result::Result<T, ApiError>;

/// The turns of `contents`.
pub(crate) fn turns<'a>(body: &Fields<'a>, request: &str) -> Checked<Vec<Read<'a>>> {
    let contents = body.objects("contents")?;
    if contents.is_empty() {
        return Err(field(request, "contents", "contents is not specified"));
    }
    let mut turns: Vec<Read<'a>> = Vec::new();
    for content in &contents {
        let next = turn(content, request)?;
        match turns.last_mut() {
            // A stream is handed back piece by piece: what the model said in a row is one turn.
            Some(last) if last.message.role == Role::Assistant && next.message.role == Role::Assistant => {
                last.go_on(next);
            }
            _ => turns.push(next),
        }
    }
    Ok(turns)
}

/// The messages of the turns: results are messages of their own.
pub(crate) fn messages(turns: Vec<Read<'_>>) -> Vec<Message<'_>> {
    let mut messages = Vec::new();
    for turn in turns {
        let says = turn.results.is_empty()
            || !turn.message.text.is_empty()
            || !turn.message.images.is_empty()
            || turn.message.attachments > 0;
        for result in turn.results {
            let mut message = Message::new(Role::Tool);
            message.name = Some(result.name);
            message.tool_call_id = result.id;
            message.push_text(&result.text);
            messages.push(message);
        }
        if says {
            messages.push(turn.message);
        }
    }
    messages
}

/// What the instructions say.
pub(crate) fn instructions<'a>(content: &Fields<'a>) -> Checked<Message<'a>> {
    content.only(&["parts", "role"])?;
    let mut message = Message::new(Role::System);
    for part in content.objects("parts")? {
        match part.text("text")? {
            Some(text) => message.push_text(text),
            None => return Err(invalid("system_instruction.parts: only text is supported.")),
        }
    }
    Ok(message)
}

fn turn<'a>(content: &Fields<'a>, request: &str) -> Checked<Read<'a>> {
    content.only(&["parts", "role"])?;
    let role = match content.text("role")? {
        None | Some("user") => Role::User,
        Some("model") => Role::Assistant,
        Some(_) => return Err(invalid("Please use a valid role: user, model.")),
    };
    let parts = content.objects("parts")?;
    if parts.is_empty() {
        return Err(field(request, &content.place("parts"), "contents.parts must not be empty."));
    }
    let mut read = Read { message: Message::new(role), results: Vec::new(), first_call_sealed: false };
    for part in &parts {
        read.part(part, request)?;
    }
    Ok(read)
}

const DATA: [&str; 9] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

impl<'a> Read<'a> {
    /// Adds the next piece of the same turn.
    fn go_on(&mut self, next: Read<'a>) {
        self.first_call_sealed |= self.message.tool_calls.is_empty() && next.first_call_sealed;
        self.message.text.push_str(&next.message.text);
        self.message.tool_calls.extend(next.message.tool_calls);
        self.message.images.extend(next.message.images);
        self.message.attachments += next.message.attachments;
    }

    fn part(&mut self, part: &Fields<'a>, request: &str) -> Checked<()> {
        let beside = ["thought", "thoughtSignature", "mediaResolution", "videoMetadata", "partMetadata"];
        part.only(&[DATA.as_slice(), &beside].concat())?;
        let given: Vec<&str> = DATA.into_iter().filter(|name| part.has(name)).collect();
        let seal = part.text("thoughtSignature")?;
        let thought = part.flag("thought")? == Some(true);
        match given.as_slice() {
            // A seal alone is a part too.
            [] if seal.is_some() => Ok(()),
            ["text"] => self.text(part, thought, seal),
            ["functionCall"] => self.call(part, seal, request),
            ["functionResponse"] => self.result(part, request),
            ["inlineData"] => self.inline(part),
            ["fileData"] => self.file(part, request),
            // Gemini's own tools: taken back as they were.
            ["executableCode" | "codeExecutionResult" | "toolCall" | "toolResponse"] => Ok(()),
            _ => {
                let place = part.place("data");
                Err(field(request, &place, "required oneof field 'data' must have one initialized field"))
            }
        }
    }

    fn text(&mut self, part: &Fields<'a>, thought: bool, seal: Option<&str>) -> Checked<()> {
        let text = part.text("text")?.unwrap_or_default();
        if let Some(seal) = seal {
            signature::check(seal, &signature::of_text(text))?;
        }
        // What was thought is not what was said.
        if !thought && !text.is_empty() {
            self.message.push_text(text);
        }
        Ok(())
    }

    fn call(&mut self, part: &Fields<'a>, seal: Option<&str>, request: &str) -> Checked<()> {
        let Some(call) = part.object("functionCall")? else { return Ok(()) };
        call.only(&["id", "name", "args"])?;
        let name = named(&call, request)?;
        let args = call.object("args")?.map(|_| ());
        let args = args.and_then(|()| call.get("args")).cloned().unwrap_or_else(|| json!({}));
        if let Some(seal) = seal {
            signature::check(seal, &signature::of_call(name, &args))?;
            self.first_call_sealed |= self.message.tool_calls.is_empty();
        }
        let id = call.text("id")?.unwrap_or_default();
        self.message.tool_calls.push(Call { id, name, arguments: Cow::Owned(args.to_string()) });
        Ok(())
    }

    fn result(&mut self, part: &Fields<'a>, request: &str) -> Checked<()> {
        let Some(result) = part.object("functionResponse")? else { return Ok(()) };
        result.only(&["id", "name", "response", "parts", "willContinue", "scheduling"])?;
        let name = named(&result, request)?;
        result.object("response")?;
        let text = match result.get("response") {
            Some(response) => match response.get("output").and_then(Value::as_str) {
                Some(output) => output.to_owned(),
                None => response.to_string(),
            },
            None => return Err(field(request, &result.place("response"), "Response cannot be empty.")),
        };
        for file in result.objects("parts")? {
            file.only(&["inlineData", "fileData"])?;
            self.inline(&file)?;
            if file.has("fileData") {
                self.file(&file, request)?;
            }
        }
        let id = result.text("id")?.filter(|id| !id.is_empty());
        self.results.push(Result { id, name, text });
        Ok(())
    }

    fn inline(&mut self, part: &Fields<'a>) -> Checked<()> {
        let Some(blob) = part.object("inlineData")? else { return Ok(()) };
        blob.only(&["mimeType", "data", "displayName"])?;
        let place = blob.place("data");
        let data = blob.text("data")?.unwrap_or_default();
        if STANDARD.decode(data.replace('-', "+").replace('_', "/")).is_err() {
            let message =
                format!("Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed for \"{data}\"");
            return Err(payload(&place, message));
        }
        self.medium(blob.text("mimeType")?, part)
    }

    fn file(&mut self, part: &Fields<'a>, request: &str) -> Checked<()> {
        let Some(file) = part.object("fileData")? else { return Ok(()) };
        file.only(&["mimeType", "fileUri", "displayName"])?;
        let uri = file.text("fileUri")?.unwrap_or_default();
        if !uri.starts_with("https://") && !uri.starts_with("http://") {
            return Err(field(request, &file.place("fileUri"), "Invalid or unsupported file uri"));
        }
        // Without a type it goes by what it fetches; here, an image.
        self.medium(Some(file.text("mimeType")?.unwrap_or("image/jpeg")), part)
    }

    fn medium(&mut self, kind: Option<&str>, part: &Fields<'a>) -> Checked<()> {
        let low = match part.object("mediaResolution")? {
            Some(resolution) => resolution.text("level")? == Some("MEDIA_RESOLUTION_LOW"),
            None => false,
        };
        match kind {
            None | Some("") => return Err(invalid("Unsupported MIME type: ")),
            Some(kind) if kind.starts_with("image/") => {
                self.message.images.push(if low { LOW_IMAGE } else { IMAGE });
            }
            Some(_) => self.message.attachments += 1,
        }
        Ok(())
    }
}

fn named<'a>(fields: &Fields<'a>, request: &str) -> Checked<&'a str> {
    let name = fields.text("name")?.unwrap_or_default();
    if name.is_empty() {
        return Err(field(request, &fields.place("name"), "Name cannot be empty."));
    }
    Ok(name)
}
