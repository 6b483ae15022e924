//! `lockgate cache eval`, and what `serve` says of the embedding model.

use serde_json::Value;

use crate::house::{House, model};

const PAIRS: &str = "label,class,a,b\n\
    same,support,How do I reset my password?,How can I reset my password?\n\
    same,support,How do I reset my password?,Please tell me the way to the station.\n\
    different,dates,Will it rain in London today?,Will it rain in London tomorrow?\n\
    different,other,Why is the sky blue?,How is cheese made?\n";

#[tokio::test(flavor = "multi_thread")]
async fn pairs_of_ones_own_are_evaluated() {
    let house = House::new().await;
    let file = house.path().join("pairs.csv");
    std::fs::write(&file, PAIRS).unwrap();
    let file = file.display().to_string();
    let output = house
        .command(&["cache", "eval", "--pairs", &file, "--threshold", "0.8", "--json"])
        .env("LOCKGATE_MODEL_DIR", model())
        .output()
        .await
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["recall"], &told["unguarded_recall"]),
        (&Value::from(0.5), &Value::from(0.5)),
        "{told}"
    );
    assert_eq!(told["false_hit_rate"], 0.0);
    assert_eq!(told["unguarded_false_hit_rate"], 0.5);
    assert_eq!(told["classes"]["dates"]["unguarded_false_hit_rate"], 1.0);
    assert_eq!(told["guards"]["dates"], 1);
    assert!((told["threshold"].as_f64().unwrap() - 0.8).abs() < 1e-6);
    assert!(told["thresholds"].as_array().unwrap().len() > 5);
    let output = house
        .command(&["cache", "eval", "--pairs", &file])
        .env("LOCKGATE_MODEL_DIR", model())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("FALSE HITS") && text.contains("THRESHOLD"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_evaluated_is_named() {
    let house = House::new().await;
    let file = house.path().join("pairs.csv");
    std::fs::write(&file, "label,a,b\nmaybe,x,y\n").unwrap();
    let file = file.display().to_string();
    for (arguments, named) in [
        (&["cache", "eval", "--pairs", "nothing.csv"][..], "nothing.csv"),
        (&["cache", "eval", "--pairs", &file], "row 1"),
        (&["cache", "eval", "--pairs", &file, "--threshold", "7"], "--threshold"),
    ] {
        let output = house.command(arguments).env("LOCKGATE_MODEL_DIR", model()).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(named), "{error}");
    }
    std::fs::write(house.path().join("pairs.csv"), PAIRS).unwrap();
    let output = house
        .command(&["cache", "eval", "--pairs", &file])
        .env("LOCKGATE_MODEL_DIR", house.path())
        .output()
        .await
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("LOCKGATE_MODEL_DIR"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_s_semantic_cache_is_set_and_shown() {
    let house = House::new().await;
    let set = [
        "project",
        "set",
        "default",
        "--semantic",
        "shadow",
        "--semantic-threshold",
        "0.95",
        "--semantic-ttl",
        "600s",
    ];
    house.text(&[&set[..], &["--semantic-guard", "numbers", "--semantic-guard", "dates"]].concat()).await;
    let told: Value =
        serde_json::from_str(&house.text(&["project", "show", "default", "--json"]).await).unwrap();
    let semantic = &told["settings"]["semantic"];
    assert_eq!((&semantic["mode"], &semantic["ttl_seconds"]), (&Value::from("shadow"), &Value::from(600)));
    assert_eq!(semantic["guards"], serde_json::json!(["numbers", "dates"]));
    let output = house.run(&["project", "set", "default", "--semantic-threshold", "0.2"]).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("threshold") && error.contains("0.2"), "{error}");
    let output = house.run(&["project", "set", "default", "--semantic-guard", "luck"]).await;
    assert!(String::from_utf8(output.stderr).unwrap().contains("luck"));
}
