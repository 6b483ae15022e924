//! Numbers, written in digits or in words.

use super::lexicon;
use super::text::{Text, Word};

const WORDS: &[(&str, &str)] = &[
    ("zero", "0"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("thousand", "1000"),
    ("million", "1000000"),
    ("billion", "1000000000"),
    ("dozen", "12"),
    ("half", "0.5"),
    ("twice", "2"),
    ("double", "2"),
    ("triple", "3"),
    ("both", "2"),
    ("first", "1st"),
    ("second", "2nd"),
    ("third", "3rd"),
    ("fourth", "4th"),
    ("fifth", "5th"),
    ("sixth", "6th"),
    ("seventh", "7th"),
    ("eighth", "8th"),
    ("ninth", "9th"),
    ("tenth", "10th"),
    ("last", "last"),
    ("final", "last"),
    ("former", "1st"),
    ("latter", "2nd"),
];

/// The number that a word is.
pub(super) fn number(word: &Word) -> Option<String> {
    value(&word.lower)
}

/// `one` is none: it is a pronoun more often.
pub(super) fn value(lower: &str) -> Option<String> {
    if let Some((_, number)) = WORDS.iter().find(|(name, _)| *name == lower) {
        return Some((*number).to_owned());
    }
    if !lower.contains(|c: char| c.is_numeric()) {
        return None;
    }
    // 1,000.00 and 1000 are one number; 1st, 401k and B12 are what they are.
    let plain = lower.replace(',', "");
    match plain.parse::<f64>() {
        Ok(number) => Some(number.to_string()),
        Err(_) => Some(plain),
    }
}

fn value_of(word: &Word) -> bool {
    number(word).is_some()
}

/// All numbers, each as often as it is there.
fn numbers(text: &Text) -> Vec<String> {
    let before = std::iter::once("").chain(text.words.iter().map(|word| word.lower.as_str()));
    // "How long does it last?"
    let after = text.words.iter().skip(1).map(value_of).chain(std::iter::once(false));
    // "The last 7 days" is a time.
    let lasts = |((word, before), counted): &((&Word, &str), bool)| {
        word.lower != "last" || (["the", "my", "your", "its", "'s"].contains(before) && !counted)
    };
    let counted = text.words.iter().zip(before).zip(after).filter(lasts).map(|(word, _)| word);
    // "15-30-40", "ten-week-old".
    let values = counted.flat_map(|(word, _)| word.lower.split('-').filter_map(value));
    let mut found: Vec<String> = values.collect();
    found.sort();
    found
}

/// Of how many it is said: of all, of one.
fn quantities(text: &Text) -> (bool, bool) {
    let all = ["all", "every", "each", "entire", "whole", "everything", "everyone"];
    let next = text.words.iter().skip(1).map(|word| word.written.as_str()).chain(std::iter::once(""));
    let one = text.words.iter().zip(next).any(|(word, next)| match word.lower.as_str() {
        "single" => true,
        // "This one", "one of them", "a new one": the pronoun.
        "one" => !next.is_empty() && (next.starts_with(char::is_uppercase) || !lexicon::is_function(next)),
        _ => false,
    });
    (text.words.iter().any(|word| all.contains(&word.lower.as_str())), one)
}

/// One of them, and all of them.
fn scopes_differ(a: &Text, b: &Text) -> bool {
    let (here, there) = (quantities(a), quantities(b));
    here != there && (here.0 || here.1) && (there.0 || there.1)
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    numbers(a) != numbers(b) || scopes_differ(a, b)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Numbers]).is_empty()
    }

    #[test]
    fn one_number_has_many_spellings() {
        assert!(!refused("Is 1,000 more than 5.0?", "is 5 less than 1000"));
        assert!(!refused("Give me three tips.", "Give me 3 tips."));
        assert!(!refused("Pause for a month", "Pause for one month"));
        assert!(!refused("A ten-week-old dog, counted 15, 30", "A 10-week-old dog, counted 15-30"));
        assert!(!refused("Name all the planets", "Name the planets"));
        assert!(!refused("All my files are gone, every one", "Each of my files is gone"));
    }

    #[test]
    fn other_numbers_are_refused() {
        assert!(refused("What is 15% of 240?", "What is 25% of 240?"));
        assert!(refused("The first chapter", "The second chapter"));
        assert!(refused("Where is gate B12?", "Where is gate B21?"));
        assert!(refused("Who won in 2014?", "Who won?"));
        assert!(refused("Add 2 and 2", "Add 2"));
        assert!(refused("Log me out on all devices", "Log me out on one device"));
        assert!(refused("Name one US state with an M", "Name all US states with an M"));
        assert!(refused("Restore a single file", "Restore every single file"));
    }
}
