//! A question as the guards see it: words in their order, each with its stem, and what stands in quotes or is code.

use super::lexicon;

/// A question, taken apart once.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pub(super) words: Vec<Word>,
    /// What stands in quotation marks, in lower case.
    pub(super) quotes: Vec<String>,
    /// What stands between backticks, or is code by its look.
    pub(super) code: Vec<String>,
    /// All of it in lower case, with single spaces: to look whether something is in it.
    pub(super) plain: String,
}

/// A word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// As written, without punctuation around it.
    pub(super) written: String,
    /// In lower case, one spelling of several.
    pub(super) lower: String,
    /// What inflected forms and near synonyms have in common.
    pub(super) stem: String,
    /// Whether a capital letter says nothing, because a sentence begins.
    pub(super) opens: bool,
}

impl Text {
    pub(super) fn of(text: &str) -> Text {
        let text = straightened(text);
        let mut found = Text { plain: spaced(&text.to_lowercase()), ..Text::default() };
        let (rest, quotes, ticked) = without_quotes(&text);
        found.quotes = quotes.iter().map(|quote| spaced(&quote.to_lowercase())).collect();
        found.code = ticked;
        let mut opens = true;
        for piece in rest.split_whitespace() {
            let bare = piece
                .trim_matches(|c: char| matches!(c, ',' | ';' | ':' | '!' | '?' | '"' | '…' | '¿' | '¡'));
            let bare = bare.trim_end_matches('.');
            let ends = piece.ends_with(['.', '!', '?', ':']);
            if looks_like_code(bare) {
                found.code.push(bare.to_owned());
            }
            for part in bare.split(['/', '–', '—']).filter(|part| !part.is_empty()) {
                let part = part.trim_matches(['(', ')', '[', ']', '\'']);
                let words = counted(part).unwrap_or_else(|| expanded(part));
                for (at, word) in words.into_iter().enumerate() {
                    if !word.is_empty() {
                        found.push(&word, opens && at == 0);
                        opens = false;
                    }
                }
            }
            opens = ends || (opens && bare.is_empty());
        }
        found.words = lexicon::phrases(found.words);
        found.code.sort();
        found.code.dedup();
        found
    }

    fn push(&mut self, written: &str, opens: bool) {
        let lower = lexicon::spelling(&written.to_lowercase());
        let stem = lexicon::stem(&lower);
        self.words.push(Word { written: written.to_owned(), lower, stem, opens });
    }

    /// Whether a word of that form is in it.
    pub(super) fn has(&self, lower: &str) -> bool {
        self.words.iter().any(|word| word.lower == lower)
    }
}

/// One kind of quotation mark, apostrophe and dash.
fn straightened(text: &str) -> String {
    let one = |c: char| match c {
        '‘' | '’' | 'ʼ' => '\'',
        '“' | '”' | '„' | '«' | '»' => '"',
        '\u{a0}' => ' ',
        other => other,
    };
    text.chars().map(one).collect()
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without what stands in double quotes or backticks, and both of them.
fn without_quotes(text: &str) -> (String, Vec<String>, Vec<String>) {
    let (mut rest, mut quotes, mut code) = (String::new(), Vec::new(), Vec::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '"' && c != '`' {
            rest.push(c);
            continue;
        }
        let inside: String = chars.clone().take_while(|next| *next != c).collect();
        let closed = chars.clone().any(|next| next == c);
        if !closed {
            rest.push(' ');
            continue;
        }
        let taken = inside.chars().count() + 1;
        chars.nth(taken - 1);
        let inside = inside.trim().to_owned();
        if c == '`' {
            code.push(inside)
        } else {
            quotes.push(inside)
        }
        rest.push_str(" , ");
    }
    (rest, quotes, code)
}

/// Operators, calls, paths, flags, names with underscores or capitals within.
fn looks_like_code(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let symbols = |c: char| {
        matches!(
            c,
            '_' | '='
                | '{'
                | '}'
                | '['
                | ']'
                | '<'
                | '>'
                | '|'
                | '\\'
                | '#'
                | '*'
                | '@'
                | '~'
                | '^'
                | '$'
                | '&'
        )
    };
    let money = word.strip_prefix('$').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if word.is_empty() || money {
        return false;
    }
    let upper_within = {
        let mut chars = word.chars();
        let first_low = chars.next().is_some_and(char::is_lowercase);
        first_low && chars.any(char::is_uppercase)
    };
    let flag = word.starts_with('-') && word.len() > 1 && letters > 0;
    let dotted = word.contains('.') && letters > 1 && !word.starts_with(|c: char| c.is_ascii_digit());
    word.chars().any(symbols)
        || word.contains("()")
        || word.contains("::")
        || word.ends_with("++")
        || upper_within
        || flag
        || (dotted && !lexicon::is_abbreviation(word))
        || (word.contains('(') && letters > 0)
}

/// The parts of a word that begins with a number: `2-year-old`, `ten-minute`, `15-30-40`.
fn counted(word: &str) -> Option<Vec<String>> {
    let (first, rest) = word.split_once('-')?;
    let number = super::numbers::value(&first.to_lowercase())?;
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    (plain && !rest.is_empty()).then(|| word.split('-').map(str::to_owned).collect())
}

/// `don't` is two words, and so are `what's` and `km/h` and `5km`.
fn expanded(word: &str) -> Vec<String> {
    let lower = word.to_lowercase();
    match lower.as_str() {
        "can't" | "cannot" => return vec!["can".into(), "not".into()],
        "won't" => return vec!["will".into(), "not".into()],
        "shan't" => return vec!["shall".into(), "not".into()],
        "let's" => return vec!["let".into(), "us".into()],
        _ => {}
    }
    let split = |head: usize, tail: &str| {
        let head: String = word.chars().take(head).collect();
        vec![head, tail.to_owned()]
    };
    let length = word.chars().count();
    for (ending, tail) in
        [("n't", "not"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would"), ("'m", "am")]
    {
        if lower.ends_with(ending) && length > ending.len() {
            return split(length - ending.len(), tail);
        }
    }
    if lower.ends_with("'s") && length > 2 {
        let head = split(length - 2, "'s");
        let pronoun = matches!(
            head.first().map(|head| head.to_lowercase()).as_deref(),
            Some(
                "what"
                    | "who"
                    | "where"
                    | "when"
                    | "how"
                    | "it"
                    | "that"
                    | "there"
                    | "here"
                    | "he"
                    | "she"
                    | "why"
            )
        );
        return if pronoun { split(length - 2, "is") } else { head };
    }
    if lower.ends_with("s'") {
        return split(length - 1, "'s");
    }
    measured(word)
}

/// `5km` and `$50` and `40%` are a number and its unit.
fn measured(word: &str) -> Vec<String> {
    for sign in ['$', '€', '£', '¥'] {
        if let Some(rest) =
            word.strip_prefix(sign).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            return vec![rest.to_owned(), sign.to_string()];
        }
    }
    let digits = word.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).count();
    let unit: String = word.chars().skip(digits).collect();
    if digits > 0 && lexicon::is_unit(&unit.to_lowercase()) {
        return vec![word.chars().take(digits).collect(), unit];
    }
    vec![word.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lower(text: &str) -> Vec<String> {
        Text::of(text).words.into_iter().map(|word| word.lower).collect()
    }

    #[test]
    fn words_are_told_apart() {
        assert_eq!(lower("What's it, can't you?"), ["what", "is", "it", "can", "not", "you"]);
        assert_eq!(lower("Is 5km or $50 more?"), ["is", "5", "km", "or", "50", "$", "more"]);
        assert_eq!(lower("My account's name"), ["my", "account", "'s", "name"]);
    }

    #[test]
    fn quotes_and_code_are_kept_apart() {
        let text =
            Text::of("What does \u{201c}Time flies\u{201d} mean? And `a  && b`, user_name, foo() or -v?");
        assert_eq!(text.quotes, ["time flies"]);
        assert_eq!(text.code, ["-v", "a  && b", "foo()", "user_name"]);
        assert!(Text::of("An unclosed \" quote.").quotes.is_empty());
    }

    #[test]
    fn a_capital_counts_only_within_a_sentence() {
        let text = Text::of("Where is Rome? Paris is here.");
        let opening: Vec<&str> =
            text.words.iter().filter(|word| word.opens).map(|word| word.written.as_str()).collect();
        assert_eq!(opening, ["Where", "Paris"]);
    }
}
