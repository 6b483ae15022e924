//! Questions by their meaning, in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use lockgate_embed::dot;
use parking_lot::Mutex;

use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::{CustomerId, ProjectId};
use crate::store::codes::{COMPARED_AGAIN, Codes};
use crate::store::{Meaning, MeaningStore, Neighbour, Sought};

/// More of them, and the oldest go: a process without a disk keeps a handful.
const MOST: usize = 20_000;

/// Questions of one process. Those of a group are looked at as bytes, and the nearest compared again as floats.
#[derive(Default)]
pub struct MemoryMeanings {
    groups: Mutex<Groups>,
}

type Groups = HashMap<Fingerprint, Group>;

/// One group: its questions, and in the same places their vectors as bytes.
#[derive(Default)]
struct Group {
    meanings: Vec<Meaning>,
    codes: Codes,
    /// None of them has expired before.
    ends: Option<Millis>,
}

impl Group {
    /// In place of the same one. A vector that cannot be compared with the others is not kept.
    fn put(&mut self, meaning: &Meaning) {
        if let Some(at) = self.meanings.iter().position(|known| known.id == meaning.id) {
            self.swap_remove(at);
        }
        if self.codes.push(&meaning.vector) {
            self.ends = Some(self.ends.map_or(meaning.expires_at, |ends| ends.min(meaning.expires_at)));
            self.meanings.push(meaning.clone());
        }
    }

    fn swap_remove(&mut self, at: usize) {
        self.meanings.swap_remove(at);
        self.codes.swap_remove(at);
    }

    /// Removes those that `keep` refuses.
    fn retain(&mut self, mut keep: impl FnMut(&Meaning) -> bool) {
        // From the end: what takes a place there has been asked about.
        for at in (0..self.meanings.len()).rev() {
            if self.meanings.get(at).is_some_and(|meaning| !keep(meaning)) {
                self.swap_remove(at);
            }
        }
        self.ends = self.meanings.iter().map(|meaning| meaning.expires_at).min();
    }

    /// How many have expired, and could stand before those that are sought.
    fn expired(&self, now: Millis) -> usize {
        if self.ends.is_none_or(|ends| ends > now) {
            return 0;
        }
        self.meanings.iter().filter(|meaning| meaning.expires_at <= now).count()
    }
}

impl MemoryMeanings {
    /// Removes a project's, or those of one of its customers; returns how many.
    pub(super) fn remove(&self, project: ProjectId, customer: Option<&CustomerId>) -> u64 {
        let of = |meaning: &Meaning| {
            meaning.project == project && customer.is_none_or(|id| meaning.customer.as_ref() == Some(id))
        };
        retain(&mut self.groups.lock(), |meaning| !of(meaning), u64::MAX)
    }
}

/// Removes at most `most` of those that `keep` refuses.
fn retain(groups: &mut Groups, keep: impl Fn(&Meaning) -> bool, most: u64) -> u64 {
    let mut removed = 0;
    groups.retain(|_, group| {
        group.retain(|meaning| {
            let stays = removed >= most || keep(meaning);
            removed += u64::from(!stays);
            stays
        });
        !group.meanings.is_empty()
    });
    removed
}

fn trim(groups: &mut Groups, too_many: impl Fn(u64, usize) -> bool, most: u64) -> u64 {
    let all = || groups.values().flat_map(|group| &group.meanings);
    let (mut bytes, mut count) = (all().map(Meaning::size).sum::<u64>(), all().count());
    let mut ages: Vec<(Millis, Fingerprint, u64)> =
        all().map(|meaning| (meaning.created_at, meaning.id, meaning.size())).collect();
    ages.sort_unstable_by_key(|(created_at, id, _)| (*created_at, id.0));
    let mut gone = std::collections::HashSet::new();
    for (_, id, size) in ages {
        if !too_many(bytes, count) || gone.len() as u64 >= most {
            break;
        }
        gone.insert(id);
        bytes = bytes.saturating_sub(size);
        count -= 1;
    }
    retain(groups, |meaning| !gone.contains(&meaning.id), u64::MAX)
}

#[async_trait]
impl MeaningStore for MemoryMeanings {
    async fn nearest(&self, sought: Sought) -> Result<Vec<Neighbour>> {
        let groups = self.groups.lock();
        let Some(group) = groups.get(&sought.group) else { return Ok(Vec::new()) };
        let most = sought.most.max(COMPARED_AGAIN) + group.expired(sought.now);
        let places = group.codes.nearest(&sought.vector, most);
        let mut near: Vec<(f32, &Meaning)> = places
            .into_iter()
            .filter_map(|at| group.meanings.get(at))
            .filter(|meaning| meaning.expires_at > sought.now)
            .map(|meaning| (dot(&meaning.vector, &sought.vector), meaning))
            .collect();
        near.sort_unstable_by(|(one, _), (other, _)| other.total_cmp(one));
        let found = near.into_iter().take(sought.most).map(|(similarity, meaning)| Neighbour {
            similarity,
            question: meaning.question.clone(),
            body: meaning.body.clone(),
            created_at: meaning.created_at,
            expires_at: meaning.expires_at,
        });
        Ok(found.collect())
    }

    async fn keep_meanings(&self, meanings: &[Meaning]) -> Result<()> {
        let mut groups = self.groups.lock();
        for meaning in meanings {
            groups.entry(meaning.group).or_default().put(meaning);
        }
        if groups.values().map(|group| group.meanings.len()).sum::<usize>() > MOST {
            trim(&mut groups, |_, count| count > MOST, u64::MAX);
        }
        Ok(())
    }

    async fn expire_meanings(&self, now: Millis, most: u32) -> Result<u64> {
        Ok(retain(&mut self.groups.lock(), |meaning| meaning.expires_at > now, u64::from(most)))
    }

    async fn trim_meanings(&self, bytes: u64, most: u32) -> Result<u64> {
        Ok(trim(&mut self.groups.lock(), |held, _| held > bytes, u64::from(most)))
    }
}
