//! Pulled models can be asked for: at once, without settings, and not longer than they are there.

use std::net::TcpListener;
use std::time::Duration;

use futures_util::future::join_all;
use lockgate::clock::{ManualClock, Millis};
use lockgate::types::ChatRequest;
use lockgate::{Discovered, Gateway};
use lockgate_sim::{Fault, Options, Provider, Scripted, Sim, Stall};

use crate::world::{OLLAMA, builder, gateway, get, listings, served, sim};

const NOW: Millis = Millis(1_790_000_000_000);

fn at_ollama(model: &str) -> Result<(String, String), (u16, String)> {
    Ok(("ollama".to_owned(), model.to_owned()))
}

fn unknown() -> Result<(String, String), (u16, String)> {
    Err((404, "model_not_found".to_owned()))
}

/// No list comes for the next `times` times it is asked for.
fn silence(sim: &Sim, times: u32) {
    let stall = Scripted::from(Fault::Stall(Stall::default()));
    sim.fault(OLLAMA, stall.on_path("/api/tags").times(times));
}

#[tokio::test]
async fn a_model_is_asked_for_with_or_without_its_tag() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for model in ["llama3.2", "llama3.2:latest", "Qwen3", "gpt-oss:20b"] {
        assert_eq!(served(&gateway, model).await, at_ollama(model), "word for word");
    }
    assert_eq!(
        served(&gateway, "gpt-oss:120b").await,
        Err((503, "no_candidate".to_owned())),
        "OpenAI's family"
    );
    assert_eq!(served(&gateway, "mistral").await, unknown());
    assert_eq!(served(&gateway, "ollama/gemma3").await, at_ollama("gemma3"));
    // By this name nobody else could be meant: Ollama itself is asked, and says no.
    assert_eq!(served(&gateway, "ollama/mistral").await, unknown());
}

#[tokio::test]
async fn a_model_pulled_later_is_found_at_once_and_a_removed_one_lost() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    assert_eq!(served(&gateway, "mistral").await, unknown());
    sim.pull(OLLAMA, ["mistral"]);
    assert_eq!(served(&gateway, "mistral").await, at_ollama("mistral"));
    sim.pull(OLLAMA, ["phi4"]);
    // Whether or not the list is known to be old, the name is nobody's any more.
    assert_eq!(served(&gateway, "mistral").await.unwrap_err().0, 404);
    assert_eq!(served(&gateway, "phi4").await, at_ollama("phi4"));
    assert_eq!(served(&gateway, "mistral").await, unknown());
}

#[tokio::test]
async fn ollama_may_start_after_the_gateway_and_pause() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Gateway::builder()
        .environment(lockgate::config::Environment::empty())
        .set("providers.ollama.base_url", format!("http://{address}/ollama"))
        .set("routing.retries", 0)
        .build()
        .await
        .unwrap();
    assert_eq!(served(&gateway, "llama3.2").await, unknown());
    let told = |models: Result<usize, &str>| Discovered {
        provider: "ollama".to_owned(),
        address: format!("http://{address}/ollama"),
        models: models.map_err(str::to_owned),
    };
    assert_eq!(gateway.discover().await, [told(Err("connect"))]);

    let sim = Sim::start(Options { listen: address, ..Options::default() }).await.unwrap();
    assert_eq!(served(&gateway, "llama3.2").await, at_ollama("llama3.2"));
    assert_eq!(gateway.discover().await, [told(Ok(5))]);
    sim.shutdown().await;
    // What it had is not forgotten: the caller hears that it is away, not that the model never was.
    let uncached = || ChatRequest::new("llama3.2").user("Something new");
    assert_eq!(gateway.chat(uncached()).await.unwrap_err().code(), "provider_error");
    assert!(gateway.models().data.iter().any(|model| model.id == "llama3.2:latest"));
    let _sim = Sim::start(Options { listen: address, ..Options::default() }).await.unwrap();
    assert!(gateway.chat(uncached()).await.is_ok());
}

#[tokio::test]
async fn the_list_is_read_again_while_requests_arrive() {
    let sim = sim().await;
    let clock = ManualClock::at(NOW);
    let gateway = builder(&sim).clock(clock.clone()).build().await.unwrap();
    assert_eq!(listings(&sim.requests()), 0, "nobody has asked for anything");
    for _ in 0..3 {
        assert_eq!(served(&gateway, "llama3.2").await, at_ollama("llama3.2"));
    }
    assert_eq!(listings(&sim.settled().await), 1);
    sim.pull(OLLAMA, ["llama3.2", "mistral"]);
    clock.advance(Duration::from_secs(29));
    served(&gateway, "llama3.2").await.unwrap();
    assert_eq!(listings(&sim.settled().await), 1);
    clock.advance(Duration::from_secs(1));
    served(&gateway, "llama3.2").await.unwrap();
    sim.wait_until(|requests| listings(requests) == 2).await;
    sim.settled().await;
    while !gateway.models().data.iter().any(|model| model.id == "mistral:latest") {
        tokio::task::yield_now().await;
    }
    assert_eq!(listings(&sim.requests()), 2);
}

#[tokio::test]
async fn only_a_name_that_nobody_knows_waits() {
    let sim = sim().await;
    // Whoever waited would wait a minute, and `served` gives up before.
    let gateway = builder(&sim)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .set("providers.ollama.models", vec!["named"])
        .set("timeouts.discovery_ms", 60_000)
        .build()
        .await
        .unwrap();
    sim.pull(OLLAMA, ["named", "llama3.2"]);
    silence(&sim, 100);
    assert_eq!(served(&gateway, "gpt-4o").await.unwrap().0, "openai");
    assert_eq!(served(&gateway, "ollama/llama3.2").await, at_ollama("llama3.2"));
    assert_eq!(served(&gateway, "named").await, at_ollama("named"));
}

#[tokio::test]
async fn many_who_wait_ask_once_and_not_for_ever() {
    let sim = sim().await;
    let clock = ManualClock::at(NOW);
    let gateway = builder(&sim).clock(clock.clone()).set("timeouts.discovery_ms", 150).build().await.unwrap();
    silence(&sim, 1);
    let names: Vec<String> = (0..8).map(|number| format!("unknown-{number}")).collect();
    let answers = join_all(names.iter().map(|name| served(&gateway, name))).await;
    assert!(answers.iter().all(|answer| *answer == unknown()), "{answers:?}");
    assert_eq!(listings(&sim.requests()), 1, "one list for all of them");
    assert_eq!(gateway.discover().await[0].models, Err("timeout".to_owned()));
    // It is late: for a while nobody waits for it.
    assert_eq!(served(&gateway, "llama3.2").await, unknown());
    assert_eq!(listings(&sim.requests()), 1);
    clock.advance(Duration::from_secs(10));
    assert_eq!(served(&gateway, "llama3.2").await, at_ollama("llama3.2"));
    assert_eq!(listings(&sim.requests()), 2);
}

#[tokio::test]
async fn tables_come_before_tags_and_tags_before_pins_and_families() {
    let sim = sim().await;
    let gateway = builder(&sim)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .build()
        .await
        .unwrap();
    sim.pull(OLLAMA, ["gpt-4o", "gpt-4o-2031-01-31", "gpt-oss:20b", "gpt-next"]);
    let provider = async |model: &str| served(&gateway, model).await.unwrap().0;
    assert_eq!(provider("gpt-4o").await, "openai", "a name in the table");
    assert_eq!(provider("gpt-4o:latest").await, "ollama", "no name in the table");
    assert_eq!(provider("gpt-4o-2031-01-31").await, "ollama", "a tag before a dated pin");
    assert_eq!(provider("gpt-4o-2032-01-31").await, "openai", "a dated pin");
    assert_eq!(provider("gpt-oss:20b").await, "ollama", "a tag before a family");
    assert_eq!(provider("gpt-next").await, "ollama", "a tag before a family");
    assert_eq!(provider("gpt-after").await, "openai", "a family");
    let (status, list) = get(&gateway, "/v1/models").await;
    let owner = |id: &str| {
        let models = list["data"].as_array().unwrap();
        models.iter().find(|model| model["id"] == id).map(|model| model["owned_by"].clone())
    };
    assert_eq!(
        (status, owner("gpt-4o"), owner("gpt-4o:latest")),
        (200, Some("openai".into()), Some("ollama".into()))
    );

    // Without OpenAI, its names are as free as any.
    let alone = crate::world::gateway(&sim).await;
    assert_eq!(served(&alone, "gpt-4o").await, at_ollama("gpt-4o"));
}

#[tokio::test]
async fn pulled_models_are_listed() {
    let sim = sim().await;
    let gateway = builder(&sim).set("providers.ollama.models", vec!["llama3.2"]).build().await.unwrap();
    assert!(gateway.models().data.iter().all(|model| model.id == "llama3.2"), "nobody has asked yet");
    let (status, list) = get(&gateway, "/v1/models").await;
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(
        (status, ids),
        (200, vec!["all-minilm:latest", "gemma3:latest", "gpt-oss:20b", "llama3.2", "qwen3:latest"])
    );
    assert!(list["data"][0]["created"].as_i64().unwrap() > 1_700_000_000);
    for name in ["qwen3", "qwen3:latest"] {
        let (status, model) = get(&gateway, &format!("/v1/models/{name}")).await;
        assert_eq!((status, &model["id"]), (200, &"qwen3:latest".into()));
    }
    sim.pull(OLLAMA, ["mistral"]);
    assert_eq!(get(&gateway, "/v1/models/mistral:latest").await.0, 200);
    assert_eq!(get(&gateway, "/v1/models/nothing").await.0, 404);
}

#[tokio::test]
async fn a_cheaper_model_may_be_one_that_is_pulled() {
    let sim = sim().await;
    let gateway = builder(&sim)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .set("project.monthly_cap", "0.000001")
        .set("project.downgrade_on_cap", true)
        .set("project.downgrade.gpt-4o", "llama3.2")
        .build()
        .await
        .unwrap();
    assert_eq!(served(&gateway, "gpt-4o").await, at_ollama("llama3.2"));
}

#[tokio::test]
async fn a_model_that_is_pulled_may_stand_in_and_a_missing_one_delays_nobody() {
    let sim = sim().await;
    let gateway = builder(&sim)
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .set("routing.chains.gpt-4o", vec!["llama3.2", "never-pulled"])
        .build()
        .await
        .unwrap();
    sim.fault(Provider::OpenAi, Fault::status(500));
    assert_eq!(served(&gateway, "gpt-4o").await, at_ollama("llama3.2"), "found for the very first request");
    for _ in 0..3 {
        assert_eq!(served(&gateway, "gpt-4o").await.unwrap().0, "openai");
    }
    assert_eq!(listings(&sim.settled().await), 1);
}

#[tokio::test]
async fn modes_choose_between_local_and_cloud() {
    let sim = sim().await;
    let mode = async |mode: &str| {
        let gateway = builder(&sim).set("failover_mode", mode).build().await.unwrap();
        served(&gateway, "llama3.2").await
    };
    assert_eq!(mode("local_only").await, at_ollama("llama3.2"));
    assert_eq!(mode("cloud_only").await, Err((503, "no_candidate".to_owned())));
}
