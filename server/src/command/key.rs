//! `lockgate key`.

use std::time::Duration;

use clap::{Args, Subcommand};
use lockgate::auth::{DEFAULT_PROJECT, GatewayKey, Key, NewKey};
use lockgate::clock::{Clock, SystemClock};
use lockgate::ids::{CustomerId, KeyId};
use lockgate::limits::Rates;
use serde::Serialize;

use super::store;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::parse::Cap;
use crate::{listing, parse};

/// Subcommands of `key`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key. It is shown this once.
    Create(CreateArgs),
    /// List a project's keys, newest first.
    List {
        /// The project, by name or id.
        #[arg(long, default_value = DEFAULT_PROJECT)]
        project: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Replace a key by a new one with the same limits, counted together.
    Rotate {
        /// The key's id.
        id: KeyId,
        /// How long the old key stays good, as 24h.
        #[arg(long, default_value = "24h", value_name = "SPAN", value_parser = parse::span)]
        overlap: Duration,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a key at once.
    Revoke {
        /// The key's id.
        id: KeyId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Flags of `key create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The project, by name or id.
    #[arg(long, default_value = DEFAULT_PROJECT)]
    project: String,
    /// A name for people.
    #[arg(long, default_value = "")]
    name: String,
    /// Most requests a minute; 0 = none allowed.
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Most tokens a minute, input and output together; 0 = none allowed.
    #[arg(long, value_name = "N")]
    tokens_per_minute: Option<u32>,
    /// Most requests under way at once; 0 = none allowed.
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Most to spend in a month, UTC, in dollars; 0 = nothing allowed.
    #[arg(long, value_name = "USD")]
    monthly_cap: Option<Cap>,
    /// A model the key may ask for; repeat it for more. Without it all.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// The customer that all requests with the key belong to.
    #[arg(long, value_name = "ID", value_parser = parse::customer)]
    customer: Option<CustomerId>,
    /// How long the key is good, as 30d. Without it until it is revoked.
    #[arg(long, value_name = "SPAN", value_parser = parse::span)]
    expires_in: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A new key: the only time that it is shown in clear.
#[derive(Serialize)]
struct Made<'a> {
    key: &'a str,
    #[serde(flatten)]
    record: &'a Key,
}

pub(super) async fn run(sources: &Sources, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(sources, args).await,
        Command::List { project, json } => list(sources, &project, json).await,
        Command::Rotate { id, overlap, json } => {
            store::with(sources, async |store| {
                let (record, key) = store.admin().rotate_key(id, overlap).await?;
                show(&record, &key, json)
            })
            .await
        }
        Command::Revoke { id, json } => {
            store::with(sources, async |store| {
                let record = store.admin().revoke_key(id).await?;
                if json { listing::json(&record) } else { listing::line(&format!("revoked {}", record.id)) }
            })
            .await
        }
    }
}

async fn create(sources: &Sources, args: CreateArgs) -> Result<(), Failure> {
    let new = NewKey {
        name: args.name,
        rates: Rates {
            requests_per_minute: args.requests_per_minute,
            tokens_per_minute: args.tokens_per_minute,
            concurrency: args.concurrency,
        },
        monthly_cap: args.monthly_cap.and_then(|cap| cap.0),
        models: (!args.models.is_empty()).then_some(args.models),
        customer: args.customer,
        expires_in: args.expires_in,
    };
    store::with(sources, async |store| {
        let (record, key) = store.admin().create_key(&args.project, new).await?;
        show(&record, &key, args.json)
    })
    .await
}

fn show(record: &Key, key: &GatewayKey, json: bool) -> Result<(), Failure> {
    if json {
        return listing::json(&Made { key: key.expose(), record });
    }
    listing::line(&format!("{}\n  id {}  (the key is shown this once; keep it)", key.expose(), record.id))
}

async fn list(sources: &Sources, project: &str, json: bool) -> Result<(), Failure> {
    store::with(sources, async |store| {
        let keys = store.admin().keys(project).await?;
        if json {
            return listing::json(&keys);
        }
        let heading = [
            "ID",
            "KEY",
            "NAME",
            "STATE",
            "REQ/MIN",
            "TOK/MIN",
            "AT ONCE",
            "MONTHLY CAP",
            "MODELS",
            "CUSTOMER",
        ];
        let rows: Vec<[String; 10]> = keys.iter().map(row).collect();
        listing::columns(heading, &rows)
    })
    .await
}

fn row(key: &Key) -> [String; 10] {
    [
        key.id.to_string(),
        format!("{}…", key.hint),
        key.name.clone(),
        state(key),
        listing::or_dash(key.rates.requests_per_minute),
        listing::or_dash(key.rates.tokens_per_minute),
        listing::or_dash(key.rates.concurrency),
        listing::cap(key.monthly_cap),
        listing::models(key.models.as_ref()),
        listing::or_dash(key.customer.as_ref()),
    ]
}

fn state(key: &Key) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(at)) if at <= SystemClock.now() => "expired".to_owned(),
        (None, Some(at)) => format!("until {}", listing::instant(at)),
        (None, None) => "good".to_owned(),
    }
}
