//! Administration through the command line.

use serde_json::{Value, json};

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_made_shown_and_changed() {
    let house = House::new().await;
    let made = house.json(&["project", "create", "search", "--monthly-cap", "19.99", "--cache", "off"]).await;
    assert_eq!(made["settings"]["monthly_cap"], "19.99");
    assert_eq!(made["settings"]["cache"]["enabled"], false);
    let flags = [
        "--require-customer",
        "true",
        "--downgrade",
        "gpt-4.1=gpt-4.1-nano",
        "--downgrade-on-cap",
        "true",
        "--default-output-tokens",
        "100",
        "--cap-mode",
        "strict",
        "--cache-ttl",
        "2h",
        "--customer-daily-cap",
        "0",
        "--customer-monthly-cap",
        "5",
        "--customer-per-request-cap",
        "0.01",
        "--customer-on-limit",
        "downgrade",
        "--model",
        "gpt-4.1",
        "--model",
        "gpt-4.1-nano",
    ];
    house.json(&[&["project", "set", "search"], &flags[..]].concat()).await;
    let settings = house.json(&["project", "show", "search"]).await["settings"].take();
    let expected = json!({
        "monthly_cap": "19.99",
        "require_customer": true,
        "customer_defaults": {"daily_cap": "0", "monthly_cap": "5", "per_request_cap": "0.01", "on_limit": "downgrade"},
        "downgrade": {"gpt-4.1": "gpt-4.1-nano"},
        "downgrade_on_cap": true,
        "default_output_tokens": 100,
        "cap_mode": "strict",
        "cache": {"enabled": false, "ttl_seconds": 7200, "share_calls": false},
        "on_store_loss": "closed",
        "models": ["gpt-4.1", "gpt-4.1-nano"],
    });
    assert_eq!(settings, expected);

    let removed = ["--monthly-cap", "none", "--model", "none", "--downgrade", "gpt-4.1=none"];
    let settings =
        house.json(&[&["project", "set", "search"], &removed[..]].concat()).await["settings"].take();
    assert_eq!((&settings["monthly_cap"], &settings["models"]), (&Value::Null, &Value::Null));
    assert_eq!(settings["downgrade"], json!({}));
    let names = house.json(&["project", "list"]).await;
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "search"]);
    assert!(house.text(&["project", "list"]).await.contains("search"));
    assert!(house.text(&["project", "show", "search"]).await.contains("strict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_rotated_and_revoked() {
    let house = House::new().await;
    let flags = [
        "--name",
        "app",
        "--requests-per-minute",
        "60",
        "--tokens-per-minute",
        "1000",
        "--concurrency",
        "0",
        "--monthly-cap",
        "2.5",
        "--model",
        "gpt-4.1",
        "--customer",
        "acme",
        "--expires-in",
        "30d",
    ];
    let (key, id) = house.key(&flags).await;
    assert!(key.starts_with("lg_") && key.len() > 40, "{key}");
    let listed = house.json(&["key", "list"]).await;
    let record = &listed[0];
    assert_eq!(
        record["rates"],
        json!({"requests_per_minute": 60, "tokens_per_minute": 1000, "concurrency": 0})
    );
    assert_eq!((&record["monthly_cap"], &record["models"]), (&json!("2.5"), &json!(["gpt-4.1"])));
    assert_eq!((&record["customer"], &record["name"]), (&json!("acme"), &json!("app")));
    assert!(!listed.to_string().contains(&key), "a listing holds the key");
    let lives = record["expires_at"].as_i64().unwrap() - record["created_at"].as_i64().unwrap();
    assert_eq!(lives, 30 * 86_400_000);

    let rotated = house.json(&["key", "rotate", &id, "--overlap", "1h"]).await;
    assert_eq!(rotated["rotated_from"], id.as_str());
    assert_eq!(rotated["rates"], record["rates"]);
    let listed = house.json(&["key", "list"]).await;
    let old = listed.as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap();
    assert!(old["expires_at"].as_i64().unwrap() <= rotated["created_at"].as_i64().unwrap() + 3_600_000);
    assert!(house.json(&["key", "revoke", &id]).await["revoked_at"].is_i64());
    assert!(house.text(&["key", "list"]).await.contains("revoked"));
    let (code, error) = house.failure(&["key", "rotate", &id]).await;
    assert!(code == 2 && error.contains(&id), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_set_listed_and_forgotten() {
    let house = House::new().await;
    house.text(&["project", "set", "default", "--customer-monthly-cap", "9"]).await;
    let flags = ["--daily-cap", "1", "--per-request-cap", "0", "--on-limit", "downgrade"];
    let set = house.json(&[&["customer", "set", "x:y z"], &flags[..]].concat()).await;
    // A new customer starts from the project's defaults: setting one cap must not lift another.
    let expected =
        json!({"daily_cap": "1", "monthly_cap": "9", "per_request_cap": "0", "on_limit": "downgrade"});
    assert_eq!(set["limits"], expected);
    house.text(&["customer", "set", "x:y z", "--per-request-cap", "none"]).await;
    let listed = house.json(&["customer", "list"]).await;
    let expected = json!({"daily_cap": "1", "monthly_cap": "9", "on_limit": "downgrade"});
    assert_eq!((listed[0]["id"].as_str(), &listed[0]["limits"]), (Some("x:y z"), &expected));
    assert_eq!(house.json(&["customer", "forget", "x:y z"]).await["known"], true);
    assert_eq!(house.json(&["customer", "forget", "x:y z"]).await["known"], false);
    assert_eq!(house.json(&["customer", "list"]).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_check_and_models_report() {
    let house = House::new().await;
    let checked = house.json(&["check"]).await;
    assert_eq!((&checked["ok"], &checked["schema"]), (&json!(true), &Value::Null));
    assert!(!house.path().join("lockgate.db").exists(), "check made the store");
    let migrated = house.json(&["migrate"]).await;
    assert_eq!(house.json(&["check"]).await["schema"], migrated["schema"]);
    assert!(house.text(&["check"]).await.contains("openai"));
    let models = house.json(&["models"]).await;
    assert!(models["data"].as_array().unwrap().iter().any(|model| model["id"] == "gpt-4.1"), "{models}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_flags_name_the_flag_the_value_and_what_is_allowed() {
    let house = House::new().await;
    let table: &[(&[&str], &[&str])] = &[
        (&["key", "create", "--monthly-cap", "ten"], &["--monthly-cap", "ten", "decimal"]),
        (&["key", "create", "--monthly-cap", "9000000.01"], &["--monthly-cap", "9000000.01", "9000000"]),
        (&["key", "create", "--requests-per-minute", "-1"], &["-1"]),
        (&["key", "create", "--expires-in", "30"], &["--expires-in", "30", "30d"]),
        (&["key", "create", "--customer", ""], &["--customer", "128 bytes"]),
        (&["key", "revoke", "nope"], &["nope", "26 characters"]),
        (&["project", "create", "Not A Name"], &["name", "Not A Name", "a-z"]),
        (&["project", "set", "default", "--downgrade", "gpt-4.1"], &["--downgrade", "gpt-4.1", "="]),
        (&["project", "set", "default", "--downgrade", "a=a"], &["downgrade", "another model"]),
        (&["project", "set", "default", "--cache", "maybe"], &["--cache", "maybe", "on or off"]),
        (&["project", "set", "default", "--cap-mode", "soft"], &["--cap-mode", "soft", "estimate, strict"]),
        (&["project", "set", "default", "--default-output-tokens", "0"], &["--default-output-tokens", "0"]),
        (&["project", "set", "default", "--model", "none", "--model", "x"], &["--model", "none"]),
        (&["customer", "set", "bob", "--on-limit", "cry"], &["--on-limit", "cry", "block, downgrade"]),
        (&["usage", "--by", "mood"], &["--by", "mood", "customer"]),
        (&["usage", "--from", "yesterday"], &["--from", "yesterday", "UTC day"]),
        (&["usage", "--from", "2026-02-01", "--to", "2026-01-01"], &["--to", "after --from"]),
        (&["--store", "memory", "key", "list"], &["store", "memory", "sqlite://PATH"]),
        (&["--store", "mysql://x", "check"], &["store", "mysql://x", "sqlite://PATH"]),
        (&["--store", "sqlite://no/such/folder.db", "check"], &["store", "no/such", "make it first"]),
        (&["serve", "--listen", "everywhere"], &["listen", "everywhere", "127.0.0.1:4100"]),
        (&["serve", "--log", "loud"], &["--log", "loud", "pretty, json"]),
        (&["demo", "--listen", "here"], &["--listen", "here", "127.0.0.1:0"]),
    ];
    for (arguments, parts) in table {
        let (code, error) = house.failure(arguments).await;
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        for part in *parts {
            assert!(error.contains(part), "{arguments:?}: {part:?} is not in {error}");
        }
        assert!(!error.contains("panicked"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_exit_code_1() {
    let house = House::new().await;
    let nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for arguments in [
        &["project", "show", "nobody"][..],
        &["key", "list", "--project", "nobody"],
        &["key", "revoke", nobody],
        &["usage", "--project", "nobody"],
    ] {
        let (code, error) = house.failure(arguments).await;
        assert_eq!(code, 1, "{arguments:?}: {error}");
        assert!(error.contains(arguments.last().unwrap()), "{error}");
    }
}
