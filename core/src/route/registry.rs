//! The providers that are configured.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::found::Found;
use super::pool::KeyPool;
use crate::ask::Ask;
use crate::auth::Secret;
use crate::config::{Config, ProviderConfig, ProviderKind, ProviderPrice};
use crate::error::{Error, Result};
use crate::pricing::{CustomPrice, Price, PriceOverride, PriceTable};
use crate::provider::{Adapter, Call, EmbedCall, Endpoint, Outgoing, adapter_of};

/// A configured provider.
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) kind: ProviderKind,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) endpoint: Endpoint,
    /// Its keys, where it takes any.
    pub(crate) keys: KeyPool,
    pub(crate) local: bool,
    /// Models named in the settings.
    pub(crate) models: Vec<String>,
    /// Models that it says it has.
    pub(crate) found: Found,
}

impl Provider {
    /// The request to send for `ask`, with `key`.
    pub(crate) fn translate(
        &self,
        ask: &Ask,
        model: &str,
        key: Option<&Secret>,
        stream: bool,
        output_cap: Option<u64>,
    ) -> Result<Outgoing> {
        let endpoint = match key {
            Some(key) => Cow::Owned(self.endpoint.clone().with_key(key.clone())),
            None => Cow::Borrowed(&self.endpoint),
        };
        match ask {
            Ask::Chat(request) => {
                self.adapter.chat(&Call { request, model, stream, endpoint: &endpoint, output_cap })
            }
            Ask::Embed(request) => self.adapter.embed(&EmbedCall { request, model, endpoint: &endpoint }),
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn endpoint(base_url: &str, settings: &ProviderConfig) -> Result<Endpoint> {
    let mut endpoint = Endpoint::new(base_url, None)?;
    for (name, value) in &settings.headers {
        let bad = || Error::config("headers", name, "is not a valid HTTP header");
        let name = name.parse::<HeaderName>().map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        // It may carry a key.
        value.set_sensitive(true);
        endpoint = endpoint.header(name, value);
    }
    Ok(endpoint)
}

fn keys(settings: &ProviderConfig) -> KeyPool {
    let pooled = settings.api_keys.iter().filter_map(|pooled| Some((pooled.key.clone()?, pooled.weight)));
    KeyPool::new(settings.api_key.clone().map(|key| (key, 1)).into_iter().chain(pooled).collect())
}

/// All configured providers and all prices.
#[derive(Debug)]
pub(crate) struct Registry {
    providers: BTreeMap<String, Arc<Provider>>,
    pub(crate) prices: PriceTable,
}

impl Registry {
    pub(crate) fn new(config: &Config) -> Result<Registry> {
        let mut overrides: Vec<PriceOverride> = Vec::new();
        let mut providers = BTreeMap::new();
        for (name, settings) in &config.providers {
            let (Some(kind), Some(base_url)) = (settings.kind, settings.base_url.clone()) else { continue };
            if settings.price == Some(ProviderPrice::Free) {
                overrides.push(PriceOverride {
                    provider: name.clone(),
                    model: None,
                    price: CustomPrice(Price::free()),
                    kind: None,
                    tier: None,
                    context_window: None,
                    max_output_tokens: None,
                    reasoning: None,
                });
            }
            let endpoint = endpoint(&base_url, settings)?;
            let provider = Provider {
                name: name.clone(),
                kind,
                adapter: adapter_of(kind, name, settings),
                endpoint,
                keys: keys(settings),
                local: settings.local.unwrap_or(false),
                models: settings.models.clone(),
                found: Found::default(),
            };
            providers.insert(name.clone(), Arc::new(provider));
        }
        overrides.extend(config.prices.iter().cloned());
        let builtin =
            PriceTable::builtin().map_err(|source| Error::internal("the price tables are broken", source))?;
        Ok(Registry { providers, prices: builtin.with_overrides(&overrides) })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }
}
