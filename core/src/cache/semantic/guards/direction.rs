//! The same things the other way round: from Paris to London, and from London to Paris.

use super::text::Text;
use super::{lexicon, numbers};

/// Words that say what the next subject's part is.
const MARKS: &str = "from to into than before after by of in at on with without for about against over under between vs \
    versus and or through via as until since behind";
/// Parts that two things share, so that their order says nothing.
const SHARED: [&str; 5] = ["and", "or", "between", "vs", "versus"];

/// A subject, and the mark that stands before it.
struct Part<'a> {
    stem: &'a str,
    mark: &'a str,
    number: bool,
}

/// The subjects in their order, each once. `X's Y` is read as `Y of X`.
fn parts(text: &Text) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut mark = "";
    for word in &text.words {
        let lower = word.lower.as_str();
        let number = numbers::number(word).is_some();
        // "Does A imply B?"
        let letter = word.written.len() == 1 && word.written != "I" && !word.opens && word.written != lower;
        if lower == "'s" {
            if let Some(last) = parts.last_mut() {
                last.mark = "of";
            }
            mark = "";
        } else if MARKS.split_whitespace().any(|known| known == lower) {
            mark = if lower == "into" { "to" } else { lower };
        } else if letter || number || !lexicon::is_function(lower) {
            if !parts.iter().any(|part| part.stem == word.stem) {
                parts.push(Part { stem: &word.stem, mark, number });
            }
            mark = "";
        }
    }
    parts
}

/// The place of `stem`.
fn place(parts: &[Part<'_>], stem: &str) -> Option<usize> {
    parts.iter().position(|part| part.stem == stem)
}

/// Two things in `a`, in the other order in `b`: whether each has the other's part, or both are numbers.
fn exchanged(one: (&Part<'_>, &Part<'_>), other: (&Part<'_>, &Part<'_>)) -> bool {
    let crossed = one.0.mark == other.1.mark && one.1.mark == other.0.mark && one.0.mark != one.1.mark;
    // `X and Y`, `between X and Y`.
    let joined = SHARED.contains(&one.0.mark) || SHARED.contains(&other.0.mark);
    let numbers = one.0.number && other.0.number && !joined;
    (crossed && !joined) || numbers
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    let (here, there) = (parts(a), parts(b));
    // What both have, in the order of `a`, each with its place in `b`.
    let shared: Vec<(&Part<'_>, usize, &Part<'_>)> = here
        .iter()
        .filter_map(|part| place(&there, part.stem).and_then(|at| Some((part, at, there.get(at)?))))
        .collect();
    let turned = |(one, _, other): &(&Part<'_>, usize, &Part<'_>)| {
        matches!((one.mark, other.mark), ("from", "to") | ("to", "from"))
    };
    if shared.iter().any(turned) {
        return true;
    }
    for (at, (one, one_at, one_there)) in shared.iter().enumerate() {
        for (later, (other, other_at, other_there)) in shared.iter().enumerate().skip(at + 1) {
            if one_at < other_at {
                continue;
            }
            if exchanged((one, one_there), (other, other_there)) {
                return true;
            }
            // Lion beats tiger, tiger beats lion: two around a third that stayed where it was.
            let between = shared.iter().take(later).skip(at + 1);
            let same = one.mark == other.mark || one_there.mark == other_there.mark;
            if same
                && between
                    .clone()
                    .any(|(part, place, _)| part.mark.is_empty() && place < one_at && place > other_at)
            {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, check};

    fn refused(a: &str, b: &str) -> bool {
        check(a, b, &[Guard::Direction]).is_some()
    }

    #[test]
    fn another_order_of_words_passes() {
        assert!(!refused("In Python, how do I sort a list?", "How do I sort a list in Python?"));
        assert!(!refused("What is Hamlet's main theme?", "What is the main theme of Hamlet?"));
        assert!(!refused(
            "What is the difference between let and var?",
            "What is the difference between var and let?"
        ));
        assert!(!refused("How far is it from Paris to Berlin?", "From Paris to Berlin, how far is it?"));
    }

    #[test]
    fn the_other_way_round_is_refused() {
        assert!(refused("How do I convert miles to kilometers?", "How do I convert kilometers to miles?"));
        assert!(refused("Translate from English to Spanish", "Translate from Spanish to English"));
        assert!(refused("Can a lion beat a tiger?", "Can a tiger beat a lion?"));
        assert!(refused("Is Python faster than Java?", "Is Java faster than Python?"));
        assert!(refused("Subtract 5 from 12.", "Subtract 12 from 5."));
        assert!(refused("Divide 100 by 4.", "Divide 4 by 100."));
    }
}
