//! What is not understood without what it points at. History is the same where two questions are compared, and still
//! "the first one" and "the second one" are two things.

use super::lexicon;
use super::text::Text;

/// Words that point; each line points at one thing.
const POINTERS: &[&str] = &[
    "he him his",
    "she her hers",
    "they them their theirs",
    "above",
    "below",
    "these",
    "those",
    "here",
    "there",
];
/// The last of them that points at persons or things.
const PERSONS: usize = 2;
/// Words that point at what was said before.
const BEFORE: &str = "it that this he him his she her they them their these those former latter above below same \
    another again more else instead continue yes no okay next previous";

/// What is pointed at elsewhere. Where a name or another subject was said before ("my grandma turns 80, write her a
/// card"), the word points at that.
fn pointers(text: &Text) -> Vec<usize> {
    let mut before = 0;
    let mut found = Vec::new();
    for word in &text.words {
        let named = |names: &&str| names.split(' ').any(|name| name == word.lower);
        if let Some(at) = POINTERS.iter().position(named) {
            if before < 2 || at > PERSONS {
                found.push(at);
            }
        } else if !lexicon::is_function(&word.lower) {
            before += 1;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Words with a subject.
fn subjects(text: &Text) -> usize {
    let words = text.words.iter().filter(|word| !lexicon::is_function(&word.lower) && !points(&word.lower));
    words.count() + 2 * (text.quotes.len() + text.code.len())
}

fn points(lower: &str) -> bool {
    BEFORE.split_whitespace().any(|word| word == lower)
}

/// Fewer than two subjects, and a word that points: all of its meaning may lie elsewhere.
fn leans(text: &Text) -> bool {
    let subjects = subjects(text);
    subjects == 0 || (subjects < 2 && text.words.iter().any(|word| points(&word.lower)))
}

fn said(text: &Text) -> Vec<&str> {
    text.words.iter().map(|word| word.lower.as_str()).filter(|word| *word != "please").collect()
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    // "There is" and "it is" point at nothing.
    let different = pointers(a).iter().filter(|at| **at < 5).ne(pointers(b).iter().filter(|at| **at < 5));
    different || ((leans(a) || leans(b)) && said(a) != said(b))
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Context]).is_empty()
    }

    #[test]
    fn what_stands_by_itself_passes() {
        assert!(!refused("Will it rain in Oslo?", "Is it going to rain in Oslo?"));
        assert!(!refused("Make it longer, please.", "Please make it longer"));
        assert!(!refused("A card for my grandma who turns 80", "My grandma turns 80, write her a card"));
        assert!(!refused("How do Scrum and Kanban differ?", "Scrum vs Kanban, how do they differ?"));
    }

    #[test]
    fn what_leans_on_the_rest_is_refused() {
        assert!(refused("Make it longer.", "Make it shorter."));
        assert!(refused("Why?", "How?"));
        assert!(refused("What did he say about the car?", "What did she say about the car?"));
        assert!(refused("Continue.", "Go on with it."));
    }
}
