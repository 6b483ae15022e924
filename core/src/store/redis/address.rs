//! Where Redis is.

use std::fmt;

use redis::IntoConnectionInfo;

/// The address of a server or of a cluster. Shows itself without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// `redis://…`, one for each node that is named.
    nodes: Vec<String>,
    cluster: bool,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(&'static str);

const FORM: &str =
    "must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or redis-cluster://HOST:PORT[,HOST:PORT…]";

impl RedisAddress {
    /// Reads the setting `redis`.
    pub fn parse(text: &str) -> Result<RedisAddress, BadAddress> {
        if text.starts_with("rediss://") {
            return Err(BadAddress(
                "TLS to Redis is not built in: use redis:// on a private network or through a tunnel",
            ));
        }
        let (cluster, rest) = match (text.strip_prefix("redis://"), text.strip_prefix("redis-cluster://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(BadAddress(FORM)),
        };
        let (user, hosts) = rest.rsplit_once('@').map_or(("", rest), |(user, hosts)| (user, hosts));
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let nodes: Vec<String> = match cluster {
            true => hosts.split(',').map(|host| format!("redis://{user}{host}")).collect(),
            false => vec![format!("redis://{user}{hosts}")],
        };
        for node in &nodes {
            let known = node.as_str().into_connection_info().map_err(|_| BadAddress(FORM))?;
            if cluster && known.redis_settings().db() != 0 {
                return Err(BadAddress("a cluster has no databases: leave out what follows the address"));
            }
        }
        Ok(RedisAddress { nodes, cluster })
    }

    /// Whether it was given as a cluster's. One that was not may be one nonetheless.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.cluster
    }

    pub(super) fn nodes(&self) -> &[String] {
        &self.nodes
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.cluster { "redis-cluster://" } else { "redis://" })?;
        for (index, node) in self.nodes.iter().enumerate() {
            let host = node.rsplit_once('@').map_or(node.as_str(), |(_, host)| host);
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{}", host.strip_prefix("redis://").unwrap_or(host))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_neither_user_nor_password() {
        let address = RedisAddress::parse("redis://app:s3cr%40t@cache.internal:6380/2").unwrap();
        assert_eq!(
            format!("{address} {address:?}"),
            "redis://cache.internal:6380/2 redis://cache.internal:6380/2"
        );
        assert_eq!(address.nodes(), ["redis://app:s3cr%40t@cache.internal:6380/2"]);
        let cluster = RedisAddress::parse("redis-cluster://:pw@10.0.0.1:7000,10.0.0.2:7001").unwrap();
        assert_eq!(cluster.to_string(), "redis-cluster://10.0.0.1:7000,10.0.0.2:7001");
        assert_eq!(cluster.nodes(), ["redis://:pw@10.0.0.1:7000", "redis://:pw@10.0.0.2:7001"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "localhost:6379", "rediss://h:1", "http://h", "redis://", "redis://h:70000", "redis://h/x"]
        {
            assert!(RedisAddress::parse(text).is_err(), "{text}");
        }
        assert!(RedisAddress::parse("redis-cluster://h:1/3").is_err());
    }
}
