//! A case as `conformance/cases/behaviour.json` has it. An unknown field is an error: nothing is expected in vain.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lockgate::auth::{CustomerLimits, NewKey};
use lockgate::limits::Rates;
use lockgate::money::Nano;
use lockgate_sim::{Fault, Scripted};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) project: Map<String, Value>,
    #[serde(default)]
    pub(crate) customers: BTreeMap<String, CustomerLimits>,
    pub(crate) key: Option<KeyLimits>,
    pub(crate) upstream: Vec<Upstream>,
    pub(crate) calls: Vec<Call>,
    pub(crate) upstream_requests: Option<usize>,
    #[serde(default)]
    pub(crate) upstream_body: Map<String, Value>,
}

/// Limits of the key that calls with `"key": "own"` use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyLimits {
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u32>,
    concurrency: Option<u32>,
    monthly_cap: Option<String>,
}

impl KeyLimits {
    pub(crate) fn new_key(&self) -> NewKey {
        let KeyLimits { requests_per_minute, tokens_per_minute, concurrency, monthly_cap } = self;
        let (requests_per_minute, tokens_per_minute, concurrency) =
            (*requests_per_minute, *tokens_per_minute, *concurrency);
        NewKey {
            rates: Rates { requests_per_minute, tokens_per_minute, concurrency },
            monthly_cap: monthly_cap.as_deref().map(|cap| Nano::parse_usd(cap).unwrap()),
            ..NewKey::default()
        }
    }
}

/// A fault of the simulator, with the requests it is meant for.
#[derive(Debug, Deserialize)]
pub(crate) struct Upstream {
    #[serde(default = "once")]
    times: u32,
    path: Option<String>,
    model: Option<String>,
    #[serde(default)]
    and: Vec<Fault>,
    #[serde(flatten)]
    fault: Fault,
}

fn once() -> u32 {
    1
}

impl Upstream {
    pub(crate) fn scripted(&self) -> Scripted {
        Scripted {
            fault: self.fault.clone(),
            times: self.times,
            path: self.path.clone(),
            model: self.model.clone(),
            and: self.and.clone(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) request: Value,
    #[serde(default)]
    pub(crate) options: CallerOptions,
    pub(crate) expect: Expect,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CallerOptions {
    pub(crate) key: Option<WhichKey>,
    pub(crate) customer: Option<String>,
    pub(crate) cache: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhichKey {
    Own,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) status: u16,
    pub(crate) text: Option<String>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) cache: Option<String>,
    pub(crate) cost: Option<Cost>,
    pub(crate) cost_nano_usd: Option<i64>,
    pub(crate) model: Option<String>,
    /// Null where nothing was downgraded.
    #[serde(default, deserialize_with = "said")]
    pub(crate) downgraded_from: Option<Value>,
    pub(crate) attempts: Option<String>,
    /// Part of one of the warnings.
    pub(crate) warning: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) exception: Option<String>,
    pub(crate) retry_after: Option<Wait>,
}

/// What is there, null too.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cost {
    Zero,
    Positive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wait {
    Known,
    None,
}

pub(crate) fn all() -> Vec<Case> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        cases: Vec<Case>,
    }
    read::<File>("behaviour.json").cases
}

pub(crate) fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/cases").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}
