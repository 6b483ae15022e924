//! The semantic cache: how long a search takes, what it finds and what it holds; and a whole hit beside its parts.

mod hit;
mod index;
mod vectors;

use crate::machine::machine;

/// The argument that asks for this part alone.
pub const PART: &str = "semantic";

/// Measures and prints.
pub fn print() {
    println!("\nsemantic cache: {}\n", machine());
    index::print();
    println!();
    hit::print();
}

/// The value that so many of a hundred do not exceed.
fn percentile(all: &[f64], of: usize) -> f64 {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all.get((all.len() * of / 100).min(all.len().saturating_sub(1))).copied().unwrap_or_default()
}
