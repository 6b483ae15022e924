//! The names of keys: `{prefix}{<project>}:<kind>[:<window>]`. One hash tag a project, so one slot.

use crate::cache::Fingerprint;
use crate::ids::{AdmissionId, ProjectId};
use crate::limits::{Scope, Window};

/// The keys of one project.
pub(super) struct Keys {
    base: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, project: ProjectId) -> Keys {
        Keys { base: format!("{prefix}{{{project}}}:") }
    }

    fn named(&self, kind: &str) -> String {
        let mut key = String::with_capacity(self.base.len() + kind.len());
        key.push_str(&self.base);
        key.push_str(kind);
        key
    }

    /// Revision, and of each gateway key its buckets and slots.
    pub(super) fn state(&self) -> String {
        self.named("state")
    }

    /// Reservations by admission: in the same hash, so that one command reads all that an admission depends on.
    pub(super) fn held(&self) -> String {
        self.state()
    }

    /// Reservations under way, by the end of their lease.
    pub(super) fn open(&self) -> String {
        self.named("open")
    }

    /// Reservations whose lease ended and that the ledger does not show yet.
    pub(super) fn lapsed(&self) -> String {
        self.named("lapsed")
    }

    /// The same, where the ledger shows them.
    pub(super) fn late(&self) -> String {
        self.named("late")
    }

    /// Codes of the windows that have counters.
    pub(super) fn windows(&self) -> String {
        self.named("windows")
    }

    /// Counters of a window.
    pub(super) fn spend(&self, window: Window) -> String {
        self.named(&format!("spend:{window}"))
    }

    /// An answer of the exact cache, or a pointer to its body.
    pub(super) fn answer(&self, key: &Fingerprint) -> String {
        self.named(&format!("answer:{key}"))
    }

    /// The body of a large answer.
    pub(super) fn body(&self, key: &Fingerprint) -> String {
        self.named(&format!("body:{key}"))
    }

    /// Which admission calls a provider for an answer.
    pub(super) fn leader(&self, key: &Fingerprint) -> String {
        self.named(&format!("leader:{key}"))
    }

    /// An admission that ended without a reservation in the store.
    pub(super) fn ended(&self, id: AdmissionId) -> String {
        self.named(&format!("ended:{id}"))
    }

    /// The time, in tests.
    pub(super) fn clock(&self) -> String {
        self.named("clock")
    }
}

/// The field of a counter in its window.
pub(super) fn field(scope: Scope) -> String {
    match scope {
        Scope::Project => "p".to_owned(),
        Scope::Key(key) => format!("k{key}"),
        Scope::Customer(tag) => format!("c{tag}"),
    }
}
