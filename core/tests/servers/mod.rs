//! Real servers for the tests, and a road to them that can be bad.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

mod database;
pub(crate) mod proxy;

pub(crate) use database::{Database, server};
