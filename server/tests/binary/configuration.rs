//! Wrong settings, and which of two settings wins.

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_names_the_key_the_value_and_what_is_allowed() {
    let house = House::new().await;
    let table: &[(&str, &[&str])] = &[
        ("store = \"redis://x\"", &["store", "redis://x", "sqlite://PATH"]),
        ("store = 5", &["store", "5", "string"]),
        ("stoer = \"memory\"", &["stoer", "store"]),
        ("store = \"memory\"\nshared = true", &["shared", "true", "sqlite://PATH"]),
        ("auth = \"perhaps\"", &["auth", "perhaps", "required"]),
        ("listen = \"localhost\"", &["listen", "localhost", "127.0.0.1:4100"]),
        ("max_body_bytes = 0", &["max_body_bytes", "0", "at least 1"]),
        ("max_body_bytes = -5", &["max_body_bytes", "-5"]),
        ("request_timeout_ms = 0", &["request_timeout_ms", "0", "at least 1"]),
        ("drain_seconds = 90000", &["drain_seconds", "90000", "86400"]),
        ("failover_mode = \"sideways\"", &["failover_mode", "sideways", "cloud_first"]),
        ("log = \"loud\"", &["log", "loud", "pretty"]),
        ("[timeouts]\nidle_ms = 0", &["timeouts.idle_ms", "0", "at least 1"]),
        ("[project]\nmonthly_cap = \"much\"", &["project.monthly_cap", "much", "decimal"]),
        ("[project]\nmonthly_cap = \"9000001\"", &["project.monthly_cap", "9000001", "9000000"]),
        ("[project]\nmonthly_cap = -1", &["project.monthly_cap", "-1"]),
        ("[project.cache]\nttl_seconds = 0", &["project.cache.ttl_seconds", "0", "at least 1"]),
        ("[project.downgrade]\na = \"a\"", &["project.downgrade", "another model"]),
        ("[providers.mine]\nbase_url = \"http://x/v1\"", &["providers.mine.kind", "absent", "openai"]),
        ("[providers.mine]\nkind = \"openai\"", &["providers.mine.base_url", "absent"]),
        ("[providers.mine]\nkind = \"telepathy\"", &["providers.mine.kind", "telepathy", "openai"]),
        ("[providers.openai]\napi_key_env = \"NOT_THERE\"", &["providers.openai.api_key_env", "NOT_THERE"]),
        ("[providers.\"a b\"]\nkind = \"openai\"", &["providers", "a b", "letters"]),
        ("[[prices]]\nmodel = \"x\"", &["prices", "provider"]),
        ("= 1", &["lockgate.toml", "TOML"]),
    ];
    for (text, parts) in table {
        house.write("lockgate.toml", text);
        // The environment would win over the provider's settings in the file.
        let mut command = house.command(&["serve"]);
        let output =
            command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL").output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{text:?}: {error}");
        for part in *parts {
            assert!(error.contains(part), "{text:?}: {part:?} is not in {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flag_over_environment_over_file_over_default() {
    let house = House::new().await;
    let store = async |environment: Option<&str>, flags: &[&str]| {
        let mut command = house.command(&[&["check", "--json"], flags].concat());
        if let Some(value) = environment {
            command.env("LOCKGATE_STORE", value);
        }
        let output = command.output().await.unwrap();
        let checked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        checked["store"].as_str().unwrap().to_owned()
    };
    assert_eq!(store(None, &[]).await, "sqlite://lockgate.db");
    house.write("lockgate.toml", "store = \"sqlite://file.db\"");
    assert_eq!(store(None, &[]).await, "sqlite://file.db");
    house.write("other.toml", "store = \"sqlite://other.db\"");
    assert_eq!(store(None, &["--config", "other.toml"]).await, "sqlite://other.db");
    assert_eq!(store(Some("sqlite://environment.db"), &[]).await, "sqlite://environment.db");
    assert_eq!(
        store(Some("sqlite://environment.db"), &["--store", "sqlite://flag.db"]).await,
        "sqlite://flag.db"
    );
    let (code, error) = house.failure(&["check", "--config", "absent.toml"]).await;
    assert!(code == 2 && error.contains("absent.toml"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_never_shows_a_secret() {
    let house = House::new().await;
    house.write("lockgate.toml", "[providers.openai]\napi_key = [\"sk-very-secret\"]");
    let mut command = house.command(&["check"]);
    let output = command.env_remove("OPENAI_API_KEY").output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("providers.openai.api_key"), "{error}");
    assert!(!error.contains("sk-very-secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_says_what_was_found_and_what_was_not() {
    let house = House::new().await;
    house.write("lockgate.toml", "auth = \"optional\"\nlisten = \"0.0.0.0:0\"");
    let mut command = house.command(&["check", "--json"]);
    let output = command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL").output().await.unwrap();
    let checked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let missing = checked["missing"].to_string();
    assert!(missing.contains("\"OPENAI_API_KEY\"") && missing.contains("\"OLLAMA_HOST\""), "{missing}");
    let also = checked["also"].as_array().unwrap();
    assert!(also.contains(&"GROQ_API_KEY".into()) && also.contains(&"VLLM_BASE_URL".into()), "{also:?}");
    let warnings = checked["warnings"].to_string();
    assert!(warnings.contains("0.0.0.0:0") && warnings.contains("no provider"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_or_an_address_in_the_environment_adds_a_provider() {
    let house = House::new().await;
    let mut command = house.command(&["check", "--json"]);
    command.env("GROQ_API_KEY", "gsk-secret").env("VLLM_BASE_URL", "http://127.0.0.1:9/v1");
    // A key without an address leads nowhere, and stops no start.
    let output = command.env("AZURE_OPENAI_API_KEY", "k").output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let checked: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(checked["providers"], serde_json::json!(["groq", "openai", "vllm"]));
    let also = checked["also"].as_array().unwrap();
    assert!(
        !also.contains(&"GROQ_API_KEY".into()) && also.contains(&"AZURE_OPENAI_ENDPOINT".into()),
        "{also:?}"
    );
    assert!(!text.contains("gsk-secret"), "{text}");

    let mut command = house.command(&["models"]);
    let output = command.env("GROQ_API_KEY", "k").output().await.unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let line = listed.lines().find(|line| line.starts_with("llama-3.3-70b-versatile")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells, ["llama-3.3-70b-versatile", "groq", "131072", "0.59", "0.79"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ollama_is_found_with_what_it_has_or_said_to_be_away() {
    let house = House::new().await;
    let address = house.sim.base_url(lockgate_sim::Provider::Ollama);
    let run = async |arguments: &[&str], host: &str| {
        let output = house.command(arguments).env("OLLAMA_HOST", host).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let checked = json(run(&["check", "--json"], &address).await);
    let local = serde_json::json!([{"provider": "ollama", "address": address, "models": 5}]);
    assert_eq!(checked["local"], local);
    assert!(!checked["missing"].to_string().contains("OLLAMA_HOST"), "{checked}");
    let text = run(&["check"], &address).await;
    assert!(text.contains(&format!("local      ollama at {address}, 5 models\n")), "{text}");
    let models = run(&["models"], &address).await;
    assert!(models.contains("llama3.2:latest"), "{models}");

    // Nobody listens on port 1.
    let checked = json(run(&["check", "--json"], "127.0.0.1:1").await);
    assert_eq!(checked["local"][0]["models"], serde_json::Value::Null);
    let warnings = checked["warnings"].to_string();
    assert!(warnings.contains("http://127.0.0.1:1") && warnings.contains("connect"), "{warnings}");

    house.write("lockgate.toml", &format!("[providers.ollama]\nbase_url = \"{address}\""));
    let server = house.serve(&[]).await;
    assert_eq!(server.said["local"], local);
}
