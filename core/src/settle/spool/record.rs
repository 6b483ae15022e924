//! One line of the spool: crc32 of the rest in hex, a space, JSON, a newline.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits::{Held, Settlement};
use crate::money::Nano;
use crate::settle::{Reserve, Row};

/// A settlement as written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Booked {
    held: Held,
    money: Nano,
    tokens: u64,
}

impl From<&Settlement> for Booked {
    fn from(settlement: &Settlement) -> Booked {
        Booked { held: settlement.held.clone(), money: settlement.money, tokens: settlement.tokens }
    }
}

impl From<Booked> for Settlement {
    fn from(booked: Booked) -> Settlement {
        Settlement { held: booked.held, money: booked.money, tokens: booked.tokens }
    }
}

/// A row and the settlement that goes before it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SettledRow {
    pub(super) row: Row,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) booked: Option<Booked>,
}

/// What a line says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Reserve(Box<Reserve>),
    Settled(Box<SettledRow>),
}

/// [`Said`], borrowed.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Say<'a> {
    Reserve(&'a Reserve),
    Settled(&'a SettledRow),
}

#[derive(Serialize)]
struct Line<'a> {
    /// The record's number within its instance.
    n: u64,
    said: Say<'a>,
}

/// A line that was read.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub(super) n: u64,
    pub(super) said: Said,
}

const CRC_DIGITS: usize = 8;

/// The line, newline included.
pub(super) fn encode(n: u64, said: Say<'_>) -> Result<Vec<u8>> {
    let mut line = Vec::with_capacity(768);
    line.extend_from_slice(&[b'0'; CRC_DIGITS]);
    line.push(b' ');
    serde_json::to_writer(&mut line, &Line { n, said })
        .map_err(|error| Error::internal("a spool record cannot be written as JSON", error))?;
    let crc = crc32fast::hash(line.get(CRC_DIGITS + 1..).unwrap_or_default());
    for (to, from) in line.iter_mut().zip(format!("{crc:08x}").into_bytes()) {
        *to = from;
    }
    line.push(b'\n');
    Ok(line)
}

/// Reads a line without its newline; none where it is damaged.
pub(super) fn decode(line: &[u8]) -> Option<Record> {
    let (crc, rest) = line.split_at_checked(CRC_DIGITS)?;
    let json = rest.strip_prefix(b" ")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    if crc32fast::hash(json) != crc {
        return None;
    }
    serde_json::from_slice(json).ok()
}
