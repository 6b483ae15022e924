//! Reading what scripts return.

use bytes::Bytes;
use redis::Value;

use super::failure::garbled;
use crate::clock::Millis;
use crate::error::Result;
use crate::limits::{Bucket, Counter};
use crate::money::Nano;

/// The fields of an answer, in order.
pub(super) struct Reply {
    fields: std::vec::IntoIter<Value>,
    what: &'static str,
}

impl Reply {
    /// An answer that is a list; `what` is named in errors.
    pub(super) fn list(value: Value, what: &'static str) -> Result<Reply> {
        match value {
            Value::Array(fields) => Ok(Reply { fields: fields.into_iter(), what }),
            _ => Err(garbled(what)),
        }
    }

    /// The parts of one text; an empty one is nothing.
    pub(super) fn split(text: &str, what: &'static str) -> Reply {
        let part = |part: &str| match part {
            "" => Value::Nil,
            part => Value::BulkString(part.as_bytes().to_vec()),
        };
        Reply { fields: text.split('|').map(part).collect::<Vec<_>>().into_iter(), what }
    }

    pub(super) fn garbled(&self) -> crate::error::Error {
        garbled(self.what)
    }

    /// The next field; none where it is nothing, or past the end.
    pub(super) fn bytes(&mut self) -> Result<Option<Bytes>> {
        match self.fields.next() {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(bytes)) => Ok(Some(bytes.into())),
            Some(Value::SimpleString(text)) => Ok(Some(text.into_bytes().into())),
            Some(Value::Int(number)) => Ok(Some(number.to_string().into_bytes().into())),
            Some(_) => Err(self.garbled()),
        }
    }

    pub(super) fn text(&mut self) -> Result<Option<String>> {
        let Some(bytes) = self.bytes()? else { return Ok(None) };
        String::from_utf8(bytes.into()).map(Some).map_err(|_| self.garbled())
    }

    pub(super) fn word(&mut self) -> Result<String> {
        self.text()?.ok_or_else(|| self.garbled())
    }

    /// A number; 0 where there is none.
    pub(super) fn number<T: std::str::FromStr + Default>(&mut self) -> Result<T> {
        match self.text()? {
            None => Ok(T::default()),
            Some(text) => text.parse().map_err(|_| self.garbled()),
        }
    }

    pub(super) fn millis(&mut self) -> Result<Millis> {
        self.number().map(Millis)
    }

    pub(super) fn bucket(&mut self) -> Result<Bucket> {
        let Some(text) = self.text()? else { return Ok(Bucket::default()) };
        let mut parts = text.split(' ');
        let mut part = || parts.next().unwrap_or_default();
        let (used, at, rate) = (part().parse(), part().parse(), part().parse());
        match (used, at, rate) {
            (Ok(used), Ok(at), Ok(rate)) => Ok(Bucket { used, at: Millis(at), rate }),
            _ => Err(self.garbled()),
        }
    }

    /// Settled, then reserved.
    pub(super) fn counter(&mut self) -> Result<Counter> {
        let (settled, reserved) = (self.number()?, self.number()?);
        Ok(Counter { settled: Nano::from_nano(settled), reserved: Nano::from_nano(reserved) })
    }
}

/// An answer of one word.
pub(super) fn word(value: Value, what: &'static str) -> Result<String> {
    redis::from_redis_value(value).map_err(|_| garbled(what))
}
