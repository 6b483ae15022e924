//! `lockgate check`.

use std::path::Path;
use std::process::ExitCode;

use lockgate::Config;
use lockgate::auth::Project;
use lockgate::config::StoreUrl;
use lockgate::store::StoreSize;
use lockgate::store::postgres::{PostgresStore, Seen, is_postgres, schema};
use serde::Serialize;

use super::store;
use crate::cli::{Json, Sources};
use crate::failure::Failure;
use crate::findings::{Findings, also_line};
use crate::{listing, settings};

#[derive(Serialize)]
struct Checked {
    ok: bool,
    listen: String,
    #[serde(flatten)]
    findings: Findings,
    /// The version of the store's schema; none where there is no store yet.
    schema: Option<u32>,
    projects: Option<usize>,
    /// How much the store holds.
    size: Option<StoreSize>,
    /// Those of the store, and the one that the settings make.
    #[serde(skip)]
    known: Vec<Project>,
}

pub(super) async fn run(sources: &Sources, print: Json) -> Result<ExitCode, Failure> {
    let config = settings::read(sources)?;
    let mut checked = Checked {
        ok: true,
        listen: config.listen.clone(),
        findings: Findings::of(&config),
        schema: None,
        projects: None,
        size: None,
        known: Vec::new(),
    };
    config.validate_pair()?;
    checked.findings.warnings.extend(lockgate::redis_warnings(&config).await?);
    let gateway = settings::without_store(config.clone()).await?;
    checked.findings.look(&gateway).await;
    checked.known = gateway.admin().projects().await?;
    match &config.store {
        Some(store) if is_postgres(store) => check_database(&config, store, &mut checked).await?,
        _ => {
            if let Some(path) = file(&config) {
                check_file(&config, path, &mut checked).await?;
            }
        }
    }
    checked.findings.look_for_model(&gateway, &checked.known);
    if print.json {
        listing::json(&checked)?;
    } else {
        report(&checked)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The database file that the settings name.
fn file(config: &Config) -> Option<&Path> {
    config.store.as_ref().and_then(|store| store.expose().strip_prefix("sqlite://")).map(Path::new)
}

/// Checking makes no schema, and changes none.
async fn check_database(config: &Config, store: &StoreUrl, checked: &mut Checked) -> Result<(), Failure> {
    let Seen { schema: found, doubt } = PostgresStore::look(store).await?;
    checked.findings.warnings.extend(doubt);
    checked.schema = found;
    match found {
        None => {
            checked
                .findings
                .warnings
                .push("the database has no schema yet; the first start makes it".to_owned());
            Ok(())
        }
        Some(version) if version < schema() => {
            let newest = schema();
            checked
                .findings
                .warnings
                .push(format!("the schema is version {version}; the first start brings it to {newest}"));
            Ok(())
        }
        Some(_) => look_into(config, checked).await,
    }
}

async fn look_into(config: &Config, checked: &mut Checked) -> Result<(), Failure> {
    let (schema, projects, size) = store::with_config(config, async |store| {
        let projects = store.admin().projects().await?;
        Ok((store.schema(), projects, store.size().await?))
    })
    .await?;
    (checked.schema, checked.projects, checked.size) = (Some(schema), Some(projects.len()), Some(size));
    checked.known.extend(projects);
    Ok(())
}

async fn check_file(config: &Config, path: &Path, checked: &mut Checked) -> Result<(), Failure> {
    if !path.exists() {
        // Checking makes no file: it says whether a start could.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder_is_there = std::fs::metadata(folder).is_ok_and(|folder| folder.is_dir());
        if !folder_is_there {
            let store = &checked.findings.store;
            let folder = folder.display();
            return Err(Failure::usage(format!(
                "store = {store}: the folder {folder} does not exist; make it first"
            )));
        }
        checked.findings.warnings.push("the store does not exist yet; the first start makes it".to_owned());
        return Ok(());
    }
    if let Some(mode) = readable_by_others(path) {
        let path = path.display();
        checked.findings.warnings.push(format!(
            "{path} can be read by others (mode {mode:o}); it may hold provider keys: chmod 600 {path}"
        ));
    }
    look_into(config, checked).await
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<u32> {
    None
}

fn report(checked: &Checked) -> Result<(), Failure> {
    let findings = &checked.findings;
    let schema = checked.schema.map_or_else(String::new, |version| format!(" (schema {version})"));
    listing::line(&format!("settings   ok: listens on {}, auth {}", checked.listen, findings.auth))?;
    listing::line(&format!("store      {}{schema}", findings.store))?;
    if let Some(redis) = &findings.redis {
        listing::line(&format!("limits     {redis}"))?;
    }
    if let Some(size) = checked.size {
        let mebibytes = size.bytes as f64 / f64::from(1 << 20);
        let (rows, answers) = (size.ledger_rows, size.answers);
        listing::line(&format!(
            "size       {mebibytes:.1} MiB: {rows} ledger rows, {answers} cached answers"
        ))?;
    }
    listing::line(&format!("providers  {}", findings.providers_line()))?;
    for (provider, line) in findings.local_lines() {
        listing::line(&format!("local      {provider} at {line}"))?;
    }
    if let Some(semantic) = &findings.semantic {
        listing::line(&format!("semantic   {semantic}"))?;
    }
    for variable in &findings.missing {
        listing::line(&format!("missing    {variable} is not set"))?;
    }
    if let Some(also) = also_line(&findings.also) {
        listing::line(&format!("also       {also}"))?;
    }
    findings.warnings.iter().try_for_each(|warning| listing::line(&format!("warning    {warning}")))
}
