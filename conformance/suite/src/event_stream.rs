//! Server-sent events, as the WHATWG standard reads them.

/// One event: the `event` field, and all `data` fields joined by line feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

/// Reads events from bytes as they come. Comments, `id` and `retry` are passed over.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// What has come of a line.
    line: Vec<u8>,
    after_return: bool,
    name: Option<String>,
    data: Vec<String>,
    pub(crate) events: Vec<Event>,
}

impl Reader {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => self.end_line(),
                byte => self.line.push(*byte),
            }
            self.after_return = *byte == b'\r';
        }
    }

    /// Whether the body ended between two events, as it must.
    pub(crate) fn is_between_events(&self) -> bool {
        self.line.is_empty() && self.name.is_none() && self.data.is_empty()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            let (name, data) = (self.name.take(), std::mem::take(&mut self.data));
            if !data.is_empty() {
                self.events.push(Event { name, data: data.join("\n") });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.data.push(value.to_owned()),
            "event" => self.name = Some(value.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_the_bytes_are_cut() {
        let text =
            ": hello\r\ndata: {\"a\":\r\ndata: \"雪\"}\r\n\r\nevent: ping\ndata:x\n\n\n\rdata: last\r\r";
        let event =
            |name: Option<&str>, data: &str| Event { name: name.map(str::to_owned), data: data.to_owned() };
        let expected = [event(None, "{\"a\":\n\"雪\"}"), event(Some("ping"), "x"), event(None, "last")];
        for cut in 0..=text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            let mut reader = Reader::default();
            reader.push(head);
            reader.push(tail);
            assert_eq!(reader.events, expected, "cut at {cut}");
            assert!(reader.is_between_events());
        }
    }

    #[test]
    fn a_body_that_ends_inside_an_event_is_noticed() {
        let mut reader = Reader::default();
        reader.push(b"data: x\n");
        assert!(!reader.is_between_events());
        assert!(reader.events.is_empty());
    }
}
