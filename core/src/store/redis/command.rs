//! One call of a script.

use lockgate_lua::Script;
use redis::{Arg, Cmd, ToRedisArgs};

/// About what the longest call takes.
const USUAL: (usize, usize) = (56, 1400);

/// A script with its keys and arguments.
pub(super) struct Command {
    pub(super) script: &'static Script,
    keys: usize,
    /// By the script's hash, as a store takes it that knows the script.
    by_hash: Cmd,
}

impl Command {
    /// `keys` hash to one slot: they are one project's.
    pub(super) fn new(script: &'static Script, keys: &[String]) -> Command {
        let mut by_hash = Cmd::with_capacity(USUAL.0, USUAL.1);
        by_hash.arg("EVALSHA").arg(&script.sha1).arg(keys.len());
        for key in keys {
            by_hash.arg(key);
        }
        Command { script, keys: keys.len(), by_hash }
    }

    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Command {
        self.by_hash.arg(argument);
        self
    }

    pub(super) fn push(&mut self, argument: impl ToRedisArgs) {
        self.by_hash.arg(argument);
    }

    /// A limit; absent is the empty text.
    pub(super) fn push_limit(&mut self, limit: Option<impl ToRedisArgs>) {
        match limit {
            Some(limit) => self.by_hash.arg(limit),
            None => self.by_hash.arg(""),
        };
    }

    pub(super) fn by_hash(&self) -> &Cmd {
        &self.by_hash
    }

    /// With the script itself.
    pub(super) fn by_text(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.text);
        self.copy_from(2, &mut command);
        command
    }

    /// With one key more, after the others.
    pub(super) fn with_key(self, key: &str) -> Command {
        let mut by_hash = Cmd::new();
        by_hash.arg("EVALSHA").arg(&self.script.sha1).arg(self.keys + 1);
        for (index, argument) in self.by_hash.args_iter().skip(3).enumerate() {
            if index == self.keys {
                by_hash.arg(key);
            }
            copy(argument, &mut by_hash);
        }
        if self.by_hash.args_iter().len() == self.keys + 3 {
            by_hash.arg(key);
        }
        Command { keys: self.keys + 1, by_hash, ..self }
    }

    fn copy_from(&self, first: usize, to: &mut Cmd) {
        self.by_hash.args_iter().skip(first).for_each(|argument| copy(argument, to));
    }
}

fn copy(argument: Arg<&[u8]>, to: &mut Cmd) {
    if let Arg::Simple(bytes) = argument {
        to.arg(bytes);
    }
}
