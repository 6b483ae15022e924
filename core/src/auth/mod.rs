//! Who calls: projects, their keys and their customers.

mod admin;
mod identify;
mod record;
mod secret;
mod together;

pub(crate) use admin::OnChange;
pub use admin::{Admin, DEFAULT_PROJECT, NewKey};
pub(crate) use identify::{Caller, Credentials, Identities};
pub use record::{
    CacheSettings, CapMode, Customer, CustomerLimits, Key, OnLimit, OnStoreLoss, Project, ProjectSettings,
};
pub use secret::{GatewayKey, KeyHash, Secret};
