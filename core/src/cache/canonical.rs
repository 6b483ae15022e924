//! Canonical JSON: one byte sequence for all texts of the same value.
//!
//! Object keys are sorted by their UTF-8 bytes, white space is dropped, strings are written with one escaping, and
//! numbers that a double holds exactly are written one way (`1.0` and `1` are equal, `12345678901234567890` is left
//! as it is). Array order stays. Close to RFC 8785, but no digit of a long number is ever lost.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// Deepest nesting accepted; serde_json's own limit.
const DEEPEST: usize = 128;

/// Appends the canonical form of `json` to `out`, leaving out the top-level members that `keep` refuses.
///
/// One pass over the text; what is moved afterwards is only the members of objects whose keys were not in order.
pub(crate) fn canonicalise(json: &str, out: &mut Vec<u8>, keep: impl Fn(&str) -> bool) -> Result<()> {
    let mut writer = Writer { rest: json, out };
    writer.value(0, Some(&keep))?;
    match writer.peek() {
        None => Ok(()),
        Some(_) => Err(broken()),
    }
}

/// Reads JSON text that serde_json has accepted, so it checks only what it needs to stay in step, and writes its
/// canonical form.
struct Writer<'a, 'o> {
    rest: &'a str,
    out: &'o mut Vec<u8>,
}

/// Which top-level members are written.
type Keep<'k> = Option<&'k dyn Fn(&str) -> bool>;

fn broken() -> Error {
    Error::invalid("body", "is not valid JSON")
}

impl<'a> Writer<'a, '_> {
    fn peek(&mut self) -> Option<u8> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let blanks = self.rest.as_bytes().iter().take_while(|byte| blank(byte)).count();
        self.rest = self.rest.get(blanks..).unwrap_or_default();
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

    fn value(&mut self, depth: usize, keep: Keep<'_>) -> Result<()> {
        if depth > DEEPEST {
            return Err(Error::invalid("body", format!("is nested deeper than {DEEPEST} levels")));
        }
        match self.peek().ok_or_else(broken)? {
            b'{' => self.object(depth, keep)?,
            b'[' => self.array(depth)?,
            b'"' => self.string()?.write(self.out),
            _ => {
                let ends = |byte: u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                let end = self.rest.bytes().position(ends).unwrap_or(self.rest.len());
                let token = self.split(end)?;
                self.out.extend_from_slice(number(token).as_bytes());
            }
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<()> {
        self.take(b'[')?;
        self.out.push(b'[');
        let mut first = true;
        while self.peek() != Some(b']') {
            if !first {
                self.take(b',')?;
                self.out.push(b',');
            }
            first = false;
            self.value(depth + 1, None)?;
        }
        self.take(b']')?;
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, depth: usize, keep: Keep<'_>) -> Result<()> {
        self.take(b'{')?;
        self.out.push(b'{');
        let from = self.out.len();
        let mut members: Vec<Member> = Vec::new();
        let mut first = true;
        while self.peek() != Some(b'}') {
            if !first {
                self.take(b',')?;
                self.peek();
            }
            first = false;
            let start = self.out.len();
            self.string()?.write(self.out);
            let name_end = self.out.len() - 1;
            self.take(b':')?;
            self.out.push(b':');
            self.value(depth + 1, None)?;
            // Each member brings its own comma, so that it can be moved as a whole.
            self.out.push(b',');
            let member =
                Member { start: start - from, name_end: name_end - from, end: self.out.len() - from };
            let written = self.out.get(from..).unwrap_or_default();
            if keep.is_none_or(|keep| std::str::from_utf8(member.name(written)).is_ok_and(keep)) {
                members.push(member);
            } else {
                self.out.truncate(start);
            }
        }
        self.take(b'}')?;
        let written = self.out.get(from..).unwrap_or_default();
        if !members.is_sorted_by_key(|member| member.name(written)) {
            let written = self.out.split_off(from);
            members.sort_by_key(|member| member.name(&written));
            for member in &members {
                self.out.extend_from_slice(written.get(member.start..member.end).unwrap_or_default());
            }
        }
        if !members.is_empty() {
            self.out.pop();
        }
        self.out.push(b'}');
        Ok(())
    }

    fn string(&mut self) -> Result<Quoted<'a>> {
        let bytes = self.rest.as_bytes();
        if bytes.first() != Some(&b'"') {
            return Err(broken());
        }
        let mut at = 1;
        let mut plain = true;
        loop {
            let tail = bytes.get(at..).ok_or_else(broken)?;
            at += memchr::memchr2(b'"', b'\\', tail).ok_or_else(broken)?;
            if bytes.get(at) == Some(&b'"') {
                break;
            }
            plain = false;
            at += 2;
        }
        Ok(Quoted { token: self.split(at + 1)?, plain })
    }
}

/// Where a member of an object is, in what was written of the object.
struct Member {
    start: usize,
    /// Where the name's last quote is.
    name_end: usize,
    end: usize,
}

impl Member {
    /// Its name in its one form, without the quotes.
    fn name<'w>(&self, written: &'w [u8]) -> &'w [u8] {
        written.get(self.start + 1..self.name_end).unwrap_or_default()
    }
}

/// A string as it is in the text.
struct Quoted<'a> {
    /// With its quotes.
    token: &'a str,
    /// Nothing in it is escaped.
    plain: bool,
}

impl<'a> Quoted<'a> {
    fn inner(&self) -> &'a str {
        self.token.get(1..self.token.len().saturating_sub(1)).unwrap_or_default()
    }

    /// Writes it quoted: quote, backslash and control characters as `\u` and four digits, all else as it is.
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        if self.plain {
            // JSON has no bare control characters.
            out.extend_from_slice(self.inner().as_bytes());
        } else if memchr::memmem::find(self.token.as_bytes(), b"\\u").is_some() {
            match serde_json::from_str::<String>(self.token) {
                Ok(text) => escape(&text, out),
                // A lone surrogate is no text: it stays as it was written, which no text's form looks like.
                Err(_) => out.extend_from_slice(self.inner().as_bytes()),
            }
        } else {
            self.respell(out);
        }
        out.push(b'"');
    }

    /// Writes the short escapes in their long form.
    fn respell(&self, out: &mut Vec<u8>) {
        let mut rest = self.inner().as_bytes();
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (head, tail) = rest.split_at(at);
            out.extend_from_slice(head);
            let Some(([_, letter], tail)) = tail.split_first_chunk() else { return };
            match letter {
                b'n' => out.extend_from_slice(b"\\u000a"),
                b'r' => out.extend_from_slice(b"\\u000d"),
                b't' => out.extend_from_slice(b"\\u0009"),
                b'b' => out.extend_from_slice(b"\\u0008"),
                b'f' => out.extend_from_slice(b"\\u000c"),
                b'"' => out.extend_from_slice(b"\\u0022"),
                b'\\' => out.extend_from_slice(b"\\u005c"),
                // A slash needs no escape.
                other => out.push(*other),
            }
            rest = tail;
        }
        out.extend_from_slice(rest);
    }
}

/// Writes `text` with its quotes, backslashes and control characters escaped.
fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        if let Some((byte, tail)) = tail.split_first() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            rest = tail;
        }
    }
    out.extend_from_slice(rest);
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
    fn every_spelling_of_a_character_is_one() {
        let short = r#""@"@@@/@b@f@n@r@t""#.replace('@', "\\");
        let long = r#""@u0022@u005C@u002F@u0008@u000c@u000A@u000d@u0009""#.replace('@', "\\");
        let one = r#""@u0022@u005c/@u0008@u000c@u000a@u000d@u0009""#.replace('@', "\\");
        for text in [short, long] {
            assert_eq!(canon(&text), one, "{text}");
        }
        // An escaped backslash before a u is no escape of a character.
        assert_ne!(canon(&r#""a@@u0041""#.replace('@', "\\")), canon(r#""aA""#));
        assert_eq!(canon(r#"{"b":1,"a":2}"#), r#"{"a":2,"b":1}"#);
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
