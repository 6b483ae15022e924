//! Classes of characters, and the pieces a tokenizer makes of them.
//!
//! o200k first cuts a text into words (with one preceding space or sign), groups of three digits, runs of signs
//! and runs of white space, and then each of these into tokens. [`scan`] walks over the same pieces in one pass
//! and names what it meets; what each find weighs is in [`super::weight`].

/// What [`scan`] finds. Each is weighed on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Find {
    /// A word begins after white space or at the start.
    Word,
    /// A word begins after anything else.
    BareWord,
    /// Second to fourth letter of a word.
    Letter2,
    /// Fifth to seventh letter.
    Letter5,
    /// Eighth to twelfth letter.
    Letter8,
    /// A letter after the twelfth.
    Letter13,
    /// A pair of letters that is rare in any language.
    OddPair,
    /// A capital after a small letter: a new piece.
    CaseBreak,
    /// A capital after a capital.
    Capital,
    /// A pair of letters that is common, but not in English and its neighbours.
    ForeignPair,
    /// The third and later of equal letters.
    Repeat,
    /// A Latin letter beyond ASCII.
    LatinMore,
    /// A Latin letter of the Vietnamese block.
    LatinTonal,
    /// A combining mark.
    Mark,
    /// One to three digits.
    DigitGroup,
    /// A single space before a letter or sign, part of that piece.
    SpaceJoined,
    /// A space that stays a piece of its own.
    SpaceAlone,
    /// A run of white space that is more than one space.
    SpaceRun,
    /// A character of white space like the one before it.
    SpaceSame,
    /// A character of white space unlike the one before it.
    SpaceChange,
    /// A space beyond ASCII.
    SpaceOther,
    /// The first of a run of ASCII signs.
    Sign,
    /// A sign like the one before it.
    SignSame,
    /// A bracket or another sign of which few repeat in one token, like the one before it.
    BracketSame,
    /// A sign unlike the one before it.
    SignChange,
    /// A control character.
    Control,
    /// The first letter of a word in another alphabet.
    OtherWord,
    /// A capital after a capital in Greek or Cyrillic.
    OtherCapital,
    /// Greek.
    Greek,
    /// Cyrillic of the Russian alphabet.
    Cyrillic,
    /// Other Cyrillic.
    CyrillicMore,
    /// Armenian.
    Armenian,
    /// Hebrew letters.
    Hebrew,
    /// Arabic.
    Arabic,
    /// Vowel points of Hebrew and Arabic.
    Points,
    /// Devanagari.
    Devanagari,
    /// Bengali.
    Bengali,
    /// Gurmukhi.
    Gurmukhi,
    /// Gujarati.
    Gujarati,
    /// Odia.
    Odia,
    /// Tamil.
    Tamil,
    /// Telugu.
    Telugu,
    /// Kannada.
    Kannada,
    /// Malayalam.
    Malayalam,
    /// Sinhala.
    Sinhala,
    /// Thai.
    Thai,
    /// Lao.
    Lao,
    /// Burmese.
    Burmese,
    /// Georgian.
    Georgian,
    /// Ethiopic.
    Ethiopic,
    /// Khmer.
    Khmer,
    /// Hiragana.
    Hiragana,
    /// Katakana.
    Katakana,
    /// Chinese characters of the main block.
    Han,
    /// Hangul syllables.
    Hangul,
    /// Other scripts of two bytes in UTF-8.
    Rare2,
    /// Other scripts of three bytes.
    Rare3,
    /// Other scripts of four bytes.
    Rare4,
    /// Typographic signs of the Latin-1 block.
    Latin1Sign,
    /// Dashes, quotes, ellipses and bullets.
    Typographic,
    /// Other symbols of three bytes: arrows, operators, boxes, pictures.
    Symbol,
    /// Signs of East Asian text and full-width forms.
    EastAsianSign,
    /// Emoji of four bytes.
    Emoji,
    /// Joiners and variation selectors.
    Joiner,
}

/// By first letter, which second letters (bit 0 = a) are common after it in languages written in Latin letters.
const COMMON_PAIRS: [u32; 26] = [
    0x3ffbfff, 0x1164991, 0x21e4595, 0x37efb99, 0x3ffffff, 0x11e4931, 0x15e6fd3, 0x15e7d11, 0x3bfffff,
    0x0166111, 0x17ecd31, 0x17c7fff, 0x114dd53, 0x33e6fff, 0x27effff, 0x01ec991, 0x0100191, 0x33e7fdf,
    0x37cffdf, 0x35e6fd1, 0x2feffff, 0x0124311, 0x1166195, 0x000c109, 0x17e7d1f, 0x178411f,
];

/// Likewise, the pairs of which words are made that the tokenizer knows whole: English and its neighbours.
const FLUENT_PAIRS: [u32; 26] = [
    0x13ebd4e, 0x0104111, 0x0184591, 0x0004911, 0x1aeb91d, 0x0024111, 0x0024191, 0x00a4111, 0x02c7c7d,
    0x0000000, 0x0000110, 0x10c4d19, 0x000d111, 0x03c417d, 0x07ef96f, 0x0024891, 0x0100000, 0x02e7959,
    0x15c499d, 0x15e41d1, 0x00e3810, 0x0000110, 0x0024191, 0x0008000, 0x0002000, 0x0000000,
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Latin,
    Other,
    Digit,
    Space,
    Sign,
    Symbol,
}

struct Scanner<F> {
    hit: F,
    last: char,
    kind: Kind,
    /// Letters of the word, digits of the group or characters of the run so far.
    run: u32,
    /// How often the last letter came in a row.
    repeats: u32,
}

/// Calls `hit` for everything in `text`, in order. Linear in time, constant in space.
pub(super) fn scan(text: &str, hit: impl FnMut(Find)) {
    let mut scanner = Scanner { hit, last: '\0', kind: Kind::Start, run: 0, repeats: 0 };
    for c in text.chars() {
        scanner.step(c);
        scanner.last = c;
    }
    if scanner.kind == Kind::Space {
        scanner.end_space(Kind::Start);
    }
}

impl<F: FnMut(Find)> Scanner<F> {
    fn step(&mut self, c: char) {
        match c {
            'a'..='z' | 'A'..='Z' => self.latin(c, None),
            '0'..='9' => self.digit(),
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => self.space(c),
            '!'..='~' => self.sign(c),
            '\0'..='\x7f' => self.symbol(Find::Control),
            _ => self.beyond_ascii(c),
        }
    }

    /// Begins or goes on with a run of `kind`; true if it begins.
    fn enter(&mut self, kind: Kind) -> bool {
        if self.kind == kind {
            self.run = self.run.saturating_add(1);
            return false;
        }
        if self.kind == Kind::Space {
            self.end_space(kind);
        }
        self.kind = kind;
        self.run = 1;
        true
    }

    fn latin(&mut self, c: char, more: Option<Find>) {
        let after_space = matches!(self.kind, Kind::Space | Kind::Start);
        let previous = self.last;
        if self.enter(Kind::Latin) {
            self.repeats = 1;
            (self.hit)(if after_space { Find::Word } else { Find::BareWord });
        } else {
            self.repeats = if c == previous { self.repeats.saturating_add(1) } else { 1 };
            if c.is_ascii_uppercase() && previous.is_lowercase() {
                self.run = 1;
                (self.hit)(Find::CaseBreak);
            } else if self.repeats >= 3 {
                (self.hit)(Find::Repeat);
            } else {
                (self.hit)(match self.run {
                    ..=4 => Find::Letter2,
                    5..=7 => Find::Letter5,
                    8..=12 => Find::Letter8,
                    _ => Find::Letter13,
                });
                if c.is_ascii_uppercase() {
                    (self.hit)(Find::Capital);
                }
                if let Some(find) = judge_pair(previous, c) {
                    (self.hit)(find);
                }
            }
        }
        if let Some(find) = more {
            (self.hit)(find);
        }
    }

    fn digit(&mut self) {
        self.enter(Kind::Digit);
        if self.run % 3 == 1 {
            (self.hit)(Find::DigitGroup);
        }
    }

    fn space(&mut self, c: char) {
        let previous = self.last;
        if !self.enter(Kind::Space) {
            (self.hit)(if c == previous { Find::SpaceSame } else { Find::SpaceChange });
        }
    }

    /// White space has ended and `next` begins: only now is it known what its last space belongs to.
    fn end_space(&mut self, next: Kind) {
        let joins = matches!(next, Kind::Latin | Kind::Other | Kind::Sign | Kind::Symbol) && self.last == ' ';
        if self.run > 1 || self.last != ' ' {
            (self.hit)(Find::SpaceRun);
        }
        if self.last == ' ' {
            (self.hit)(if joins { Find::SpaceJoined } else { Find::SpaceAlone });
        }
    }

    fn sign(&mut self, c: char) {
        let previous = self.last;
        let begins = self.enter(Kind::Sign);
        (self.hit)(match begins {
            true => Find::Sign,
            false if c == previous && matches!(c, '&' | '[' | ']' | '`' | '{' | '}') => Find::BracketSame,
            false if c == previous => Find::SignSame,
            false => Find::SignChange,
        });
    }

    fn symbol(&mut self, find: Find) {
        self.enter(Kind::Symbol);
        (self.hit)(find);
    }

    fn other(&mut self, find: Find) {
        if self.enter(Kind::Other) {
            (self.hit)(Find::OtherWord);
        }
        (self.hit)(find);
    }

    fn cased(&mut self, c: char, find: Find) {
        if self.kind == Kind::Other && c.is_uppercase() && self.last.is_uppercase() {
            (self.hit)(Find::OtherCapital);
        }
        self.other(find);
    }

    fn beyond_ascii(&mut self, c: char) {
        match u32::from(c) {
            0xaa | 0xb5 | 0xba | 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0x24f => {
                self.latin(c, Some(Find::LatinMore))
            }
            0x250..=0x2ff => self.latin(c, Some(Find::LatinTonal)),
            0x300..=0x36f if self.kind == Kind::Latin => (self.hit)(Find::Mark),
            0x300..=0x36f => self.other(Find::Mark),
            0x1e00..=0x1eff => self.latin(c, Some(Find::LatinTonal)),
            0x85 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000 => {
                self.symbol(Find::SpaceOther);
            }
            0x80..=0xbf | 0xd7 | 0xf7 => self.symbol(Find::Latin1Sign),
            0x370..=0x3ff => self.cased(c, Find::Greek),
            0x410..=0x44f | 0x401 | 0x451 => self.cased(c, Find::Cyrillic),
            0x400..=0x52f => self.cased(c, Find::CyrillicMore),
            0x530..=0x58f => self.other(Find::Armenian),
            0x591..=0x5c7 | 0x610..=0x61a | 0x64b..=0x65f | 0x670 | 0x6d6..=0x6ed => self.other(Find::Points),
            0x590..=0x5ff => self.other(Find::Hebrew),
            0x600..=0x6ff => self.other(Find::Arabic),
            0x700..=0x7ff => self.other(Find::Rare2),
            0x900..=0x97f => self.other(Find::Devanagari),
            0x980..=0x9ff => self.other(Find::Bengali),
            0xa00..=0xa7f => self.other(Find::Gurmukhi),
            0xa80..=0xaff => self.other(Find::Gujarati),
            0xb00..=0xb7f => self.other(Find::Odia),
            0xb80..=0xbff => self.other(Find::Tamil),
            0xc00..=0xc7f => self.other(Find::Telugu),
            0xc80..=0xcff => self.other(Find::Kannada),
            0xd00..=0xd7f => self.other(Find::Malayalam),
            0xd80..=0xdff => self.other(Find::Sinhala),
            0xe00..=0xe7f => self.other(Find::Thai),
            0xe80..=0xeff => self.other(Find::Lao),
            0x1000..=0x109f => self.other(Find::Burmese),
            0x10a0..=0x10ff => self.other(Find::Georgian),
            0x1200..=0x139f => self.other(Find::Ethiopic),
            0x1780..=0x17ff => self.other(Find::Khmer),
            0x200b..=0x200f | 0xfe00..=0xfe0f => (self.hit)(Find::Joiner),
            0x2010..=0x206f => self.symbol(Find::Typographic),
            0x2070..=0x2bff => self.symbol(Find::Symbol),
            0x3001..=0x303f | 0xff00..=0xffef => self.symbol(Find::EastAsianSign),
            0x3040..=0x309f => self.other(Find::Hiragana),
            0x30a0..=0x30ff => self.other(Find::Katakana),
            0x4e00..=0x9fff => self.other(Find::Han),
            0xac00..=0xd7a3 => self.other(Find::Hangul),
            0x800..=0xffff => self.other(Find::Rare3),
            0x1f000..=0x1faff => self.symbol(Find::Emoji),
            _ => self.other(Find::Rare4),
        }
    }
}

fn judge_pair(first: char, second: char) -> Option<Find> {
    let index = |c: char| {
        c.is_ascii_alphabetic().then(|| u32::from(c.to_ascii_lowercase()).saturating_sub(u32::from('a')))
    };
    let (first, second) = (index(first)? as usize, index(second)?);
    let within = |pairs: &[u32; 26]| pairs.get(first).is_some_and(|pairs| pairs >> second & 1 == 1);
    match (within(&FLUENT_PAIRS), within(&COMMON_PAIRS)) {
        (true, _) => None,
        (false, true) => Some(Find::ForeignPair),
        (false, false) => Some(Find::OddPair),
    }
}
