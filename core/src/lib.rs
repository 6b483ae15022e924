//! Lockgate.

pub mod money;
pub mod pricing;
