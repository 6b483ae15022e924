//! Embeddings in OpenAI's shapes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::extra::Raw;
use super::metadata::Metadata;
use super::object::object;
use super::usage::Usage;
use crate::error::{Error, Result};

/// Most texts or token lists in one request, as OpenAI takes them.
const MOST_INPUTS: usize = 2048;

object! {
    /// A request for embeddings, as OpenAI's `POST /v1/embeddings` takes it.
    pub struct EmbedRequest {
        /// The model, by the name the caller uses.
        req model: String = "model",
        /// A text, several texts, a list of token ids, or several such lists.
        req input: Raw = "input",
        /// `float` or `base64`.
        opt encoding_format: String = "encoding_format",
        /// How long the vectors are to be.
        opt dimensions: u32 = "dimensions",
        /// The end user.
        opt user: String = "user",
    }
}

object! {
    /// One vector.
    pub struct Embedding {
        /// Always `embedding`.
        def object: String = "object" or "embedding".to_owned(),
        /// Which input it belongs to, from 0.
        def index: u32 = "index" or 0,
        /// The vector: numbers, or base64 of little-endian 32-bit floats. Kept digit by digit.
        req embedding: Raw = "embedding",
    }
}

object! {
    /// Vectors.
    pub struct EmbedResponse {
        /// Always `list`.
        def object: String = "object" or "list".to_owned(),
        /// One vector for each input.
        req data: Vec<Embedding> = "data",
        /// The model that made them.
        def model: String = "model" or String::new(),
        /// Tokens used.
        opt usage: Usage = "usage",
        /// What the gateway did.
        opt lockgate: Metadata = "lockgate",
    }
}

impl EmbedResponse {
    /// Writes the vectors in `format` where the provider did not: numbers become base64 for a caller who asked for it.
    #[must_use]
    pub(crate) fn in_format(mut self, format: Option<&str>) -> EmbedResponse {
        if format == Some("base64") {
            for vector in &mut self.data {
                let Some(numbers) = vector.embedding.read::<Vec<f32>>() else { continue };
                let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
                if let Ok(text) = Raw::of(&STANDARD.encode(bytes)) {
                    vector.embedding = text;
                }
            }
        }
        self
    }
}

/// What an embeddings request holds, as far as the gateway looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EmbedInput {
    /// Texts.
    Texts(Vec<String>),
    /// Token ids: how many in all.
    Tokens(u64),
}

impl EmbedRequest {
    /// A request for the vectors of `texts`.
    pub fn new<T: AsRef<str>>(model: impl Into<String>, texts: impl IntoIterator<Item = T>) -> EmbedRequest {
        let texts: Vec<String> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        EmbedRequest {
            model: model.into(),
            input: Raw::of(&texts).unwrap_or_default(),
            ..EmbedRequest::default()
        }
    }

    /// Checks what a type cannot say; an error names the field, the value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        super::validate::check_model(&self.model)?;
        if let Some(format) =
            self.encoding_format.as_deref().filter(|format| !matches!(*format, "float" | "base64"))
        {
            let message = format!("encoding_format: {format:?} is not one of \"float\", \"base64\".");
            return Err(Error::invalid("encoding_format", message));
        }
        if self.dimensions == Some(0) {
            return Err(Error::invalid("dimensions", "dimensions: 0 is not allowed, expected 1 or more."));
        }
        self.inputs().map(|_| ())
    }

    /// The inputs.
    pub(crate) fn inputs(&self) -> Result<EmbedInput> {
        let allowed = "expected a text, an array of texts, an array of token ids or an array of such arrays";
        let bad = |what: String| Error::invalid("input", format!("input: {what}"));
        let input = &self.input;
        let (texts, tokens) = if let Some(text) = input.read::<String>() {
            (vec![text], None)
        } else if let Some(texts) = input.read::<Vec<String>>() {
            (texts, None)
        } else if let Some(ids) = input.read::<Vec<u32>>() {
            (Vec::new(), Some(vec![ids.len()]))
        } else if let Some(lists) = input.read::<Vec<Vec<u32>>>() {
            (Vec::new(), Some(lists.iter().map(Vec::len).collect()))
        } else {
            return Err(bad(format!("{allowed}.")));
        };
        let count = tokens.as_ref().map_or(texts.len(), Vec::len);
        if count == 0 || count > MOST_INPUTS {
            return Err(bad(format!("{count} inputs, expected 1 to {MOST_INPUTS}.")));
        }
        if texts.iter().any(String::is_empty) || tokens.as_ref().is_some_and(|lists| lists.contains(&0)) {
            return Err(bad("an input is empty.".to_owned()));
        }
        Ok(match tokens {
            Some(lists) => EmbedInput::Tokens(lists.iter().sum::<usize>() as u64),
            None => EmbedInput::Texts(texts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{EmbedResponse, Embedding, Raw};

    #[test]
    fn numbers_become_base64_only_for_who_asked() {
        let of = |vector: &str| EmbedResponse {
            data: vec![Embedding { embedding: Raw::parse(vector).unwrap(), ..Embedding::default() }],
            ..EmbedResponse::default()
        };
        let vector = |response: EmbedResponse| response.data[0].embedding.get().to_owned();
        assert_eq!(vector(of("[1, -0.5]").in_format(Some("base64"))), r#""AACAPwAAAL8=""#);
        assert_eq!(vector(of("[1, -0.50]").in_format(Some("float"))), "[1, -0.50]");
        assert_eq!(vector(of("[1, -0.50]").in_format(None)), "[1, -0.50]");
        assert_eq!(vector(of(r#""AACAPw==""#).in_format(Some("base64"))), r#""AACAPw==""#);
    }
}
