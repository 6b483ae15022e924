//! Yes and no: denials, and words that mean the opposite.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::lexicon;
use super::text::Text;

const DENIALS: &str = "not no never none nobody nothing nowhere without neither nor non unable cannot hardly lack lacking \
    except excluding nt";

/// A word, and what is its opposite. Several on a side mean the same.
const OPPOSITES: &[(&str, &str)] = &[
    ("increase raise rise", "decrease lower reduce fall drop"),
    ("enable activate", "disable deactivate"),
    ("advantage benefit pro strength", "disadvantage drawback con weakness risk"),
    ("gain", "lose"),
    ("high highest", "low lowest"),
    ("large largest big biggest bigger larger", "small smallest smaller"),
    ("open", "close closed shut"),
    ("lock", "unlock"),
    ("hot hottest warm warmest", "cold coldest cool"),
    ("ascending", "descending"),
    ("up", "down"),
    ("maximum max most", "minimum min least fewest"),
    ("install", "uninstall"),
    ("add insert", "remove delete subtract"),
    ("encrypt", "decrypt"),
    ("mute", "unmute"),
    ("good", "bad"),
    ("accept approve agree", "decline reject refuse disagree"),
    ("fast faster fastest quick", "slow slower slowest"),
    ("cheap cheaper cheapest", "expensive"),
    ("buy purchase", "sell rent"),
    ("start begin launch", "stop end finish"),
    ("compress zip", "decompress unzip"),
    ("first", "last"),
    ("in inside", "out outside"),
    ("happy", "sad unhappy"),
    ("subscribe", "unsubscribe"),
    ("hide", "show unhide"),
    ("old oldest older", "young youngest younger new newest newer"),
    ("win won", "lose lost"),
    ("best better", "worst worse"),
    ("deposit", "withdraw"),
    ("push", "pull"),
    ("download", "upload"),
    ("darken dark darker", "brighten lighten light bright brighter lighter"),
    ("hire", "fire"),
    ("on", "off"),
    ("connect", "disconnect"),
    ("easy easier easiest", "difficult hard harder hardest"),
    ("busy busiest", "quiet quietest"),
    ("for", "against"),
    ("block", "unblock"),
    ("pass", "fail"),
    ("full", "empty"),
    ("legal allowed permitted", "illegal forbidden prohibited banned"),
    ("safe", "dangerous unsafe"),
    ("strong stronger strongest", "weak weaker weakest"),
    ("long longer longest lengthen extend", "short shorter shortest shorten"),
    ("above over", "below under"),
    ("more", "less fewer"),
    ("before", "after"),
    ("early earlier earliest", "late later latest"),
    ("import", "export"),
    ("include including", "exclude excluding"),
    ("public", "private"),
    ("internal", "external"),
    ("true", "false"),
    ("positive", "negative"),
    ("male", "female"),
    ("man", "woman"),
    ("boy", "girl"),
    ("husband", "wife"),
    ("mother", "father"),
    ("brother", "sister"),
    ("son", "daughter"),
    ("king", "queen"),
    ("left", "right"),
    ("north northern", "south southern"),
    ("east eastern", "west western"),
    ("formal", "casual informal"),
    ("past", "future present"),
    ("arrive arrival", "depart departure leave"),
    ("borrow", "lend"),
    ("employer", "employee"),
    ("love like", "hate dislike"),
    ("love", "hate"),
    ("rich", "poor"),
    ("healthy", "unhealthy sick"),
    ("wet", "dry"),
    ("thick thicker", "thin thinner"),
    ("wide", "narrow"),
    ("deep deepest", "shallow shallowest"),
    ("near nearest", "far farthest"),
    ("sunrise", "sunset"),
    ("sender", "recipient receiver"),
    ("buyer", "seller"),
    ("landlord", "tenant"),
    ("teacher", "student"),
    ("vertical vertically", "horizontal horizontally"),
    ("manual manually", "automatic automatically"),
    ("static", "dynamic"),
    ("singular", "plural"),
    ("supervised", "unsupervised"),
    ("inbound incoming", "outbound outgoing"),
    ("input", "output"),
    ("read", "write"),
    ("save", "discard"),
    ("create", "delete destroy"),
    ("attach", "detach"),
    ("freeze", "thaw unfreeze"),
    ("boil boiling", "melt melting freezing"),
    ("gross", "net"),
    ("credit", "debit"),
    ("asset", "liability"),
    ("bull bullish", "bear bearish"),
    ("indoor indoors", "outdoor outdoors"),
    ("online", "offline"),
    ("local", "remote"),
    ("lowercase", "uppercase"),
    ("major", "minor"),
    ("senior", "junior"),
    ("permanent", "temporary"),
    ("active", "inactive passive"),
    ("visible", "invisible hidden"),
    ("right", "wrong"),
    ("correct", "incorrect wrong"),
    ("possible", "impossible"),
    ("necessary", "unnecessary"),
    ("normal", "abnormal"),
    ("refundable", "nonrefundable"),
    ("ask", "answer"),
    ("expand", "collapse"),
    ("merge", "split"),
    ("hot", "cold"),
    ("weight-gain", "weight-loss"),
    ("simple", "complex"),
    ("sync", "async"),
    ("yes", "no"),
    ("continue", "stop"),
    ("former", "latter"),
    ("next", "previous"),
    ("this", "that"),
    ("with", "without"),
    ("new", "existing used"),
    ("fresh", "frozen canned dried stale"),
    ("raw", "cooked"),
    ("sweet", "savory sour bitter"),
    ("single", "married"),
    ("follow", "unfollow"),
    ("enter", "exit leave"),
    ("front", "back rear"),
    ("top", "bottom"),
    ("ancestor", "descendant"),
    ("cause", "prevent"),
    ("request", "response"),
    ("client", "server"),
    ("optional", "required mandatory"),
    ("mutable", "immutable"),
    ("synchronous synchronously", "asynchronous asynchronously"),
    ("upgrade", "downgrade"),
    ("domestic", "international foreign"),
    ("beginner", "expert advanced"),
    ("employee employed", "self-employed freelance freelancer"),
    ("part-time", "full-time"),
    ("one-way", "round-trip"),
    ("prepaid", "postpaid"),
    ("odd", "even"),
    ("subset", "superset"),
    ("clockwise", "counterclockwise anticlockwise"),
    ("tighten", "loosen"),
    ("shrink", "grow enlarge"),
    ("hydrate", "dehydrate"),
    ("optimist optimistic", "pessimist pessimistic"),
    ("inhale", "exhale"),
    ("push", "pop"),
    ("zoom-in", "zoom-out"),
    ("brief briefly", "detail detailed"),
];

fn denies(lower: &str) -> bool {
    DENIALS.split_whitespace().any(|word| word == lower)
        || lower.strip_prefix("non-").is_some_and(|rest| rest.len() > 2)
}

/// How many times something is denied; twice is not at all.
fn denials(text: &Text) -> usize {
    let before = std::iter::once("").chain(text.words.iter().map(|word| word.lower.as_str()));
    // "Is it true or not?"
    text.words.iter().zip(before).filter(|(word, before)| denies(&word.lower) && *before != "or").count()
}

/// Whether each text alone has a word of one side, and the other a word of the other side.
fn opposite(a: &Text, b: &Text) -> bool {
    /// What the words of both sides have in common with their forms.
    static SIDES: LazyLock<Vec<[Vec<String>; 2]>> = LazyLock::new(|| {
        let stems = |words: &str| words.split(' ').map(lexicon::plain_stem).collect();
        OPPOSITES.iter().map(|(one, other)| [stems(one), stems(other)]).collect()
    });
    let stems = |text: &Text| -> HashSet<String> {
        text.words.iter().map(|word| lexicon::plain_stem(&word.lower)).collect()
    };
    let (a, b) = (stems(a), stems(b));
    let only = |side: &[String], here: &HashSet<String>, there: &HashSet<String>| {
        side.iter().any(|stem| here.contains(stem)) && !side.iter().any(|stem| there.contains(stem))
    };
    SIDES.iter().any(|[one, other]| {
        (only(one, &a, &b) && only(other, &b, &a)) || (only(other, &a, &b) && only(one, &b, &a))
    })
}

/// `usual` and `unusual`: what is in one text stands in the other with a prefix that denies it.
fn prefixed(a: &Text, b: &Text) -> bool {
    const PREFIXES: [&str; 10] = ["un", "in", "im", "il", "ir", "dis", "non-", "non", "de", "ab"];
    a.words.iter().any(|word| {
        let other = |prefix: &&str| b.has(&format!("{prefix}{}", word.lower));
        word.lower.len() > 3 && !b.has(&word.lower) && PREFIXES.iter().any(other)
    })
}

/// `overfitting` and `underfitting`: one word with opposite beginnings.
fn begun_otherwise(a: &Text, b: &Text) -> bool {
    const BEGINNINGS: [(&str, &str); 3] = [("over", "under"), ("up", "down"), ("pre", "post")];
    let turned = |word: &str, (from, to): (&str, &str)| {
        word.strip_prefix(from)
            .is_some_and(|rest| rest.len() > 2 && b.has(&format!("{to}{rest}")) && !b.has(word))
    };
    a.words.iter().any(|word| BEGINNINGS.iter().any(|pair| turned(&word.lower, *pair)))
}

/// Whether what is denied is set against what is not.
fn contrast(text: &Text) -> bool {
    text.words.windows(2).any(|pair| match pair {
        [but, not] => but.lower == "but" && denies(&not.lower),
        _ => false,
    })
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    // "On the phone but not on the laptop", "not on the phone, only on the laptop": one denial each, of another half.
    let contrasts = contrast(a) != contrast(b) && denials(a) > 0 && denials(b) > 0;
    denials(a) % 2 != denials(b) % 2 || opposite(a, b) || contrasts || turned(a, b) || turned(b, a)
}

fn turned(a: &Text, b: &Text) -> bool {
    prefixed(a, b) || begun_otherwise(a, b)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Polarity]).is_empty()
    }

    #[test]
    fn a_denial_in_other_words_passes() {
        assert!(!refused("My parcel hasn't arrived.", "My parcel has not arrived."));
        assert!(!refused("I never got a mail.", "I did not get a mail."));
        assert!(!refused("Why can't I log in?", "Why am I unable to log in?"));
    }

    #[test]
    fn denials_and_opposites_are_refused() {
        assert!(refused("Which foods are safe?", "Which foods are not safe?"));
        assert!(refused("How do I enable it?", "How do I disable it?"));
        assert!(refused("Is it necessary?", "Is it unnecessary?"));
        assert!(refused("Is my model underfitting?", "Is my model overfitting?"));
        assert!(refused("Explain cricket in brief.", "Explain cricket in full detail."));
        assert!(refused("Bread with yeast", "Bread without yeast"));
        assert!(refused("Is it a new customer?", "Is it an existing customer?"));
        assert!(refused("It works on A but not on B", "It does not work on A, only on B"));
        assert!(refused("How do I turn on Wi-Fi?", "How do I turn off Wi-Fi?"));
    }
}
