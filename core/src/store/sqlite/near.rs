//! The vectors of the groups asked for last, in memory as bytes: 384 and a number of 8 for each question, so 40 MB for
//! 100,000 of them. What the file has besides is read on; what it no longer has is dropped when it is met.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::cache::Fingerprint;
use crate::store::codes::Codes;

/// Most bytes of all groups together; those that were not asked for longest go first.
const MOST_BYTES: usize = 128 << 20;

/// The groups in memory.
#[derive(Default)]
pub(super) struct Near {
    groups: Mutex<Groups>,
}

#[derive(Default)]
struct Groups {
    by_group: HashMap<Fingerprint, (u64, Arc<Group>)>,
    turn: u64,
}

/// One group. Reading on is one task's at a time.
#[derive(Default)]
pub(super) struct Group {
    pub(super) reading: tokio::sync::Mutex<()>,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    seqs: Vec<i64>,
    codes: Codes,
    /// All up to here have been read.
    read: i64,
}

impl Near {
    pub(super) fn group(&self, group: &Fingerprint) -> Arc<Group> {
        let mut groups = self.groups.lock();
        groups.turn += 1;
        let turn = groups.turn;
        let entry = groups.by_group.entry(*group).or_default();
        entry.0 = turn;
        entry.1.clone()
    }

    /// Gives memory back where there is too much of it.
    pub(super) fn trim(&self) {
        let mut groups = self.groups.lock();
        let bytes = |groups: &Groups| groups.by_group.values().map(|(_, group)| group.bytes()).sum::<usize>();
        while groups.by_group.len() > 1 && bytes(&groups) > MOST_BYTES {
            let oldest = groups.by_group.iter().min_by_key(|(_, (turn, _))| *turn).map(|(group, _)| *group);
            oldest.map(|oldest| groups.by_group.remove(&oldest));
        }
    }
}

impl Group {
    fn bytes(&self) -> usize {
        let index = self.index.lock();
        512 + index.codes.bytes() + 8 * index.seqs.capacity()
    }

    pub(super) fn read_up_to(&self) -> i64 {
        self.index.lock().read
    }

    pub(super) fn len(&self) -> usize {
        self.index.lock().seqs.len()
    }

    /// Takes what was read, in order.
    pub(super) fn add(&self, read: impl Iterator<Item = (i64, Vec<f32>)>) {
        let mut index = self.index.lock();
        for (seq, vector) in read {
            index.read = index.read.max(seq);
            // Of another length it is no vector of this group.
            if index.codes.push(&vector) {
                index.seqs.push(seq);
            }
        }
    }

    /// The numbers of the nearest, about: they are to be compared again.
    pub(super) fn nearest(&self, vector: &[f32], most: usize) -> Vec<i64> {
        let index = self.index.lock();
        let places = index.codes.nearest(vector, most);
        places.into_iter().filter_map(|at| index.seqs.get(at).copied()).collect()
    }

    /// Drops what the file no longer has.
    pub(super) fn forget(&self, gone: &[i64]) {
        let mut index = self.index.lock();
        for seq in gone {
            let Some(at) = index.seqs.iter().position(|known| known == seq) else { continue };
            // The last takes its place.
            index.seqs.swap_remove(at);
            index.codes.swap_remove(at);
        }
    }
}
