//! The scenes of the story, as data: who asks for what, and what must come of it.

/// The model that is asked for.
pub(super) const MODEL: &str = "gpt-4.1";
/// The model it is downgraded to.
pub(super) const CHEAP_MODEL: &str = "gpt-4.1-nano";

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caller {
    /// Without limits.
    Visitor,
    /// One request a minute.
    Slow,
    /// A project whose monthly cap is below the price of one request.
    Poor,
    /// A customer whose daily cap is below the price of one request.
    Blocked,
    /// The same, but to be given a cheaper model.
    Downgraded,
}

/// What must come of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    /// An answer from this model, with its cost.
    Answer {
        /// The model that answers.
        model: &'static str,
        /// The model it stands in for.
        downgraded_from: Option<&'static str>,
        /// `x-lockgate-cache`. What comes from the cache costs nothing.
        cache: &'static str,
    },
    /// A refusal.
    Refusal {
        /// The HTTP status.
        status: u16,
        /// OpenAI's `error.code`.
        code: &'static str,
    },
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
    /// Answered requests that lead up to it.
    pub(super) before: u32,
    pub(super) expect: Expect,
}

const ANSWER: Expect = Expect::Answer { model: MODEL, downgraded_from: None, cache: "miss" };
const KNOWN: Expect = Expect::Answer { model: MODEL, downgraded_from: None, cache: "exact" };
const KNOWN_PROMPT: &str = "Name the longest river.";

/// The story, in order.
pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "answer",
        tells: "an answer",
        caller: Caller::Visitor,
        prompt: "Why do rivers bend?",
        stream: false,
        before: 0,
        expect: ANSWER,
    },
    Scene {
        name: "stream",
        tells: "a stream",
        caller: Caller::Visitor,
        prompt: "Count the moons of Mars.",
        stream: true,
        before: 0,
        expect: ANSWER,
    },
    Scene {
        name: "rate_limit",
        tells: "rate limit: a second request within a minute",
        caller: Caller::Slow,
        prompt: "Is it raining?",
        stream: false,
        before: 1,
        expect: Expect::Refusal { status: 429, code: "rate_limit_exceeded" },
    },
    Scene {
        name: "spend_cap",
        tells: "spend cap of a project: could cost more than is left",
        caller: Caller::Poor,
        prompt: "Write a saga.",
        stream: false,
        before: 0,
        expect: Expect::Refusal { status: 402, code: "spend_cap_exceeded" },
    },
    Scene {
        name: "customer_cap",
        tells: "daily cap of an end customer",
        caller: Caller::Blocked,
        prompt: "Write a sonnet.",
        stream: false,
        before: 0,
        expect: Expect::Refusal { status: 429, code: "customer_spend_exceeded" },
    },
    Scene {
        name: "downgrade",
        tells: "the same cap, set to downgrade: a cheaper model answers",
        caller: Caller::Downgraded,
        prompt: "Write a haiku.",
        stream: false,
        before: 0,
        expect: Expect::Answer { model: CHEAP_MODEL, downgraded_from: Some(MODEL), cache: "miss" },
    },
    Scene {
        name: "cache_miss",
        tells: "a question that nobody has asked yet",
        caller: Caller::Visitor,
        prompt: KNOWN_PROMPT,
        stream: false,
        before: 0,
        expect: ANSWER,
    },
    Scene {
        name: "cache_hit",
        tells: "the same question: from the cache, for nothing",
        caller: Caller::Visitor,
        prompt: KNOWN_PROMPT,
        stream: false,
        before: 0,
        expect: KNOWN,
    },
    Scene {
        name: "cache_hit_stream",
        tells: "and again, told as a stream",
        caller: Caller::Visitor,
        prompt: KNOWN_PROMPT,
        stream: true,
        before: 0,
        expect: KNOWN,
    },
];

/// What several ask at the same time.
pub(super) const CROWD: Scene = Scene {
    name: "coalesced",
    tells: "five equal calls at once share one call to the provider",
    caller: Caller::Visitor,
    prompt: "What time is it on Mars?",
    stream: false,
    before: 0,
    expect: ANSWER,
};
