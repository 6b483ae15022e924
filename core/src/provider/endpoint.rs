//! Where a provider is, and how to be let in.

use http::{HeaderMap, HeaderValue, Uri};

use crate::auth::Secret;
use crate::error::{Error, Result};

/// Where a provider is, and how to be let in.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Without a slash at the end: `https://api.openai.com/v1`.
    base_url: String,
    /// The provider's key. It travels in a header only.
    pub key: Option<Secret>,
    /// More headers, such as the organisation.
    pub headers: HeaderMap,
}

impl Endpoint {
    /// Checks `base_url`: `http` or `https`, a host, no query, no user or password.
    pub fn new(base_url: &str, key: Option<Secret>) -> Result<Endpoint> {
        let base = base_url.trim_end_matches('/');
        let allowed = "expected an http or https URL with a host, without user, password, query or fragment";
        // The text itself may hold a password; it is not shown.
        let bad = || Error::config("base_url", "(hidden)", allowed);
        let uri: Uri = base.parse().map_err(|_| bad())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain = !base.contains(['@', '?', '#']);
        if !web || !plain || uri.host().is_none_or(str::is_empty) {
            return Err(bad());
        }
        Ok(Endpoint { base_url: base.to_owned(), key, headers: HeaderMap::new() })
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: http::HeaderName, value: HeaderValue) -> Endpoint {
        self.headers.insert(name, value);
        self
    }

    /// The same place, with another key.
    #[must_use]
    pub(crate) fn with_key(self, key: Secret) -> Endpoint {
        Endpoint { key: Some(key), ..self }
    }

    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
}
