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
    // "Alien" and "Aliens" are two films, where both are written as names; "America" and "American" are one place.
    let plural = |one: &str, other: &str| one.strip_suffix('s') == Some(other);
    let film = |word: &Word| plural(&word.lower, &name.lower) || plural(&name.lower, &word.lower);
    let same = |word: &Word| word.stem == name.stem && !(is_name(word) && film(word));
    text.words.iter().any(|word| word.lower == name.lower || same(word))
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

/// What one word of a family may end in where another ends otherwise.
const ENDINGS: &str = "s es d ed r er ers or ors ing ings y ies ied al ally ic ical ically ion ions ation ations tion tions ment \
    ments ness ly able ible ability ibility ance ence ancy ency ant ent ive ively ous ful fully ize ized izes izing ise \
    ised ises ising ity ty ist ists ism ish e th t ling ary en ens ened up ups an ans ian ians uration urations";

/// Words of one beginning and no common root: niger and nigeria. A model that reads by pieces takes them for near kin.
fn look_alike(one: &str, other: &str) -> bool {
    let common = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let last = |word: &str| word.chars().rev().take(3).collect::<String>();
    let ends = |word: &str, root: usize| {
        let rest: String = word.chars().skip(root).collect();
        rest.is_empty() || ENDINGS.split_whitespace().any(|ending| ending == rest)
    };
    let kin = (4..=common).any(|root| ends(one, root) && ends(other, root));
    // The same end, too: a slip of the pen.
    common >= 4 && last(one) != last(other) && !kin
}

/// Whether a word that only `a` has looks like one that only `b` has.
fn mistaken(a: &Text, b: &Text) -> bool {
    let alone = |these: &Text, those: &Text| -> Vec<String> {
        let own = |word: &&Word| {
            word.lower.chars().all(char::is_alphabetic)
                && !lexicon::is_function(&word.lower)
                && !those.words.iter().any(|other| other.stem == word.stem)
        };
        these.words.iter().filter(own).map(|word| word.lower.clone()).collect()
    };
    let others = alone(b, a);
    alone(a, b).iter().any(|one| others.iter().any(|other| look_alike(one, other)))
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    lacks(a, b) || lacks(b, a) || misses(a, b) || misses(b, a) || mistaken(a, b)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Entities]).is_empty()
    }

    #[test]
    fn a_name_is_a_name_in_any_case() {
        assert!(!refused("What is the capital of Spain?", "what is the capital of spain"));
        assert!(!refused("Is Hamlet's end sad?", "Is the end of Hamlet sad?"));
        assert!(!refused("Do I need a visa for the U.S.?", "Do I need a visa for the USA?"));
        assert!(!refused("What does \"ubiquitous\" mean?", "What does ubiquitous mean?"));
        assert!(!refused("How is it organized?", "What is its organization?"));
        assert!(!refused("a good restaurant", "a good restuarant"));
    }

    #[test]
    fn other_names_are_refused() {
        assert!(refused("Who runs Microsoft?", "Who runs Apple?"));
        assert!(refused("What does \"ubiquitous\" mean?", "What does \"unanimous\" mean?"));
        assert!(refused("Is it cold in Oslo?", "Is it cold?"));
        assert!(refused("Who directed Alien?", "Who directed Aliens?"));
        assert!(refused("flights to niger", "flights to nigeria"));
        assert!(refused("How long do cockatiels live?", "How long do cockatoos live?"));
    }
}
