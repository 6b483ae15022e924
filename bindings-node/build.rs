//! What linking a module that Node loads takes, by system.

fn main() {
    napi_build::setup();
}
