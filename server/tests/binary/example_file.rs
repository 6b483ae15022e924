//! `lockgate.toml.example` is complete and correct.

use lockgate::config::{Environment, Layers};

const EXAMPLE: &str = include_str!("../../lockgate.toml.example");

/// The file with every setting in force: `#key` is a setting, `# text` is a comment.
fn uncommented() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') && !setting.is_empty() => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Without `redis`, which goes with another store than the default.
fn with_the_default_store() -> String {
    let lines = uncommented();
    lines.lines().filter(|line| !line.starts_with("redis = ")).collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Result<lockgate::Config, lockgate::Error> {
    Layers::new().environment(Environment::empty().with("LOCAL_API_KEY", "x")).toml(text, "example")?.read()
}

#[test]
fn as_it_is_it_sets_nothing() {
    assert!(EXAMPLE.parse::<toml::Table>().unwrap().is_empty());
}

#[test]
fn with_all_comments_removed_it_is_valid() {
    let config = read(&with_the_default_store()).unwrap();
    assert_eq!(config.redis_prefix, lockgate::Config::default().redis_prefix);
    assert_eq!(config.redis_timeout_ms, lockgate::Config::default().redis_timeout_ms);
    assert_eq!(config.listen, lockgate::Config::default().listen);
    assert_eq!(config.max_body_bytes, lockgate::Config::default().max_body_bytes);
    assert_eq!(config.cache_bytes, lockgate::Config::default().cache_bytes);
    assert_eq!(config.warm_cache_bytes, lockgate::Config::default().warm_cache_bytes);
    assert_eq!(config.semantic_cache_bytes, lockgate::Config::default().semantic_cache_bytes);
    let semantic =
        lockgate::cache::semantic::SemanticSettings { ttl_seconds: Some(3600), ..Default::default() };
    assert_eq!(config.project.semantic, semantic);
    assert_eq!(config.ledger_days, lockgate::Config::default().ledger_days);
    assert_eq!(config.request_timeout_ms, lockgate::Config::default().request_timeout_ms);
    assert_eq!(config.drain_seconds, lockgate::Config::default().drain_seconds);
    assert_eq!(config.timeouts, lockgate::Config::default().timeouts);
    assert_eq!(config.routing.breaker, lockgate::Config::default().routing.breaker);
    assert_eq!(config.routing.retries, lockgate::Config::default().routing.retries);
    assert_eq!(config.routing.backoff_ms, lockgate::Config::default().routing.backoff_ms);
    assert_eq!(config.routing.longest_wait_ms, lockgate::Config::default().routing.longest_wait_ms);
    assert_eq!(config.routing.drain_ms, lockgate::Config::default().routing.drain_ms);
}

#[test]
fn it_holds_every_setting() {
    let example: toml::Table = uncommented().parse().unwrap();
    let tables = [
        "",
        "timeouts",
        "rates",
        "routing",
        "routing.breaker",
        "project",
        "project.customer_defaults",
        "project.cache",
        "project.semantic",
        "embedder",
        "providers.local",
    ];
    for table in tables {
        let written = table
            .split('.')
            .filter(|part| !part.is_empty())
            .fold(&example, |table, part| table[part].as_table().unwrap());
        // The error for an unknown key lists the known ones.
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let error = read(&format!("{header}no_such_key = 1")).unwrap_err();
        let line = error.message().lines().next().unwrap();
        let (_, known) = line.split_once("expected ").unwrap_or_else(|| panic!("{error}"));
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(known.len() > 1, "{error}");
        for key in known {
            let others = example["providers"].as_table().unwrap();
            let elsewhere = table == "providers.local" && others.values().any(|one| one.get(key).is_some());
            assert!(written.contains_key(key) || elsewhere, "{table}: {key} is missing in the example");
        }
    }
}
