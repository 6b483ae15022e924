//! `lockgate._native`: the gateway for Python.
//!
//! Two rules make it safe in a host process. Threads of the runtime never touch Python: they ring a `bell`, and the
//! event loop fetches what is done. And locks of this crate are taken only by threads attached to Python, so that at
//! a fork, which the interpreter does while attached, none is held.

mod bell;
mod errors;
mod gateway;
mod home;
mod host;
mod http;
mod inheritance;
mod input;
mod output;
mod pending;
mod settings;
mod stream;

use mimalloc::MiMalloc;
use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The native part of the package.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::bell::Bell;
    #[pymodule_export]
    use crate::errors::kinds;
    #[pymodule_export]
    use crate::gateway::Gateway;
    #[pymodule_export]
    use crate::host::{forked, shut_down};
    #[pymodule_export]
    use crate::pending::Pending;
    #[pymodule_export]
    use crate::stream::Stream;

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
