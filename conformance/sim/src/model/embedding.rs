//! Vectors of texts.

use crate::model::draw::{hash, mix};
use crate::model::tokens;

/// One input as the words its vector is made of.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    words: Vec<u64>,
    tokens: u64,
}

impl Input {
    /// A text; none when it is empty.
    pub(crate) fn text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let lower = text.to_lowercase();
        let words =
            lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut words: Vec<u64> = words.map(|word| hash(word.as_bytes())).collect();
        if words.is_empty() {
            words.push(hash(text.as_bytes()));
        }
        Some(Self { words, tokens: tokens::count(text) })
    }

    /// Token numbers instead of a text.
    pub(crate) fn token_numbers(numbers: impl IntoIterator<Item = u64>) -> Self {
        let words: Vec<u64> = numbers.into_iter().map(mix).collect();
        Self { tokens: u64::try_from(words.len()).unwrap_or(u64::MAX), words }
    }

    pub(crate) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The unit vector: the sum of the words' own vectors, so that texts which share words lie near each other. Of
    /// `full` dimensions the first `wanted` are kept, made a unit vector again.
    pub(crate) fn vector(&self, full: usize, wanted: usize) -> Vec<f32> {
        let mut vector = vec![0_f64; full];
        for word in &self.words {
            let mut state = *word;
            for number in &mut vector {
                state = mix(state);
                // 24 bits are exact in a float: from -1 to 1.
                *number += (state >> 40) as f64 / f64::from(1_u32 << 23) - 1.0;
            }
        }
        vector.truncate(wanted);
        let length = vector.iter().map(|number| number * number).sum::<f64>().sqrt();
        vector.iter().map(|number| (number / length) as f32).collect()
    }
}
