//! What `serve` says when it listens.

use std::net::SocketAddr;

use lockgate::Gateway;
use lockgate::config::AuthMode;
use serde::Serialize;

use crate::failure::Failure;
use crate::findings::Findings;
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
    let listen = format!("http://{address}");
    let base_url = format!("{listen}/v1");
    for warning in &findings.warnings {
        tracing::warn!("{warning}");
    }
    if json {
        return listing::json(&Listening { listen, base_url, findings });
    }
    let shared = if findings.shared { " (shared by several processes)" } else { "" };
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
    lines.extend(findings.missing.iter().map(|variable| format!("  not found  {variable} is not set")));
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
    let flag = if store == STORE { String::new() } else { format!(" --store {store}") };
    format!("  no keys    there are none yet; make one: lockgate key create --name first{flag}")
}
