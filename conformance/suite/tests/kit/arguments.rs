//! What cannot be graded is said on standard error, with code 2.

use crate::program::{KEY, conformance, graded, simulator};

#[tokio::test]
async fn wrong_arguments_are_named() {
    let sim = simulator().await;
    let url = sim.openai_base_url();
    let at = |more: &[&'static str]| -> Vec<String> {
        let base = ["run", "--base-url", &url, "--api-key", KEY];
        base.iter().copied().chain(more.iter().copied()).map(str::to_owned).collect()
    };
    let plain = |arguments: &[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let cases: Vec<(Vec<String>, &str)> = vec![
        (plain(&[]), "Usage"),
        (plain(&["run"]), "--base-url"),
        (plain(&["grade"]), "grade"),
        (at(&["--self"]), "--self"),
        (at(&["--parallel", "0"]), "--parallel"),
        (at(&["--timeout-seconds", "soon"]), "--timeout-seconds"),
        (at(&["--case", "no_such_case"]), "no_such_case"),
        (at(&["--model", "gpt-does-not-exist"]), "gpt-does-not-exist cannot be graded: 404"),
        (plain(&["run", "--base-url", "ftp://127.0.0.1/v1"]), "http://"),
        (plain(&["run", "--base-url", "nowhere"]), "nowhere"),
        (plain(&["run", "--base-url", "http://me:secret@127.0.0.1/v1"]), "no user"),
        (plain(&["run", "--base-url", "http://127.0.0.1/v1?key=1"]), "no query"),
        (plain(&["run", "--base-url", "http://127.0.0.1:9/v1", "--model", "gpt-4o"]), "not answered"),
        (plain(&["run", "--base-url", &url, "--api-key", "sk-bad-one"]), "401"),
        (plain(&["run", "--self", "--lockgate", "/no/such/program"]), "/no/such/program"),
    ];
    for (arguments, says) in cases {
        let borrowed: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = conformance(&borrowed).await;
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
        assert!(ended.error.contains(says), "{arguments:?}: {says}: {ended:?}");
        assert!(ended.out.is_empty(), "{ended:?}");
        assert!(!ended.error.contains("secret"), "{ended:?}");
    }
}

#[tokio::test]
async fn the_list_names_every_case_that_runs() {
    let listed = conformance(&["list", "--json"]).await;
    assert_eq!(listed.code, 0);
    let names: Vec<String> =
        listed.cases().iter().map(|case| case["name"].as_str().unwrap().to_owned()).collect();
    assert!(names.len() > 80, "{}", names.len());
    let table = conformance(&["list"]).await;
    assert!(names.iter().all(|name| table.out.contains(name.as_str())));
    let sim = simulator().await;
    let run = graded(&sim, &["--model", "gpt-4o", "--model", "text-embedding-3-small"]).await;
    let ran: Vec<String> = run.cases().iter().map(|case| case["name"].as_str().unwrap().to_owned()).collect();
    assert!(names.iter().all(|name| ran.iter().any(|ran| ran.starts_with(name.as_str()))));
}
