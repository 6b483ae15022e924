//! What each find weighs, in thousandths of a token.
//!
//! Fitted: the least weights under which the corpus of `core/tests/corpus`, mixed by seeds other than the test's,
//! stays below its estimate, plus 3 %. Where the corpus says little (control characters, rare scripts, joiners) a
//! weight is at least what the tokenizer needs at worst.

use super::class::Find;

/// Added once for each text that is not empty.
pub(super) const TEXT: u64 = 1000;

/// Thousandths of a token for one find.
pub(super) const fn weight(find: Find) -> u64 {
    match find {
        Find::Word => 1130,
        Find::BareWord | Find::EastAsianSign => 840,
        Find::Letter5 | Find::Letter13 => 310,
        Find::Letter8 => 370,
        Find::OddPair => 810,
        Find::CaseBreak => 1390,
        Find::Capital => 220,
        Find::ForeignPair => 350,
        Find::Repeat | Find::BracketSame => 520,
        Find::LatinMore => 960,
        Find::LatinTonal => 1650,
        Find::Mark => 2060,
        Find::DigitGroup => 1160,
        Find::SpaceAlone => 980,
        Find::SpaceRun => 850,
        Find::SpaceSame => 110,
        Find::SpaceChange | Find::Gujarati => 600,
        Find::SpaceOther | Find::Control | Find::Joiner => 1030,
        Find::Sign => 910,
        Find::SignSame => 260,
        Find::SignChange => 770,
        Find::OtherCapital | Find::Katakana => 930,
        Find::Greek => 620,
        Find::Cyrillic => 470,
        Find::CyrillicMore => 1470,
        Find::Armenian | Find::Thai => 490,
        Find::Hebrew => 530,
        Find::Arabic => 750,
        Find::Points => 1610,
        Find::Devanagari => 480,
        Find::Bengali => 510,
        Find::Gurmukhi => 1260,
        Find::Odia => 1320,
        Find::Tamil | Find::Telugu => 440,
        Find::Kannada => 580,
        Find::Malayalam => 330,
        Find::Sinhala => 1060,
        Find::Lao => 1970,
        Find::Burmese => 700,
        Find::Georgian => 460,
        Find::Ethiopic => 2330,
        Find::Khmer => 720,
        Find::Hiragana => 970,
        Find::Han => 1510,
        Find::Hangul => 1330,
        Find::Rare2 => 2190,
        Find::Rare3 => 3900,
        Find::Rare4 => 4120,
        Find::Latin1Sign => 780,
        Find::Typographic => 830,
        Find::Symbol => 2600,
        Find::Emoji => 2880,
        Find::Letter2 | Find::SpaceJoined | Find::OtherWord => 0,
    }
}
