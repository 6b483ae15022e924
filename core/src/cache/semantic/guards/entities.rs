//! Names, and what stands in quotation marks.

use super::lexicon;
use super::text::{Text, Word};

/// Written with a capital, and no name that tells two questions apart.
const NO_NAMES: &str = "i i'm ok tv faq diy id hi mr mrs ms dr";

/// Whether a word is a name: a capital where none is needed, or several.
fn is_name(word: &Word) -> bool {
    let mut letters = word.written.chars().filter(|c| c.is_alphabetic());
    let first = letters.next().is_some_and(char::is_uppercase);
    let another = letters.any(char::is_uppercase);
    let known = NO_NAMES.split(' ').any(|name| name == word.lower) || lexicon::is_function(&word.lower);
    first && (another || !word.opens) && !known
}

/// Whether `text` has the name in any writing.
fn has(text: &Text, name: &Word) -> bool {
    text.words.iter().any(|word| word.lower == name.lower || word.stem == name.stem)
        || text.quotes.iter().any(|quote| quote.split(' ').any(|word| word == name.lower))
}

fn lacks(a: &Text, b: &Text) -> bool {
    a.words.iter().any(|word| is_name(word) && !has(b, word))
}

/// Whether what `a` quotes is not in `b`.
fn misses(a: &Text, b: &Text) -> bool {
    a.quotes.iter().any(|quote| {
        let bare = quote.trim_matches(|c: char| c.is_ascii_punctuation());
        !bare.is_empty() && !b.plain.contains(bare)
    })
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    lacks(a, b) || lacks(b, a) || misses(a, b) || misses(b, a)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, check};

    fn refused(a: &str, b: &str) -> bool {
        check(a, b, &[Guard::Entities]).is_some()
    }

    #[test]
    fn a_name_is_a_name_in_any_case() {
        assert!(!refused("What is the capital of Spain?", "what is the capital of spain"));
        assert!(!refused("Is Hamlet's end sad?", "Is the end of Hamlet sad?"));
        assert!(!refused("Do I need a visa for the U.S.?", "Do I need a visa for the USA?"));
        assert!(!refused("What does \"ubiquitous\" mean?", "What does ubiquitous mean?"));
    }

    #[test]
    fn other_names_are_refused() {
        assert!(refused("Who runs Microsoft?", "Who runs Apple?"));
        assert!(refused("What does \"ubiquitous\" mean?", "What does \"unanimous\" mean?"));
        assert!(refused("Is it cold in Oslo?", "Is it cold?"));
    }
}
