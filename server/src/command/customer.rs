//! `lockgate customer`.

use clap::{Args, Subcommand, ValueEnum};
use lockgate::auth::{Customer, CustomerLimits, DEFAULT_PROJECT, OnLimit};
use lockgate::ids::CustomerId;
use serde_json::json;

use super::store;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::parse::Cap;
use crate::{listing, parse};

/// Subcommands of `customer`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set a customer's limits. What is not named stays; a new customer starts from the project's defaults.
    Set(SetArgs),
    /// List the customers with limits of their own.
    List {
        /// The project, by name or id.
        #[arg(long, default_value = DEFAULT_PROJECT)]
        project: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget a customer: its limits, and its name in the ledger. What it spent stays counted.
    Forget {
        /// The customer.
        #[arg(value_parser = parse::customer)]
        id: CustomerId,
        /// The project, by name or id.
        #[arg(long, default_value = DEFAULT_PROJECT)]
        project: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Flags of `customer set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The customer.
    #[arg(value_parser = parse::customer)]
    id: CustomerId,
    /// The project, by name or id.
    #[arg(long, default_value = DEFAULT_PROJECT)]
    project: String,
    /// Most to spend in a UTC day, in dollars; 0 = nothing allowed, none = no cap.
    #[arg(long, value_name = "USD|none")]
    daily_cap: Option<Cap>,
    /// Most to spend in a UTC month, in dollars; 0 = nothing allowed, none = no cap.
    #[arg(long, value_name = "USD|none")]
    monthly_cap: Option<Cap>,
    /// Most that one request may cost by estimate, in dollars; 0 = nothing allowed, none = no cap.
    #[arg(long, value_name = "USD|none")]
    per_request_cap: Option<Cap>,
    /// What to do when a cap is reached.
    #[arg(long, value_enum)]
    on_limit: Option<OnLimitArg>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What to do when a customer's cap is reached.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OnLimitArg {
    /// Refuse.
    Block,
    /// Try the cheaper model of the project's downgrade table.
    Downgrade,
}

impl From<OnLimitArg> for OnLimit {
    fn from(arg: OnLimitArg) -> OnLimit {
        match arg {
            OnLimitArg::Block => OnLimit::Block,
            OnLimitArg::Downgrade => OnLimit::Downgrade,
        }
    }
}

/// Customers read from the store at once.
const PAGE: u32 = 500;

pub(super) async fn run(sources: &Sources, command: Command) -> Result<(), Failure> {
    match command {
        Command::Set(args) => set(sources, args).await,
        Command::List { project, json } => list(sources, &project, json).await,
        Command::Forget { id, project, json } => {
            store::with(sources, async |store| {
                let known = store.admin().forget_customer(&project, &id).await?;
                if json {
                    return listing::json(&json!({"customer": id, "known": known}));
                }
                let done = if known { "forgotten" } else { "was not known" };
                listing::line(&format!("{id}: {done}"))
            })
            .await
        }
    }
}

async fn set(sources: &Sources, args: SetArgs) -> Result<(), Failure> {
    store::with(sources, async |store| {
        let admin = store.admin();
        let mut limits = match admin.customer(&args.project, &args.id).await? {
            Some(customer) => customer.limits,
            None => admin.project(&args.project).await?.settings.customer_defaults,
        };
        let SetArgs { daily_cap, monthly_cap, per_request_cap, on_limit, .. } = args;
        change(&mut limits, [daily_cap, monthly_cap, per_request_cap], on_limit);
        let customer = admin.set_customer(&args.project, &args.id, limits).await?;
        if args.json { listing::json(&customer) } else { table(&[customer]) }
    })
    .await
}

/// Lays the flags that were given over `limits`; `caps` are daily, monthly, per request.
pub(super) fn change(limits: &mut CustomerLimits, caps: [Option<Cap>; 3], on_limit: Option<OnLimitArg>) {
    let [daily, monthly, per_request] = caps;
    for (to, cap) in [
        (&mut limits.daily_cap, daily),
        (&mut limits.monthly_cap, monthly),
        (&mut limits.per_request_cap, per_request),
    ] {
        if let Some(Cap(cap)) = cap {
            *to = cap;
        }
    }
    if let Some(on_limit) = on_limit {
        limits.on_limit = on_limit.into();
    }
}

async fn list(sources: &Sources, project: &str, json: bool) -> Result<(), Failure> {
    store::with(sources, async |store| {
        let mut customers: Vec<Customer> = Vec::new();
        loop {
            let after = customers.last().map(|customer| customer.id.clone());
            let page = store.admin().customers(project, after.as_ref(), PAGE).await?;
            let whole = page.len() < PAGE as usize;
            customers.extend(page);
            if whole {
                break;
            }
        }
        if json { listing::json(&customers) } else { table(&customers) }
    })
    .await
}

fn table(customers: &[Customer]) -> Result<(), Failure> {
    let rows: Vec<[String; 5]> = customers
        .iter()
        .map(|Customer { id, limits, .. }| {
            [
                id.to_string(),
                listing::cap(limits.daily_cap),
                listing::cap(limits.monthly_cap),
                listing::cap(limits.per_request_cap),
                match limits.on_limit {
                    OnLimit::Block => "block".to_owned(),
                    OnLimit::Downgrade => "downgrade".to_owned(),
                },
            ]
        })
        .collect();
    listing::columns(["CUSTOMER", "DAILY CAP", "MONTHLY CAP", "PER REQUEST", "ON LIMIT"], &rows)
}
