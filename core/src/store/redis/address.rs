//! Where Redis is.

use std::fmt;

use redis::IntoConnectionInfo;

/// The address of a server or of a cluster. Shows itself without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// `redis://…` or, encrypted, `rediss://…`; one for each node that is named.
    nodes: Vec<String>,
    cluster: bool,
    encrypted: bool,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(&'static str);

const FORM: &str = "must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or \
                    redis-cluster://HOST:PORT[,HOST:PORT…]; encrypted, rediss:// or rediss-cluster://";

/// What an address begins with; whether it is a cluster's, and whether the way there is encrypted.
const SCHEMES: [(&str, bool, bool); 4] = [
    ("redis://", false, false),
    ("rediss://", false, true),
    ("redis-cluster://", true, false),
    ("rediss-cluster://", true, true),
];

impl RedisAddress {
    /// Reads the setting `redis`.
    pub fn parse(text: &str) -> Result<RedisAddress, BadAddress> {
        let known = SCHEMES.iter().find_map(|(scheme, cluster, encrypted)| {
            Some((text.strip_prefix(scheme)?, *cluster, *encrypted))
        });
        let Some((rest, cluster, encrypted)) = known else { return Err(BadAddress(FORM)) };
        if rest.contains('#') {
            return Err(BadAddress(
                "what follows # would switch the check of certificates off: leave it out",
            ));
        }
        let scheme = if encrypted { "rediss" } else { "redis" };
        let (user, hosts) = rest.rsplit_once('@').map_or(("", rest), |(user, hosts)| (user, hosts));
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let nodes: Vec<String> = match cluster {
            true => hosts.split(',').map(|host| format!("{scheme}://{user}{host}")).collect(),
            false => vec![format!("{scheme}://{user}{hosts}")],
        };
        for node in &nodes {
            let known = node.as_str().into_connection_info().map_err(|_| BadAddress(FORM))?;
            if cluster && known.redis_settings().db() != 0 {
                return Err(BadAddress("a cluster has no databases: leave out what follows the address"));
            }
        }
        Ok(RedisAddress { nodes, cluster, encrypted })
    }

    /// Whether it was given as a cluster's. One that was not may be one nonetheless.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.cluster
    }

    /// Whether the way there is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub(super) fn nodes(&self) -> &[String] {
        &self.nodes
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known =
            SCHEMES.iter().find(|(_, of, encrypted)| (*of, *encrypted) == (self.cluster, self.encrypted));
        f.write_str(known.map_or("", |(scheme, _, _)| scheme))?;
        for (index, node) in self.nodes.iter().enumerate() {
            let place = node.split_once("://").map_or(node.as_str(), |(_, place)| place);
            let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{host}")?;
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
        for (text, shown) in [
            ("rediss://app:pw@cache.internal:6380", "rediss://cache.internal:6380"),
            ("rediss-cluster://app:pw@a:7000,b:7001", "rediss-cluster://a:7000,b:7001"),
        ] {
            let address = RedisAddress::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_encrypted()), (shown, true));
            assert!(address.nodes().iter().all(|node| node.starts_with("rediss://app:pw@")));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "localhost:6379",
            "rediss://h:1#insecure",
            "http://h",
            "redis://",
            "redis://h:70000",
            "redis://h/x",
        ] {
            assert!(RedisAddress::parse(text).is_err(), "{text}");
        }
        assert!(RedisAddress::parse("redis-cluster://h:1/3").is_err());
    }
}
