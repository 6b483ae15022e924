//! The same things the other way round: from Paris to London, and from London to Paris.

use super::text::Text;
use super::{lexicon, numbers};

/// Words that say what the next subject's part is.
const MARKS: &str = "from to into than before after by of in at on with without for about against over under between vs \
    versus and or through via as until since behind";
/// The mark of what follows a marked word.
const UNSURE: &str = "~";
/// Verbs that are no subject elsewhere, but do tell who does something to whom.
const VERBS: [&str; 8] = ["give", "tell", "show", "help", "call", "make", "let", "ask"];
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
    let (mut mark, mut used) = ("", false);
    for word in &text.words {
        let lower = word.lower.as_str();
        let number = numbers::number(word).is_some();
        // "Does A imply B?"
        let name = !word.opens && word.written != "I" && word.written.starts_with(char::is_uppercase);
        let letter = word.written.len() == 1 && word.written != "I" && !word.opens && word.written != lower;
        if lower == "'s" {
            if let Some(last) = parts.last_mut() {
                last.mark = "of";
            }
            mark = "";
        } else if MARKS.split_whitespace().any(|known| known == lower) {
            (mark, used) = (if lower == "into" { "to" } else { lower }, false);
        } else if letter || name || number || VERBS.contains(&lower) || !lexicon::is_function(lower) {
            if !parts.iter().any(|part| part.stem == word.stem) {
                parts.push(Part { stem: &word.stem, mark, number });
            }
            // "By the health insurance" marks both words; "to Mexico safe" and "for converting miles" do not.
            let both = matches!(mark, "by" | "of" | "in" | "with" | "on" | UNSURE) && !lower.ends_with("ing");
            (mark, used) = (if both { UNSURE } else { "" }, both);
        } else if used {
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
    let sure = [one.0, one.1, other.0, other.1].iter().all(|part| part.mark != UNSURE);
    let crossed =
        sure && one.0.mark == other.1.mark && one.1.mark == other.0.mark && one.0.mark != one.1.mark;
    // "My phone's connection with my laptop", "the connection from my laptop to my phone".
    let source = |part: &Part<'_>| matches!(part.mark, "from" | "of");
    let goal = |part: &Part<'_>| matches!(part.mark, "to" | "with");
    let routed = (source(one.0) && goal(other.0) && goal(one.1) && source(other.1))
        || (goal(one.0) && source(other.0) && source(one.1) && goal(other.1));
    // `X and Y`, `between X and Y`.
    let joined = SHARED.contains(&one.0.mark) || SHARED.contains(&other.0.mark);
    let numbers = one.0.number && other.0.number && !joined;
    (crossed && !joined) || routed || numbers
}

/// Who does what, where `do` says so: "what do snakes prey on".
fn doers(text: &Text) -> Vec<(&str, &str)> {
    let content = |word: &&super::text::Word| !lexicon::is_function(&word.lower);
    let asks = |word: &super::text::Word| matches!(word.lower.as_str(), "do" | "does" | "did");
    let after = text.words.iter().enumerate().filter(|(_, word)| asks(word)).map(|(at, _)| at + 1);
    let pairs = after.filter_map(|at| {
        let rest = text.words.get(at..)?;
        let articles =
            rest.iter().take_while(|word| matches!(word.lower.as_str(), "the" | "a" | "an")).count();
        match rest.get(articles..)? {
            // "How does A differ from B" is how B differs from A.
            [who, what, ..]
                if content(&who) && content(&what) && what.stem != lexicon::stem("difference") =>
            {
                Some((who.stem.as_str(), what.stem.as_str()))
            }
            _ => None,
        }
    });
    pairs.collect()
}

/// Whether one does something in `a` that is done to it in `b`: "what do snakes prey on", "what preys on snakes".
fn doer_turned(a: &Text, b: &Text) -> bool {
    let there = parts(b);
    doers(b).is_empty()
        && doers(a).into_iter().any(|(who, what)| {
            let elsewhere = ["by", "in", "at", "of"];
            let passive = there.iter().any(|part| part.stem == who && elsewhere.contains(&part.mark));
            matches!((place(&there, what), place(&there, who)), (Some(what), Some(who)) if what < who)
                && !passive
        })
}

/// Whether the speaker does in `a` what is done to the speaker in `b`: "I hit a car", "a driver hit my car".
fn speaker_turned(a: &Text, b: &Text) -> bool {
    let does = a.words.windows(2).filter_map(|pair| match pair {
        [who, verb] if matches!(who.lower.as_str(), "i" | "we") && !lexicon::is_function(&verb.lower) => {
            Some(&verb.stem)
        }
        _ => None,
    });
    let suffers = |stem: &String| {
        b.words.windows(3).any(|three| match three {
            [who, verb, whom] => {
                verb.stem == *stem
                    && !lexicon::is_function(&who.lower)
                    && matches!(whom.lower.as_str(), "me" | "my" | "us" | "our")
            }
            _ => false,
        })
    };
    // "I was rude to my daughter", "my daughter was rude to me".
    let towards = |text: &Text, whom: &str| -> Vec<String> {
        let marked = text.words.windows(2).filter_map(|pair| match pair {
            [mark, to] if to.lower == whom && matches!(mark.lower.as_str(), "to" | "at" | "from") => {
                Some(mark.lower.clone())
            }
            _ => None,
        });
        marked.collect()
    };
    let (me, my) = (towards(b, "me"), towards(a, "my"));
    does.into_iter().any(suffers) || (towards(a, "me") != me && my.iter().any(|mark| me.contains(mark)))
}

/// "The difference between A and B" is that between B and A.
fn compares(text: &Text) -> bool {
    let difference = lexicon::stem("difference");
    let said = |lower: &str| matches!(lower, "vs" | "versus" | "compare" | "compared" | "comparison");
    text.words.iter().any(|word| word.stem == difference || said(&word.lower))
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    if compares(a) && compares(b) {
        return false;
    }
    if speaker_turned(a, b) || speaker_turned(b, a) || doer_turned(a, b) || doer_turned(b, a) {
        return true;
    }
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
            // "Does the plan cover braces", "are braces covered by the plan": the mark tells what turned.
            let same = one.mark == other.mark && one_there.mark == other_there.mark;
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
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Direction]).is_empty()
    }

    #[test]
    fn one_thing_may_be_said_in_another_order() {
        assert!(!refused(
            "Does the plan cover braces for adults?",
            "Are braces for adults covered by the plan?"
        ));
        assert!(!refused("How does the median differ from the mean?", "How do mean and median differ?"));
        assert!(!refused("What does the plan cover?", "What is covered by the plan?"));
        assert!(!refused("What is the longest river in Peru?", "Which river in Peru is the longest?"));
    }

    #[test]
    fn a_route_has_a_direction_in_any_words() {
        assert!(refused("Which animals prey on snakes?", "What animals do snakes prey on?"));
        assert!(refused("a trick for converting miles to km", "a trick for converting km to miles"));
        assert!(refused("How do I convert a Word file to PDF?", "How do I convert a PDF file to Word?"));
        assert!(refused("I was rude to my son. What now?", "My son was rude to me. What now?"));
        assert!(refused("A driver hit my car. What now?", "I hit a driver's car. What now?"));
        assert!(refused("What can a teacher give her students?", "What can students give their teacher?"));
        assert!(refused(
            "Share my phone's connection with my laptop",
            "Share the connection from my laptop to my phone"
        ));
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
        assert!(!refused(
            "How does a left join differ from an inner join?",
            "Inner join vs left join: difference?"
        ));
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
