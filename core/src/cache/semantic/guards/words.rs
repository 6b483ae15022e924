//! What is left: words of the subject that one text has and the other has not.

use std::collections::BTreeSet;

use super::text::{Text, Word};
use super::{lexicon, numbers, question};

/// The stems that make up the subject, but for those that only ask.
fn subjects<'a>(text: &'a Text, asking: &[&str]) -> BTreeSet<&'a str> {
    let subject = |word: &&Word| {
        !lexicon::is_function(&word.lower)
            && numbers::number(word).is_none()
            && !asking.contains(&word.stem.as_str())
    };
    text.words.iter().filter(subject).map(|word| word.stem.as_str()).collect()
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    // "Summarize it" and "a summary of it": what one begins with, the other may say, too.
    let requests = [question::request(a), question::request(b)];
    let asking: Vec<&str> = requests.into_iter().flatten().map(|word| word.stem.as_str()).collect();
    subjects(a, &asking) != subjects(b, &asking)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Words]).is_empty()
    }

    #[test]
    fn the_same_words_pass() {
        assert!(!refused("How do I cancel my order?", "Please tell me how I can cancel an order."));
        assert!(!refused("How long does delivery take?", "How long does shipping take?"));
    }

    #[test]
    fn another_subject_is_refused() {
        assert!(refused("How do I cancel my order?", "How do I cancel my subscription?"));
        assert!(refused("How do I cook rice?", "How do I cook rice in a pressure cooker?"));
    }
}
