//! `lockgate usage`.

use clap::{Args, ValueEnum};
use lockgate::clock::Millis;
use lockgate::ids::{CustomerId, KeyId};
use lockgate::store::{GroupBy, UsageLine, UsageQuery};
use serde::Serialize;

use super::store;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::{listing, parse};

/// Flags of `usage`.
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// What each line sums up.
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Only requests admitted from this UTC day or instant on.
    #[arg(long, value_name = "WHEN", value_parser = parse::instant)]
    from: Option<Millis>,
    /// Only requests admitted before this UTC day or instant.
    #[arg(long, value_name = "WHEN", value_parser = parse::instant)]
    to: Option<Millis>,
    /// Only this project, by name or id; without it all.
    #[arg(long)]
    project: Option<String>,
    /// Only this key, by id.
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// Only this customer.
    #[arg(long, value_name = "ID", value_parser = parse::customer)]
    customer: Option<CustomerId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum By {
    #[default]
    Total,
    Day,
    Model,
    Provider,
    Key,
    Customer,
}

impl By {
    fn group(self) -> GroupBy {
        match self {
            By::Total => GroupBy::Total,
            By::Day => GroupBy::Day,
            By::Model => GroupBy::Model,
            By::Provider => GroupBy::Provider,
            By::Key => GroupBy::Key,
            By::Customer => GroupBy::Customer,
        }
    }
}

/// A line as JSON: money as exact decimal text and as an integer of nano-USD.
#[derive(Serialize)]
struct Line {
    group: String,
    requests: u64,
    cache_hits: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost_usd: String,
    cost_nano_usd: i64,
    saved_usd: String,
    saved_nano_usd: i64,
    unpriced: u64,
}

impl From<UsageLine> for Line {
    fn from(line: UsageLine) -> Line {
        Line {
            group: line.group,
            requests: line.requests,
            cache_hits: line.cache_hits,
            input_tokens: line.input_tokens,
            output_tokens: line.output_tokens,
            cost_usd: line.cost.to_string(),
            cost_nano_usd: line.cost.nano(),
            saved_usd: line.saved.to_string(),
            saved_nano_usd: line.saved.nano(),
            unpriced: line.unpriced,
        }
    }
}

pub(super) async fn run(sources: &Sources, args: UsageArgs) -> Result<(), Failure> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from >= to
    {
        return Err(Failure::usage(format!("--to {to}: must be after --from {from}")));
    }
    store::with(sources, async |store| {
        let project = match &args.project {
            Some(project) => Some(store.admin().project(project).await?.id),
            None => None,
        };
        let query = UsageQuery {
            project,
            key: args.key,
            customer: args.customer,
            from: args.from,
            to: args.to,
            by: args.by.group(),
        };
        let lines: Vec<Line> = store.usage(&query).await?.into_iter().map(Line::from).collect();
        if args.json {
            return listing::json(&lines);
        }
        let rows: Vec<[String; 8]> = lines.iter().map(row).collect();
        let heading = ["GROUP", "REQUESTS", "CACHE HITS", "INPUT", "OUTPUT", "COST", "SAVED", "UNPRICED"];
        listing::columns(heading, &rows)
    })
    .await
}

fn row(line: &Line) -> [String; 8] {
    let group = if line.group.is_empty() { "-".to_owned() } else { line.group.clone() };
    [
        group,
        line.requests.to_string(),
        line.cache_hits.to_string(),
        line.input_tokens.to_string(),
        line.output_tokens.to_string(),
        format!("${}", line.cost_usd),
        format!("${}", line.saved_usd),
        line.unpriced.to_string(),
    ]
}
