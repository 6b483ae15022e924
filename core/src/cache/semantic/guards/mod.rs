//! Reasons not to answer one question with the answer to another, however near their vectors are.
//!
//! A sentence model puts "London today" beside "London tomorrow". Each guard looks at one kind of difference that
//! changes the answer, and refuses where it finds one. They are pure functions of the two texts; what they do not
//! understand they object to. Their tables are of English; of other languages they compare numbers, names, code and
//! words, so that only questions of the same words pass.

mod code;
mod context;
mod dates;
mod direction;
mod entities;
mod language;
mod lexicon;
mod numbers;
mod polarity;
mod question;
mod text;
mod units;
mod words;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use text::Text;

/// A reason to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Numbers differ, digits or words.
    Numbers,
    /// Units or currencies differ.
    Units,
    /// Days, months, seasons or tenses differ.
    Dates,
    /// One denies what the other says, or says the opposite.
    Polarity,
    /// Names or quoted words differ.
    Entities,
    /// Code differs.
    Code,
    /// The same things the other way round.
    Direction,
    /// One asks who, the other when.
    QuestionType,
    /// It is not understood without what it points at.
    Context,
    /// Words of the subject differ.
    Words,
    /// The model reads another meaning.
    Meaning,
}

impl Guard {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Guard; 11] = [
        Guard::Numbers,
        Guard::Units,
        Guard::Dates,
        Guard::Polarity,
        Guard::Entities,
        Guard::Code,
        Guard::Context,
        Guard::QuestionType,
        Guard::Direction,
        Guard::Words,
        Guard::Meaning,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Guard::Numbers => "numbers",
            Guard::Units => "units",
            Guard::Dates => "dates",
            Guard::Polarity => "polarity",
            Guard::Entities => "entities",
            Guard::Code => "code",
            Guard::Direction => "direction",
            Guard::QuestionType => "question_type",
            Guard::Context => "context",
            Guard::Words => "words",
            Guard::Meaning => "meaning",
        }
    }

    fn objects(self, a: &Text, b: &Text) -> bool {
        match self {
            Guard::Numbers => numbers::differ(a, b),
            Guard::Units => units::differ(a, b),
            Guard::Dates => dates::differ(a, b),
            Guard::Polarity => polarity::differ(a, b),
            Guard::Entities => entities::differ(a, b),
            Guard::Code => code::differ(a, b),
            Guard::Direction => direction::differ(a, b),
            Guard::QuestionType => question::differ(a, b),
            Guard::Context => context::differ(a, b),
            Guard::Words => words::differ(a, b),
            // Not of the texts alone: see `second_look`.
            Guard::Meaning => false,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Guard {
    type Err = ();

    fn from_str(name: &str) -> Result<Guard, ()> {
        Guard::ALL.into_iter().find(|guard| guard.name() == name).ok_or(())
    }
}

/// Those of `guards` that object to answering `b` with the answer to `a`, in their order.
#[must_use]
pub fn objections(a: &str, b: &str, guards: &[Guard]) -> Vec<Guard> {
    if a == b {
        return Vec::new();
    }
    let (a, b) = (Text::of(a), Text::of(b));
    let asked = Guard::ALL.into_iter().filter(|guard| guards.contains(guard));
    asked.filter(|guard| guard.objects(&a, &b)).collect()
}

/// Whether both texts are English, as far as their small words tell.
pub(super) fn are_english(a: &str, b: &str) -> bool {
    language::is_english(a) && language::is_english(b)
}
