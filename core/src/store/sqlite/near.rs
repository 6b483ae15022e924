//! The vectors of the groups asked for last, in memory as bytes: 384 and a number of 8 for each question, so 40 MB for
//! 100,000 of them. What the file has besides is read on; what it no longer has is dropped when it is met.

use std::collections::HashMap;
use std::sync::Arc;

use lockgate_embed::{Code, Kernel, nearest};
use parking_lot::Mutex;

use crate::cache::Fingerprint;

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
    codes: Vec<i8>,
    width: usize,
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
        512 + index.codes.capacity() + 8 * index.seqs.capacity()
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
            if index.seqs.is_empty() {
                index.width = vector.len();
            }
            // Of another length it is no vector of this group.
            if vector.len() == index.width {
                index.seqs.push(seq);
                index.codes.extend(Code::of(&vector).0);
            }
        }
    }

    /// The numbers of the nearest, about: they are to be compared again.
    pub(super) fn nearest(&self, vector: &[f32], most: usize) -> Vec<i64> {
        let index = self.index.lock();
        if vector.len() != index.width {
            return Vec::new();
        }
        let places = nearest(&Code::of(vector), &index.codes, most, Kernel::best());
        places.into_iter().filter_map(|at| index.seqs.get(at).copied()).collect()
    }

    /// Drops what the file no longer has.
    pub(super) fn forget(&self, gone: &[i64]) {
        let mut index = self.index.lock();
        let width = index.width;
        for seq in gone {
            let Some(at) = index.seqs.iter().position(|known| known == seq) else { continue };
            // The last takes its place.
            let last = index.seqs.len() - 1;
            index.seqs.swap_remove(at);
            index.codes.copy_within(last * width..(last + 1) * width, at * width);
            index.codes.truncate(last * width);
        }
    }
}
