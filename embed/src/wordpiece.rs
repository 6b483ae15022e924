//! Text to tokens, as BERT's uncased vocabulary was made: cleaned, lower-cased, without accents, split at white space and
//! punctuation, and then into the longest pieces that the vocabulary knows.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::files::LoadError;

/// A longer word is unknown as a whole.
const LONGEST_WORD: usize = 100;

/// The tokenizer.
pub struct WordPiece {
    ids: HashMap<Box<str>, u32>,
    /// Longest entry, in characters.
    longest: usize,
    unknown: u32,
    begin: u32,
    end: u32,
}

impl WordPiece {
    /// Reads a vocabulary: a token a line, its number the line's.
    pub fn new(vocabulary: &str) -> Result<WordPiece, LoadError> {
        let mut ids = HashMap::new();
        let mut longest = 0;
        for (line, id) in vocabulary.lines().zip(0u32..) {
            longest = longest.max(line.chars().count());
            ids.insert(Box::from(line), id);
        }
        let special =
            |name: &str| ids.get(name).copied().ok_or_else(|| LoadError::Malformed(format!("token {name}")));
        let (unknown, begin, end) = (special("[UNK]")?, special("[CLS]")?, special("[SEP]")?);
        Ok(WordPiece { ids, longest, unknown, begin, end })
    }

    /// The tokens of a text, with those that mark its beginning and end: at most `most`, and whether that is all of
    /// it. Marks that stand in the text itself are text.
    #[must_use]
    pub fn tokens(&self, text: &str, most: usize) -> (Vec<u32>, bool) {
        let room = most.saturating_sub(1);
        let mut tokens = vec![self.begin];
        let mut whole = true;
        let mut word = String::new();
        let mut take = |word: &mut String| {
            if !word.is_empty() && tokens.len() <= room {
                self.split(word, &mut tokens);
                word.clear();
            }
            tokens.len() <= room
        };
        for c in normalised(text) {
            if c.is_whitespace() {
                whole = take(&mut word);
            } else if is_punctuation(c) || is_ideograph(c) {
                whole = take(&mut word);
                word.push(c);
                whole = whole && take(&mut word);
            } else {
                word.push(c);
            }
            if !whole {
                break;
            }
        }
        whole = whole && take(&mut word);
        tokens.truncate(room);
        tokens.push(self.end);
        (tokens, whole)
    }

    /// The longest pieces that make up `word`; one unknown, where there are none.
    fn split(&self, word: &str, tokens: &mut Vec<u32>) {
        let before = tokens.len();
        let mut rest = word;
        let mut piece = String::new();
        if word.chars().count() > LONGEST_WORD {
            tokens.push(self.unknown);
            return;
        }
        while !rest.is_empty() {
            let inner = rest.len() < word.len();
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take(self.longest);
            let ends: Vec<usize> = ends.collect();
            let found = ends.iter().rev().find_map(|end| {
                let (head, tail) = rest.split_at_checked(*end)?;
                piece.clear();
                if inner {
                    piece.push_str("##");
                }
                piece.push_str(head);
                self.ids.get(piece.as_str()).map(|id| (*id, tail))
            });
            let Some((id, tail)) = found else {
                tokens.truncate(before);
                tokens.push(self.unknown);
                return;
            };
            tokens.push(id);
            rest = tail;
        }
    }
}

/// Cleaned, decomposed, without accents, in lower case.
fn normalised(text: &str) -> impl Iterator<Item = char> {
    let clean = text.chars().filter_map(|c| match c {
        '\t' | '\n' | '\r' => Some(' '),
        '\0' | '\u{fffd}' => None,
        _ if is_other(c) => None,
        _ if c.is_whitespace() => Some(' '),
        _ => Some(c),
    });
    let plain = clean.nfd().filter(|c| c.general_category() != GeneralCategory::NonspacingMark);
    plain.flat_map(char::to_lowercase)
}

/// Control and format characters, and what has no meaning of its own.
fn is_other(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Other
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Each is a word of its own.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c),
        0x4e00..=0x9fff | 0x3400..=0x4dbf | 0x20000..=0x2a6df | 0x2a700..=0x2b73f | 0x2b740..=0x2b81f
        | 0x2b820..=0x2ceaf | 0xf900..=0xfaff | 0x2f800..=0x2fa1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> WordPiece {
        WordPiece::new("[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##aff\n##able\naff\n!\n東\ncafe\n").unwrap()
    }

    #[test]
    fn longest_pieces_come_first() {
        assert_eq!(tiny().tokens("Unaffable!", 16), (vec![2, 4, 5, 6, 8, 3], true));
        assert_eq!(tiny().tokens("  CAFÉ\n東東 ", 16), (vec![2, 10, 9, 9, 3], true));
        assert_eq!(tiny().tokens("", 16), (vec![2, 3], true));
    }

    #[test]
    fn a_word_with_an_unknown_part_is_unknown() {
        assert_eq!(tiny().tokens("unzz aff", 16), (vec![2, 1, 7, 3], true));
        assert_eq!(tiny().tokens(&"un".repeat(60), 16), (vec![2, 1, 3], true));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        assert_eq!(tiny().tokens("un un un", 5), (vec![2, 4, 4, 4, 3], true));
        assert_eq!(tiny().tokens("un un un un", 5), (vec![2, 4, 4, 4, 3], false));
        assert_eq!(tiny().tokens("unaffable un", 4), (vec![2, 4, 5, 3], false));
    }
}
