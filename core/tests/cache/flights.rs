//! Where callers come and go while a request is on its way to the provider.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::join_all;
use lockgate::auth::{CustomerLimits, NewKey, OnLimit, ProjectSettings};
use lockgate::clock::{Clock, Millis, SystemClock};
use lockgate::config::Environment;
use lockgate::ids::CustomerId;
use lockgate::limits::Rates;
use lockgate::money::Nano;
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Gateway};
use lockgate_sim::{Fault, Options, Provider, Sim};
use parking_lot::Mutex;
use tokio::task;

use crate::house::{House, SOON, Store, begin, verdict};

fn question() -> ChatRequest {
    ChatRequest::new("gpt-4o").user("Who is there?")
}

fn with_key(key: &str) -> CallOptions {
    CallOptions { key: Some(key.to_owned()), ..CallOptions::default() }
}

#[tokio::test]
async fn a_follower_who_leaves_before_the_call_begins_does_not_end_it() {
    // The leader waits for the warm tier, or for its admission.
    for store in [Store::Sqlite, Store::Shared] {
        let house = House::new(store).await;
        house.gateway.chat(ChatRequest::new("gpt-4o").user("Who is known?")).await.unwrap();
        for round in 0..20 {
            let ask = || ChatRequest::new("gpt-4o").user(format!("Round {round}"));
            let mut leader = Box::pin(house.gateway.chat(ask()));
            begin(&mut leader);
            let mut follower = Box::pin(house.gateway.chat(ask()));
            begin(&mut follower);
            drop(follower);
            assert_eq!(verdict(&leader.await.unwrap()), "miss", "{store:?}");
        }
        house.balanced().await;
    }
}

#[tokio::test]
async fn a_follower_refused_by_its_own_rate_gets_429_and_harms_nobody() {
    for store in [Store::Memory, Store::Sqlite, Store::Shared] {
        let house = House::new(store).await;
        let rates = Rates { requests_per_minute: Some(1), ..Rates::default() };
        let (slow, _) = house.key("default", NewKey { rates, ..NewKey::default() }).await;
        house.gateway.chat_with(ChatRequest::new("gpt-4o").user("before"), with_key(&slow)).await.unwrap();
        house.sim.fault(Provider::OpenAi, Fault::slow_headers(100));
        let mut leader = Box::pin(house.gateway.chat(question()));
        begin(&mut leader);
        let follower = house.gateway.chat_with(question(), with_key(&slow));
        let (led, refused) = tokio::join!(leader, follower);
        assert_eq!(verdict(&led.unwrap()), "miss");
        let refused = refused.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (429, "rate_limit_exceeded"), "{store:?}");
        let total = house.balanced().await;
        assert_eq!((total.requests, house.sim.requests().len()), (2, 2), "{store:?}");
    }
}

#[tokio::test]
async fn a_follower_pays_the_request_rate_and_nothing_else() {
    for store in [Store::Memory, Store::Sqlite, Store::Shared] {
        let house = House::new(store).await;
        let rates = Rates { requests_per_minute: Some(2), tokens_per_minute: Some(1), concurrency: Some(0) };
        let poor = NewKey { rates, monthly_cap: Some(Nano::ZERO), ..NewKey::default() };
        let (poor, id) = house.key("default", poor).await;
        house.sim.fault(Provider::OpenAi, Fault::slow_headers(400));
        let leader = house.gateway.chat(question());
        let follower = async {
            house.asked(1).await;
            house.gateway.chat_with(question(), with_key(&poor)).await
        };
        let (led, followed) = tokio::join!(leader, follower);
        let (led, followed) = (led.unwrap(), followed.unwrap());
        assert_eq!((verdict(&led), verdict(&followed)), ("miss", "coalesced"), "{store:?}");
        assert_eq!(led.text(), followed.text());
        let (led, followed) = (led.lockgate.unwrap(), followed.lockgate.unwrap());
        assert_eq!(followed.cost_nano_usd, Some(0));
        assert_eq!(followed.saved_usd.map(|saved| saved.nano), led.cost_nano_usd);
        // One is left of two a minute: a hit, and no more.
        let hit = house.gateway.chat_with(question(), with_key(&poor)).await.unwrap();
        assert_eq!(verdict(&hit), "exact");
        let third = house.gateway.chat_with(question(), with_key(&poor)).await.unwrap_err();
        assert_eq!(third.code(), "rate_limit_exceeded");
        let total = house.balanced().await;
        assert_eq!((total.requests, total.cache_hits), (3, 2));
        if store != Store::Memory {
            let rows = house.rows().await;
            let costs = rows.iter().filter(|row| row.key == Some(id)).map(|row| row.cost.unwrap().nano());
            assert_eq!(costs.collect::<Vec<_>>(), [0, 0]);
        }
    }
}

#[tokio::test]
async fn projects_never_join() {
    let house = House::new(Store::Memory).await;
    house.new_project("other", ProjectSettings::default()).await;
    let (own, _) = house.key("default", NewKey::default()).await;
    let (foreign, _) = house.key("other", NewKey::default()).await;
    house.sim.faults(Provider::OpenAi, [Fault::slow_headers(50), Fault::slow_headers(50)]);
    let keys = [&own, &foreign, &own, &foreign];
    let asked = join_all(keys.map(|key| house.gateway.chat_with(question(), with_key(key)))).await;
    let verdicts: Vec<String> =
        asked.into_iter().map(|answer| verdict(&answer.unwrap()).to_owned()).collect();
    assert_eq!(verdicts, ["miss", "miss", "coalesced", "coalesced"]);
    assert_eq!(house.sim.requests().len(), 2);
    house.balanced().await;
}

#[tokio::test]
async fn a_cheaper_models_answer_is_not_given_to_who_asked_for_the_real_one() {
    for store in [Store::Memory, Store::Sqlite, Store::Shared] {
        let house = House::new(store).await;
        let limits = CustomerLimits {
            per_request_cap: Some(Nano::from_nano(5_000_000)),
            on_limit: OnLimit::Downgrade,
            ..CustomerLimits::default()
        };
        let downgrade = [("gpt-4o".to_owned(), "gpt-4.1-nano".to_owned())].into();
        let settings = ProjectSettings { downgrade, ..ProjectSettings::default() };
        house.gateway.admin().set_project("default", |project| *project = settings.clone()).await.unwrap();
        let poor = CustomerId::new("poor").unwrap();
        house.gateway.admin().set_customer("default", &poor, limits).await.unwrap();
        // Who calls is known from here on, so that the first who asks leads.
        let options = CallOptions { customer: Some("poor".to_owned()), ..CallOptions::default() };
        let before = ChatRequest::new("gpt-4.1-nano").user("before");
        house.gateway.chat_with(before.clone(), options.clone()).await.unwrap();
        house.gateway.chat(before).await.unwrap();
        house.sim.reset();
        house.sim.faults(Provider::OpenAi, [Fault::slow_headers(100), Fault::slow_headers(100)]);
        let cheap = house.gateway.chat_with(question(), options);
        let asked = tokio::join!(cheap, house.gateway.chat(question()), house.gateway.chat(question()));
        let (cheap, first, second) = (asked.0.unwrap(), asked.1.unwrap(), asked.2.unwrap());
        let model = |answer: &lockgate::types::ChatResponse| answer.lockgate.clone().unwrap().model.unwrap();
        assert_eq!(model(&cheap), "gpt-4.1-nano", "{store:?}");
        assert_eq!(cheap.lockgate.unwrap().downgraded_from.as_deref(), Some("gpt-4o"));
        assert_eq!((model(&first), model(&second)), ("gpt-4o".to_owned(), "gpt-4o".to_owned()), "{store:?}");
        let mut models: Vec<_> =
            house.sim.requests().iter().map(|asked| asked.model().unwrap().to_owned()).collect();
        models.sort();
        assert_eq!(models, ["gpt-4.1-nano", "gpt-4o"], "{store:?}");
        house.balanced().await;
    }
}

/// A clock that panics, once, where the first new task of the gateway's own reads it: in the leader's call.
#[derive(Default)]
struct TrappedClock {
    /// Tasks of the gateway's own that read it before the trap was set.
    known: Mutex<HashSet<task::Id>>,
    /// Set once the callers are known.
    trap: OnceLock<Trap>,
}

struct Trap {
    armed: AtomicBool,
    callers: HashSet<task::Id>,
}

impl Clock for TrappedClock {
    fn now(&self) -> Millis {
        let sprung = task::try_id().is_some_and(|task| match self.trap.get() {
            None => {
                self.known.lock().insert(task);
                false
            }
            Some(trap) => {
                let fresh = !trap.callers.contains(&task) && !self.known.lock().contains(&task);
                fresh && trap.armed.swap(false, Ordering::SeqCst)
            }
        });
        assert!(!sprung, "the trap sprang");
        SystemClock.now()
    }
}

#[tokio::test]
async fn a_panic_in_the_leaders_call_is_not_the_followers() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let clock = Arc::new(TrappedClock::default());
    let gateway = Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    gateway.chat(ChatRequest::new("gpt-4o").user("before")).await.unwrap();
    // The call that has just been, and the sweep of what is old at the start.
    let known = async {
        while clock.known.lock().len() < 2 {
            task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, known).await.unwrap();
    let (go, wait) = tokio::sync::watch::channel(false);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (gateway, mut wait) = (gateway.clone(), wait.clone());
            tokio::spawn(async move {
                wait.wait_for(|go| *go).await.unwrap();
                gateway.chat(question()).await
            })
        })
        .collect();
    let callers = tasks.iter().map(tokio::task::JoinHandle::id).collect();
    assert!(clock.trap.set(Trap { armed: AtomicBool::new(true), callers }).is_ok());
    go.send_replace(true);
    let asked = tokio::time::timeout(SOON, join_all(tasks)).await.unwrap();
    let answers: Vec<_> = asked.into_iter().map(Result::unwrap).collect();
    assert!(!clock.trap.get().unwrap().armed.load(Ordering::SeqCst), "the trap never sprang");
    let failed: Vec<u16> =
        answers.iter().filter_map(|a| a.as_ref().err()).map(lockgate::Error::status).collect();
    assert_eq!(failed, [500], "the leader alone fails");
    let missed = answers.iter().flatten().filter(|answer| verdict(answer) == "miss").count();
    assert_eq!(missed, 1);
    assert_eq!(sim.requests().len(), 2);
    assert!(gateway.flush(SOON).await);
    let project = gateway.admin().project("default").await.unwrap().id;
    let seen = gateway.inspect(project).await.unwrap();
    assert_eq!((seen.open, seen.spend[0].1.nano()), (0, 0));
}
