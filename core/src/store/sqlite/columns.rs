//! Between our types and SQLite's columns.

use std::error::Error as StdError;
use std::str::FromStr;

use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use super::failure::failed;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::ids::CustomerTag;
use crate::money::Nano;

const UNREADABLE: &str = "the database holds a value of another shape than its schema says";

fn unreadable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::internal(UNREADABLE, source)
}

/// One fetched row.
pub(super) struct Columns<'r>(pub(super) &'r SqliteRow);

impl<'r> Columns<'r> {
    pub(super) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T> {
        self.0.try_get(column).map_err(failed(UNREADABLE))
    }

    /// An identifier as text.
    pub(super) fn id<T: FromStr<Err: StdError + Send + Sync + 'static>>(&self, column: &str) -> Result<T> {
        self.get::<&str>(column)?.parse().map_err(unreadable)
    }

    pub(super) fn id_opt<T: FromStr<Err: StdError + Send + Sync + 'static>>(
        &self,
        column: &str,
    ) -> Result<Option<T>> {
        self.get::<Option<&str>>(column)?.map(|text| text.parse().map_err(unreadable)).transpose()
    }

    /// A value that reads itself from text, with its own checks.
    pub(super) fn word<T: Deserialize<'r>>(&self, column: &str) -> Result<T> {
        let text: StrDeserializer<'r, WordError> = self.get::<&'r str>(column)?.into_deserializer();
        T::deserialize(text).map_err(unreadable)
    }

    pub(super) fn word_opt<T: Deserialize<'r>>(&self, column: &str) -> Result<Option<T>> {
        let Some(text) = self.get::<Option<&'r str>>(column)? else { return Ok(None) };
        let text: StrDeserializer<'r, WordError> = text.into_deserializer();
        T::deserialize(text).map(Some).map_err(unreadable)
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(self.get(column)?).map_err(unreadable)
    }

    pub(super) fn json_opt<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.get::<Option<&str>>(column)?
            .map(|text| serde_json::from_str(text).map_err(unreadable))
            .transpose()
    }

    /// A number that is never below zero.
    pub(super) fn number<T: TryFrom<i64, Error: StdError + Send + Sync + 'static>>(
        &self,
        column: &str,
    ) -> Result<T> {
        T::try_from(self.get::<i64>(column)?).map_err(unreadable)
    }

    pub(super) fn number_opt<T: TryFrom<i64, Error: StdError + Send + Sync + 'static>>(
        &self,
        column: &str,
    ) -> Result<Option<T>> {
        self.get::<Option<i64>>(column)?.map(|number| T::try_from(number).map_err(unreadable)).transpose()
    }

    pub(super) fn nano(&self, column: &str) -> Result<Nano> {
        self.get(column).map(Nano::from_nano)
    }

    pub(super) fn nano_opt(&self, column: &str) -> Result<Option<Nano>> {
        Ok(self.get::<Option<i64>>(column)?.map(Nano::from_nano))
    }

    pub(super) fn millis(&self, column: &str) -> Result<Millis> {
        self.get(column).map(Millis)
    }

    pub(super) fn millis_opt(&self, column: &str) -> Result<Option<Millis>> {
        Ok(self.get::<Option<i64>>(column)?.map(Millis))
    }

    pub(super) fn tag_opt(&self, column: &str) -> Result<Option<CustomerTag>> {
        self.get::<Option<&[u8]>>(column)?
            .map(|bytes| bytes.try_into().map(CustomerTag).map_err(unreadable))
            .transpose()
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
