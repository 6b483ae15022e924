//! What a message says: text, or a list of parts.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extra::{Extra, Key, Raw};
use super::object::object;

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `null`: a message that only calls tools.
    Null,
    /// Text.
    Text(String),
    /// Text, images, audio and files.
    Parts(Vec<Part>),
}

impl Content {
    /// All text in it, in order: the text itself, or that of the text parts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (one, parts) = match self {
            Content::Null => (None, [].as_slice()),
            Content::Text(text) => (Some(text.as_str()), [].as_slice()),
            Content::Parts(parts) => (None, parts.as_slice()),
        };
        one.into_iter().chain(parts.iter().filter_map(Part::text))
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Content {
        Content::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content::Text(text)
    }
}

impl From<Vec<Part>> for Content {
    fn from(parts: Vec<Part>) -> Content {
        Content::Parts(parts)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Content::Null => serializer.serialize_unit(),
            Content::Text(text) => serializer.serialize_str(text),
            Content::Parts(parts) => parts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
        struct Union;

        impl<'de> Visitor<'de> for Union {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an array of parts, or null")
            }

            fn visit_unit<E>(self) -> Result<Content, E> {
                Ok(Content::Null)
            }

            fn visit_none<E>(self) -> Result<Content, E> {
                Ok(Content::Null)
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }
        }

        deserializer.deserialize_any(Union)
    }
}

object! {
    /// An image, by URL or as a `data:` URL.
    pub struct ImageUrl {
        /// `https://…` or `data:image/png;base64,…`.
        req url: String = "url",
        /// `low`, `high`, `auto` …
        opt detail: String = "detail",
    }
}

object! {
    /// Sound to listen to.
    pub struct InputAudio {
        /// The bytes in base64.
        req data: String = "data",
        /// `wav` or `mp3`.
        req format: String = "format",
    }
}

object! {
    /// A file: its bytes, or the id of one uploaded before.
    pub struct FileRef {
        /// A `data:` URL in base64.
        opt file_data: String = "file_data",
        /// The id of an uploaded file.
        opt file_id: String = "file_id",
        /// Its name.
        opt filename: String = "filename",
    }
}

/// One part of a message. Kinds that are not known are kept as they are.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// `text`.
    Text {
        /// The text.
        text: String,
        /// Unknown fields.
        extra: Extra,
    },
    /// `image_url`.
    Image {
        /// The image.
        image_url: ImageUrl,
        /// Unknown fields.
        extra: Extra,
    },
    /// `input_audio`.
    Audio {
        /// The sound.
        input_audio: InputAudio,
        /// Unknown fields.
        extra: Extra,
    },
    /// `file`.
    File {
        /// The file.
        file: FileRef,
        /// Unknown fields.
        extra: Extra,
    },
    /// `refusal`: what the model said instead of an answer.
    Refusal {
        /// The text.
        refusal: String,
        /// Unknown fields.
        extra: Extra,
    },
    /// Any other kind.
    Other {
        /// The word in `type`.
        kind: String,
        /// All fields but `type`.
        extra: Extra,
    },
}

impl Part {
    /// A part of text.
    pub fn of_text(text: impl Into<String>) -> Part {
        Part::Text { text: text.into(), extra: Extra::default() }
    }

    /// An image by URL or `data:` URL.
    pub fn of_image(url: impl Into<String>) -> Part {
        let image_url = ImageUrl { url: url.into(), ..ImageUrl::default() };
        Part::Image { image_url, extra: Extra::default() }
    }

    /// The text of a text part.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Part::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The word in `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Part::Text { .. } => "text",
            Part::Image { .. } => "image_url",
            Part::Audio { .. } => "input_audio",
            Part::File { .. } => "file",
            Part::Refusal { .. } => "refusal",
            Part::Other { kind, .. } => kind,
        }
    }

    /// The fields that are not known here.
    #[must_use]
    pub fn extra(&self) -> &Extra {
        match self {
            Part::Text { extra, .. }
            | Part::Image { extra, .. }
            | Part::Audio { extra, .. }
            | Part::File { extra, .. }
            | Part::Refusal { extra, .. }
            | Part::Other { extra, .. } => extra,
        }
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        match self {
            Part::Text { extra, .. }
            | Part::Image { extra, .. }
            | Part::Audio { extra, .. }
            | Part::File { extra, .. }
            | Part::Refusal { extra, .. }
            | Part::Other { extra, .. } => extra,
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind())?;
        match self {
            Part::Text { text, .. } => map.serialize_entry("text", text)?,
            Part::Image { image_url, .. } => map.serialize_entry("image_url", image_url)?,
            Part::Audio { input_audio, .. } => map.serialize_entry("input_audio", input_audio)?,
            Part::File { file, .. } => map.serialize_entry("file", file)?,
            Part::Refusal { refusal, .. } => map.serialize_entry("refusal", refusal)?,
            Part::Other { .. } => {}
        }
        for (name, value) in self.extra().iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// What the one typed field of a known part holds.
enum Payload {
    Text(String),
    Image(ImageUrl),
    Audio(InputAudio),
    File(FileRef),
    Refusal(String),
}

/// The field of the same name as the kind holds the payload, for every kind that is known.
const KNOWN: [&str; 5] = ["text", "image_url", "input_audio", "file", "refusal"];

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_map(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        let mut kind: Option<String> = None;
        let mut payload = None;
        let mut extra = Extra::default();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match key.as_str() {
                "type" if kind.is_some() => return Err(A::Error::duplicate_field("type")),
                "type" => kind = Some(map.next_value()?),
                name if kind.as_deref() == Some(name) && KNOWN.contains(&name) => {
                    if payload.is_some() {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    payload = Some(match name {
                        "text" => Payload::Text(map.next_value()?),
                        "image_url" => Payload::Image(map.next_value()?),
                        "input_audio" => Payload::Audio(map.next_value()?),
                        "file" => Payload::File(map.next_value()?),
                        _ => Payload::Refusal(map.next_value()?),
                    });
                }
                // Before `type` nobody knows what a field means: it waits as text.
                _ => extra.push(key.into_string(), map.next_value()?),
            }
        }
        extra.refuse_duplicates()?;
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        if payload.is_some() && extra.get(&kind).is_some() {
            return Err(A::Error::custom(format_args!("duplicate field `{kind}`")));
        }
        let payload = match payload {
            Some(payload) => payload,
            None => match waiting(&kind, &mut extra)? {
                Some(payload) => payload,
                None => return Ok(Part::Other { kind, extra }),
            },
        };
        Ok(match payload {
            Payload::Text(text) => Part::Text { text, extra },
            Payload::Image(image_url) => Part::Image { image_url, extra },
            Payload::Audio(input_audio) => Part::Audio { input_audio, extra },
            Payload::File(file) => Part::File { file, extra },
            Payload::Refusal(refusal) => Part::Refusal { refusal, extra },
        })
    }
}

/// The payload of a part whose `type` came last; none for a kind that is not known.
fn waiting<E: serde::de::Error>(kind: &str, extra: &mut Extra) -> Result<Option<Payload>, E> {
    fn read<T: DeserializeOwned, E: serde::de::Error>(kind: &str, raw: &Raw) -> Result<T, E> {
        serde_json::from_str(raw.get()).map_err(|error| E::custom(format_args!("{kind}: {error}")))
    }
    let Some(known) = KNOWN.into_iter().find(|known| *known == kind) else { return Ok(None) };
    let raw = extra.remove(known).ok_or_else(|| E::missing_field(known))?;
    Ok(Some(match known {
        "text" => Payload::Text(read(known, &raw)?),
        "image_url" => Payload::Image(read(known, &raw)?),
        "input_audio" => Payload::Audio(read(known, &raw)?),
        "file" => Payload::File(read(known, &raw)?),
        _ => Payload::Refusal(read(known, &raw)?),
    }))
}
