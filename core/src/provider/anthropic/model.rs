//! What a model takes. Anthropic's models differ in how they are made to think and in what they refuse; its pages on
//! thinking and on migrating from model to model say how, by the version in a model's name.

/// How a model is made to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It does not.
    None,
    /// `enabled`, with a budget in tokens; off by default.
    Budget,
    /// `adaptive`, steered by effort; off by default.
    Adaptive,
    /// `adaptive`, and on by default.
    Always(Off),
}

/// How thinking that is on by default is turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Off {
    Disabled,
    BetweenTools,
    Never,
}

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) thinking: Thinking,
    /// The effort `xhigh`.
    pub(super) extra_effort: bool,
    /// `temperature` and `top_p` other than 1.
    pub(super) sampling: bool,
    /// Both of them at once.
    pub(super) both_samplings: bool,
    /// A choice of tools that makes it call one.
    pub(super) forced_tools: bool,
    /// An answer held to a schema, and tools held to theirs.
    pub(super) schemas: bool,
}

/// A name that is not one of Claude's: another's server of this protocol. It gets what the oldest models take.
const UNKNOWN: Traits = Traits {
    thinking: Thinking::Budget,
    extra_effort: false,
    sampling: true,
    both_samplings: true,
    forced_tools: true,
    schemas: false,
};

impl Traits {
    /// What `model` takes, by its name. A version that is not known is taken for the last one before it.
    pub(super) fn of(model: &str) -> Traits {
        let Some((_, name)) = model.split_once("claude-") else { return UNKNOWN };
        let mut words = name.split(['-', '.', '@', ':', '/']);
        let family = |line: &str| name.split(['-', '.', '@', ':', '/']).any(|word| word == line);
        let mut numbers = words.by_ref().filter_map(version);
        // Without a number: `claude-mythos-preview`.
        let major = numbers.next().unwrap_or(5);
        let minor = words.next().and_then(version).unwrap_or(0);
        Traits::by(Line::of(family), (major, minor))
    }

    fn by(line: Line, version: (u32, u32)) -> Traits {
        Traits {
            thinking: line.thinking(version),
            extra_effort: version >= (4, 7),
            sampling: version < (4, 7),
            both_samplings: version < (4, 0),
            forced_tools: match line {
                Line::Fable => version < (5, 1),
                Line::Opus | Line::Sonnet => version < (5, 5),
                Line::Other => true,
            },
            schemas: version >= (4, 5),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Opus,
    Sonnet,
    /// Fable, and Mythos, which is the same model.
    Fable,
    Other,
}

impl Line {
    fn of(named: impl Fn(&str) -> bool) -> Line {
        match () {
            () if named("opus") => Line::Opus,
            () if named("sonnet") => Line::Sonnet,
            () if named("fable") || named("mythos") => Line::Fable,
            () => Line::Other,
        }
    }

    fn thinking(self, version: (u32, u32)) -> Thinking {
        if version < (3, 7) {
            Thinking::None
        } else if version < (4, 6) {
            Thinking::Budget
        } else if version < (5, 0) {
            Thinking::Adaptive
        } else {
            Thinking::Always(self.off(version))
        }
    }

    fn off(self, version: (u32, u32)) -> Off {
        match self {
            Line::Fable => Off::Never,
            Line::Opus if version >= (5, 5) => Off::Never,
            Line::Sonnet if version >= (5, 5) => Off::BetweenTools,
            Line::Opus | Line::Sonnet | Line::Other => Off::Disabled,
        }
    }
}

/// A part of a version; a date is none.
fn version(word: &str) -> Option<u32> {
    word.parse().ok().filter(|number| *number < 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_model_takes() {
        let thinking = |model: &str| Traits::of(model).thinking;
        for model in ["claude-3-5-haiku-20241022", "claude-3-opus-20240229", "claude-2.1", "claude-3-haiku"] {
            assert_eq!(thinking(model), Thinking::None, "{model}");
        }
        for model in [
            "claude-3-7-sonnet-latest",
            "claude-opus-4-20250514",
            "claude-opus-4-0",
            "claude-sonnet-4-5-20250929",
            "claude-haiku-4-5",
            "anthropic/claude-sonnet-4.5",
            "kimi-k2",
        ] {
            assert_eq!(thinking(model), Thinking::Budget, "{model}");
        }
        for model in ["claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-8", "claude-opus-4-7@20260416"] {
            assert_eq!(thinking(model), Thinking::Adaptive, "{model}");
        }
        for (model, off) in [
            ("claude-sonnet-5", Off::Disabled),
            ("claude-opus-5", Off::Disabled),
            ("claude-haiku-5-5", Off::Disabled),
            ("claude-sonnet-5-5", Off::BetweenTools),
            ("claude-opus-5-5", Off::Never),
            ("claude-fable-5", Off::Never),
            ("claude-mythos-5-1", Off::Never),
            ("claude-mythos-preview", Off::Never),
        ] {
            assert_eq!(thinking(model), Thinking::Always(off), "{model}");
        }
    }

    #[test]
    fn newer_models_refuse_more() {
        let traits = Traits::of;
        assert!(traits("claude-opus-4-6").sampling && !traits("claude-opus-4-7").sampling);
        assert!(!traits("claude-sonnet-5").sampling && traits("glm-5").sampling);
        assert!(traits("claude-3-opus-20240229").both_samplings && !traits("claude-opus-4-0").both_samplings);
        for model in ["claude-opus-5", "claude-sonnet-5", "claude-fable-5", "claude-haiku-5-5"] {
            assert!(traits(model).forced_tools, "{model}");
        }
        for model in ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1", "claude-mythos-5-1"] {
            assert!(!traits(model).forced_tools, "{model}");
        }
        assert!(traits("claude-haiku-4-5-20251001").schemas && !traits("claude-opus-4-1-20250805").schemas);
        assert!(!traits("claude-sonnet-4-6").extra_effort && traits("claude-opus-4-7").extra_effort);
    }
}
