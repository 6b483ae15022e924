//! Things that belong to the process that made them.

/// Holds what must not be used, nor even dropped, in a forked child: the threads it counts on are not there. The
/// child forgets it; its memory is the price.
pub(crate) struct Home<T> {
    process: u32,
    value: Option<T>,
}

impl<T> Home<T> {
    pub(crate) fn new(value: T) -> Home<T> {
        Home { process: std::process::id(), value: Some(value) }
    }

    /// The value, in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_home())
    }

    /// The value to change, in the process that made it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if self.is_home() { self.value.as_mut() } else { None }
    }

    /// The value, in the process that made it; it is gone from here afterwards.
    pub(crate) fn take(&mut self) -> Option<T> {
        if self.is_home() { self.value.take() } else { None }
    }

    /// The value, in any process: only to look at plain data in it.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The process that made it.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    pub(crate) fn is_home(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Drop for Home<T> {
    fn drop(&mut self) {
        if !self.is_home() {
            std::mem::forget(self.value.take());
        }
    }
}
