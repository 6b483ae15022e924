//! The estimate that a request is admitted by.

use super::class::scan;
use super::weight::{TEXT, weight};

/// Every message is wrapped in 3 tokens, and a name adds 1 (OpenAI's guide to counting chat tokens).
const MESSAGE: u64 = 4;
/// Every answer is primed with 3 tokens (same source).
const REPLY: u64 = 3;
/// Instructions that come once with tools: 313 to 346 tokens at Anthropic (its tool-use page), some 12 at OpenAI.
const TOOLS: u64 = 350;
/// What a tool's definition needs around its text.
const TOOL: u64 = 12;

/// A bound from above on the prompt tokens of a request, built up piece by piece without allocating.
///
/// One linear pass over the characters, integers only. It stays at or above the o200k count for at least 99.9 % of
/// the test corpus; text made to defeat it can pass it, and is then settled at the reported usage. Vendors whose
/// tokenizers are coarser than o200k report fewer tokens, finer ones may report more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Thousandths of a token.
    milli: u64,
    images: Images,
    has_tools: bool,
}

/// What a family of models counts for an image at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Images {
    low: u64,
    high: u64,
    original: u64,
}

impl Images {
    /// OpenAI and Gemini, from the vendors' pages on images:
    /// - OpenAI by tiles: 85 at low detail; else 85 + 170 for each of at most 8 tiles of 512 × 512 (after scaling
    ///   into 2048 × 2048, then to 768 on the short side) = 1,445.
    /// - OpenAI by patches of 32 × 32: at most 1,536, times a factor of the model of at most 2.46 = 3,779; at
    ///   original detail at most 10,000, times at most 1.2.
    /// - Gemini: 258 for a small image, at most 2,240 at its highest media resolution.
    const COMMON: Images = Images { low: 300, high: 3_800, original: 12_000 };
    /// GPT-4o mini: 2,833 + 5,667 a tile.
    const GPT_4O_MINI: Images = Images { low: 2_833, high: 48_169, original: 48_169 };
    /// Anthropic knows no detail: pixels ÷ 750, at most 4,784 on the models of the highest resolution.
    const CLAUDE: Images = Images { low: 4_784, high: 4_784, original: 4_784 };
    /// A model not known: the most of any vendor, GPT-4o mini aside.
    const UNKNOWN: Images = Images { low: 4_784, high: 4_784, original: 12_000 };
}

impl Default for Estimate {
    fn default() -> Estimate {
        Estimate::new()
    }
}

impl Estimate {
    /// An empty request to a model not yet known: the tokens that prime the answer.
    pub const fn new() -> Estimate {
        Estimate { milli: REPLY * 1000, images: Images::UNKNOWN, has_tools: false }
    }

    /// An empty request to `model`, whose images are bounded more closely than those of an unknown one.
    pub fn for_model(model: &str) -> Estimate {
        let families = [
            ("gpt-4o-mini", Images::GPT_4O_MINI),
            ("claude-", Images::CLAUDE),
            ("gpt-", Images::COMMON),
            ("o1", Images::COMMON),
            ("o3", Images::COMMON),
            ("o4", Images::COMMON),
            ("gemini-", Images::COMMON),
        ];
        let family = families.iter().find(|(prefix, _)| model.starts_with(prefix));
        Estimate { images: family.map_or(Images::UNKNOWN, |(_, images)| *images), ..Estimate::new() }
    }

    /// The tokens of a text alone, without what surrounds it in a request.
    pub fn of_text(text: &str) -> u64 {
        let mut estimate = Estimate { milli: 0, ..Estimate::new() };
        estimate.add_text(text);
        estimate.total()
    }

    /// Adds a text: content, a name, the JSON of a tool.
    pub fn add_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut milli = TEXT;
        scan(text, |find| milli += weight(find));
        self.milli = self.milli.saturating_add(milli);
    }

    /// Adds what wraps a message: its role, its end, a name's mark. Its texts are added apart.
    pub fn add_message(&mut self) {
        self.add_tokens(MESSAGE);
    }

    /// Adds what wraps a tool's definition or call, and once the instructions that come with tools. Its JSON is
    /// added apart.
    pub fn add_tool(&mut self) {
        if !self.has_tools {
            self.has_tools = true;
            self.add_tokens(TOOLS);
        }
        self.add_tokens(TOOL);
    }

    /// Adds an image of unknown size by its `detail`: `low`, `high`, `auto`, `original`, or none given.
    pub fn add_image(&mut self, detail: Option<&str>) {
        self.add_tokens(match detail {
            Some("low") => self.images.low,
            Some("high" | "auto") | None => self.images.high,
            Some(_) => self.images.original,
        });
    }

    /// Adds a number of tokens known otherwise.
    pub fn add_tokens(&mut self, tokens: u64) {
        self.milli = self.milli.saturating_add(tokens.saturating_mul(1000));
    }

    /// The bound so far, in whole tokens.
    pub const fn total(&self) -> u64 {
        self.milli.div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_request_primes_an_answer() {
        let mut estimate = Estimate::new();
        assert_eq!((estimate.total(), Estimate::of_text("")), (3, 0));
        estimate.add_text("");
        assert_eq!(estimate.total(), 3);
        estimate.add_message();
        assert_eq!(estimate.total(), 7);
    }

    #[test]
    fn instructions_for_tools_count_once() {
        let mut estimate = Estimate::new();
        estimate.add_tool();
        estimate.add_tool();
        assert_eq!(estimate.total(), REPLY + TOOLS + 2 * TOOL);
    }

    #[test]
    fn images_count_by_model_and_detail() {
        let bound = |estimate: Estimate, detail| {
            let mut with = estimate;
            with.add_image(detail);
            with.total() - estimate.total()
        };
        for (model, low, usual, original) in [
            ("gpt-4o", 300, 3_800, 12_000),
            ("gpt-4o-mini-2024-07-18", 2_833, 48_169, 48_169),
            ("claude-opus-5-5", 4_784, 4_784, 4_784),
            ("gemini-4-argon", 300, 3_800, 12_000),
            ("llava:13b", 4_784, 4_784, 12_000),
        ] {
            let estimate = Estimate::for_model(model);
            assert_eq!(bound(estimate, Some("low")), low, "{model}");
            assert_eq!([bound(estimate, None), bound(estimate, Some("auto"))], [usual; 2], "{model}");
            assert_eq!(
                [bound(estimate, Some("original")), bound(estimate, Some("new"))],
                [original; 2],
                "{model}"
            );
        }
        assert_eq!(bound(Estimate::new(), Some("low")), 4_784);
    }

    #[test]
    fn sums_hold_at_the_top() {
        let mut estimate = Estimate::new();
        estimate.add_tokens(u64::MAX);
        estimate.add_text("more");
        assert_eq!(estimate.total(), u64::MAX.div_ceil(1000));
    }

    #[test]
    fn pieces_add_up_to_no_less_than_the_whole() {
        let (one, two) = ("What is the price of ", "the red bicycle?");
        let mut pieces = Estimate::new();
        pieces.add_text(one);
        pieces.add_text(two);
        let mut whole = Estimate::new();
        whole.add_text(&format!("{one}{two}"));
        assert!(pieces.total() >= whole.total());
    }
}
