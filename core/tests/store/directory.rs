//! Projects, keys and customers: every change is seen, what cannot be changes nothing.

use lockgate::auth::{CustomerLimits, GatewayKey, Key, KeyHash, OnLimit, Project, ProjectSettings, Secret};
use lockgate::clock::Millis;
use lockgate::error::Kind;
use lockgate::ids::{CustomerId, KeyId, ProjectId};
use lockgate::limits::Rates;
use lockgate::money::Nano;

use crate::laws;
use crate::rows::{NOON, customer};
use crate::world::World;

laws!(
    changes_are_seen,
    every_change_moves_the_revision_and_the_version,
    what_cannot_be_changes_nothing,
    customers_come_in_pages,
    what_was_set_comes_back,
);

fn project(name: &str) -> Project {
    let settings = ProjectSettings {
        monthly_cap: Some(Nano::from_nano(5_000_000_001)),
        models: Some(vec!["gpt-4o".to_owned()]),
        provider_keys: [("openai".to_owned(), Secret::new("sk-of-the-project"))].into(),
        ..ProjectSettings::default()
    };
    Project {
        id: ProjectId::new(NOON),
        name: name.to_owned(),
        rev: 0,
        created_at: NOON,
        cache_epoch: 0,
        settings,
    }
}

fn key(project: ProjectId, hash: KeyHash) -> Key {
    Key {
        id: KeyId::new(NOON),
        project,
        name: "ci".to_owned(),
        hint: "lg_abcdef".to_owned(),
        hash,
        rates: Rates { requests_per_minute: Some(0), tokens_per_minute: Some(u32::MAX), concurrency: None },
        monthly_cap: Some(Nano::ZERO),
        models: Some(vec![]),
        customer: Some(customer("zoë's")),
        created_at: NOON,
        expires_at: None,
        revoked_at: None,
        rotated_from: Some(KeyId::new(NOON)),
    }
}

fn same(one: &impl serde::Serialize, other: &impl serde::Serialize) {
    assert_eq!(serde_json::to_value(one).unwrap(), serde_json::to_value(other).unwrap());
}

fn plain(name: &str) -> Project {
    Project { settings: ProjectSettings::default(), ..project(name) }
}

fn numbered(project: ProjectId, number: u8) -> Key {
    Key {
        id: KeyId::new(NOON),
        project,
        name: format!("key {number}"),
        hint: "lg_abc".to_owned(),
        hash: KeyHash([number; 32]),
        rates: Rates::default(),
        monthly_cap: None,
        models: None,
        customer: None,
        created_at: Millis(NOON.0 + i64::from(number)),
        expires_at: None,
        revoked_at: None,
        rotated_from: None,
    }
}

/// Every change moves the project's revision and the store's version; a refused one moves neither.
async fn changes_are_seen(world: World) {
    let store = &*world.directory;
    let made = store.create_project(plain("one")).await.unwrap();
    let other = store.create_project(plain("two")).await.unwrap();
    assert_eq!(store.create_project(plain("one")).await.unwrap_err().kind(), Kind::InvalidRequest);
    let (mut rev, mut version) = (made.rev, store.version().await.unwrap());
    macro_rules! moved {
        () => {
            let (now, seen) =
                (store.project(made.id).await.unwrap().unwrap().rev, store.version().await.unwrap());
            assert!(now > rev && seen > version);
            (rev, version) = (now, seen);
        };
    }
    store
        .set_project(made.id, ProjectSettings { require_customer: true, ..Default::default() })
        .await
        .unwrap();
    moved!();
    let first = store.create_key(numbered(made.id, 1)).await.unwrap();
    moved!();
    let second = store.create_key(numbered(made.id, 2)).await.unwrap();
    moved!();
    let mut changed = first.clone();
    changed.revoked_at = Some(NOON);
    changed.hash = KeyHash([9; 32]);
    store.set_key(changed.clone()).await.unwrap();
    moved!();
    let limits = CustomerLimits { daily_cap: Some(Nano::from_nano(5)), ..CustomerLimits::default() };
    for name in ["b", "a", "c"] {
        store.set_customer(made.id, &customer(name), limits).await.unwrap();
        moved!();
    }
    assert!(store.forget_customer(made.id, &customer("c")).await.unwrap());
    moved!();

    assert_eq!(store.create_key(numbered(made.id, 2)).await.unwrap_err().kind(), Kind::InvalidRequest);
    assert_eq!(store.create_key(numbered(ProjectId::new(NOON), 3)).await.unwrap_err().kind(), Kind::NotFound);
    changed.project = other.id;
    assert_eq!(store.set_key(changed).await.unwrap_err().kind(), Kind::NotFound);
    let settings = ProjectSettings::default();
    let missing = store.set_project(ProjectId::new(NOON), settings).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert_eq!(store.version().await.unwrap(), version);
    assert_eq!(store.project(other.id).await.unwrap().unwrap().rev, other.rev);
    assert_eq!(store.project(made.id).await.unwrap().unwrap().rev, rev);

    let names = |found: Vec<Project>| found.into_iter().map(|found| found.name).collect::<Vec<_>>();
    assert_eq!(names(store.projects().await.unwrap()), ["one", "two"]);
    assert!(store.project_named("one").await.unwrap().unwrap().settings.require_customer);
    assert!(store.project_named("three").await.unwrap().is_none());
    let keys: Vec<KeyId> = store.keys(made.id).await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(keys, [second.id, first.id], "newest first");
    let known = store.key(KeyHash([1; 32])).await.unwrap().unwrap();
    assert_eq!((known.id, known.revoked_at), (first.id, Some(NOON)), "what is stored of a key never changes");
    assert!(store.key(KeyHash([9; 32])).await.unwrap().is_none());
    assert_eq!(store.key_by_id(second.id).await.unwrap().unwrap().name, "key 2");
    let listed = async |after: Option<&str>, most| {
        let after = after.map(customer);
        let found = store.customers(made.id, after.as_ref(), most).await.unwrap();
        found.into_iter().map(|found| found.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 10).await, ["a", "b"]);
    assert_eq!(listed(None, 1).await, ["a"]);
    assert_eq!(listed(Some("a"), 10).await, ["b"]);
    assert_eq!(store.customer(made.id, &customer("a")).await.unwrap().unwrap().limits, limits);
    assert!(store.customer(other.id, &customer("a")).await.unwrap().is_none());
    assert!(!store.forget_customer(made.id, &customer("nobody")).await.unwrap());
}

async fn every_change_moves_the_revision_and_the_version(world: World) {
    let store = &*world.directory;
    let other = store.create_project(project("other")).await.unwrap();
    let id = store.create_project(project("one")).await.unwrap().id;
    let mut last = (1, store.version().await.unwrap());
    let mut held = key(id, GatewayKey::hash("lg_1"));
    for step in 0..6 {
        match step {
            0 => drop(store.set_project(id, ProjectSettings::default()).await.unwrap()),
            1 => drop(store.create_key(held.clone()).await.unwrap()),
            2 => {
                held.revoked_at = Some(NOON);
                same(&store.set_key(held.clone()).await.unwrap(), &held);
            }
            3 => drop(store.set_customer(id, &customer("a"), CustomerLimits::default()).await.unwrap()),
            4 => assert!(store.forget_customer(id, &customer("a")).await.unwrap()),
            _ => assert!(!store.forget_customer(id, &customer("a")).await.unwrap()),
        }
        let now = (store.project(id).await.unwrap().unwrap().rev, store.version().await.unwrap());
        assert_eq!(now, (last.0 + 1, last.1 + 1), "step {step}");
        last = now;
    }
    assert_eq!(
        store.project(other.id).await.unwrap().unwrap().rev,
        other.rev,
        "another project stands still"
    );
}

async fn what_cannot_be_changes_nothing(world: World) {
    let store = &*world.directory;
    let one = store.create_project(project("one")).await.unwrap();
    let held = store.create_key(key(one.id, GatewayKey::hash("lg_1"))).await.unwrap();
    let version = store.version().await.unwrap();
    let nobody = ProjectId::new(NOON);

    let twice = store.create_project(project("one")).await.unwrap_err();
    assert_eq!((twice.kind(), twice.details().param.as_deref()), (Kind::InvalidRequest, Some("name")));
    let twice = store.create_key(key(one.id, GatewayKey::hash("lg_1"))).await.unwrap_err();
    assert_eq!(twice.kind(), Kind::InvalidRequest);
    let missing = [
        store.set_project(nobody, ProjectSettings::default()).await.unwrap_err(),
        store.create_key(key(nobody, GatewayKey::hash("lg_2"))).await.unwrap_err(),
        store.set_key(Key { project: nobody, ..held.clone() }).await.unwrap_err(),
        store.set_key(Key { id: KeyId::new(NOON), ..held.clone() }).await.unwrap_err(),
        store.set_customer(nobody, &customer("a"), CustomerLimits::default()).await.unwrap_err(),
        store.forget_customer(nobody, &customer("a")).await.unwrap_err(),
    ];
    for error in missing {
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
    }
    assert_eq!(store.version().await.unwrap(), version);
    assert_eq!(store.project(one.id).await.unwrap().unwrap().rev, one.rev + 1);
    assert_eq!(store.keys(one.id).await.unwrap().len(), 1);
}

async fn customers_come_in_pages(world: World) {
    let store = &*world.directory;
    let id = store.create_project(project("one")).await.unwrap().id;
    let names = ["a", "a:b", "b", "x y", "é"];
    for name in names {
        store.set_customer(id, &customer(name), CustomerLimits::default()).await.unwrap();
    }
    let mut seen: Vec<CustomerId> = Vec::new();
    loop {
        let page = store.customers(id, seen.last(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|found| found.id));
    }
    assert_eq!(seen, names.map(customer));
}

async fn what_was_set_comes_back(world: World) {
    let store = &*world.directory;
    let made = store.create_project(project("one")).await.unwrap();
    assert_eq!(made.settings.provider_keys["openai"].expose(), "sk-of-the-project");
    let hash = GatewayKey::hash("lg_secret");
    let made_key = store.create_key(key(made.id, hash)).await.unwrap();
    let limits = CustomerLimits {
        daily_cap: Some(Nano::ZERO),
        monthly_cap: None,
        per_request_cap: Some(Nano::from_nano(7)),
        on_limit: OnLimit::Downgrade,
    };
    let made_customer = store.set_customer(made.id, &customer("ann"), limits).await.unwrap();
    let found = store.project(made.id).await.unwrap().unwrap();
    assert_eq!((found.settings, found.created_at), (made.settings, made.created_at));
    let found = store.key(hash).await.unwrap().unwrap();
    same(&found, &made_key);
    assert_eq!(found.hash, hash);
    same(&store.key_by_id(made_key.id).await.unwrap().unwrap(), &made_key);
    same(&store.customer(made.id, &customer("ann")).await.unwrap().unwrap(), &made_customer);
    assert!(store.key(GatewayKey::hash("lg_other")).await.unwrap().is_none());
}
