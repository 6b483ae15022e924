//! What the text of an answer cites. Anthropic splits the text where a citation begins and ends; here it is whole,
//! and each citation says which characters it stands for.

use serde::{Deserialize, Serialize};

use super::json::Object;
use super::part;
use crate::types::Raw;

/// A citation of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Span {
    /// The first character of the text that it stands for, from 0.
    pub(super) start_index: u64,
    /// The character after the last.
    pub(super) end_index: u64,
    /// Anthropic's citation, word for word.
    pub(super) citation: Raw,
}

/// The citations of a message that is handed back; none if they are something else.
pub(super) fn spans(raw: &Raw) -> Option<Vec<Span>> {
    raw.read::<Vec<Span>>().filter(|spans| !spans.is_empty())
}

/// `text` as Anthropic had split it. Spans that do not fit it, because it was changed since, are left away.
pub(super) fn cited(text: &str, mut spans: Vec<Span>) -> Vec<Object<'_>> {
    spans.sort_by_key(|span| (span.start_index, span.end_index));
    let mut blocks = Vec::new();
    let (mut rest, mut at) = (text, 0);
    let mut spans = spans.into_iter().peekable();
    while let Some(span) = spans.next() {
        let (start, end) = (span.start_index, span.end_index);
        let mut citations = vec![span.citation];
        while let Some(same) = spans.next_if(|next| (next.start_index, next.end_index) == (start, end)) {
            citations.push(same.citation);
        }
        let fits = || {
            let (before, tail) = split(rest, start.checked_sub(at)?)?;
            let (words, tail) = split(tail, end.checked_sub(start)?)?;
            (!words.is_empty()).then_some((before, words, tail))
        };
        let Some((before, words, tail)) = fits() else { continue };
        blocks.extend(part::text(before));
        blocks.extend(part::text(words).map(|block| block.with("citations", citations)));
        (rest, at) = (tail, end);
    }
    blocks.extend(part::text(rest));
    blocks
}

/// The first `count` characters and the rest; none if there are not so many.
fn split(text: &str, count: u64) -> Option<(&str, &str)> {
    let count = usize::try_from(count).ok()?;
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    text.split_at_checked(ends.nth(count)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, spans: &[(u64, u64, &str)]) -> String {
        let span = |(start_index, end_index, name): &(u64, u64, &str)| {
            let citation = Raw::of(name).unwrap();
            Span { start_index: *start_index, end_index: *end_index, citation }
        };
        serde_json::to_string(&cited(text, spans.iter().map(span).collect())).unwrap()
    }

    #[test]
    fn text_is_split_where_it_was() {
        assert_eq!(
            told("Für A. Und B.", &[(4, 6, "x"), (4, 6, "y")]),
            r#"[{"type":"text","text":"Für "},{"type":"text","text":"A.","citations":["x","y"]},{"type":"text","text":" Und B."}]"#
        );
        assert_eq!(told("ab", &[(0, 2, "x")]), r#"[{"type":"text","text":"ab","citations":["x"]}]"#);
    }

    #[test]
    fn spans_that_do_not_fit_are_left_away() {
        let whole = r#"[{"type":"text","text":"ab"}]"#;
        for spans in [[(1, 9, "x")], [(3, 4, "x")], [(2, 1, "x")], [(1, 1, "x")], [(u64::MAX, u64::MAX, "x")]]
        {
            assert_eq!(told("ab", &spans), whole, "{spans:?}");
        }
        // The second overlaps the first.
        assert_eq!(
            told("abc", &[(0, 2, "x"), (1, 3, "y")]),
            r#"[{"type":"text","text":"ab","citations":["x"]},{"type":"text","text":"c"}]"#
        );
    }
}
