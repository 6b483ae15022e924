//! What commands print: aligned columns for people, JSON for programs.

use std::io::{self, Write};

use lockgate::clock::Millis;
use lockgate::money::Nano;
use serde::Serialize;

use crate::failure::Failure;

/// Prints one JSON document and a line end.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|source| Failure::other(format!("the answer cannot be written as JSON: {source}")))?;
    line(&text)
}

/// Prints a line. A reader that went away is not a failure of the command.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Rows under a heading, in columns. Control characters from names never reach the terminal.
pub(crate) fn columns<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    let shown =
        |cell: &str| -> String { cell.chars().map(|c| if c.is_control() { '?' } else { c }).collect() };
    let rows = rows.iter().map(|row| row.each_ref().map(|cell| shown(cell)));
    let all: Vec<[String; N]> = std::iter::once(heading.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &all {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = all.iter().map(|row| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    });
    line(&lines.collect::<Vec<_>>().join("\n"))
}

/// A cap, or a dash.
pub(crate) fn cap(cap: Option<Nano>) -> String {
    cap.map_or_else(|| "-".to_owned(), |cap| format!("${cap}"))
}

/// Anything optional, or a dash.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A list, or `all`.
pub(crate) fn models(list: Option<&Vec<String>>) -> String {
    list.map_or_else(
        || "all".to_owned(),
        |list| if list.is_empty() { "none".to_owned() } else { list.join(",") },
    )
}

/// An instant, to the second.
pub(crate) fn instant(at: Millis) -> String {
    Millis(at.0.div_euclid(1000) * 1000).to_string().replace(".000Z", "Z")
}
