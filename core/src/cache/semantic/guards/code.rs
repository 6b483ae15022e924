//! Code: what stands between backticks or looks like it.

use super::text::Text;

fn missing(a: &Text, b: &Text) -> bool {
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '`').collect::<String>();
    let other = squeezed(&b.plain);
    a.code.iter().any(|code| {
        // Case matters in code, but not to what was typed around it.
        let known = b.code.iter().any(|found| squeezed(found) == squeezed(code));
        !known && (!b.code.is_empty() || !other.contains(&squeezed(&code.to_lowercase())))
    })
}

/// What stands between words and tells code apart: `==`, `&&`, and the name of a statement.
fn symbols(text: &Text) -> Vec<&str> {
    let only = |word: &&str| {
        word.chars().all(|c| c.is_ascii_punctuation())
            && word.contains(['=', '<', '>', '&', '|', '+', '*', '%', '^', '~', '!', '/', '\\', '@', '$'])
    };
    let words = text.plain.split(' ').map(|word| word.trim_matches(['`', '?', '.', ',', ';', '(', ')', '"']));
    let mut found: Vec<&str> = words.filter(only).collect();
    // Keywords that are ordinary words elsewhere: "a while loop".
    let named = text.words.windows(2).filter_map(|pair| match pair {
        [word, next]
            if ["loop", "loops", "statement", "keyword", "clause", "operator"]
                .contains(&next.lower.as_str()) =>
        {
            Some(word.lower.as_str())
        }
        _ => None,
    });
    found.extend(named.filter(|word| !["a", "an", "the", "this", "that", "my"].contains(word)));
    found.sort_unstable();
    found
}

/// The symbols of `a` that are not code in `b` already: "the yield keyword", and `yield`.
fn told<'a>(a: &'a Text, b: &Text) -> Vec<&'a str> {
    let known = |symbol: &str| b.code.iter().any(|code| code.trim_matches('`') == symbol);
    symbols(a).into_iter().filter(|symbol| !known(symbol)).collect()
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    missing(a, b) || missing(b, a) || told(a, b) != told(b, a)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Code]).is_empty()
    }

    #[test]
    fn the_same_code_passes() {
        assert!(!refused("Why is `git push` refused?", "Why does git push get refused?"));
        assert!(!refused("What does foo() do?", "What is foo() doing?"));
        assert!(!refused("What does the yield keyword do?", "What does `yield` do?"));
    }

    #[test]
    fn other_code_is_refused() {
        assert!(refused("What does `a && b` do?", "What does `a || b` do?"));
        assert!(refused("How do I call foo() from bar()?", "How do I call baz() from bar()?"));
        assert!(refused("A class in C++?", "A class in C#?"));
        assert!(refused("What is user_name for?", "What is user_email for?"));
        assert!(refused("What is == for?", "What is != for?"));
        assert!(refused("What is 7 // 2 in Python?", "What is 7 / 2 in Python?"));
    }
}
