//! Who may call, how often, and for how much money: one atomic `admit`, one idempotent `settle`.
//!
//! The decision is a pure function over a view of the counters it needs, so that every engine
//! (in process, SQLite shared by several processes, Lua in Redis) gives the same verdict.

mod admission;
mod admit;
mod bucket;
mod caps;
mod decide;
mod loss;
mod refusal;
mod reservation;
mod seed;
mod shortfall;
mod view;
mod window;

pub use admission::{
    Admission, Admitted, CapStanding, Caps, Charge, Downgrade, Held, HotAnswer, Level, LimitKind, Plan,
    Raise, Rates, Refusal, Scope, Settled, Settlement, Standing, Trigger, Verdict,
};
pub(crate) use admit::{Entry, Plans, admit, trigger};
pub use bucket::{Bucket, Short};
pub use decide::{Decision, decide, standing};
pub(crate) use loss::raise as raise_at_limiter;
pub use reservation::{lapse, raise, settle};
pub use view::{Counter, Line, Phase, Reservation, View};
pub use window::{CounterId, Window};
