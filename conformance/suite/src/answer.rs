//! What came back.

use http::HeaderMap;
use serde_json::Value;

use crate::event_stream::Event;

/// One HTTP answer, read to its end or as far as it was wanted.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The events of a stream.
    pub(crate) events: Vec<Event>,
    /// The stream ended between two events.
    pub(crate) ended_well: bool,
    /// The client left before the end.
    pub(crate) left: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn media_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let text = String::from_utf8_lossy(&self.body).into_owned();
            format!("the body is not JSON ({error}): {}", crate::matcher::shown(Some(&text.into())))
        })
    }
}
