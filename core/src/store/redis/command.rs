//! One call of a script.

use lockgate_lua::Script;
use redis::{Arg, Cmd, ToRedisArgs};

/// A script with its keys and arguments.
pub(super) struct Command {
    pub(super) script: &'static Script,
    keys: Vec<String>,
    arguments: Cmd,
}

impl Command {
    /// `keys` hash to one slot: they are one project's.
    pub(super) fn new(script: &'static Script, keys: Vec<String>) -> Command {
        Command { script, keys, arguments: Cmd::new() }
    }

    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Command {
        self.arguments.arg(argument);
        self
    }

    pub(super) fn push(&mut self, argument: impl ToRedisArgs) {
        self.arguments.arg(argument);
    }

    /// A limit; absent is the empty text.
    pub(super) fn push_limit(&mut self, limit: Option<impl ToRedisArgs>) {
        match limit {
            Some(limit) => self.arguments.arg(limit),
            None => self.arguments.arg(""),
        };
    }

    /// Another key, after those given before.
    pub(super) fn key(&mut self, key: String) -> usize {
        self.keys.push(key);
        self.keys.len()
    }

    /// By the script's hash, as a store takes it that knows the script.
    pub(super) fn by_hash(&self) -> Cmd {
        self.built("EVALSHA", &self.script.sha1)
    }

    /// With the script itself.
    pub(super) fn by_text(&self) -> Cmd {
        self.built("EVAL", self.script.text)
    }

    fn built(&self, verb: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for argument in self.arguments.args_iter() {
            if let Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command
    }
}
