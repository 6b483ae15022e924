//! The samples: every hand-written line and block of this folder, and seeded mixes of them and of random text.

use std::fmt::Write as _;
use std::path::Path;

/// A text and the kind it was made as.
pub(crate) struct Sample {
    /// The file or generator it comes from.
    pub(crate) kind: String,
    /// The text.
    pub(crate) text: String,
}

/// A small generator of numbers (xorshift64*): the same seed gives the same samples everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn string(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SIGNS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The hand-written lines and blocks of `folder`, by file name.
pub(crate) fn written(folder: &Path) -> Vec<Sample> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut samples = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "txt")) {
        let kind = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).unwrap();
        let cut = if kind.ends_with(".blocks") { "\n%%\n" } else { "\n" };
        let texts = text.trim_end_matches('\n').split(cut);
        samples.extend(texts.map(|text| Sample { kind: kind.clone(), text: text.to_owned() }));
    }
    samples
}

/// `rounds` × 33 samples made of the written ones and of chance.
pub(crate) fn mixed(written: &[Sample], seed: u64, rounds: usize) -> Vec<Sample> {
    let mut dice = Dice(seed);
    let mut samples = Vec::new();
    for _ in 0..rounds {
        for (kind, text) in round(&mut dice, written) {
            samples.push(Sample { kind: kind.to_owned(), text });
        }
    }
    samples
}

fn round(dice: &mut Dice, written: &[Sample]) -> Vec<(&'static str, String)> {
    let alnum = format!("{LOWER}{UPPER}{DIGITS}");
    let home = &written[dice.below(written.len())].kind;
    let local: Vec<&str> = written.iter().filter(|s| s.kind == *home).map(|s| s.text.as_str()).collect();
    let all: Vec<&str> = written.iter().map(|s| s.text.as_str()).collect();
    let words: Vec<&str> = local.iter().flat_map(|text| text.split_whitespace()).collect();
    let latin: Vec<&str> = written
        .iter()
        .filter(|s| {
            ["english", "german", "french", "spanish", "polish_czech_slovak", "turkic"]
                .contains(&s.kind.as_str())
        })
        .flat_map(|s| s.text.split_whitespace())
        .collect();
    let many = dice.between(8, 60);
    let few = dice.between(3, 12);
    let salad = |dice: &mut Dice, from: &[&str], count: usize, between: &str| {
        (0..count).map(|_| dice.pick(from)).collect::<Vec<_>>().join(between)
    };
    let plain: Vec<String> =
        latin.iter().map(|w| w.chars().filter(|c| c.is_alphabetic()).collect()).collect();
    let plain: Vec<&str> = plain.iter().map(String::as_str).filter(|w| !w.is_empty()).collect();
    let title = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };

    let mut out = vec![
        ("word salad", salad(dice, &words, many, " ")),
        ("word salad without spaces", salad(dice, &words, few, "")),
        ("capitals", salad(dice, &words, many, " ").to_uppercase()),
        ("lines", salad(dice, &local, few, "\n")),
        ("foreign lines", salad(dice, &all, few, "\n\n")),
        ("fragments", (0..few).map(|_| fragment(dice, &all)).collect::<Vec<_>>().join(" ")),
        ("chat", format!("User: {}\nAssistant: {}\n", dice.pick(&all), dice.pick(&local))),
        ("latin words", salad(dice, &latin, many, " ")),
        ("snake case", salad(dice, &plain, few, "_").to_lowercase()),
        ("camel case", (0..few).map(|_| title(dice.pick(&plain))).collect()),
        ("file path", format!("/{}.txt", salad(dice, &plain, few, "/"))),
    ];
    let length = dice.between(16, 300);
    out.push(("base64", dice.string(&format!("{alnum}+/"), length)));
    out.push(("base64 url", dice.string(&format!("{alnum}-_"), length)));
    out.push(("hex", dice.string("0123456789abcdef", length)));
    out.push(("hex capitals", dice.string("0123456789ABCDEF", length)));
    out.push(("uuid", [8, 4, 4, 4, 12].map(|n| dice.string("0123456789abcdef", n)).join("-")));
    out.push(("digits", dice.string(DIGITS, length)));
    out.push((
        "numbers",
        (0..many).map(|_| number(dice)).collect::<Vec<_>>().join([" ", ", ", "\n", "\t"][dice.below(4)]),
    ));
    out.push((
        "random letters",
        (0..few)
            .map(|_| {
                let n = dice.between(3, 14);
                dice.string(LOWER, n)
            })
            .collect::<Vec<_>>()
            .join(" "),
    ));
    out.push((
        "random capitals",
        (0..few)
            .map(|_| {
                let n = dice.between(3, 14);
                dice.string(UPPER, n)
            })
            .collect::<Vec<_>>()
            .join(" "),
    ));
    out.push(("random signs", dice.string(SIGNS, length / 2 + 8)));
    out.push(("random ascii", dice.string(&format!("{alnum}{SIGNS} "), length)));
    out.push(("one letter", dice.string(&alnum, 1).repeat(length)));
    out.push((
        "one space",
        format!("{0}{1}{0}", dice.pick(&words), dice.string(" \t\n\u{a0}\u{3000}", 1).repeat(length)),
    ));
    out.push(("rule", dice.string(SIGNS, 1).repeat(length)));
    out.push((
        "spaced out",
        (0..few)
            .map(|_| {
                let n = dice.between(1, 40);
                format!("{}{}", dice.pick(&words), " ".repeat(n))
            })
            .collect(),
    ));
    out.push(("white space", {
        let n = dice.between(4, 80);
        let w = dice.pick(&words).to_owned();
        format!("{w}{}{w}", dice.string(" \t\n", n))
    }));
    out.push(("json", json(dice, &plain, "", 0)));
    out.push(("json indented", json(dice, &plain, "\n", 0)));
    out.push((
        "csv",
        (0..few).map(|_| format!("{},{},{}\n", dice.pick(&words), number(dice), dice.pick(&plain))).collect(),
    ));
    out.push((
        "log",
        (0..few)
            .map(|_| {
                let (h, m, s, ms) = (dice.below(24), dice.below(60), dice.below(60), dice.below(1000));
                let (id, us) = (dice.string("0123456789abcdef", 16), number(dice));
                format!(
                    "2026-11-23T{h:02}:{m:02}:{s:02}.{ms:03}Z INFO {} id={id} took={us}us\n",
                    dice.pick(&plain)
                )
            })
            .collect(),
    ));
    out.push(("url", {
        let (path, query) = (salad(dice, &plain, few, "/"), salad(dice, &plain, 2, "="));
        let host = dice.string(LOWER, 9);
        format!(
            "https://www.{host}.com/{}?{}&page={}",
            path.to_lowercase(),
            query.to_lowercase(),
            dice.below(500)
        )
    }));
    out.push(("emoji", {
        let emoji: Vec<char> = ('\u{1f300}'..='\u{1f64f}')
            .chain('\u{1f680}'..='\u{1f6c5}')
            .chain('\u{1f90c}'..='\u{1f9ff}')
            .collect();
        (0..few)
            .map(|_| format!("{} {}", dice.pick(&words), emoji[dice.below(emoji.len())]))
            .collect::<Vec<_>>()
            .join(" ")
    }));
    out
}

/// 20 to 120 characters from anywhere in a text.
fn fragment(dice: &mut Dice, from: &[&str]) -> String {
    let text = dice.pick(from);
    let start = dice.below(text.chars().count());
    let length = dice.between(20, 120);
    text.chars().skip(start).take(length).collect()
}

fn number(dice: &mut Dice) -> String {
    let whole = dice.between(1, 7);
    let mut text = dice.string(DIGITS, whole);
    match dice.below(4) {
        0 => write!(text, ".{}", dice.string(DIGITS, 2)).unwrap(),
        1 => text.insert(0, '-'),
        _ => {}
    }
    text
}

fn json(dice: &mut Dice, words: &[&str], newline: &str, depth: usize) -> String {
    let indent = |depth: usize| if newline.is_empty() { String::new() } else { "  ".repeat(depth) };
    let fields = dice.between(1, 5);
    let fields: Vec<String> = (0..fields)
        .map(|_| {
            let value = match dice.below(if depth < 3 { 6 } else { 4 }) {
                0 => number(dice),
                1 => ["true", "false", "null"][dice.below(3)].to_owned(),
                2 | 3 => format!("\"{} {}\"", dice.pick(words), dice.pick(words)),
                4 => format!("[{}, {}]", number(dice), number(dice)),
                _ => json(dice, words, newline, depth + 1),
            };
            format!("{}\"{}\": {value}", indent(depth + 1), dice.pick(words))
        })
        .collect();
    format!("{{{newline}{}{newline}{}}}", fields.join(&format!(",{newline}")), indent(depth))
}
