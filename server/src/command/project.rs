//! `lockgate project`.

use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use lockgate::auth::{CapMode, DEFAULT_PROJECT, OnStoreLoss, Project, ProjectSettings};
use lockgate::cache::semantic::{Guard, SemanticMode, SemanticSettings};
use lockgate::config::{Chain, Substitute};

use super::customer::{self, OnLimitArg};
use super::store;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::parse::Cap;
use crate::{listing, parse, settings};

/// Subcommands of `project`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a project.
    Create {
        /// Its name: 1 to 64 of a-z, 0-9, '-' and '_'.
        name: String,
        #[command(flatten)]
        changes: Box<Changes>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all projects.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a project's settings.
    Show {
        /// The project, by name or id.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a project's settings. What is not named stays.
    Set {
        /// The project, by name or id.
        name: String,
        #[command(flatten)]
        changes: Box<Changes>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What can be set on a project.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Most to spend in a UTC month, in dollars; 0 = nothing allowed, none = no cap.
    #[arg(long, value_name = "USD|none")]
    monthly_cap: Option<Cap>,
    /// Refuse requests that name no customer.
    #[arg(long, value_name = "true|false", action = ArgAction::Set)]
    require_customer: Option<bool>,
    /// Cheaper model to use when a customer's cap is reached; repeat it for more. MODEL=none removes one.
    #[arg(long = "downgrade", value_name = "MODEL=MODEL", value_parser = parse::pair)]
    downgrades: Vec<(String, String)>,
    /// Use the downgrade table also when a cap of the project or of a key is reached.
    #[arg(long, value_name = "true|false", action = ArgAction::Set)]
    downgrade_on_cap: Option<bool>,
    /// Output tokens to reserve for a request that sets no maximum.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    default_output_tokens: Option<u32>,
    /// Whether the reserved maximum is also sent upstream.
    #[arg(long, value_enum)]
    cap_mode: Option<CapModeArg>,
    /// The exact cache.
    #[arg(long, value_name = "on|off", value_parser = parse::switch, action = ArgAction::Set)]
    cache: Option<bool>,
    /// How long the exact cache keeps an answer, as 3600s.
    #[arg(long, value_name = "SPAN", value_parser = parse::span)]
    cache_ttl: Option<Duration>,
    /// The semantic cache: off, shadow (tell what it would answer) or on.
    #[arg(long, value_enum)]
    semantic: Option<SemanticArg>,
    /// The least similarity of a semantic hit, from 0.5 to 1.
    #[arg(long, value_name = "T")]
    semantic_threshold: Option<f32>,
    /// How long the semantic cache finds a question, as 3600s; none = as long as the exact cache keeps its answer.
    #[arg(long, value_name = "SPAN|none")]
    semantic_ttl: Option<String>,
    /// A guard of the semantic cache; repeat it for more, all = all. Replaces the list.
    #[arg(long = "semantic-guard", value_name = "GUARD|all")]
    semantic_guards: Vec<String>,
    /// Requests with a higher temperature leave the semantic cache alone.
    #[arg(long, value_name = "T")]
    semantic_max_temperature: Option<f32>,
    /// Whether equal requests under way share one call also across processes that share their limits in Redis.
    #[arg(long, value_name = "true|false", action = ArgAction::Set)]
    share_calls: Option<bool>,
    /// What to do while Redis cannot be asked.
    #[arg(long, value_enum)]
    on_store_loss: Option<OnStoreLossArg>,
    /// Daily cap of customers without limits of their own, in dollars.
    #[arg(long, value_name = "USD|none")]
    customer_daily_cap: Option<Cap>,
    /// Monthly cap of customers without limits of their own, in dollars.
    #[arg(long, value_name = "USD|none")]
    customer_monthly_cap: Option<Cap>,
    /// Cap on one request of customers without limits of their own, in dollars.
    #[arg(long, value_name = "USD|none")]
    customer_per_request_cap: Option<Cap>,
    /// What to do when a cap of a customer without limits of its own is reached.
    #[arg(long, value_enum)]
    customer_on_limit: Option<OnLimitArg>,
    /// A model the project may ask for; repeat it for more, none = all. Replaces the list.
    #[arg(long = "model", value_name = "MODEL|none")]
    models: Vec<String>,
    /// A provider the project's requests may go to; repeat it for more, none = all. Replaces the list.
    #[arg(long = "provider", value_name = "PROVIDER|none")]
    providers: Vec<String>,
    /// Models that stand in for another when it fails, in order; repeat it for more. MODEL=none removes one.
    #[arg(long = "chain", value_name = "MODEL=MODEL,MODEL", value_parser = parse::pair)]
    chains: Vec<(String, String)>,
    /// Which models may stand in for others; default = as the gateway is set.
    #[arg(long, value_enum)]
    substitute: Option<SubstituteArg>,
}

/// Which models may stand in for others.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SubstituteArg {
    /// As the gateway is set.
    Default,
    /// None.
    Never,
    /// Those of a chain.
    Chain,
    /// Those of a chain, then models of the same tier.
    Tier,
}

impl SubstituteArg {
    fn setting(self) -> Option<Substitute> {
        match self {
            SubstituteArg::Default => None,
            SubstituteArg::Never => Some(Substitute::Never),
            SubstituteArg::Chain => Some(Substitute::Chain),
            SubstituteArg::Tier => Some(Substitute::Tier),
        }
    }
}

/// Whether the semantic cache answers.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SemanticArg {
    /// No.
    Off,
    /// It tells what it would answer.
    Shadow,
    /// Yes.
    On,
}

/// How a cap treats requests without a maximum of output tokens.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CapModeArg {
    /// Reserve the default; what goes beyond is debt that blocks the next request.
    Estimate,
    /// Reserve the default and send it upstream as the maximum.
    Strict,
}

/// What to do while Redis cannot be asked.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnStoreLossArg {
    /// Refuse.
    Closed,
    /// Serve, and count when it is back.
    Open,
    /// Spend at most what this process holds in advance.
    Lease,
}

impl Changes {
    fn lay_over(self, settings: &mut ProjectSettings) -> Result<(), Failure> {
        if let Some(Cap(cap)) = self.monthly_cap {
            settings.monthly_cap = cap;
        }
        settings.require_customer = self.require_customer.unwrap_or(settings.require_customer);
        settings.downgrade_on_cap = self.downgrade_on_cap.unwrap_or(settings.downgrade_on_cap);
        settings.default_output_tokens = self.default_output_tokens.or(settings.default_output_tokens);
        settings.cache.enabled = self.cache.unwrap_or(settings.cache.enabled);
        for (from, to) in self.downgrades {
            if to == "none" {
                settings.downgrade.remove(&from);
            } else {
                settings.downgrade.insert(from, to);
            }
        }
        settings.cache.share_calls = self.share_calls.unwrap_or(settings.cache.share_calls);
        match self.on_store_loss {
            Some(OnStoreLossArg::Closed) => settings.on_store_loss = OnStoreLoss::Closed,
            Some(OnStoreLossArg::Open) => settings.on_store_loss = OnStoreLoss::Open,
            Some(OnStoreLossArg::Lease) => settings.on_store_loss = OnStoreLoss::Lease,
            None => {}
        }
        match self.cap_mode {
            Some(CapModeArg::Estimate) => settings.cap_mode = CapMode::Estimate,
            Some(CapModeArg::Strict) => settings.cap_mode = CapMode::Strict,
            None => {}
        }
        if let Some(ttl) = self.cache_ttl {
            let seconds = u32::try_from(ttl.as_secs()).ok().filter(|seconds| *seconds > 0);
            settings.cache.ttl_seconds = seconds.ok_or_else(|| {
                Failure::usage(format!("--cache-ttl {}s: must be 1s to {}s", ttl.as_secs(), u32::MAX))
            })?;
        }
        let semantic = &mut settings.semantic;
        match self.semantic {
            Some(SemanticArg::Off) => semantic.mode = SemanticMode::Off,
            Some(SemanticArg::Shadow) => semantic.mode = SemanticMode::Shadow,
            Some(SemanticArg::On) => semantic.mode = SemanticMode::On,
            None => {}
        }
        semantic.threshold = self.semantic_threshold.unwrap_or(semantic.threshold);
        semantic.max_temperature = self.semantic_max_temperature.unwrap_or(semantic.max_temperature);
        if let Some(ttl) = &self.semantic_ttl {
            semantic.ttl_seconds = semantic_ttl(ttl)?;
        }
        if !self.semantic_guards.is_empty() {
            semantic.guards = guards(&self.semantic_guards)?;
        }
        let caps = [self.customer_daily_cap, self.customer_monthly_cap, self.customer_per_request_cap];
        customer::change(&mut settings.customer_defaults, caps, self.customer_on_limit);
        replace(&mut settings.models, self.models, "--model")?;
        replace(&mut settings.providers, self.providers, "--provider")?;
        for (model, stand_ins) in self.chains {
            if stand_ins == "none" {
                settings.chains.remove(&model);
                continue;
            }
            let models = stand_ins.split(',').map(str::to_owned).collect();
            let kept = settings.chains.get(&model).is_some_and(|chain| chain.cache_substitutes);
            settings.chains.insert(model, Chain { models, cache_substitutes: kept });
        }
        if let Some(substitute) = self.substitute {
            settings.substitute = substitute.setting();
        }
        Ok(())
    }
}

fn semantic_ttl(text: &str) -> Result<Option<u32>, Failure> {
    if text == "none" {
        return Ok(None);
    }
    let span =
        parse::span(text).map_err(|problem| Failure::usage(format!("--semantic-ttl {text}: {problem}")))?;
    let seconds = u32::try_from(span.as_secs()).ok().filter(|seconds| *seconds > 0);
    let seconds = seconds
        .ok_or_else(|| Failure::usage(format!("--semantic-ttl {text}: must be 1s to {}s", u32::MAX)))?;
    Ok(Some(seconds))
}

fn guards(names: &[String]) -> Result<Vec<Guard>, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(Guard::ALL.to_vec());
    }
    let known = || Guard::ALL.map(Guard::name).join(", ");
    let guard = |name: &String| {
        name.parse().map_err(|()| {
            Failure::usage(format!("--semantic-guard {name}: must be all or one of {}", known()))
        })
    };
    names.iter().map(guard).collect()
}

/// Lays a list over a restriction: empty leaves it, `none` lifts it.
fn replace(setting: &mut Option<Vec<String>>, list: Vec<String>, flag: &str) -> Result<(), Failure> {
    match list.as_slice() {
        [] => {}
        [none] if none == "none" => *setting = None,
        list if list.iter().any(|name| name == "none") => {
            return Err(Failure::usage(format!("{flag} none: stands alone, it lifts the restriction")));
        }
        _ => *setting = Some(list),
    }
    Ok(())
}

pub(super) async fn run(sources: &Sources, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { name, changes, json } => {
            let mut fresh = ProjectSettings::default();
            changes.lay_over(&mut fresh)?;
            store::with(sources, async |store| show(&store.admin().create_project(&name, fresh).await?, json))
                .await
        }
        Command::List { json } => list(sources, json).await,
        Command::Show { name, json } => {
            store::with(sources, async |store| show(&store.admin().project(&name).await?, json)).await
        }
        Command::Set { name, changes, json } => set(sources, &name, *changes, json).await,
    }
}

async fn set(sources: &Sources, name: &str, changes: Changes, json: bool) -> Result<(), Failure> {
    let config = settings::read(sources)?;
    let project = store::with_config(&config, async |store| {
        let mut changed = store.admin().project(name).await?.settings;
        changes.lay_over(&mut changed)?;
        Ok(store.admin().set_project(name, |settings| *settings = changed).await?)
    })
    .await?;
    if project.name == DEFAULT_PROJECT && config.project != ProjectSettings::default() {
        let note =
            "note: the settings file has a [project] section; it replaces these settings at the next start";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{note}\n").as_bytes());
    }
    show(&project, json)
}

async fn list(sources: &Sources, json: bool) -> Result<(), Failure> {
    store::with(sources, async |store| {
        let projects = store.admin().projects().await?;
        if json {
            return listing::json(&projects);
        }
        let rows: Vec<[String; 5]> = projects
            .iter()
            .map(|project| {
                [
                    project.name.clone(),
                    project.id.to_string(),
                    listing::cap(project.settings.monthly_cap),
                    listing::models(project.settings.models.as_ref()),
                    listing::instant(project.created_at),
                ]
            })
            .collect();
        listing::columns(["NAME", "ID", "MONTHLY CAP", "MODELS", "MADE"], &rows)
    })
    .await
}

fn show(project: &Project, json: bool) -> Result<(), Failure> {
    if json {
        return listing::json(project);
    }
    let settings = &project.settings;
    let customers = &settings.customer_defaults;
    let downgrade: Vec<String> = settings.downgrade.iter().map(|(from, to)| format!("{from}={to}")).collect();
    let chains: Vec<String> =
        settings.chains.iter().map(|(model, chain)| format!("{model}={}", chain.models.join(","))).collect();
    let cache = if settings.cache.enabled {
        format!("on, {}s", settings.cache.ttl_seconds)
    } else {
        "off".to_owned()
    };
    let facts = [
        ("project", project.name.clone()),
        ("id", project.id.to_string()),
        ("revision", project.rev.to_string()),
        ("monthly cap", listing::cap(settings.monthly_cap)),
        ("models", listing::models(settings.models.as_ref())),
        ("providers", listing::models(settings.providers.as_ref())),
        ("stand-ins", if chains.is_empty() { "-".to_owned() } else { chains.join("; ") }),
        ("substitutes", settings.substitute.map_or_else(|| "as the gateway is set".to_owned(), |s| word(&s))),
        ("requires a customer", settings.require_customer.to_string()),
        ("customers' daily cap", listing::cap(customers.daily_cap)),
        ("customers' monthly cap", listing::cap(customers.monthly_cap)),
        ("customers' cap per request", listing::cap(customers.per_request_cap)),
        ("at a customer's cap", word(&customers.on_limit)),
        ("downgrade", if downgrade.is_empty() { "-".to_owned() } else { downgrade.join(", ") }),
        ("downgrade at the project's and keys' caps", settings.downgrade_on_cap.to_string()),
        ("output tokens reserved", listing::or_dash(settings.default_output_tokens)),
        ("cap mode", word(&settings.cap_mode)),
        ("exact cache", cache),
        ("semantic cache", semantic(&settings.semantic)),
        ("own provider keys", listing::or_dash(names(&settings.provider_keys))),
    ];
    let rows = facts.map(|(name, value)| [name.to_owned(), value]);
    listing::columns(["SETTING", "VALUE"], &rows)
}

fn semantic(settings: &SemanticSettings) -> String {
    match settings.mode {
        SemanticMode::Off => "off".to_owned(),
        mode => format!("{}, from {}", word(&mode), settings.threshold),
    }
}

fn names<T>(map: &std::collections::BTreeMap<String, T>) -> Option<String> {
    (!map.is_empty()).then(|| map.keys().cloned().collect::<Vec<_>>().join(", "))
}

/// An enum's word, as in settings and JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
