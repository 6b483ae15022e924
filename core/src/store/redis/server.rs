//! What an operator should know of the server.

use redis::Value;

use super::reply;

/// What is doubtful in what `INFO memory` says.
pub(super) fn warnings(info: Value) -> Vec<String> {
    let Ok(info) = reply::word(info, "INFO") else { return Vec::new() };
    let field = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name));
    let policy = field("maxmemory_policy:").unwrap_or_default();
    let supported = "set maxmemory-policy to volatile-ttl or volatile-lru";
    let warning = if policy.starts_with("allkeys-") {
        format!(
            "redis evicts by {policy}, counters and reservations too, which then have to be loaded anew: {supported}"
        )
    } else if policy == "noeviction" {
        format!("redis evicts nothing: once cached answers fill it, every request is refused: {supported}")
    } else {
        return Vec::new();
    };
    vec![warning]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_lose_counters_or_refuse_writes_are_named() {
        for (policy, warned) in
            [("allkeys-lru", true), ("noeviction", true), ("volatile-ttl", false), ("volatile-lru", false)]
        {
            let info =
                Value::SimpleString(format!("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:{policy}\r\n"));
            let said = warnings(info);
            assert_eq!(said.len(), usize::from(warned), "{said:?}");
            assert!(said.iter().all(|warning| warning.contains(policy) || warning.contains("nothing")));
        }
    }
}
