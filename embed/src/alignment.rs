//! How well the words that only one of two texts has are matched by words of the other, in their contexts.

use crate::layer::WIDTH;
use crate::minilm::MiniLm;
use crate::nearest::cosine;
use crate::wordpiece::words;

/// A word and its vector in its context.
struct Placed {
    word: String,
    vector: Vec<f32>,
}

impl MiniLm {
    /// For each word that only one of the texts has, the cosine of its vector and the nearest of the other text's: the
    /// least of them all, and 1 where there is no such word. Words that `skip` names do not count.
    #[must_use]
    pub fn alignment(&self, a: &str, b: &str, skip: impl Fn(&str) -> bool) -> f32 {
        let (a, b) = (self.placed(a), self.placed(b));
        let unmatched = |these: &[Placed], those: &[Placed]| {
            let alone = these
                .iter()
                .filter(|one| !skip(&one.word) && !those.iter().any(|other| other.word == one.word));
            alone
                .map(|one| those.iter().map(|other| cosine(&one.vector, &other.vector)).fold(-1.0, f32::max))
                .fold(1.0, f32::min)
        };
        unmatched(&a, &b).min(unmatched(&b, &a))
    }

    fn placed(&self, text: &str) -> Vec<Placed> {
        let (tokens, spans) = self.tokenizer().spans(text);
        let rows = self.contextual(&tokens);
        let rows: Vec<&[f32]> = rows.chunks_exact(WIDTH).collect();
        words(text)
            .into_iter()
            .zip(spans)
            .filter(|(word, _)| word.chars().any(char::is_alphanumeric))
            .map(|(word, span)| {
                let mut vector = vec![0.0; WIDTH];
                for row in rows.iter().take(span.end).skip(span.start) {
                    vector.iter_mut().zip(*row).for_each(|(sum, number)| *sum += number);
                }
                Placed { word, vector }
            })
            .collect()
    }
}
