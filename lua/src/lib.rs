//! The Redis scripts of Lockgate's limiter, embedded. Each begins with what it declares: KEYS, ARGV, what it returns,
//! its complexity. All keys of one call hash to one slot, and a script touches no key that it was not given.

use std::sync::LazyLock;

/// A script.
#[derive(Debug)]
pub struct Script {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// SHA-1 of the text in hex, as EVALSHA takes it.
    pub sha1: String,
    /// Whether it asks for the time.
    pub timed: bool,
}

macro_rules! part {
    ($name:literal) => {
        include_str!(concat!("../scripts/parts/", $name, ".lua"))
    };
}

/// One text: the clock where there is one, the parts, the script.
macro_rules! text {
    ($clock:literal, $name:ident, $($part:literal)*) => {
        concat!(part!($clock), $(part!($part),)* include_str!(concat!("../scripts/", stringify!($name), ".lua")))
    };
    ($name:ident, $($part:literal)*) => {
        concat!($(part!($part),)* include_str!(concat!("../scripts/", stringify!($name), ".lua")))
    };
}

macro_rules! scripts {
    (timed { $($timed:ident: $($part:literal)*;)+ } untimed { $($untimed:ident;)+ }) => {
        /// All scripts.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each file says what its script does")]
        pub struct Scripts {
            $(pub $timed: Script,)+
            $(pub $untimed: Script,)+
        }

        impl Scripts {
            /// Every one of them.
            pub fn all(&self) -> impl Iterator<Item = &Script> {
                [$(&self.$timed,)+ $(&self.$untimed,)+].into_iter()
            }

            fn load() -> Scripts {
                Scripts {
                    $($timed: script(stringify!($timed), text!("clock", $timed, $($part)*), true),)+
                    $($untimed: script(stringify!($untimed), text!($untimed, ), false),)+
                }
            }

            #[cfg(feature = "test-clock")]
            fn load_on_test_clock() -> Scripts {
                Scripts {
                    $($timed: script(stringify!($timed), text!("test_clock", $timed, $($part)*), true),)+
                    $($untimed: script(stringify!($untimed), text!($untimed, ), false),)+
                }
            }
        }
    };
}

scripts! {
    timed {
        admit: "numbers" "bucket" "hit" "reservation" "spend" "sweep";
        settle: "numbers" "bucket" "reservation" "spend" "sweep";
        raise: "numbers" "bucket" "reservation" "spend";
        renew: "numbers" "reservation";
        reassert: "numbers" "reservation" "spend";
        lapsed: "numbers" "reservation" "spend" "sweep";
        acknowledge: "numbers" "reservation";
        follow: "numbers" "reservation";
        prune: "numbers" "bucket";
    }
    untimed {
        seed;
        revise;
        inspect;
    }
}

impl Scripts {
    /// The scripts, on the store's own clock.
    #[must_use]
    pub fn get() -> &'static Scripts {
        static SCRIPTS: LazyLock<Scripts> = LazyLock::new(Scripts::load);
        &SCRIPTS
    }

    /// The scripts, on the time that the last key of each call holds.
    #[cfg(feature = "test-clock")]
    #[must_use]
    pub fn on_test_clock() -> &'static Scripts {
        static SCRIPTS: LazyLock<Scripts> = LazyLock::new(Scripts::load_on_test_clock);
        &SCRIPTS
    }
}

fn script(name: &'static str, text: &'static str, timed: bool) -> Script {
    Script { name, text, sha1: sha1_smol::Sha1::from(text).digest().to_string(), timed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &str) -> Vec<(String, String)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "lua"))
            .map(|path| {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                (name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn every_file_is_embedded_and_says_what_it_declares() {
        let mut named: Vec<&str> = Scripts::get().all().map(|script| script.name).collect();
        named.sort_unstable();
        let files = files("scripts");
        assert_eq!(named, files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        for (name, text) in files {
            assert!(text.starts_with(&format!("-- {name}: ")), "{name}");
            for word in ["\n-- KEYS  ", "\n-- ARGV  ", "\n-- Returns  ", "\n-- Complexity  "] {
                assert!(
                    text.contains(word) || (word.contains("ARGV") && !text.contains("ARGV")),
                    "{name}: {word}"
                );
            }
        }
    }

    /// Numbers become text by `string.format('%.0f', n)` alone, and no key is made up.
    #[test]
    fn no_number_is_stringified_and_no_key_is_built() {
        for (name, text) in files("scripts").into_iter().chain(files("scripts/parts")) {
            assert!(!text.contains("tostring"), "{name}");
            for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
                for (_, rest) in
                    line.match_indices("KEYS[").filter_map(|(at, _)| line.get(at..)?.split_once(']'))
                {
                    assert!(!rest.trim_start().starts_with(".."), "{name}: {line}");
                }
            }
        }
    }

    #[test]
    fn only_the_test_clock_reads_the_time_from_a_key() {
        for script in Scripts::get().all() {
            assert_eq!(script.timed, script.text.contains("redis.call('TIME')"), "{}", script.name);
            assert!(!script.text.contains("KEYS[#KEYS]"), "{}", script.name);
        }
        #[cfg(feature = "test-clock")]
        for script in Scripts::on_test_clock().all() {
            assert!(!script.text.contains("redis.call('TIME')"), "{}", script.name);
        }
    }
}
