//! Administration by the name of a step, JSON in and JSON out: what the packages for other languages use.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::auth::{CustomerLimits, DEFAULT_PROJECT, NewKey, ProjectSettings};
use crate::clock::Millis;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::ids::{CustomerId, KeyId};
use crate::limits::Rates;
use crate::money::{Nano, de_usd_opt};
use crate::store::{GroupBy, UsageQuery};

/// Customers listed at once where nobody says how many.
const CUSTOMERS: u32 = 1000;

impl Gateway {
    /// Does one step, such as `keys.create`. `arguments` is a JSON object; its fields, and what comes back, have the
    /// names of the records.
    pub async fn administer(&self, step: &str, arguments: &[u8]) -> Result<Value> {
        let admin = self.admin();
        match step {
            "projects.list" => shown(&admin.projects().await?),
            "projects.get" => shown(&admin.project(&read::<ProjectArguments>(arguments)?.project).await?),
            "projects.create" => {
                let given: ProjectArguments = read(arguments)?;
                let mut settings = ProjectSettings::default();
                given.settings.lay_over(&mut settings)?;
                shown(&admin.create_project(&given.project, settings).await?)
            }
            "projects.set" => {
                let given: ProjectArguments = read(arguments)?;
                // Once on a copy, so that a wrong value is refused before anything changes.
                given.settings.lay_over(&mut ProjectSettings::default())?;
                let change =
                    |settings: &mut ProjectSettings| given.settings.lay_over(settings).unwrap_or_default();
                shown(&admin.set_project(&given.project, change).await?)
            }
            "projects.purge_cache" => {
                shown(&admin.purge_cache(&read::<ProjectArguments>(arguments)?.project).await?)
            }
            "keys.list" => shown(&admin.keys(&read::<ProjectArguments>(arguments)?.project).await?),
            "keys.create" => {
                let given: NewKeyArguments = read(arguments)?;
                let project = given.project.clone();
                let (key, secret) = admin.create_key(&project, given.key()?).await?;
                with_secret(&key, secret.expose())
            }
            "keys.rotate" => {
                let given: KeyArguments = read(arguments)?;
                let overlap = span("overlap", given.overlap.unwrap_or(0.0))?;
                let (key, secret) = admin.rotate_key(given.id()?, overlap).await?;
                with_secret(&key, secret.expose())
            }
            "keys.revoke" => shown(&admin.revoke_key(read::<KeyArguments>(arguments)?.id()?).await?),
            "customers.list" => {
                let given: CustomerArguments = read(arguments)?;
                let after = given.after.as_deref().map(customer).transpose()?;
                let most = given.limit.unwrap_or(CUSTOMERS);
                shown(&admin.customers(&given.project, after.as_ref(), most).await?)
            }
            "customers.set" => {
                let given: CustomerArguments = read(arguments)?;
                shown(&admin.set_customer(&given.project, &customer(&given.id)?, given.limits).await?)
            }
            "customers.forget" => {
                let given: CustomerArguments = read(arguments)?;
                shown(&admin.forget_customer(&given.project, &customer(&given.id)?).await?)
            }
            "usage" => shown(&self.usage(&usage_query(self, read(arguments)?).await?).await?),
            "inspect" => {
                let project = admin.project(&read::<ProjectArguments>(arguments)?.project).await?;
                shown(&json!({ "open": self.inspect(project.id).await?.open }))
            }
            _ => Err(Error::new(Kind::NotFound, format!("there is no step {step:?}"))),
        }
    }
}

fn default_project() -> String {
    DEFAULT_PROJECT.to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectArguments {
    #[serde(default = "default_project")]
    project: String,
    #[serde(default)]
    settings: Changes,
}

/// Settings of a project that are to change.
#[derive(Deserialize, Default)]
#[serde(transparent)]
struct Changes(Map<String, Value>);

impl Changes {
    fn lay_over(&self, settings: &mut ProjectSettings) -> Result<()> {
        let mut fields = match shown(&*settings)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.extend(self.0.clone());
        let mut laid: ProjectSettings = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Error::invalid("settings", error.to_string()))?;
        if !self.0.contains_key("provider_keys") {
            // What is shown of them is that they are set, not what they are.
            laid.provider_keys.clone_from(&settings.provider_keys);
        }
        *settings = laid;
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKeyArguments {
    #[serde(default = "default_project")]
    project: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    rates: Rates,
    #[serde(default, deserialize_with = "de_usd_opt")]
    monthly_cap: Option<Nano>,
    models: Option<Vec<String>>,
    customer: Option<String>,
    /// Seconds.
    expires_in: Option<f64>,
}

impl NewKeyArguments {
    fn key(self) -> Result<NewKey> {
        Ok(NewKey {
            name: self.name,
            rates: self.rates,
            monthly_cap: self.monthly_cap,
            models: self.models,
            customer: self.customer.as_deref().map(customer).transpose()?,
            expires_in: self.expires_in.map(|seconds| span("expires_in", seconds)).transpose()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyArguments {
    id: String,
    /// Seconds.
    overlap: Option<f64>,
}

impl KeyArguments {
    fn id(&self) -> Result<KeyId> {
        self.id.parse().map_err(|error: crate::ids::BadId| Error::invalid("id", error.to_string()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerArguments {
    #[serde(default = "default_project")]
    project: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    limits: CustomerLimits,
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageArguments {
    project: Option<String>,
    key: Option<String>,
    customer: Option<String>,
    /// Milliseconds since 1970.
    since: Option<i64>,
    until: Option<i64>,
    #[serde(default)]
    by: GroupBy,
}

async fn usage_query(gateway: &Gateway, given: UsageArguments) -> Result<UsageQuery> {
    let project = match &given.project {
        Some(project) => Some(gateway.admin().project(project).await?.id),
        None => None,
    };
    let key = given.key.map(|id| KeyArguments { id, overlap: None }.id()).transpose()?;
    Ok(UsageQuery {
        project,
        key,
        customer: given.customer.as_deref().map(customer).transpose()?,
        from: given.since.map(Millis),
        to: given.until.map(Millis),
        by: given.by,
    })
}

fn read<T: DeserializeOwned>(arguments: &[u8]) -> Result<T> {
    serde_json::from_slice(arguments).map_err(|error| Error::invalid("arguments", error.to_string()))
}

fn shown(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|source| Error::internal("a record cannot be written", source))
}

/// The one time a key is shown.
fn with_secret(key: &impl serde::Serialize, secret: &str) -> Result<Value> {
    let mut value = shown(key)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("secret".to_owned(), Value::String(secret.to_owned()));
    }
    Ok(value)
}

fn customer(id: &str) -> Result<CustomerId> {
    CustomerId::new(id).map_err(|error| Error::invalid("customer", error.to_string()))
}

fn span(name: &'static str, seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::invalid(name, format!("{seconds} is not a number of seconds")))
}
