//! The framer of server-sent events: bytes in, cut anywhere; events out. It does no I/O and its memory is bounded.

use memchr::{memchr, memchr2};

/// Largest event unless another bound is set: 1 MiB.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The bytes of `event`; empty if there was none.
    pub event: &'a [u8],
    /// The lines of `data`, joined by line feeds.
    pub data: &'a [u8],
    /// The last `id` of the stream so far.
    pub id: &'a [u8],
}

/// An event passed the framer's bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {0} bytes")]
pub struct TooLarge(pub usize);

/// Splits a body into events by the rules of the WHATWG specification: lines end with LF, CRLF or CR; a blank line
/// ends an event; one that is unfinished when the body ends is discarded.
#[derive(Debug)]
pub struct Framer {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    data: Vec<u8>,
    event: Vec<u8>,
    id: Vec<u8>,
    retry: Option<u64>,
    max: usize,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// No line was read yet: a byte order mark may come.
    fresh: bool,
}

impl Default for Framer {
    fn default() -> Framer {
        Framer::new(MAX_EVENT_BYTES)
    }
}

impl Framer {
    /// A framer for one body, with the largest event in bytes.
    #[must_use]
    pub fn new(max: usize) -> Framer {
        Framer {
            line: Vec::new(),
            data: Vec::new(),
            event: Vec::new(),
            id: Vec::new(),
            retry: None,
            max,
            after_cr: false,
            fresh: true,
        }
    }

    /// Reads more bytes and gives each complete event to `sink`. After an error the framer is of no more use.
    pub fn push<E: From<TooLarge>>(
        &mut self,
        bytes: &[u8],
        mut sink: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        if std::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            // An empty read tells nothing about the byte after the CR.
            self.after_cr = bytes.is_empty();
        }
        while let Some(at) = memchr2(b'\n', b'\r', rest) {
            let (head, tail) = rest.split_at(at);
            rest = match tail {
                [b'\r', b'\n', tail @ ..] => tail,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, tail @ ..] => tail,
                [] => &[],
            };
            self.room(head.len())?;
            if self.line.is_empty() {
                self.line_ends(head, &mut sink)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                let ended = self.line_ends(&line, &mut sink);
                line.clear();
                self.line = line;
                ended?;
            }
        }
        self.room(rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// The time to wait before connecting again, if the stream named one, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Bytes held for an event that is not complete.
    #[must_use]
    pub fn held(&self) -> usize {
        self.line.len() + self.data.len() + self.event.len() + self.id.len()
    }

    fn room(&self, more: usize) -> Result<(), TooLarge> {
        if self.held().saturating_add(more) > self.max { Err(TooLarge(self.max)) } else { Ok(()) }
    }

    fn line_ends<E>(
        &mut self,
        line: &[u8],
        sink: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line =
            if std::mem::take(&mut self.fresh) { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        if line.is_empty() {
            // Each line of data left a line feed behind; the last one is not part of the data.
            let sent = match self.data.strip_suffix(b"\n") {
                Some(data) => sink(Frame { event: &self.event, data, id: &self.id }),
                None => Ok(()),
            };
            self.data.clear();
            self.event.clear();
            return sent;
        }
        let (field, value) = match memchr(b':', line) {
            Some(at) => {
                let (field, value) = line.split_at(at);
                let value = value.strip_prefix(b":").unwrap_or(value);
                (field, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, [].as_slice()),
        };
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            b"id" if !value.contains(&0) => {
                self.id.clear();
                self.id.extend_from_slice(value);
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            }
            // A comment (an empty field name), or a field nobody knows.
            _ => {}
        }
        Ok(())
    }
}
