//! Vectors of one length as bytes, one after another: what the indices in this process look at first.

use lockgate_embed::{Code, Kernel, nearest};

/// The nearest by their bytes that are compared again, as floats.
pub(super) const COMPARED_AGAIN: usize = 8;

/// Vectors by their places.
#[derive(Default)]
pub(super) struct Codes {
    codes: Vec<i8>,
    width: usize,
}

impl Codes {
    /// Appends a vector. The first one's length is that of all; one of another is not taken.
    pub(super) fn push(&mut self, vector: &[f32]) -> bool {
        if self.codes.is_empty() {
            self.width = vector.len();
        }
        let fits = vector.len() == self.width;
        if fits {
            self.codes.extend(Code::of(vector).0);
        }
        fits
    }

    /// Removes the one at a place; the last takes it.
    pub(super) fn swap_remove(&mut self, at: usize) {
        let Some(last) = self.codes.len().checked_sub(self.width) else { return };
        let begin = at * self.width;
        if begin <= last {
            self.codes.copy_within(last.., begin);
            self.codes.truncate(last);
        }
    }

    /// The places of the nearest, about: they are to be compared again.
    pub(super) fn nearest(&self, vector: &[f32], most: usize) -> Vec<usize> {
        if vector.len() != self.width {
            return Vec::new();
        }
        nearest(&Code::of(vector), &self.codes, most, Kernel::best())
    }

    /// The memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.codes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_takes_the_place_of_one_that_goes() {
        let mut codes = Codes::default();
        for vector in [[0.2, 0.0], [0.0, 0.2], [-0.2, 0.0]] {
            assert!(codes.push(&vector));
        }
        assert!(!codes.push(&[0.1]) && codes.nearest(&[0.1], 3).is_empty());
        codes.swap_remove(0);
        assert_eq!(codes.nearest(&[-0.2, 0.0], 3), [0, 1]);
        codes.swap_remove(1);
        codes.swap_remove(1);
        assert_eq!(codes.nearest(&[0.0, 0.2], 3), [0]);
        codes.swap_remove(0);
        codes.swap_remove(0);
        assert!(codes.nearest(&[0.0, 0.2], 3).is_empty());
        // Empty again, it takes vectors of any length.
        assert!(codes.push(&[0.1]));
    }
}
