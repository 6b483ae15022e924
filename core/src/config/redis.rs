//! What the settings of Redis must satisfy.

use super::Config;
use crate::auth::OnStoreLoss;
use crate::error::{Error, Result};
use crate::store::postgres::is_postgres;
use crate::store::redis::RedisAddress;

/// Longest prefix of keys, in bytes.
const LONGEST_PREFIX: usize = 64;

impl Config {
    /// The address of Redis, where one is set.
    pub fn redis_address(&self) -> Result<Option<RedisAddress>> {
        let Some(address) = &self.redis else { return Ok(None) };
        // The value may hold a password.
        RedisAddress::parse(address.expose()).map(Some).map_err(|bad| Error::config("redis", "***", bad))
    }

    pub(super) fn validate_redis(&self) -> Result<()> {
        if self.redis.is_none() && self.project.on_store_loss != OnStoreLoss::Closed {
            let allowed =
                "must be \"closed\": without redis the limits are with the store, which has no other policy";
            let value = format!("{:?}", self.project.on_store_loss);
            return Err(Error::config("project.on_store_loss", value, allowed));
        }
        let Some(address) = self.redis_address()? else { return Ok(()) };
        if self.single_process {
            let allowed =
                "the limits of a single process are in its memory: leave out redis, or single_process";
            return Err(Error::config("redis", address, allowed));
        }
        if !self.store.as_ref().is_some_and(is_postgres) {
            let allowed = "limits that several processes share go with projects and a ledger that they share: set \
                           store = \"postgres://…\", or leave redis out";
            return Err(Error::config("redis", address, allowed));
        }
        let prefix = &self.redis_prefix;
        if prefix.len() > LONGEST_PREFIX
            || !prefix.bytes().all(|b| b.is_ascii_graphic() && b != b'{' && b != b'}')
        {
            let allowed = "must be at most 64 printable ASCII characters without { and }";
            return Err(Error::config("redis_prefix", format!("{prefix:?}"), allowed));
        }
        if self.redis_timeout_ms == 0 {
            return Err(Error::config("redis_timeout_ms", 0, "must be at least 1 millisecond"));
        }
        Ok(())
    }
}
