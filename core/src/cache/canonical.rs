//! Canonical JSON: one byte sequence for all texts of the same value.
//!
//! Object keys are sorted by their UTF-8 bytes, white space is dropped, strings are written with one escaping, and
//! numbers that a double holds exactly are written one way (`1.0` and `1` are equal, `12345678901234567890` is left
//! as it is). Array order stays. Close to RFC 8785, but no digit of a long number is ever lost.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// Deepest nesting accepted; serde_json's own limit.
const DEEPEST: usize = 128;

/// Takes the bytes of a canonical form, piece by piece.
pub(crate) trait Sink {
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for sha2::Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        sha2::Digest::update(self, bytes);
    }
}

/// Writes the canonical form of `json`, leaving out the top-level members that `keep` refuses.
pub(crate) fn canonicalise(json: &str, sink: &mut impl Sink, keep: impl Fn(&str) -> bool) -> Result<()> {
    let mut cursor = Cursor { rest: json };
    cursor.value(sink, 0, Some(&keep))?;
    match cursor.peek() {
        None => Ok(()),
        Some(_) => Err(broken()),
    }
}

/// A reader of JSON text that serde_json has accepted: it checks only what it needs to stay in step.
struct Cursor<'a> {
    rest: &'a str,
}

fn broken() -> Error {
    Error::invalid("body", "is not valid JSON")
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.as_bytes().first().copied()
    }

    fn take(&mut self, expected: u8) -> Result<()> {
        if self.peek() != Some(expected) {
            return Err(broken());
        }
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(())
    }

    fn split(&mut self, at: usize) -> Result<&'a str> {
        let (head, tail) = self.rest.split_at_checked(at).ok_or_else(broken)?;
        self.rest = tail;
        Ok(head)
    }

    fn value<S: Sink>(
        &mut self,
        sink: &mut S,
        depth: usize,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<()> {
        if depth > DEEPEST {
            return Err(Error::invalid("body", format!("is nested deeper than {DEEPEST} levels")));
        }
        match self.peek().ok_or_else(broken)? {
            b'{' => self.object(sink, depth, keep),
            b'[' => self.array(sink, depth),
            b'"' => {
                sink.write(self.string()?.as_bytes());
                Ok(())
            }
            _ => {
                let end = self.rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                sink.write(number(self.split(end)?).as_bytes());
                Ok(())
            }
        }
    }

    fn array(&mut self, sink: &mut impl Sink, depth: usize) -> Result<()> {
        self.take(b'[')?;
        sink.write(b"[");
        let mut first = true;
        while self.peek() != Some(b']') {
            if !first {
                self.take(b',')?;
                sink.write(b",");
            }
            first = false;
            self.value(sink, depth + 1, None)?;
        }
        self.take(b']')?;
        sink.write(b"]");
        Ok(())
    }

    fn object<S: Sink>(
        &mut self,
        sink: &mut S,
        depth: usize,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<()> {
        self.take(b'{')?;
        let mut members: Vec<(Cow<'a, str>, &'a str)> = Vec::new();
        while self.peek() != Some(b'}') {
            if !members.is_empty() {
                self.take(b',')?;
                self.peek();
            }
            let name = self.string()?;
            self.take(b':')?;
            self.peek();
            members.push((name, self.skip()?));
        }
        self.take(b'}')?;
        members.sort_by(|(one, _), (other, _)| unquoted(one).cmp(unquoted(other)));
        sink.write(b"{");
        let mut first = true;
        let kept = |name: &str| keep.is_none_or(|keep| keep(unquoted(name)));
        for (name, text) in members.into_iter().filter(|(name, _)| kept(name)) {
            if !first {
                sink.write(b",");
            }
            first = false;
            sink.write(name.as_bytes());
            sink.write(b":");
            Cursor { rest: text }.value(sink, depth + 1, None)?;
        }
        sink.write(b"}");
        Ok(())
    }

    /// The text of the next value, unread.
    fn skip(&mut self) -> Result<&'a str> {
        let mut depth = 0_usize;
        let mut quoted = false;
        let mut escaped = false;
        for (at, byte) in self.rest.bytes().enumerate() {
            if quoted {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => quoted = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => quoted = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return self.split(at),
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => return self.split(at),
                _ => {}
            }
        }
        Err(broken())
    }

    /// The next string in its one form, with its quotes.
    fn string(&mut self) -> Result<Cow<'a, str>> {
        let bytes = self.rest.as_bytes();
        if bytes.first() != Some(&b'"') {
            return Err(broken());
        }
        let mut at = 1;
        let mut plain = true;
        loop {
            let tail = bytes.get(at..).ok_or_else(broken)?;
            let next = memchr::memchr2(b'"', b'\\', tail).ok_or_else(broken)?;
            at += next;
            if bytes.get(at) == Some(&b'"') {
                break;
            }
            plain = false;
            at += 2;
        }
        let quoted = self.split(at + 1)?;
        if plain {
            return Ok(Cow::Borrowed(quoted));
        }
        // A lone surrogate is no text: it stays as it was written, which no text's form looks like.
        Ok(serde_json::from_str::<String>(quoted)
            .map_or(Cow::Borrowed(quoted), |text| Cow::Owned(quote(&text))))
    }
}

/// `text` quoted: quote, backslash and control characters escaped, all else as it is.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' | '\0'..='\x1f' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn unquoted(quoted: &str) -> &str {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// One text for all texts of a number that a double holds exactly; other tokens stay as they are.
fn number(token: &str) -> Cow<'_, str> {
    if !token.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return Cow::Borrowed(token);
    }
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    match token.parse::<f64>() {
        // Up to 15 digits a double and its shortest text determine each other.
        Ok(value) if value.is_finite() && digits <= 15 => Cow::Owned(format!("{value}")),
        _ => Cow::Borrowed(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canon(json: &str) -> String {
        let mut out = Vec::new();
        canonicalise(json, &mut out, |_| true).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn key_order_white_space_and_escapes_do_not_matter() {
        let one = canon(r#"{"b": [1, 2, {"y": null, "x": "é"}], "a": 1.0}"#);
        let other = canon("{ \"a\":1,\n\"b\":[1,2,{\"x\":\"\\u00e9\",\"y\":null}] }");
        assert_eq!(one, other);
        assert_eq!(one, r#"{"a":1,"b":[1,2,{"x":"é","y":null}]}"#);
    }

    #[test]
    fn array_order_and_types_matter() {
        assert_ne!(canon("[1,2]"), canon("[2,1]"));
        assert_ne!(canon(r#"["1"]"#), canon("[1]"));
        assert_ne!(canon(r#"{"a":null}"#), canon("{}"));
    }

    #[test]
    fn long_numbers_keep_every_digit() {
        assert_ne!(canon("[12345678901234567890]"), canon("[12345678901234567891]"));
        assert_ne!(canon("[0.1234567890123456789]"), canon("[0.1234567890123456788]"));
        assert_eq!(canon("[1e2]"), canon("[100]"));
        assert_eq!(canon("[0.10]"), canon("[0.1]"));
    }

    #[test]
    fn strings_cannot_forge_structure() {
        assert_ne!(canon(r#"{"a":"1\",\"b\":\"2"}"#), canon(r#"{"a":"1","b":"2"}"#));
        assert_eq!(canon(r#"["\\\"\n"]"#), "[\"\\u005c\\u0022\\u000a\"]");
    }

    #[test]
    fn half_a_surrogate_pair_is_not_the_text_that_spells_it() {
        assert_ne!(canon(r#"["\ud800"]"#), canon(r#"["\\ud800"]"#));
        assert_ne!(canon(r#"{"\ud800":1}"#), canon(r#"{"\\ud800":1}"#));
        assert_eq!(canon(r#"["\ud83d\ude00"]"#), canon("[\"😀\"]"));
    }

    #[test]
    fn left_out_members_leave_no_trace() {
        let mut out = Vec::new();
        canonicalise(r#"{"user":"u","model":"m","x":{"user":1}}"#, &mut out, |name| name != "user").unwrap();
        assert_eq!(out, br#"{"model":"m","x":{"user":1}}"#);
    }

    #[test]
    fn broken_text_and_depth_are_errors() {
        for text in ["", "{", "[1", r#"{"a"}"#, r#"{"a":1"#, "[1] 2", r#""open"#, "[1,,2"] {
            assert!(canonicalise(text, &mut Vec::new(), |_| true).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(canonicalise(&deep, &mut Vec::new(), |_| true).is_err());
    }
}
