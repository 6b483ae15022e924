//! The warm tier of the exact cache.

use bytes::Bytes;
use lockgate::auth::{Project, ProjectSettings};
use lockgate::cache::Fingerprint;
use lockgate::clock::Millis;
use lockgate::ids::ProjectId;
use lockgate::store::{AnswerStore, WarmAnswer};

use crate::rows::NOON;
use crate::world::World;

fn answer(project: ProjectId, key: u8, body: &'static [u8], at: i64, lives: i64) -> WarmAnswer {
    let created_at = Millis(NOON.0 + at);
    let expires_at = Millis(created_at.0 + lives);
    WarmAnswer {
        project,
        key: Fingerprint([key; 32]),
        body: Bytes::from_static(body),
        created_at,
        expires_at,
    }
}

async fn found(store: &dyn AnswerStore, wanted: &WarmAnswer, at: i64) -> Option<WarmAnswer> {
    store.answer(wanted.project, &wanted.key, Millis(NOON.0 + at)).await.unwrap()
}

async fn answers_are_kept_until_they_expire(world: World) {
    let store = world.answers.as_deref().unwrap();
    let project = ProjectId::new(NOON);
    let one = answer(project, 1, b"{\"one\":\"\\u0000\"}", 0, 100);
    let other = answer(project, 2, b"", 0, 1000);
    store.keep_answers(&[one.clone(), other.clone()]).await.unwrap();
    assert_eq!(found(store, &one, 99).await, Some(one.clone()), "with the expiry it had");
    assert_eq!(found(store, &one, 100).await, None);
    assert_eq!(found(store, &WarmAnswer { project: ProjectId::new(NOON), ..one.clone() }, 0).await, None);
    assert_eq!(store.expire_answers(Millis(NOON.0 + 99), 10).await.unwrap(), 0);
    assert_eq!(store.expire_answers(Millis(NOON.0 + 100), 10).await.unwrap(), 1);
    assert_eq!(found(store, &one, 0).await, None, "it is gone, not only unseen");
    assert_eq!(found(store, &other, 0).await, Some(other));
    store.keep_answers(&[]).await.unwrap();
}

async fn a_newer_answer_takes_the_place_of_an_older_one(world: World) {
    let store = world.answers.as_deref().unwrap();
    let project = ProjectId::new(NOON);
    let old = answer(project, 1, b"old", 0, 1000);
    let new = answer(project, 1, b"new", 10, 50);
    // In one batch, whatever their order.
    store.keep_answers(&[new.clone(), old.clone()]).await.unwrap();
    assert_eq!(found(store, &new, 20).await, Some(new.clone()), "with its own expiry");
    store.keep_answers(&[old]).await.unwrap();
    assert_eq!(found(store, &new, 20).await, Some(new.clone()), "what comes late does not win");
    assert_eq!(found(store, &new, 60).await, None);
    store.count_hits(&[(new.key, 2), (Fingerprint([9; 32]), 1)]).await.unwrap();
    store.count_hits(&[]).await.unwrap();
}

async fn the_oldest_go_when_there_are_too_many(world: World) {
    let store = world.answers.as_deref().unwrap();
    let project = ProjectId::new(NOON);
    let kept: Vec<WarmAnswer> =
        (1..=5_u8).map(|key| answer(project, key, b"ten bytes!", i64::from(key), 1000)).collect();
    store.keep_answers(&kept).await.unwrap();
    assert_eq!(store.trim_answers(50, 2).await.unwrap(), 0);
    assert_eq!(store.trim_answers(49, 2).await.unwrap(), 2);
    assert_eq!(store.trim_answers(49, 2).await.unwrap(), 0);
    let mut left = Vec::new();
    for answer in &kept {
        left.extend(found(store, answer, 10).await);
    }
    assert_eq!(left, kept[2..]);
}

async fn a_purge_takes_the_project_s_answers_alone(world: World) {
    let store = world.answers.as_deref().unwrap();
    let mut projects = Vec::new();
    for name in ["one", "two"] {
        let project = Project {
            id: ProjectId::new(NOON),
            name: name.to_owned(),
            rev: 1,
            created_at: NOON,
            cache_epoch: 0,
            settings: ProjectSettings::default(),
        };
        projects.push(world.directory.create_project(project).await.unwrap());
    }
    let (mine, other) = (answer(projects[0].id, 1, b"a", 0, 10), answer(projects[1].id, 2, b"b", 0, 10));
    store.keep_answers(&[mine.clone(), answer(projects[0].id, 3, b"c", 0, 10), other.clone()]).await.unwrap();
    assert_eq!(world.directory.purge_cache(projects[0].id).await.unwrap(), 2);
    assert_eq!(found(store, &mine, 0).await, None);
    assert_eq!(found(store, &other, 0).await, Some(other));
    let after = world.directory.project(projects[0].id).await.unwrap().unwrap();
    assert_eq!((after.cache_epoch, after.rev), (projects[0].cache_epoch + 1, projects[0].rev + 1));
}

macro_rules! on_databases {
    ($($law:ident),+ $(,)?) => {
        crate::laws!(@on sqlite: $($law),+);
        #[cfg(feature = "test-servers")]
        crate::laws!(@on postgres: $($law),+);
    };
}

on_databases!(
    answers_are_kept_until_they_expire,
    a_newer_answer_takes_the_place_of_an_older_one,
    the_oldest_go_when_there_are_too_many,
    a_purge_takes_the_project_s_answers_alone,
);
