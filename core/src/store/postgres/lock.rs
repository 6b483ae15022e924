//! Advisory locks: what processes that share a database agree on without a table. They are the database's own, so
//! Lockgates in two databases of one server do not meet.

/// The first half of each of our locks; the second is one of those below, or a version of the directory.
pub(super) const OURS: i32 = 0x10c4_6a7e;
/// The versions of the directory that gateways have heard of.
pub(super) const HEARD: i32 = OURS + 1;

/// Held by whoever brings the schema up to date.
pub(super) const MIGRATION: i32 = 1;
/// Held by the one gateway whose memory has the limits, or together by those whose limits are in Redis.
pub(super) const LIMITS: i32 = 2;

/// Begins a change of the ledger: while it lasts no customer is forgotten, so that no name comes in behind the back of
/// whoever removes it.
pub(super) const BEGIN_APPEND: &str = "BEGIN; SELECT pg_advisory_xact_lock_shared(281307774, 3)";
/// Begins to forget a customer: after the changes of the ledger that are under way.
pub(super) const BEGIN_FORGET: &str = "BEGIN; SELECT pg_advisory_xact_lock(281307774, 3)";
/// Begins any other change.
pub(super) const BEGIN: &str = "BEGIN";

/// Takes the lock of those who clear away, where nobody has it. A statement of its own.
pub(super) const TRY_CLEAR: &str = "SELECT pg_try_advisory_xact_lock(281307774, 4)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_name_our_locks() {
        for statement in [BEGIN_APPEND, BEGIN_FORGET, TRY_CLEAR] {
            assert!(statement.contains(&format!("({OURS}, ")), "{statement}");
        }
    }
}
