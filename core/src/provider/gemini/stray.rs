//! JSON outside of events. An error in the middle of a stream can come so, and a whole body of it where the address
//! in front of Gemini does not stream: an object, or an array of them.

use crate::provider::Failure;

/// Largest such text: what an event may have.
const MAX: usize = crate::stream::MAX_EVENT_BYTES;

/// What may stand before it on its line: blanks, and the bytes of a mark at the beginning of a body.
const BLANK: [u8; 5] = [b' ', b'\t', 0xEF, 0xBB, 0xBF];

/// Tells JSON from lines of events, and collects it.
#[derive(Debug)]
pub(super) struct Stray {
    /// The next byte begins a line.
    at_line: bool,
    found: Option<Vec<u8>>,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Default for Stray {
    fn default() -> Stray {
        Stray { at_line: true, found: None, depth: 0, quoted: false, escaped: false }
    }
}

impl Stray {
    /// The part of `bytes` that belongs to events. What begins with a line of JSON does not, to the end of the body.
    pub(super) fn events<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Failure> {
        if self.found.is_some() {
            self.collect(bytes)?;
            return Ok(&[]);
        }
        let mut before = self.at_line;
        let begins = bytes.iter().position(|byte| {
            let begins = before && matches!(byte, b'{' | b'[');
            before = matches!(byte, b'\n' | b'\r') || (before && BLANK.contains(byte));
            begins
        });
        self.at_line = before;
        let Some(at) = begins else { return Ok(bytes) };
        let (events, json) = bytes.split_at(at);
        self.found = Some(Vec::new());
        self.collect(json)?;
        Ok(events)
    }

    fn collect(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(found) = &mut self.found else { return Ok(()) };
        if found.len().saturating_add(bytes.len()) > MAX {
            return Err(Failure::malformed(format!(
                "In the provider's stream a text is larger than {MAX} bytes."
            )));
        }
        found.extend_from_slice(bytes);
        for byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                _ if self.quoted => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether JSON was found and has come to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.found.is_some() && self.depth == 0
    }

    /// Whether JSON was found.
    pub(super) fn is_found(&self) -> bool {
        self.found.is_some()
    }

    /// What was found.
    pub(super) fn text(&self) -> &[u8] {
        self.found.as_deref().unwrap_or_default()
    }
}
