//! What a request costs: the price tables of `core/pricing/*.toml`, overlaid by configuration.
//!
//! An unknown price is `None`, never zero.

mod bill;
mod custom;
mod file;
mod peak;
mod table;

pub use bill::{Price, Rates, TokenCounts};
pub use custom::{CustomPrice, PriceOverride};
pub use table::{Kind, ModelInfo, PriceTable, PricingError, Tier};
