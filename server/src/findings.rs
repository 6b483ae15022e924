//! What the settings give: what was found, what was not, what is doubtful.

use std::net::SocketAddr;

use lockgate::Config;
use lockgate::config::{AuthMode, key_variables};
use serde::Serialize;

/// What a start would find.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Findings {
    pub(crate) store: String,
    /// Where the limits are, where they are not with the store.
    pub(crate) redis: Option<String>,
    pub(crate) shared: bool,
    pub(crate) auth: &'static str,
    /// Providers that requests can be sent to.
    pub(crate) providers: Vec<String>,
    /// Variables of built-in providers that are not set.
    pub(crate) missing: Vec<&'static str>,
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    /// Reads the settings.
    pub(crate) fn of(config: &Config) -> Findings {
        let missing = key_variables()
            .filter(|(name, _)| config.providers.get(*name).is_none_or(|provider| provider.api_key.is_none()))
            .map(|(_, variable)| variable)
            .collect();
        Findings {
            store: config.store.clone().unwrap_or_else(|| "memory".to_owned()),
            redis: config.redis_address().ok().flatten().map(|address| address.to_string()),
            shared: config.shared,
            auth: match config.auth {
                AuthMode::Optional => "optional",
                AuthMode::Required => "required",
            },
            providers: config.providers.keys().cloned().collect(),
            missing,
            warnings: warnings(config),
        }
    }

    /// The providers as a line for people.
    pub(crate) fn providers_line(&self) -> String {
        if self.providers.is_empty() { "none".to_owned() } else { self.providers.join(", ") }
    }
}

fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let open = config.listen.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_loopback());
    if open && config.auth == AuthMode::Optional {
        warnings.push(format!(
            "auth = \"optional\" and listen = \"{}\": whoever reaches this address spends your providers' money; set \
             auth = \"required\" or listen on 127.0.0.1",
            config.listen
        ));
    }
    if config.providers.is_empty() {
        warnings.push("no provider is configured: every request is answered 404 or 503".to_owned());
    }
    if config.store.as_deref() == Some("memory") {
        warnings.push("store = \"memory\": keys, spend and the ledger end with the process".to_owned());
    }
    warnings
}
