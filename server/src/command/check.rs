//! `lockgate check`.

use std::path::Path;
use std::process::ExitCode;

use lockgate::Config;
use lockgate::store::StoreSize;
use serde::Serialize;

use super::store;
use crate::cli::{Json, Sources};
use crate::failure::Failure;
use crate::findings::Findings;
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
    };
    checked.findings.warnings.extend(lockgate::redis_warnings(&config).await?);
    if let Some(path) = file(&config) {
        check_file(&config, path, &mut checked).await?;
    }
    if print.json {
        listing::json(&checked)?;
    } else {
        report(&checked)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The database file that the settings name.
fn file(config: &Config) -> Option<&Path> {
    config.store.as_deref().and_then(|url| url.strip_prefix("sqlite://")).map(Path::new)
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
    let (schema, projects, size) = store::with_config(config, async |store| {
        let projects = store.admin().projects().await?;
        Ok((store.schema(), projects.len(), store.size().await?))
    })
    .await?;
    (checked.schema, checked.projects, checked.size) = (Some(schema), Some(projects), Some(size));
    Ok(())
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
    for variable in &findings.missing {
        listing::line(&format!("missing    {variable} is not set"))?;
    }
    findings.warnings.iter().try_for_each(|warning| listing::line(&format!("warning    {warning}")))
}
