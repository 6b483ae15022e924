//! Questions by their meaning.

use bytes::Bytes;
use lockgate::auth::{CustomerLimits, Project, ProjectSettings};
use lockgate::cache::Fingerprint;
use lockgate::clock::Millis;
use lockgate::ids::{CustomerId, ProjectId};
use lockgate::store::{Meaning, MeaningStore, Neighbour, Sought};

use crate::laws;
use crate::rows::NOON;
use crate::world::World;

/// A vector of length 1 at `angle`, in degrees, in a plane.
fn at(angle: f32) -> Vec<f32> {
    let mut vector = vec![0.0; 384];
    (vector[0], vector[1]) = (angle.to_radians().cos(), angle.to_radians().sin());
    vector
}

fn meaning(project: ProjectId, group: u8, id: u8, question: &str, angle: f32) -> Meaning {
    Meaning {
        id: Fingerprint([id; 32]),
        project,
        group: Fingerprint([group; 32]),
        customer: None,
        question: question.to_owned(),
        vector: at(angle),
        body: Bytes::from(format!("answer to {question}")),
        created_at: Millis(NOON.0 + i64::from(id)),
        expires_at: Millis(NOON.0 + 1000),
    }
}

async fn near(store: &dyn MeaningStore, group: u8, angle: f32, later: i64) -> Vec<Neighbour> {
    let sought =
        Sought { group: Fingerprint([group; 32]), vector: at(angle), now: Millis(NOON.0 + later), most: 4 };
    store.nearest(sought).await.unwrap()
}

fn questions(found: &[Neighbour]) -> Vec<&str> {
    found.iter().map(|near| near.question.as_str()).collect()
}

async fn the_nearest_of_a_group_are_found(world: World) {
    let store = world.meanings.as_ref();
    let project = ProjectId::new(NOON);
    assert!(near(store, 1, 0.0, 0).await.is_empty(), "there is none yet");
    let kept: Vec<Meaning> = [("a", 0.0), ("b", 10.0), ("c", 20.0), ("d", 90.0), ("e", 180.0), ("f", 12.0)]
        .into_iter()
        .zip(1u8..)
        .map(|((question, angle), id)| meaning(project, 1, id, question, angle))
        .collect();
    store.keep_meanings(&kept).await.unwrap();
    store.keep_meanings(&[meaning(project, 2, 100, "other", 11.0)]).await.unwrap();
    store.keep_meanings(&[]).await.unwrap();
    let found = near(store, 1, 11.4, 0).await;
    assert_eq!(questions(&found), ["f", "b", "c", "a"]);
    for (near, angle) in found.iter().zip([0.6f32, 1.4, 8.6, 11.4]) {
        assert!((near.similarity - angle.to_radians().cos()).abs() < 1e-4, "{near:?}");
    }
    assert_eq!(found[0].body, Bytes::from_static(b"answer to f"));
    assert_eq!((found[0].created_at, found[0].expires_at), (kept[5].created_at, kept[5].expires_at));
    assert_eq!(questions(&near(store, 2, 0.0, 0).await), ["other"], "groups are apart");
    assert!(near(store, 3, 0.0, 0).await.is_empty());
    // What comes later is found, too.
    store.keep_meanings(&[meaning(project, 1, 7, "late", 11.4)]).await.unwrap();
    assert_eq!(questions(&near(store, 1, 11.4, 0).await), ["late", "f", "b", "c"]);
}

async fn a_repeated_question_takes_the_place_of_the_first(world: World) {
    let store = world.meanings.as_ref();
    let project = ProjectId::new(NOON);
    store
        .keep_meanings(&[meaning(project, 1, 1, "old", 0.0), meaning(project, 1, 2, "else", 80.0)])
        .await
        .unwrap();
    assert_eq!(near(store, 1, 0.0, 0).await.len(), 2);
    let again = Meaning {
        body: Bytes::from_static(b"new"),
        created_at: Millis(NOON.0 + 50),
        expires_at: Millis(NOON.0 + 5000),
        ..meaning(project, 1, 1, "old", 0.0)
    };
    store.keep_meanings(&[again]).await.unwrap();
    assert_eq!(questions(&near(store, 1, 0.0, 100).await), ["old", "else"], "it is there once");
    let found = near(store, 1, 0.0, 2000).await;
    assert_eq!((questions(&found), found[0].body.as_ref()), (vec!["old"], b"new".as_slice()));
}

async fn questions_expire_and_the_oldest_go(world: World) {
    let store = world.meanings.as_ref();
    let project = ProjectId::new(NOON);
    let kept: Vec<Meaning> =
        (1..=4u8).map(|id| meaning(project, 1, id, &format!("q{id}"), f32::from(id))).collect();
    store.keep_meanings(&kept).await.unwrap();
    assert_eq!(near(store, 1, 0.0, 999).await.len(), 4);
    assert_eq!(store.trim_meanings(1 << 30, 2).await.unwrap(), 0);
    assert_eq!(store.trim_meanings(1, 2).await.unwrap(), 2);
    assert_eq!(questions(&near(store, 1, 0.0, 999).await), ["q3", "q4"]);
    assert!(near(store, 1, 0.0, 1000).await.is_empty(), "expired ones are not given");
    assert_eq!(store.expire_meanings(Millis(NOON.0 + 999), 10).await.unwrap(), 0);
    assert_eq!(store.expire_meanings(Millis(NOON.0 + 1000), 1).await.unwrap(), 1);
    assert_eq!(store.expire_meanings(Millis(NOON.0 + 1000), 5).await.unwrap(), 1);
}

async fn project(world: &World, name: &str) -> Project {
    let project = Project {
        id: ProjectId::new(NOON),
        name: name.to_owned(),
        rev: 1,
        created_at: NOON,
        cache_epoch: 0,
        settings: ProjectSettings::default(),
    };
    world.directory.create_project(project).await.unwrap()
}

async fn a_purge_and_a_forgotten_customer_take_theirs(world: World) {
    let store = world.meanings.as_ref();
    let (mine, other) = (project(&world, "one").await, project(&world, "two").await);
    let ann = CustomerId::new("ann").unwrap();
    world.directory.set_customer(mine.id, &ann, CustomerLimits::default()).await.unwrap();
    let of = |project: &Project, group, id, customer: Option<&CustomerId>| Meaning {
        customer: customer.cloned(),
        ..meaning(project.id, group, id, &format!("q{id}"), 0.0)
    };
    store
        .keep_meanings(&[of(&mine, 1, 1, Some(&ann)), of(&mine, 2, 2, None), of(&other, 3, 3, Some(&ann))])
        .await
        .unwrap();
    assert!(world.directory.forget_customer(mine.id, &ann).await.unwrap());
    assert!(near(store, 1, 0.0, 0).await.is_empty());
    assert_eq!(near(store, 2, 0.0, 0).await.len(), 1);
    assert_eq!(near(store, 3, 0.0, 0).await.len(), 1, "the same name in another project is another's");
    assert_eq!(world.directory.purge_cache(mine.id).await.unwrap(), 1);
    assert!(near(store, 2, 0.0, 0).await.is_empty());
    assert_eq!(near(store, 3, 0.0, 0).await.len(), 1);
}

laws!(
    the_nearest_of_a_group_are_found,
    a_repeated_question_takes_the_place_of_the_first,
    questions_expire_and_the_oldest_go,
    a_purge_and_a_forgotten_customer_take_theirs,
);
