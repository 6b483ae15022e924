//! The parts of a message as content blocks.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::NAME;
use super::json::Object;
use crate::error::{Error, Result};
use crate::provider::express::{left_out, unsupported};
use crate::provider::image::Image;
use crate::types::{Content, FileRef, ImageUrl, Part};

/// A block of text; none for an empty one, which Anthropic refuses.
pub(super) fn text<'a>(text: &'a str) -> Option<Object<'a>> {
    (!text.is_empty()).then(|| Object::of("text").with("text", text))
}

/// What a message says, block by block. `place` is where it stands: `messages[0].content`.
pub(super) fn blocks<'a>(
    content: Option<&'a Content>,
    place: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<Object<'a>>> {
    match content {
        None | Some(Content::Null) => Ok(Vec::new()),
        Some(Content::Text(words)) => Ok(text(words).into_iter().collect()),
        Some(Content::Parts(parts)) => {
            let each = parts.iter().enumerate();
            let blocks =
                each.filter_map(|(at, part)| block(part, &format!("{place}[{at}]"), warnings).transpose());
            blocks.collect()
        }
    }
}

fn block<'a>(part: &'a Part, place: &str, warnings: &mut Vec<String>) -> Result<Option<Object<'a>>> {
    let block = match part {
        Part::Text { text: words, .. } | Part::Refusal { refusal: words, .. } => text(words),
        Part::Image { image_url, .. } => Some(image(image_url, place, warnings)?),
        Part::File { file: reference, .. } => Some(file(reference, place)?.extended(&reference.extra)),
        Part::Audio { .. } => {
            return Err(unsupported(&format!("{place}.input_audio"), NAME, "it does not listen"));
        }
        // Anthropic's own kinds: documents, search results. They go out as they are.
        Part::Other { kind, .. } => Some(Object::of(kind.as_str())),
    };
    Ok(block.map(|block| block.extended(part.extra())))
}

fn image<'a>(image: &'a ImageUrl, place: &str, warnings: &mut Vec<String>) -> Result<Object<'a>> {
    if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
        warnings.push(left_out(&format!("{place}.image_url.detail"), NAME));
    }
    let source = match Image::read(&image.url) {
        Some(Image::Url(url)) => by_url(url),
        Some(Image::Inline { media_type, data }) => inline(media_type, data),
        None => return Err(bad_data(&format!("{place}.image_url.url"))),
    };
    Ok(Object::of("image").with("source", source).extended(&image.extra))
}

fn file<'a>(file: &'a FileRef, place: &str) -> Result<Object<'a>> {
    let titled = |block: Object<'a>| match &file.filename {
        Some(name) => block.with("title", name.as_str()),
        None => block,
    };
    let document = |source: Object<'a>| titled(Object::of("document").with("source", source));
    let place = format!("{place}.file");
    match (&file.file_id, &file.file_data) {
        (Some(id), _) => Ok(document(Object::of("file").with("file_id", id.as_str()))),
        (None, Some(data)) => match Image::read(data) {
            Some(Image::Inline { media_type: "application/pdf", data }) => {
                Ok(document(inline("application/pdf", data)))
            }
            Some(Image::Inline { media_type, data }) if media_type.starts_with("image/") => {
                Ok(Object::of("image").with("source", inline(media_type, data)))
            }
            Some(Image::Inline { media_type, data }) if media_type.starts_with("text/") => {
                let bytes = STANDARD.decode(data).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let text = text.ok_or_else(|| bad_data(&format!("{place}.file_data")))?;
                let source = Object::of("text").with("media_type", "text/plain").with("data", text);
                Ok(document(source))
            }
            Some(Image::Inline { media_type, .. }) => {
                let why = format!("{media_type} is not a PDF, a text or an image");
                Err(unsupported(&place, NAME, &why))
            }
            Some(Image::Url(url)) if url.starts_with("http") => Ok(document(by_url(url))),
            _ => Err(bad_data(&format!("{place}.file_data"))),
        },
        (None, None) => {
            let why = format!("{place}: expected file_data or file_id.");
            Err(Error::invalid(place, why))
        }
    }
}

fn by_url(url: &str) -> Object<'_> {
    Object::of("url").with("url", url)
}

fn inline<'a>(media_type: impl Into<Cow<'a, str>>, data: &'a str) -> Object<'a> {
    Object::of("base64").with("media_type", super::json::Json::Text(media_type.into())).with("data", data)
}

fn bad_data(param: &str) -> Error {
    Error::invalid(param, format!("{param}: expected a URL, or data in base64 as data:image/png;base64,…"))
}
