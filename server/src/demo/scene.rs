//! The scenes of the story, as data: who asks for what, and what must come of it.

use lockgate_sim::Fault;

/// The model that is asked for.
pub(super) const MODEL: &str = "gpt-4.1";
/// The model it is downgraded to.
pub(super) const CHEAP_MODEL: &str = "gpt-4.1-nano";
/// Another provider's model, that stands in for it when it fails.
pub(super) const STAND_IN: &str = "claude-sonnet-5";

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caller {
    /// Without limits.
    Visitor,
    /// Sixty requests a minute, and a monthly cap that is far away.
    Metered,
    /// One request a minute.
    Slow,
    /// A project whose monthly cap is below the price of one request.
    Poor,
    /// A customer whose daily cap is below the price of one request.
    Blocked,
    /// The same, but to be given a cheaper model.
    Downgraded,
}

/// What the provider does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is overloaded: status 503.
    Overloaded,
    /// It begins a stream with status 200, and sends an error in place of the text.
    BrokenStream,
    /// It has had enough requests: status 429.
    Busy,
}

/// What must come of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    /// An answer, with its cost.
    Answer(Answer),
    /// A refusal.
    Refusal {
        /// The HTTP status.
        status: u16,
        /// OpenAI's `error.code`.
        code: &'static str,
    },
}

/// Who must answer, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) provider: &'static str,
    /// The model that answers.
    pub(super) model: &'static str,
    /// The model it stands in for because of a cap.
    pub(super) downgraded_from: Option<&'static str>,
    /// `x-lockgate-cache`. What comes from the cache costs nothing.
    pub(super) cache: &'static str,
}

/// One request and what must come of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// The step's name in JSON.
    pub(super) name: &'static str,
    /// The step in words.
    pub(super) tells: &'static str,
    pub(super) caller: Caller,
    pub(super) prompt: &'static str,
    pub(super) stream: bool,
    /// Whether the caller asks why the answer came about so.
    pub(super) explain: bool,
    /// Answered requests that lead up to it.
    pub(super) before: u32,
    /// What goes wrong at the provider of the model, once.
    pub(super) trouble: Option<Trouble>,
    pub(super) expect: Expect,
}

const ANSWER: Answer = Answer { provider: "openai", model: MODEL, downgraded_from: None, cache: "miss" };
const KNOWN: Answer = Answer { cache: "exact", ..ANSWER };
const CHEAPER: Answer = Answer { model: CHEAP_MODEL, downgraded_from: Some(MODEL), ..ANSWER };
const STOOD_IN: Answer = Answer { provider: "anthropic", model: STAND_IN, ..ANSWER };
const KNOWN_PROMPT: &str = "Name the longest river.";

/// A question of a caller without limits, and its answer.
const PLAIN: Scene = Scene {
    name: "answer",
    tells: "an answer",
    caller: Caller::Visitor,
    prompt: "Why do rivers bend?",
    stream: false,
    explain: false,
    before: 0,
    trouble: None,
    expect: Expect::Answer(ANSWER),
};

/// The story, in order.
pub(super) const SCENES: &[Scene] = &[
    PLAIN,
    Scene { name: "stream", tells: "a stream", prompt: "Count the moons of Mars.", stream: true, ..PLAIN },
    Scene {
        name: "failover",
        tells: "OpenAI is overloaded: the model declared as its stand-in answers",
        prompt: "How deep is the sea?",
        trouble: Some(Trouble::Overloaded),
        expect: Expect::Answer(STOOD_IN),
        ..PLAIN
    },
    Scene {
        name: "stream_error",
        tells: "an error inside a stream that began well: nobody sees it",
        prompt: "How high is the sky?",
        stream: true,
        trouble: Some(Trouble::BrokenStream),
        expect: Expect::Answer(STOOD_IN),
        ..PLAIN
    },
    Scene {
        name: "explained",
        tells: "a request that asks why (X-Lockgate-Explain: 1)",
        caller: Caller::Metered,
        prompt: "How old is the moon?",
        explain: true,
        trouble: Some(Trouble::Busy),
        expect: Expect::Answer(STOOD_IN),
        ..PLAIN
    },
    Scene {
        name: "rate_limit",
        tells: "rate limit: a second request within a minute",
        caller: Caller::Slow,
        prompt: "Is it raining?",
        before: 1,
        expect: Expect::Refusal { status: 429, code: "rate_limit_exceeded" },
        ..PLAIN
    },
    Scene {
        name: "spend_cap",
        tells: "spend cap of a project: could cost more than is left",
        caller: Caller::Poor,
        prompt: "Write a saga.",
        expect: Expect::Refusal { status: 402, code: "spend_cap_exceeded" },
        ..PLAIN
    },
    Scene {
        name: "customer_cap",
        tells: "daily cap of an end customer",
        caller: Caller::Blocked,
        prompt: "Write a sonnet.",
        expect: Expect::Refusal { status: 429, code: "customer_spend_exceeded" },
        ..PLAIN
    },
    Scene {
        name: "downgrade",
        tells: "the same cap, set to downgrade: a cheaper model answers",
        caller: Caller::Downgraded,
        prompt: "Write a haiku.",
        expect: Expect::Answer(CHEAPER),
        ..PLAIN
    },
    Scene {
        name: "cache_miss",
        tells: "a question that nobody has asked yet",
        prompt: KNOWN_PROMPT,
        ..PLAIN
    },
    Scene {
        name: "cache_hit",
        tells: "the same question: from the cache, for nothing",
        prompt: KNOWN_PROMPT,
        expect: Expect::Answer(KNOWN),
        ..PLAIN
    },
    Scene {
        name: "cache_hit_stream",
        tells: "and again, told as a stream",
        prompt: KNOWN_PROMPT,
        stream: true,
        expect: Expect::Answer(KNOWN),
        ..PLAIN
    },
];

const WEATHER: &str = "Will it rain in London today?";

/// The rest of it, where the embedding model is there.
pub(super) const SEMANTIC_SCENES: &[Scene] = &[
    Scene { name: "semantic_miss", tells: "a question of the day", prompt: WEATHER, ..PLAIN },
    Scene {
        name: "semantic_hit",
        tells: "the same in other words: from the semantic cache, for nothing",
        prompt: "Is it going to rain in London today?",
        expect: Expect::Answer(Answer { cache: "semantic", ..ANSWER }),
        ..PLAIN
    },
    Scene {
        name: "semantic_guarded",
        tells: "nearly the same, but of tomorrow: a guard refuses, the provider answers",
        prompt: "Will it rain in London tomorrow?",
        ..PLAIN
    },
];

/// What several ask at the same time.
pub(super) const CROWD: Scene = Scene {
    name: "coalesced",
    tells: "five equal calls at once share one call to the provider",
    prompt: "What time is it on Mars?",
    ..PLAIN
};

impl Trouble {
    /// As the simulator does it.
    pub(super) fn fault(self) -> Fault {
        match self {
            Trouble::Overloaded => Fault::status(503),
            // After the chunk that only says who speaks.
            Trouble::BrokenStream => Fault::error_after(1),
            Trouble::Busy => Fault::status(429),
        }
    }
}
