//! Two texts read together: the model's layers, changed by what was learned from labelled pairs (`training/`).

use std::collections::HashSet;

use safetensors::SafeTensors;

use crate::files::LoadError;
use crate::kernel::Kernel;
use crate::layer::{Layer, WIDTH};
use crate::minilm::{self, LONGEST};
use crate::tensors::{Tensors, halves};
use crate::wordpiece::WordPiece;

/// What was learned, beside the model's own file.
static LEARNED: &[u8] = include_bytes!("../weights/cross-encoder.safetensors");
/// What a token can be: in the first text or the second; a mark of the tokenizer, a token that the other text has, too,
/// or one that it has not.
const MARKS: usize = 2 * 3;
/// Numbers between what was read and the verdict.
const HIDDEN: usize = 64;

/// The changed model.
pub(crate) struct CrossEncoder {
    marks: Vec<f32>,
    layers: Vec<Layer>,
    /// For each hidden number, what it takes of the first token and of the mean of all.
    hidden: Vec<f32>,
    hidden_bias: Vec<f32>,
    verdict: Vec<f32>,
    verdict_bias: f32,
}

/// Two texts as one.
pub(crate) struct Pair {
    pub(crate) tokens: Vec<u32>,
    /// What each token is.
    marks: Vec<usize>,
}

impl CrossEncoder {
    pub(crate) fn load(model: &SafeTensors<'_>, kernel: Kernel) -> Result<CrossEncoder, LoadError> {
        let learned = SafeTensors::deserialize(LEARNED)
            .map_err(|_| LoadError::Malformed("list of what was learned".to_owned()))?;
        let bias = halves(&learned, "verdict.bias", &[1])?;
        Ok(CrossEncoder {
            marks: halves(&learned, "marks", &[MARKS, WIDTH])?,
            layers: minilm::layers(Tensors { model, changes: Some(&learned) }, kernel)?,
            hidden: halves(&learned, "hidden.weight", &[HIDDEN, 2 * WIDTH])?,
            hidden_bias: halves(&learned, "hidden.bias", &[HIDDEN])?,
            verdict: halves(&learned, "verdict.weight", &[1, HIDDEN])?,
            verdict_bias: bias.first().copied().unwrap_or(0.0),
        })
    }

    /// Both texts, one after the other; none where they do not fit.
    pub(crate) fn pair(&self, tokenizer: &WordPiece, a: &str, b: &str) -> Option<Pair> {
        let (first, whole) = tokenizer.tokens(a, LONGEST);
        let (second, also_whole) = tokenizer.tokens(b, LONGEST);
        // The second text begins where the first has ended.
        let second = second.get(1..)?;
        if !whole || !also_whole || first.len() + second.len() > LONGEST {
            return None;
        }
        let inner = |tokens: &[u32]| tokens.iter().copied().collect::<HashSet<u32>>();
        let [of_first, of_second] = [first.get(1..first.len() - 1)?, second.get(..second.len() - 1)?];
        let kinds = |own: &[u32], other: &[u32]| -> Vec<usize> {
            let other = inner(other);
            own.iter().map(|token| if other.contains(token) { 1 } else { 2 }).collect()
        };
        let mut marks = vec![0];
        marks.extend(kinds(of_first, of_second));
        marks.push(0);
        marks.extend(kinds(of_second, of_first).into_iter().map(|kind| kind + 3));
        marks.push(3);
        Some(Pair { tokens: [&first, second].concat(), marks })
    }

    /// Adds to each row what its token is.
    pub(crate) fn mark(&self, pair: &Pair, rows: &mut [f32]) {
        for (row, mark) in rows.chunks_exact_mut(WIDTH).zip(&pair.marks) {
            let mark = self.marks.iter().skip(mark * WIDTH);
            row.iter_mut().zip(mark).for_each(|(number, more)| *number += more);
        }
    }

    /// The log-odds that both texts mean the same.
    pub(crate) fn forward(&self, mut rows: Vec<f32>, kernel: Kernel) -> f32 {
        minilm::forward(&self.layers, &mut rows, kernel);
        let count = (rows.len() / WIDTH).max(1) as f32;
        let mut read: Vec<f32> = rows.iter().copied().take(WIDTH).collect();
        let mut mean = vec![0f32; WIDTH];
        for row in rows.chunks_exact(WIDTH) {
            mean.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
        }
        read.extend(mean.into_iter().map(|sum| sum / count));
        let product = |weights: &[f32], numbers: &[f32]| -> f32 {
            weights.iter().zip(numbers).map(|(weight, number)| weight * number).sum()
        };
        let weights = self.hidden.chunks_exact(2 * WIDTH).zip(&self.hidden_bias);
        let mut hidden: Vec<f32> = weights.map(|(weights, bias)| product(weights, &read) + bias).collect();
        kernel.gelu(&mut hidden);
        product(&self.verdict, &hidden) + self.verdict_bias
    }
}
