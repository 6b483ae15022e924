//! The model.

use std::path::Path;

use safetensors::SafeTensors;

use crate::cross_encoder::CrossEncoder;
use crate::files::{FILES, LoadError, read};
use crate::kernel::Kernel;
use crate::layer::{Layer, Norm, Room, WIDTH};
use crate::tensors::{Tensors, floats, halved, whole};
use crate::wordpiece::WordPiece;

/// The model's name.
pub const NAME: &str = "all-MiniLM-L6-v2";
/// Numbers in a vector.
pub const DIMENSIONS: usize = WIDTH;
/// Tokens that the model was made for, with the two that mark beginning and end. What is beyond is not seen.
pub const LONGEST: usize = 256;

const LAYERS: usize = 6;
const VOCABULARY: usize = 30_522;
const POSITIONS: usize = 512;

/// The model, ready to be asked. It takes about 36 MB with an int8 kernel, 133 MB with the reference.
pub struct MiniLm {
    kernel: Kernel,
    tokenizer: WordPiece,
    words: Words,
    /// Of the first 256 positions, with the one type of token there is.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    cross_encoder: CrossEncoder,
}

/// The vectors of the vocabulary.
enum Words {
    Whole(Vec<f32>),
    Halved(Vec<u16>),
}

/// A text as a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Of length 1.
    pub vector: Vec<f32>,
    /// Tokens seen.
    pub tokens: usize,
    /// Whether that was all of the text.
    pub whole: bool,
}

impl MiniLm {
    /// Loads the model from `folder`, checks that it is the one, and prepares its weights for `kernel`.
    pub fn load(folder: &Path, kernel: Kernel) -> Result<MiniLm, LoadError> {
        let [weights, vocabulary] = FILES;
        let tokenizer = {
            let text = String::from_utf8(read(folder, &vocabulary)?);
            WordPiece::new(&text.map_err(|_| LoadError::Malformed("vocabulary".to_owned()))?)?
        };
        let file = read(folder, &weights)?;
        let tensors = SafeTensors::deserialize(&file)
            .map_err(|_| LoadError::Malformed("list of tensors".to_owned()))?;
        let words = floats(&tensors, "embeddings.word_embeddings.weight", &[VOCABULARY, WIDTH])?;
        let mut positions = floats(&tensors, "embeddings.position_embeddings.weight", &[POSITIONS, WIDTH])?;
        positions.truncate(LONGEST * WIDTH);
        let types = floats(&tensors, "embeddings.token_type_embeddings.weight", &[2, WIDTH])?;
        for position in positions.chunks_exact_mut(WIDTH) {
            position.iter_mut().zip(&types).for_each(|(number, more)| *number += more);
        }
        let words = if kernel.is_int8() {
            Words::Halved(words.iter().map(|number| halved(*number)).collect())
        } else {
            Words::Whole(words)
        };
        let plain = Tensors { model: &tensors, changes: None };
        Ok(MiniLm {
            kernel,
            tokenizer,
            words,
            positions,
            norm: Norm::load(plain, "embeddings.LayerNorm")?,
            layers: layers(plain, kernel)?,
            cross_encoder: CrossEncoder::load(&tensors, kernel)?,
        })
    }

    /// How it is worked out.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &WordPiece {
        &self.tokenizer
    }

    /// The vector of a text.
    #[must_use]
    pub fn embed(&self, text: &str) -> Embedded {
        let (tokens, whole) = self.tokenizer.tokens(text, LONGEST);
        let rows = self.contextual(&tokens);
        Embedded { vector: pooled(&rows), tokens: tokens.len(), whole }
    }

    /// Whether one answer serves both texts, as a cross-encoder has it that reads them together (Nogueira and Cho,
    /// "Passage Re-ranking with BERT", 2019): the log-odds, above 0 for more likely than not. None where the two are
    /// longer than the model sees.
    #[must_use]
    pub fn same_meaning(&self, a: &str, b: &str) -> Option<f32> {
        let pair = self.cross_encoder.pair(&self.tokenizer, a, b)?;
        let mut rows = self.looked_up(&pair.tokens);
        self.cross_encoder.mark(&pair, &mut rows);
        self.placed(&mut rows);
        Some(self.cross_encoder.forward(rows, self.kernel))
    }

    /// The vectors of tokens in their context, one after another.
    fn contextual(&self, tokens: &[u32]) -> Vec<f32> {
        let mut rows = self.looked_up(tokens);
        self.placed(&mut rows);
        forward(&self.layers, &mut rows, self.kernel);
        rows
    }

    fn looked_up(&self, tokens: &[u32]) -> Vec<f32> {
        let mut rows: Vec<f32> = Vec::with_capacity(tokens.len() * WIDTH);
        for token in tokens {
            let from = usize::try_from(*token).unwrap_or(0).saturating_mul(WIDTH);
            match &self.words {
                Words::Whole(words) => rows.extend(words.iter().skip(from).take(WIDTH)),
                Words::Halved(words) => {
                    rows.extend(words.iter().skip(from).take(WIDTH).map(|half| whole(*half)));
                }
            }
        }
        rows
    }

    /// Adds to each row what tells its place.
    fn placed(&self, rows: &mut [f32]) {
        self.norm.add(rows, &self.positions, self.kernel);
    }
}

/// All layers of a model.
pub(crate) fn layers(tensors: Tensors<'_>, kernel: Kernel) -> Result<Vec<Layer>, LoadError> {
    (0..LAYERS).map(|number| Layer::load(tensors, number, kernel)).collect()
}

/// One layer after another, in place.
pub(crate) fn forward(layers: &[Layer], rows: &mut [f32], kernel: Kernel) {
    let mut room = Room::default();
    for layer in layers {
        layer.forward(rows, kernel, &mut room);
    }
}

impl std::fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniLm").field("kernel", &self.kernel.name()).finish_non_exhaustive()
    }
}

/// The mean of all tokens, of length 1.
fn pooled(rows: &[f32]) -> Vec<f32> {
    let mut sums = [0f64; WIDTH];
    for row in rows.as_chunks::<WIDTH>().0 {
        sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += f64::from(*number));
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    sums.iter().map(|sum| (sum / length) as f32).collect()
}
