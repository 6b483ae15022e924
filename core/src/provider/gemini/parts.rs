//! The parts of what callers say: text, images, sound, files.

use std::borrow::Cow;

use super::NAME;
use super::model::Model;
use super::warnings::Warnings;
use super::wire::{Blob, FileData, Part, Resolution};
use crate::error::{Error, Result};
use crate::provider::express::unsupported;
use crate::provider::image::Image;
use crate::types::{Content, FileRef, ImageUrl, InputAudio, Message, Part as Said};

/// The parts of the message at `at`.
pub(super) fn of<'a>(
    message: &'a Message,
    at: usize,
    model: Model<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<Part<'a>>> {
    match &message.content {
        None | Some(Content::Null) => Ok(Vec::new()),
        Some(Content::Text(text)) => Ok(vec![Part::text(text)]),
        Some(Content::Parts(parts)) => {
            let path = |part| format!("messages[{at}].content[{part}]");
            (0..).zip(parts).map(|(index, part)| one(part, &path(index), model, warnings)).collect()
        }
    }
}

fn one<'a>(said: &'a Said, path: &str, model: Model<'_>, warnings: &mut Warnings) -> Result<Part<'a>> {
    const PATH: &str = "messages[].content[]";
    warnings.fields(PATH, said.extra(), &[]);
    match said {
        Said::Text { text, .. } => Ok(Part::text(text)),
        Said::Refusal { refusal, .. } => Ok(Part::text(refusal)),
        Said::Image { image_url, .. } => {
            warnings.fields(&format!("{PATH}.image_url"), &image_url.extra, &[]);
            image(image_url, path, model, warnings)
        }
        Said::Audio { input_audio, .. } => {
            warnings.fields(&format!("{PATH}.input_audio"), &input_audio.extra, &[]);
            Ok(audio(input_audio))
        }
        Said::File { file, .. } => {
            warnings.fields(&format!("{PATH}.file"), &file.extra, &[]);
            if file.filename.is_some() {
                warnings.left_out(&format!("{PATH}.file.filename"));
            }
            self::file(file, path)
        }
        Said::Other { kind, .. } => {
            Err(unsupported(&format!("{path}.type"), NAME, &format!("it has no part of the type {kind:?}")))
        }
    }
}

/// Where the files are that were given to Gemini before; every model knows them.
const OWN_FILES: &str = "https://generativelanguage.googleapis.com/";

fn image<'a>(image: &'a ImageUrl, path: &str, model: Model<'_>, warnings: &mut Warnings) -> Result<Part<'a>> {
    let media_resolution = match image.detail.as_deref() {
        Some("low") => Some("MEDIA_RESOLUTION_LOW"),
        Some("high") => Some("MEDIA_RESOLUTION_HIGH"),
        Some("original") => Some("MEDIA_RESOLUTION_ULTRA_HIGH"),
        _ => None,
    };
    let media_resolution = media_resolution.map(|level| Resolution { level });
    let taken = media_resolution.filter(|_| model.takes_resolution());
    if media_resolution.is_some() && taken.is_none() {
        warnings.left_out("messages[].content[].image_url.detail");
    }
    match Image::read(&image.url) {
        Some(Image::Inline { media_type, data }) => Ok(Part::Inline {
            inline_data: Blob { mime_type: Cow::Borrowed(media_type), data },
            media_resolution: taken,
        }),
        Some(Image::Url(url)) if !model.fetches() && !url.starts_with(OWN_FILES) => {
            let why = format!("{} fetches no images; send the image itself", model.name());
            Err(unsupported(&format!("{path}.image_url.url"), NAME, &why))
        }
        Some(Image::Url(url)) => Ok(Part::File {
            file_data: FileData { mime_type: media_type(url), file_uri: url },
            media_resolution: taken,
        }),
        None => {
            let param = format!("{path}.image_url.url");
            let message = format!("{param}: expected a URL, or a data: URL in base64 that names its type.");
            Err(Error::invalid(param, message))
        }
    }
}

fn audio(audio: &InputAudio) -> Part<'_> {
    let mime_type = Cow::Owned(format!("audio/{}", audio.format));
    Part::Inline { inline_data: Blob { mime_type, data: &audio.data }, media_resolution: None }
}

fn file<'a>(file: &'a FileRef, path: &str) -> Result<Part<'a>> {
    let refused = |field: &str, why: &str| Err(unsupported(&format!("{path}.file.{field}"), NAME, why));
    match (file.file_data.as_deref(), file.file_id.as_deref()) {
        (Some(data), _) => match Image::read(data) {
            Some(Image::Inline { media_type, data }) => Ok(Part::Inline {
                inline_data: Blob { mime_type: Cow::Borrowed(media_type), data },
                media_resolution: None,
            }),
            _ => refused("file_data", "it takes a data: URL in base64 that names its type"),
        },
        // The address of a file in Gemini's own store, or of any other that it may fetch.
        (None, Some(uri)) if uri.starts_with("https://") => Ok(Part::File {
            file_data: FileData { mime_type: media_type(uri), file_uri: uri },
            media_resolution: None,
        }),
        (None, Some(_)) => refused("file_id", "its files are named by their https:// addresses"),
        (None, None) => refused("file_data", "it is missing"),
    }
}

/// The type that a URL's path ends with, where Gemini takes that type. Without one Gemini goes by what it fetches.
fn media_type(url: &str) -> Option<&'static str> {
    const TYPES: [(&str, &str); 9] = [
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("webp", "image/webp"),
        ("gif", "image/gif"),
        ("bmp", "image/bmp"),
        ("heic", "image/heic"),
        ("heif", "image/heif"),
        ("pdf", "application/pdf"),
    ];
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    TYPES.iter().find(|(name, _)| ending.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn a_path_tells_its_type() {
        assert_eq!(media_type("https://x.test/a/b.PNG?size=2.jpg#c"), Some("image/png"));
        assert_eq!(media_type("https://x.test/doc.pdf"), Some("application/pdf"));
        for unknown in ["https://x.png/", "https://x.test/a", "https://x.test/a.tar.gz", ""] {
            assert_eq!(media_type(unknown), None, "{unknown}");
        }
    }
}
