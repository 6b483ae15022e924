//! The simulator's own tokenizer.
//!
//! A token is, from left to right: a run of up to eight letters and digits with at most one space before it; a run of
//! up to four white-space characters; or any other single character. Ideographs, kana and hangul count one each, and so
//! does an emoji's every code point. Joined, the tokens are the text.

/// Letters and digits in one token at most.
const LONGEST_WORD: usize = 8;
/// White-space characters in one token at most.
const LONGEST_GAP: usize = 4;

/// The tokens of `text`, in order.
pub(crate) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest.split_at_checked(token_length(rest)).unwrap_or((rest, ""));
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// How many tokens `text` has.
pub(crate) fn count(text: &str) -> u64 {
    u64::try_from(tokens(text).len()).unwrap_or(u64::MAX)
}

/// The tokens of `text`, each on its own.
pub(crate) fn owned(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(str::to_owned).collect()
}

/// Bytes of the first token of a text that is not empty.
fn token_length(text: &str) -> usize {
    let spaced = text.strip_prefix(' ').filter(|after| after.starts_with(joins));
    let word = spaced.unwrap_or(text);
    let letters: usize =
        word.chars().take_while(|character| joins(*character)).take(LONGEST_WORD).map(char::len_utf8).sum();
    if letters > 0 {
        return letters + usize::from(spaced.is_some());
    }
    let gap: usize = text
        .chars()
        .take_while(|character| character.is_whitespace())
        .take(LONGEST_GAP)
        .map(char::len_utf8)
        .sum();
    if gap > 0 {
        // The space before a word belongs to the word.
        let before_word = text.get(gap..).is_some_and(|after| after.starts_with(joins))
            && text.get(..gap).is_some_and(|gap| gap.ends_with(' '));
        return if before_word && gap > 1 { gap - 1 } else { gap };
    }
    text.chars().next().map_or(text.len(), char::len_utf8)
}

/// Whether a character joins others to a word.
fn joins(character: char) -> bool {
    character.is_alphanumeric()
        && !matches!(character, '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_by_the_rule() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("Hello, world!", &["Hello", ",", " world", "!"]),
            ("internationalisation", &["internat", "ionalisa", "tion"]),
            ("a  b\n\nc", &["a", " ", " b", "\n\n", "c"]),
            ("雪が 🦀é", &["雪", "が", " ", "🦀", "é"]),
            ("      x", &["    ", " ", " x"]),
        ];
        for (text, expected) in cases {
            assert_eq!(tokens(text), *expected, "{text:?}");
            assert_eq!(tokens(text).concat(), *text);
        }
    }
}
