//! What is printed: a table for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use crate::case::Case;
use crate::client::Client;
use crate::plan::Run;
use crate::run::Outcome;

#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    provider: &'a str,
    outcome: &'static str,
    reason: Option<&'a str>,
}

fn rows<'a>(graded: &'a [(Run<'_>, Outcome)]) -> Vec<Row<'a>> {
    graded
        .iter()
        .map(|(run, outcome)| {
            let (outcome, reason) = match outcome {
                Outcome::Pass => ("pass", None),
                Outcome::Fail(why) => ("fail", Some(why.as_str())),
                Outcome::Skip(why) => ("skip", Some(why.as_str())),
            };
            Row { name: &run.name, provider: &run.provider, outcome, reason }
        })
        .collect()
}

/// Prints the outcomes; true when nothing failed.
pub(crate) fn print(graded: &[(Run<'_>, Outcome)], client: &Client, as_json: bool) -> io::Result<bool> {
    let rows = rows(graded);
    let count = |outcome: &str| rows.iter().filter(|row| row.outcome == outcome).count();
    let (passed, failed, skipped) = (count("pass"), count("fail"), count("skip"));
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({"cases": rows}))?;
        return Ok(failed == 0);
    }
    let names = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let providers = rows.iter().map(|row| row.provider.chars().count()).max().unwrap_or(0);
    for row in &rows {
        let line = format!(
            "{:<4}  {:<providers$}  {:<names$}  {}",
            row.outcome,
            row.provider,
            row.name,
            row.reason.unwrap_or_default()
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    let (sent, took) = (client.budget.sent(), client.budget.elapsed().as_secs_f64());
    writeln!(out, "\n{passed} passed, {failed} failed, {skipped} skipped; {sent} requests in {took:.1} s")?;
    out.flush()?;
    Ok(failed == 0)
}

/// Prints what there is to run.
pub(crate) fn list(cases: &[Case], as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        let cases: Vec<_> = cases
            .iter()
            .map(|case| json!({"name": case.name, "about": case.about, "on": case.subject(), "needs": case.needs}))
            .collect();
        return writeln!(out, "{}", json!({"cases": cases}));
    }
    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let mut chapter = "";
    for case in cases {
        if case.chapter != chapter {
            writeln!(out, "{}{}", if chapter.is_empty() { "" } else { "\n" }, case.chapter)?;
            chapter = &case.chapter;
        }
        writeln!(out, "  {:<width$}  {} ({})", case.name, case.about, case.subject())?;
    }
    writeln!(out, "\n{} cases", cases.len())?;
    out.flush()
}
