//! Who calls: projects, their keys and their customers.

mod record;
mod secret;

pub use record::{
    CacheSettings, CapMode, Customer, CustomerLimits, Key, OnLimit, OnStoreLoss, Project, ProjectSettings,
};
pub use secret::{GatewayKey, KeyHash, Secret};
