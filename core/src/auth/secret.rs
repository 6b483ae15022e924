//! Secrets, and the gateway keys that callers hold.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Text that never shows itself: not in `Debug`, not in `Display`, not in listings.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text. Call it only where the secret leaves for its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    /// `"***"`: a listing says that a secret is set, not which.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// SHA-256 of a gateway key: all that is stored of it. The key has 256 random bits, so no salt and no slow hash is
/// needed, and looking one up costs an attacker's flood next to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A gateway key in clear: `lg_` and 256 random bits in base64url. It is shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayKey(Secret);

impl GatewayKey {
    /// What every gateway key begins with.
    pub const PREFIX: &str = "lg_";

    /// Makes a key.
    pub fn mint() -> Result<GatewayKey> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random)
            .map_err(|source| Error::internal("no randomness for a new key", source))?;
        Ok(GatewayKey(Secret(format!("{}{}", GatewayKey::PREFIX, URL_SAFE_NO_PAD.encode(random)))))
    }

    /// What is stored of the key `text`.
    #[must_use]
    pub fn hash(text: &str) -> KeyHash {
        KeyHash(Sha256::digest(text.as_bytes()).into())
    }

    /// The key in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The first characters, enough to tell keys apart in a listing.
    #[must_use]
    pub fn hint(&self) -> String {
        self.expose().chars().take(GatewayKey::PREFIX.len() + 6).collect()
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lg_***")
    }
}
