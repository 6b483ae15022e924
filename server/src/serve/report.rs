//! What `serve` says when it listens.

use std::net::SocketAddr;

use lockgate::Gateway;
use lockgate::config::AuthMode;
use serde::Serialize;

use crate::failure::Failure;
use crate::findings::{Findings, also_line};
use crate::listing;
use crate::settings::STORE;

#[derive(Serialize)]
struct Listening {
    listen: String,
    base_url: String,
    #[serde(flatten)]
    findings: Findings,
}

/// Says where it listens, what was found, and what was not.
pub(super) async fn announce(gateway: &Gateway, address: SocketAddr, json: bool) -> Result<(), Failure> {
    let mut findings = Findings::of(gateway.config());
    findings.warnings.extend(gateway.warnings().await);
    findings.look(gateway).await;
    findings.look_for_model(gateway, &gateway.admin().projects().await.unwrap_or_default());
    let listen = format!("http://{address}");
    let base_url = format!("{listen}/v1");
    for warning in &findings.warnings {
        tracing::warn!("{warning}");
    }
    if json {
        return listing::json(&Listening { listen, base_url, findings });
    }
    let shared = match (findings.shared, findings.single_process) {
        (true, _) => " (shared by several processes)",
        (_, true) => " (limits in this process)",
        _ => "",
    };
    let mut lines = vec![
        format!("lockgate {} listens on {listen}", env!("CARGO_PKG_VERSION")),
        format!("  base URL   {base_url}"),
        format!("  store      {}{shared}", findings.store),
        format!("  auth       {}", findings.auth),
        format!("  providers  {}", findings.providers_line()),
    ];
    if let Some(redis) = &findings.redis {
        lines.insert(3, format!("  limits     {redis}"));
    }
    lines.extend(findings.local_lines().map(|(provider, line)| format!("  local      {provider} at {line}")));
    if let Some(semantic) = &findings.semantic {
        lines.push(format!("  semantic   {semantic}"));
    }
    lines.extend(findings.missing.iter().map(|variable| format!("  not found  {variable} is not set")));
    if findings.providers.is_empty() {
        lines.extend(also_line(&findings.also).map(|also| format!("  also       {also}")));
    }
    if gateway.config().auth == AuthMode::Required && !has_keys(gateway).await? {
        lines.push(hint(&findings.store));
    }
    listing::line(&lines.join("\n"))
}

async fn has_keys(gateway: &Gateway) -> Result<bool, Failure> {
    let admin = gateway.admin();
    for project in admin.projects().await? {
        if !admin.keys(&project.id.to_string()).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn hint(store: &str) -> String {
    if store == "memory" {
        return "  no keys    auth is required and a store in memory takes no keys from outside: name a file, \
                --store sqlite://lockgate.db, or set auth = \"optional\""
            .to_owned();
    }
    // An address with a password is not shown whole, and does not belong on a command line.
    let flag = match store {
        STORE => String::new(),
        _ if store.starts_with("sqlite:") => format!(" --store {store}"),
        _ => ", with LOCKGATE_STORE set as here".to_owned(),
    };
    format!("  no keys    there are none yet; make one: lockgate key create --name first{flag}")
}
