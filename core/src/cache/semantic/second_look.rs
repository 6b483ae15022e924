//! A second look at pairs that the guards refuse for nothing but their words: a small model over two numbers, trained by
//! `core/evaluation/train.py` on the tuning half of the evaluation set.

/// A logistic regression: the sum of features times weights, above 0 for pairs of one meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SecondLook {
    /// Added to the sum.
    pub bias: f32,
    /// Of the cosine of the two questions.
    pub similarity: f32,
    /// Of the worst matched word: see [`lockgate_embed::MiniLm::alignment`].
    pub alignment: f32,
}

impl SecondLook {
    /// As `train.py` found it.
    pub const TRAINED: SecondLook = SecondLook { bias: -0.629, similarity: -0.049, alignment: 1.0 };

    /// Whether a pair is of one meaning after all.
    #[must_use]
    pub fn passes(&self, similarity: f32, alignment: f32) -> bool {
        self.bias + self.similarity * similarity + self.alignment * alignment > 0.0
    }
}
