//! What the settings must satisfy together.

use std::net::SocketAddr;

use super::{Config, Environment, ProviderKind, ProviderPrice, StoreUrl};
use crate::auth::Secret;
use crate::error::{Error, Result};
use crate::money::Nano;
use crate::provider::ollama;
use crate::provider::openai::{Dialect, Paths};
use crate::store::postgres::is_postgres;

/// Addresses of the built-in providers.
const BUILT_IN: &[(&str, ProviderKind, &str)] = &[
    ("gemini", ProviderKind::Gemini, "https://generativelanguage.googleapis.com/v1beta"),
    ("openai", ProviderKind::Openai, "https://api.openai.com/v1"),
    ("anthropic", ProviderKind::Anthropic, "https://api.anthropic.com/v1"),
    ("ollama", ProviderKind::Ollama, ollama::DEFAULT_ADDRESS),
];

/// A day: whoever waits longer for a request to end means for ever.
const LONGEST_DRAIN: u64 = 86_400;

impl Config {
    /// Fills in what a provider's name implies, and keys named by variable.
    pub(super) fn fill(&mut self, environment: Option<&Environment>) -> Result<()> {
        self.embedder.fill(environment)?;
        for (name, provider) in &mut self.providers {
            if let Some((_, kind, address)) = BUILT_IN.iter().find(|(built_in, _, _)| built_in == name) {
                provider.kind.get_or_insert(*kind);
                provider.base_url.get_or_insert_with(|| (*address).to_owned());
            }
            provider.fill(name);
            if provider.kind == Some(ProviderKind::Ollama) {
                provider.local.get_or_insert(true);
                provider.price.get_or_insert(ProviderPrice::Free);
            }
            if provider.api_key.is_none()
                && let Some(variable) = &provider.api_key_env
            {
                let value =
                    environment.and_then(|environment| environment.get(variable)).ok_or_else(|| {
                        Error::config(
                            &format!("providers.{name}.api_key_env"),
                            variable,
                            "is not set in the environment",
                        )
                    })?;
                provider.api_key = Some(Secret::new(value));
            }
            for (at, pooled) in provider.api_keys.iter_mut().enumerate() {
                let Some(variable) = pooled.env.as_ref().filter(|_| pooled.key.is_none()) else { continue };
                let value = environment.and_then(|environment| environment.get(variable));
                let value = value.ok_or_else(|| {
                    let key = format!("providers.{name}.api_keys[{at}].env");
                    Error::config(&key, variable, "is not set in the environment")
                })?;
                pooled.key = Some(Secret::new(value));
            }
        }
        Ok(())
    }

    /// Checks everything that a type cannot say.
    pub(super) fn validate(&self) -> Result<()> {
        self.validate_store()?;
        self.validate_redis()?;
        self.listen.parse::<SocketAddr>().map_err(|_| {
            Error::config(
                "listen",
                format!("{:?}", self.listen),
                "must be an address and port, as 127.0.0.1:4100",
            )
        })?;
        if self.max_body_bytes == 0 {
            return Err(Error::config("max_body_bytes", 0, "must be at least 1"));
        }
        if self.request_timeout_ms == 0 {
            return Err(Error::config("request_timeout_ms", 0, "must be at least 1 millisecond"));
        }
        if self.drain_seconds > LONGEST_DRAIN {
            let allowed = format!("must be at most {LONGEST_DRAIN}");
            return Err(Error::config("drain_seconds", self.drain_seconds, allowed));
        }
        if self.ledger_days < 32 {
            // The month's rows are what a lost counter is counted from.
            return Err(Error::config("ledger_days", self.ledger_days, "must be at least 32"));
        }
        for (key, value) in self.timeouts.named() {
            if value == 0 {
                return Err(Error::config(&format!("timeouts.{key}"), 0, "must be at least 1 millisecond"));
            }
        }
        self.routing.validate()?;
        self.embedder.validate()?;
        self.project.validate("project")?;
        for (name, provider) in &self.providers {
            provider.validate(name)?;
        }
        Ok(())
    }

    /// Whether a gateway can keep limits with these stores: in memory; with SQLite in its memory or in the file; with
    /// Postgres in its memory, where it is the only one. Administration keeps none, and needs no such pair.
    pub fn validate_pair(&self) -> Result<()> {
        let keeps_none =
            |store: &&StoreUrl| is_postgres(store) && !self.single_process && self.redis.is_none();
        if let Some(store) = self.store.as_ref().filter(keeps_none) {
            let allowed = "Postgres alone cannot keep limits for several processes: set redis = \"redis://…\", or \
                           single_process = true where this is the only gateway on it";
            return Err(Error::config("store", store, allowed));
        }
        Ok(())
    }

    fn validate_store(&self) -> Result<()> {
        let sqlite = self.store.as_ref().is_some_and(|store| store.scheme() == "sqlite");
        let postgres = self.store.as_ref().is_some_and(is_postgres);
        if let Some(store) = &self.store
            && store.expose() != "memory"
            && !sqlite
            && !postgres
        {
            let allowed = "must be memory, sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";
            return Err(Error::config("store", store, allowed));
        }
        if self.shared && !sqlite {
            return Err(Error::config(
                "shared",
                true,
                "several processes can share only store = \"sqlite://PATH\"",
            ));
        }
        if self.single_process && !postgres {
            let allowed = "only store = \"postgres://…\" has limits in the memory of a single process";
            return Err(Error::config("single_process", true, allowed));
        }
        if self.store.is_none()
            && (self.project.monthly_cap.is_some() || self.project.customer_defaults.any_cap())
        {
            return Err(Error::config(
                "project",
                "a spend cap",
                "a cap needs a named store, so that it is clear what a restart forgets: store = \"sqlite://PATH\" \
                 keeps spend, store = \"memory\" accepts that it is forgotten",
            ));
        }
        Ok(())
    }
}

impl super::Timeouts {
    fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("connect_ms", self.connect_ms),
            ("first_byte_ms", self.first_byte_ms),
            ("first_byte_json_ms", self.first_byte_json_ms),
            ("idle_ms", self.idle_ms),
            ("total_ms", self.total_ms),
            ("silence_ms", self.silence_ms),
            ("discovery_ms", self.discovery_ms),
            ("semantic_ms", self.semantic_ms),
        ]
    }
}

impl super::ProviderConfig {
    /// What the dialect implies. Where it runs and what it costs goes by the name alone: a provider of another name
    /// may speak the same dialect elsewhere.
    fn fill(&mut self, name: &str) {
        let Some(dialect) = self.dialect_of(name) else { return };
        if dialect.name == name {
            self.kind.get_or_insert(ProviderKind::Openai);
            if dialect.local {
                self.local.get_or_insert(true);
                self.price.get_or_insert(ProviderPrice::Free);
            }
        }
        if let (none @ None, Some(address)) = (&mut self.base_url, dialect.base_url) {
            *none = Some(address.to_owned());
        }
    }

    fn validate_dialect(&self, name: &str) -> Result<()> {
        let key = |field: &str| format!("providers.{name}.{field}");
        if let Some(dialect) = &self.dialect {
            if self.kind != Some(ProviderKind::Openai) {
                let allowed = "only a provider of kind \"openai\" has a dialect";
                return Err(Error::config(&key("dialect"), format!("{dialect:?}"), allowed));
            }
            if Dialect::named(dialect).is_none() {
                let names: Vec<&str> = Dialect::all().map(|dialect| dialect.name).collect();
                let allowed = format!("must be one of {}", names.join(", "));
                return Err(Error::config(&key("dialect"), format!("{dialect:?}"), allowed));
            }
        }
        let Some(version) = &self.api_version else { return Ok(()) };
        let versions = self.dialect_of(name).is_some_and(|dialect| dialect.paths == Paths::Azure);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !versions || version.is_empty() || !version.chars().all(plain) {
            let allowed = "must be a version of Azure's API, as 2024-10-21, and only Azure has versions";
            return Err(Error::config(&key("api_version"), format!("{version:?}"), allowed));
        }
        Ok(())
    }

    fn validate(&self, name: &str) -> Result<()> {
        let key = |field: &str| format!("providers.{name}.{field}");
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        {
            return Err(Error::config(
                "providers",
                format!("{name:?}"),
                "a name is letters, digits, '-', '_' and '.'",
            ));
        }
        if self.kind.is_none() {
            let allowed = "must be set for a provider that is not built in: \"openai\" (OpenAI-compatible), \
                           \"anthropic\", \"gemini\" or \"ollama\"";
            return Err(Error::config(&key("kind"), "absent", allowed));
        }
        self.validate_dialect(name)?;
        let Some(address) = &self.base_url else {
            return Err(Error::config(
                &key("base_url"),
                "absent",
                "must be set, as http://127.0.0.1:8000/v1",
            ));
        };
        let parsed = address.parse::<http::Uri>().ok();
        let usable = parsed.as_ref().is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some()
                && uri.query().is_none()
        });
        if !usable || address.contains('@') {
            let allowed = "must be http:// or https:// with a host, without user, password or query";
            // A password or a key may stand behind these two.
            let secret = address.contains(['@', '?']);
            let shown = if secret { "(hidden)".to_owned() } else { format!("{address:?}") };
            return Err(Error::config(&key("base_url"), shown, allowed));
        }
        for (at, pooled) in self.api_keys.iter().enumerate() {
            if pooled.key.is_none() {
                let allowed = "must have key or env";
                return Err(Error::config(&key(&format!("api_keys[{at}]")), "no key", allowed));
            }
            if pooled.weight == 0 {
                return Err(Error::config(&key(&format!("api_keys[{at}].weight")), 0, "must be at least 1"));
            }
        }
        for (header, value) in &self.headers {
            if header.parse::<http::HeaderName>().is_err() || http::HeaderValue::from_str(value).is_err() {
                return Err(Error::config(
                    &key("headers"),
                    format!("{header:?}"),
                    "is not a valid HTTP header",
                ));
            }
        }
        Ok(())
    }
}

impl crate::cache::semantic::SemanticSettings {
    /// Checks the settings of the semantic cache; `at` is where they stand.
    fn validate(&self, at: &str) -> Result<()> {
        if !(0.5..=1.0).contains(&self.threshold) {
            let allowed = "must be from 0.5 to 1: less than half alike is no likeness";
            return Err(Error::config(&format!("{at}.threshold"), self.threshold, allowed));
        }
        if self.ttl_seconds == Some(0) {
            return Err(Error::config(&format!("{at}.ttl_seconds"), 0, "must be at least 1"));
        }
        if !(0.0..=2.0).contains(&self.max_temperature) {
            let allowed = "must be from 0 to 2";
            return Err(Error::config(&format!("{at}.max_temperature"), self.max_temperature, allowed));
        }
        Ok(())
    }
}

impl crate::auth::ProjectSettings {
    /// Checks the settings of a project; `at` is where they stand.
    pub(crate) fn validate(&self, at: &str) -> Result<()> {
        check_cap(&format!("{at}.monthly_cap"), self.monthly_cap)?;
        self.customer_defaults.validate(&format!("{at}.customer_defaults"))?;
        self.semantic.validate(&format!("{at}.semantic"))?;
        if self.default_output_tokens == Some(0) {
            return Err(Error::config(&format!("{at}.default_output_tokens"), 0, "must be at least 1"));
        }
        if self.cache.ttl_seconds == 0 {
            let allowed = "must be at least 1; to switch the cache off set cache.enabled = false";
            return Err(Error::config(&format!("{at}.cache.ttl_seconds"), 0, allowed));
        }
        super::validate_chains(&format!("{at}.chains"), &self.chains)?;
        if let Some((from, _)) = self.downgrade.iter().find(|(from, to)| from == to || to.is_empty()) {
            return Err(Error::config(
                &format!("{at}.downgrade"),
                format!("{from:?}"),
                "must name another model",
            ));
        }
        Ok(())
    }
}

impl crate::auth::CustomerLimits {
    /// Whether any of the caps is set.
    #[must_use]
    pub fn any_cap(&self) -> bool {
        self.daily_cap.is_some() || self.monthly_cap.is_some() || self.per_request_cap.is_some()
    }

    /// Checks the caps; `at` is where they stand.
    pub(crate) fn validate(&self, at: &str) -> Result<()> {
        check_cap(&format!("{at}.daily_cap"), self.daily_cap)?;
        check_cap(&format!("{at}.monthly_cap"), self.monthly_cap)?;
        check_cap(&format!("{at}.per_request_cap"), self.per_request_cap)
    }
}

/// A cap is between 0 and $9,000,000: beyond 2^53 nano-USD a Redis script could not hold it exactly.
pub(crate) fn check_cap(key: &str, cap: Option<Nano>) -> Result<()> {
    match cap {
        Some(cap) if cap < Nano::ZERO || cap > Nano::MAX_CAP => {
            Err(Error::config(key, format!("${cap}"), "must be between $0 and $9,000,000"))
        }
        _ => Ok(()),
    }
}
