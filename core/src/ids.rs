//! Identifiers. ULIDs sort by the time they were made.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::clock::Millis;

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// The nil identifier: none.
            pub const NONE: $name = $name(Ulid::nil());

            /// A new identifier: 48 bits of time, 80 random bits.
            #[must_use]
            pub fn new(now: Millis) -> $name {
                $name(mint(now))
            }

            /// Whether this is the nil identifier.
            #[must_use]
            pub fn is_none(self) -> bool {
                self == $name::NONE
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<$name, BadId> {
                Ulid::from_string(text).map($name).map_err(|_| BadId(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

ulid_id! {
    /// A project: the unit that owns keys, caps, caches and a Redis slot.
    ProjectId
}
ulid_id! {
    /// A gateway key. [`KeyId::NONE`] stands for a call without one.
    KeyId
}
ulid_id! {
    /// One admission of one request: the id under which it is reserved, settled and entered in the ledger.
    AdmissionId
}

/// Text that is not a ULID.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not an identifier (26 characters of Crockford base 32)")]
pub struct BadId(String);

/// A random number from 0 up to 1.
pub(crate) fn random_fraction() -> f64 {
    let bits = RANDOM.with_borrow_mut(Random::next) as u32;
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

fn mint(now: Millis) -> Ulid {
    let random = RANDOM.with_borrow_mut(Random::next);
    Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), random)
}

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { process: 0, left: 0, numbers: [0; 32] }) };
}

/// Random numbers for ids, asked of the system for several at once. Identifiers are no secrets; keys have their own.
struct Random {
    /// A forked process must not go on with its parent's.
    process: u32,
    left: usize,
    numbers: [u128; 32],
}

impl Random {
    fn next(&mut self) -> u128 {
        let process = std::process::id();
        if self.left == 0 || self.process != process {
            let mut bytes = [0_u8; 32 * 16];
            // The system's generator fails only where the system has none; time and a constant still give an id.
            let _ = getrandom::fill(&mut bytes);
            for (number, bytes) in self.numbers.iter_mut().zip(bytes.as_chunks().0) {
                *number = u128::from_le_bytes(*bytes);
            }
            (self.process, self.left) = (process, self.numbers.len());
        }
        self.left -= 1;
        self.numbers.get(self.left).copied().unwrap_or_default()
    }
}

/// An end customer of the caller's, by the caller's own name for them: 1 to 128 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CustomerId(String);

impl CustomerId {
    /// Longest accepted id, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks and takes `id`.
    pub fn new(id: impl Into<String>) -> Result<CustomerId, BadCustomer> {
        let id = id.into();
        match id.len() {
            0 => Err(BadCustomer("empty")),
            n if n > CustomerId::MAX_BYTES => Err(BadCustomer("too long")),
            _ if id.chars().any(char::is_control) => Err(BadCustomer("not printable")),
            _ => Ok(CustomerId(id)),
        }
    }

    /// The id as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as counters know it.
    #[must_use]
    pub fn tag(&self) -> CustomerTag {
        let digest = Sha256::digest(self.0.as_bytes());
        let mut tag = [0_u8; 16];
        for (to, from) in tag.iter_mut().zip(digest) {
            *to = from;
        }
        CustomerTag(tag)
    }
}

impl<'de> Deserialize<'de> for CustomerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CustomerId, D::Error> {
        CustomerId::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A customer id that is not accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a customer id must be 1 to 128 bytes of printable text, this one is {0}")]
pub struct BadCustomer(&'static str);

/// The first 16 bytes of SHA-256 over a customer id: fixed size, no separators, nothing personal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerTag(pub [u8; 16]);

impl fmt::Display for CustomerTag {
    /// base64url without padding: 22 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for CustomerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CustomerTag {
    type Err = BadId;

    fn from_str(text: &str) -> Result<CustomerTag, BadId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadId(text.to_owned()))?;
        <[u8; 16]>::try_from(bytes).map(CustomerTag).map_err(|_| BadId(text.to_owned()))
    }
}

impl Serialize for CustomerTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CustomerTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CustomerTag, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
