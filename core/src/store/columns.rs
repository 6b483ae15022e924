//! Between our types and the columns of a database.

use std::error::Error as StdError;
use std::str::FromStr;

use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::ids::CustomerTag;
use crate::money::Nano;

const UNREADABLE: &str = "the database holds a value of another shape than its schema says";

fn unreadable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::internal(UNREADABLE, source)
}

/// A fetched row of either database: the few forms that its columns have.
pub(super) trait Fetched {
    fn text(&self, column: &str) -> sqlx::Result<Option<&str>>;
    fn bytes(&self, column: &str) -> sqlx::Result<Option<&[u8]>>;
    fn integer(&self, column: &str) -> sqlx::Result<Option<i64>>;
    fn real(&self, column: &str) -> sqlx::Result<Option<f32>>;
    fn flag(&self, column: &str) -> sqlx::Result<Option<bool>>;
}

macro_rules! fetched {
    ($($row:ty),+) => {$(
        impl Fetched for $row {
            fn text(&self, column: &str) -> sqlx::Result<Option<&str>> {
                self.try_get(column)
            }

            fn bytes(&self, column: &str) -> sqlx::Result<Option<&[u8]>> {
                self.try_get(column)
            }

            fn integer(&self, column: &str) -> sqlx::Result<Option<i64>> {
                self.try_get(column)
            }

            fn real(&self, column: &str) -> sqlx::Result<Option<f32>> {
                self.try_get(column)
            }

            fn flag(&self, column: &str) -> sqlx::Result<Option<bool>> {
                self.try_get(column)
            }
        }
    )+};
}
fetched!(SqliteRow, PgRow);

/// One fetched row.
pub(super) struct Columns<'r, R>(pub(super) &'r R);

/// A column that must not be empty.
fn there<T>(value: sqlx::Result<Option<T>>) -> Result<T> {
    value.map_err(unreadable)?.ok_or_else(|| unreadable("NULL where there must be a value"))
}

impl<'r, R: Fetched> Columns<'r, R> {
    pub(super) fn text(&self, column: &str) -> Result<&'r str> {
        there(self.0.text(column))
    }

    pub(super) fn text_opt(&self, column: &str) -> Result<Option<&'r str>> {
        self.0.text(column).map_err(unreadable)
    }

    pub(super) fn bytes(&self, column: &str) -> Result<&'r [u8]> {
        there(self.0.bytes(column))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool> {
        there(self.0.flag(column))
    }

    pub(super) fn real_opt(&self, column: &str) -> Result<Option<f32>> {
        self.0.real(column).map_err(unreadable)
    }

    /// An identifier as text.
    pub(super) fn id<T: FromStr<Err: StdError + Send + Sync + 'static>>(&self, column: &str) -> Result<T> {
        self.text(column)?.parse().map_err(unreadable)
    }

    pub(super) fn id_opt<T: FromStr<Err: StdError + Send + Sync + 'static>>(
        &self,
        column: &str,
    ) -> Result<Option<T>> {
        self.text_opt(column)?.map(|text| text.parse().map_err(unreadable)).transpose()
    }

    /// A value that reads itself from text, with its own checks.
    pub(super) fn word<T: Deserialize<'r>>(&self, column: &str) -> Result<T> {
        let text: StrDeserializer<'r, WordError> = self.text(column)?.into_deserializer();
        T::deserialize(text).map_err(unreadable)
    }

    pub(super) fn word_opt<T: Deserialize<'r>>(&self, column: &str) -> Result<Option<T>> {
        let Some(text) = self.text_opt(column)? else { return Ok(None) };
        let text: StrDeserializer<'r, WordError> = text.into_deserializer();
        T::deserialize(text).map(Some).map_err(unreadable)
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(self.text(column)?).map_err(unreadable)
    }

    pub(super) fn json_opt<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.text_opt(column)?.map(|text| serde_json::from_str(text).map_err(unreadable)).transpose()
    }

    /// A number that is never below zero.
    pub(super) fn number<T: TryFrom<i64, Error: StdError + Send + Sync + 'static>>(
        &self,
        column: &str,
    ) -> Result<T> {
        T::try_from(there(self.0.integer(column))?).map_err(unreadable)
    }

    pub(super) fn number_opt<T: TryFrom<i64, Error: StdError + Send + Sync + 'static>>(
        &self,
        column: &str,
    ) -> Result<Option<T>> {
        let number = self.0.integer(column).map_err(unreadable)?;
        number.map(|number| T::try_from(number).map_err(unreadable)).transpose()
    }

    pub(super) fn nano(&self, column: &str) -> Result<Nano> {
        there(self.0.integer(column)).map(Nano::from_nano)
    }

    pub(super) fn nano_opt(&self, column: &str) -> Result<Option<Nano>> {
        Ok(self.0.integer(column).map_err(unreadable)?.map(Nano::from_nano))
    }

    pub(super) fn millis(&self, column: &str) -> Result<Millis> {
        there(self.0.integer(column)).map(Millis)
    }

    pub(super) fn millis_opt(&self, column: &str) -> Result<Option<Millis>> {
        Ok(self.0.integer(column).map_err(unreadable)?.map(Millis))
    }

    pub(super) fn tag_opt(&self, column: &str) -> Result<Option<CustomerTag>> {
        let bytes = self.0.bytes(column).map_err(unreadable)?;
        bytes.map(|bytes| bytes.try_into().map(CustomerTag).map_err(unreadable)).transpose()
    }
}

/// The word that an enum without fields is written as.
pub(super) fn word(value: &impl Serialize) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Error::internal("a value is not written as one word", other.to_string())),
        Err(error) => Err(Error::internal("a value cannot be written", error)),
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("a value cannot be written as JSON", error))
}

/// A count as the databases' largest integer.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
