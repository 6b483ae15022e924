//! The framer of streams that are one JSON value a line: bytes in, cut anywhere; lines out. It does no I/O and its
//! memory is bounded.

use memchr::memchr;

use super::sse::{MAX_EVENT_BYTES, TooLarge};

/// Splits a body into lines. Blank lines are passed over; a carriage return at the end of a line is white space to
/// JSON and stays out of it.
#[derive(Debug)]
pub struct Lines {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    max: usize,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::new(MAX_EVENT_BYTES)
    }
}

impl Lines {
    /// A framer for one body, with the longest line in bytes.
    #[must_use]
    pub fn new(max: usize) -> Lines {
        Lines { line: Vec::new(), max }
    }

    /// Reads more bytes and gives each complete line to `sink`. After an error the framer is of no more use.
    pub fn push<E: From<TooLarge>>(
        &mut self,
        bytes: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while let Some(at) = memchr(b'\n', rest) {
            let (head, tail) = rest.split_at(at);
            rest = tail.strip_prefix(b"\n").unwrap_or(tail);
            self.room(head.len())?;
            if self.line.is_empty() {
                whole(head, &mut sink)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                let ended = whole(&line, &mut sink);
                line.clear();
                self.line = line;
                ended?;
            }
        }
        self.room(rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// What came after the last line's end: nothing, a last line without its end, or one that was cut.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.line.trim_ascii()
    }

    fn room(&self, more: usize) -> Result<(), TooLarge> {
        if self.line.len().saturating_add(more) > self.max { Err(TooLarge(self.max)) } else { Ok(()) }
    }
}

fn whole<E>(line: &[u8], sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let line = line.trim_ascii();
    if line.is_empty() { Ok(()) } else { sink(line) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lines, TooLarge};

    fn read<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        max: usize,
    ) -> (Vec<Vec<u8>>, Result<(), TooLarge>) {
        let mut framer = Lines::new(max);
        let mut lines = Vec::new();
        for piece in pieces {
            let read = framer.push(piece, |line| {
                lines.push(line.to_vec());
                Ok(())
            });
            if read.is_err() {
                return (lines, read);
            }
        }
        lines.push(framer.rest().to_vec());
        (lines, Ok(()))
    }

    #[test]
    fn lines_end_with_a_line_feed_and_blank_ones_are_none() {
        let body = b"{\"a\":1}\r\n\n \r\n{\"b\":\"\xC3\xBC\"}\n{\"c\"";
        let expected: Vec<Vec<u8>> = [&b"{\"a\":1}"[..], "{\"b\":\"ü\"}".as_bytes(), b"{\"c\""]
            .iter()
            .map(|line| line.to_vec())
            .collect();
        for at in 0..=body.len() {
            let (a, b) = body.split_at(at);
            assert_eq!(read([a, b], 64), (expected.clone(), Ok(())), "split at {at}");
        }
        assert_eq!(read(body.chunks(1), 64).0, expected);
    }

    #[test]
    fn a_line_beyond_the_bound_fails_wherever_it_is_cut() {
        let fits = [b"x".repeat(8), b"\n".to_vec()].concat();
        assert_eq!(read([fits.as_slice()], 8).1, Ok(()));
        let long = [b"x".repeat(9), b"\n".to_vec()].concat();
        for at in 0..long.len() {
            let (a, b) = long.split_at(at);
            assert_eq!(read([a, b], 8).1, Err(TooLarge(8)), "split at {at}");
        }
    }

    #[test]
    fn what_the_sink_says_ends_it() {
        let mut seen = 0;
        let told = Lines::default().push(b"1\n2\n3\n", |_| {
            seen += 1;
            if seen == 2 { Err(TooLarge(0)) } else { Ok(()) }
        });
        assert_eq!((told, seen), (Err(TooLarge(0)), 2));
    }

    proptest! {
        #[test]
        fn any_bytes_give_the_same_lines_however_they_are_split(
            bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'\n'), 1 => Just(b'\r')], 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let whole = read([bytes.as_slice()], 40);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let pieces = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(read(pieces, 40), whole);
        }
    }
}
