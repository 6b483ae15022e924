//! What the guards know of English words: spellings, stems, phrases that stand for one word, and words that say the same.
//! Small and general: what is not known is compared as it is written, and two words that differ are different.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::text::Word;

/// Words that carry no subject of their own.
const FUNCTION: &str = "a an the this that these those i me my mine you your yours he him his she her hers it its we us our \
    ours they them their theirs one ones someone somebody anyone anybody people thing things something anything \
    am is are was were be been being do does did done doing have has had having can could may might must shall should \
    will would ought let 's to of in on at by for from with into onto as about than then there here so too very really \
    just also again ever even still only some any all each every both either other others such own same and or but nor \
    if because while when where who whom whose which what why how please hi hello hey thanks thank ok okay dear tell \
    explain describe show know like want wish need help give get got make go going take come work use using used \
    up out off over under now yet already back currently presently right exactly actually simply easily \
    quickly normally usually typically generally commonly correctly properly roughly approximately possible possibly \
    able long much many lot lots more most often frequent frequently create generate little kind whether type sort sorts way ways step steps idea mean call \
    happen look find see say supply think believe term word concept short \
    brief simple simply basic basically particular certain specific general usually new proper correct suitable \
    available supposed question wonder everyone everybody oneself self as such else etc per during within upon \
    between among through across count counted consider considered considered regard regarded located location exist \
    belong nice kindly quick answer how-to allowed allow permitted permit view able normal acronym abbreviation phrase expression quickest easiest best-known whatever whichever \
    ever actually somewhere anywhere someplace place-to ways manage manage-to entire entirely whole completely complete \
    fully full-list overall happens bit";

/// Groups of words that say the same where a question is asked.
const SAME: &[&str] = &[
    "big large size huge",
    "small little tiny",
    "grandmother grandma granny",
    "grandfather grandpa granddad",
    "mother mom mum mommy",
    "father dad daddy",
    "start begin commence",
    "end finish",
    "buy purchase",
    "fast quick speed",
    "difference differ different distinguish",
    "deliver delivery ship shipping shipment",
    "holiday vacation",
    "movie film",
    "write author writer",
    "invent inventor",
    "create creator",
    "found founder",
    "discover discoverer",
    "repair fix mend",
    "remove delete erase rid",
    "photo picture image",
    "cost price",
    "recommend suggest",
    "compare comparison",
    "define definition",
    "compute calculate calculation",
    "child kid",
    "autumn fall-season",
    "cure heal",
    "ill sick",
    "physician doctor",
    "car automobile",
    "job position",
    "salary pay",
    "boss manager",
    "colleague coworker",
    "clever smart",
    "center middle",
    "close near",
    "nearest closest",
    "phone telephone mobile smartphone cellphone",
    "signin login",
    "signout logout",
    "choose pick select",
    "permit allow",
    "prevent avoid stop-doing",
    "toxic poisonous",
    "cell cellular",
    "usa us united-states american america",
    "uk britain united-kingdom british",
    "company firm business",
    "trash garbage rubbish",
    "flat apartment",
    "lift elevator",
    "petrol gas-fuel gasoline",
    "shop store",
    "error mistake",
    "answer reply",
    "refund moneyback reimburse",
    "symptom sign",
    "reason cause",
    "summary summarize",
    "translate translation",
    "expensive costly",
    "cheap inexpensive",
    "reduce lower decrease cut-down",
    "increase raise boost",
    "change replace swap",
    "improve better-at enhance",
    "consequence effect-of result",
    "made-of consist compose-of",
    "job work-position occupation",
    "learn study",
    "build construct",
    "origin come-from",
    "free gratis",
    "allow-in admit",
    "illness disease sickness",
    "pain ache hurt",
    "rule regulation",
    "speak talk",
    "sleep asleep",
    "flight fly",
    "plane airplane aircraft",
    "house home",
    "pal friend",
    "earth world globe",
    "money cash",
    "tv-series series show-tv",
    "pc computer",
    "fix-up repair",
    "pay-slip payslip",
    "charge fee",
    "wedding marry marriage",
    "dead die death",
    "born birth",
    "train teach",
    "grow growth",
    "live alive life",
    "speed velocity",
    "mouse-pad mousepad",
    "necessary required require need mandatory obligatory",
    "frequent frequently often",
    "quit resign",
    "enable activate",
    "disable deactivate",
    "setup configure install-setup",
    "clear empty",
    "show display",
    "list name-list enumerate",
    "age old",
    "distance far",
    "high height tall",
    "deep depth",
    "weigh weight",
    "wide width",
    "rain rainy",
    "town city",
    "nation country",
    "send mail",
    "receive get-something obtain",
    "dentist dentists",
    "football soccer",
    "function method-code",
    "directory folder",
    "string text-string",
    "iterate loop",
    "copy clone duplicate",
    "import load-import",
    "safe safety",
    "legal law lawful",
    "meaning sense",
    "method procedure process",
    "lesson class-lesson",
    "own belong",
    "keep store-keep",
    "cook prepare-food",
    "gift present-gift",
    "luggage baggage",
    "trip journey",
    "road street",
    "rapid fast",
    "cut chop",
    "fridge refrigerator",
    "healthy wholesome",
    "unhealthy bad-for-you",
    "transfer move",
    "wash laundry",
    "lose lost loss",
    "break broken",
    "secure security",
    "vocabulary vocab",
    "economy economic",
    "beginner novice",
    "workplace at-work",
    "compose composer",
    "direct director",
    "paint painter artist",
    "build builder",
    "application app",
    "photograph photo",
    "television tv",
    "advertisement ad",
    "mathematics math maths",
    "examination exam",
    "laboratory lab",
    "information info",
    "advantage benefit pro",
    "disadvantage drawback con",
    "euro eur",
    "dollar usd",
    "percent %",
    "recur repeat",
    "password passcode",
    "crash crashes",
    "email mail-electronic",
];

/// One spelling of several.
const SPELLINGS: &[(&str, &str)] = &[
    ("colour", "color"),
    ("colours", "colors"),
    ("centre", "center"),
    ("favourite", "favorite"),
    ("tyre", "tire"),
    ("tyres", "tires"),
    ("litre", "liter"),
    ("litres", "liters"),
    ("metre", "meter"),
    ("metres", "meters"),
    ("kilometre", "kilometer"),
    ("kilometres", "kilometers"),
    ("grey", "gray"),
    ("mould", "mold"),
    ("licence", "license"),
    ("cheque", "check"),
    ("programme", "program"),
    ("theatre", "theater"),
    ("behaviour", "behavior"),
    ("aluminium", "aluminum"),
    ("organisation", "organization"),
    ("realise", "realize"),
    ("recognise", "recognize"),
    ("organise", "organize"),
    ("summarise", "summarize"),
    ("analyse", "analyze"),
    ("optimise", "optimize"),
    ("neighbour", "neighbor"),
    ("jewellery", "jewelry"),
    ("pyjamas", "pajamas"),
    ("yoghurt", "yogurt"),
    ("u.s", "us"),
    ("u.s.", "us"),
    ("u.s.a", "usa"),
    ("u.k", "uk"),
    ("u.k.", "uk"),
    ("e-mail", "email"),
    ("e-mails", "emails"),
    ("wifi", "wi-fi"),
    ("wlan", "wi-fi"),
    ("ok", "okay"),
    ("pls", "please"),
    ("u", "you"),
    ("thx", "thanks"),
    ("whats", "what"),
    ("dont", "not"),
    ("cant", "not"),
    ("isnt", "not"),
    ("doesnt", "not"),
    ("w", "with"),
];

/// Forms that no rule finds.
const IRREGULAR: &[(&str, &str)] = &[
    ("children", "child"),
    ("people", "person"),
    ("men", "man"),
    ("women", "woman"),
    ("feet", "foot"),
    ("teeth", "tooth"),
    ("mice", "mouse"),
    ("geese", "goose"),
    ("knives", "knife"),
    ("wives", "wife"),
    ("lives", "life"),
    ("leaves", "leaf"),
    ("bought", "buy"),
    ("sold", "sell"),
    ("sent", "send"),
    ("found", "find"),
    ("made", "make"),
    ("wrote", "write"),
    ("written", "write"),
    ("spoke", "speak"),
    ("spoken", "speak"),
    ("drove", "drive"),
    ("driven", "drive"),
    ("went", "go"),
    ("gone", "go"),
    ("took", "take"),
    ("taken", "take"),
    ("knew", "know"),
    ("known", "know"),
    ("built", "build"),
    ("grew", "grow"),
    ("grown", "grow"),
    ("froze", "freeze"),
    ("frozen", "freeze"),
    ("won", "win"),
    ("lost", "lose"),
    ("forgot", "forget"),
    ("forgotten", "forget"),
    ("got", "get"),
    ("gotten", "get"),
    ("ate", "eat"),
    ("eaten", "eat"),
    ("drank", "drink"),
    ("drunk", "drink"),
    ("slept", "sleep"),
    ("kept", "keep"),
    ("left", "leave"),
    ("paid", "pay"),
    ("said", "say"),
    ("told", "tell"),
    ("thought", "think"),
    ("taught", "teach"),
    ("caught", "catch"),
    ("began", "begin"),
    ("begun", "begin"),
    ("broke", "break"),
    ("chose", "choose"),
    ("chosen", "choose"),
    ("fell", "fall"),
    ("fallen", "fall"),
    ("flew", "fly"),
    ("flown", "fly"),
    ("gave", "give"),
    ("given", "give"),
    ("held", "hold"),
    ("led", "lead"),
    ("met", "meet"),
    ("ran", "run"),
    ("rose", "rise"),
    ("risen", "rise"),
    ("saw", "see"),
    ("seen", "see"),
    ("shot", "shoot"),
    ("showed", "show"),
    ("shown", "show"),
    ("sold", "sell"),
    ("spent", "spend"),
    ("stood", "stand"),
    ("stole", "steal"),
    ("stuck", "stick"),
    ("swam", "swim"),
    ("wore", "wear"),
    ("worn", "wear"),
    ("does", "do"),
    ("has", "have"),
    ("is", "be"),
    ("better", "better"),
    ("news", "news"),
    ("series", "series"),
    ("species", "species"),
    ("lens", "lens"),
    ("gas", "gas"),
    ("bus", "bus"),
    ("yes", "yes"),
    ("always", "always"),
    ("perhaps", "perhaps"),
    ("need", "need"),
    ("feed", "feed"),
    ("fed", "feed"),
    ("speed", "speed"),
    ("seed", "seed"),
    ("bed", "bed"),
    ("red", "red"),
    ("string", "string"),
    ("thing", "thing"),
    ("king", "king"),
    ("ring", "ring"),
    ("spring", "spring"),
    ("bring", "bring"),
    ("sing", "sing"),
    ("during", "during"),
    ("morning", "morning"),
    ("evening", "evening"),
    ("nothing", "nothing"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("tied", "tie"),
    ("died", "die"),
];

/// Several words that stand for one, or for none.
const PHRASES: &[(&[&str], &str)] = &[
    (&["with", "no"], "without"),
    (&["in", "the", "first", "place"], ""),
    (&["european", "union"], "eu"),
    (&["w", "o"], "without"),
    (&["turn", "on"], "enable"),
    (&["turned", "on"], "enable"),
    (&["switch", "on"], "enable"),
    (&["turn", "off"], "disable"),
    (&["switch", "off"], "disable"),
    (&["sign", "out"], "signout"),
    (&["log", "out"], "signout"),
    (&["logout"], "signout"),
    (&["sign", "in"], "signin"),
    (&["log", "in"], "signin"),
    (&["login"], "signin"),
    (&["sign", "up"], "register"),
    (&["set", "up"], "setup"),
    (&["setting", "up"], "setup"),
    (&["get", "rid", "of"], "remove"),
    (&["getting", "rid", "of"], "remove"),
    (&["money", "back"], "refund"),
    (&["united", "states", "of", "america"], "usa"),
    (&["united", "states"], "usa"),
    (&["united", "kingdom"], "uk"),
    (&["phone", "number"], "number"),
    (&["best", "way"], "how-to"),
    (&["good", "way"], "how-to"),
    (&["easiest", "way"], "how-to"),
    (&["easy", "way"], "how-to"),
    (&["right", "way"], "how-to"),
    (&["correct", "way"], "how-to"),
    (&["proper", "way"], "how-to"),
    (&["quick", "way"], "how-to"),
    (&["is", "there", "a", "way"], "how-to"),
    (&["is", "there", "any", "way"], "how-to"),
    (&["the", "way", "to"], "how-to"),
    (&["a", "way", "to"], "how-to"),
    (&["what", "can", "i", "do"], "how-to"),
    (&["what", "should", "i", "do", "to"], "how-to"),
    (&["what", "do", "i", "do", "to"], "how-to"),
    (&["what", "do", "i", "need", "to", "do"], "how-to"),
    (&["what", "do", "i", "have", "to", "do"], "how-to"),
    (&["what", "are", "the", "steps"], "how-to"),
    (&["the", "steps"], "how-to"),
    (&["the", "process"], "how-to"),
    (&["the", "procedure"], "how-to"),
    (&["the", "method"], "how-to"),
    (&["the", "command"], "how-to"),
    (&["what", "time"], "when"),
    (&["what", "date"], "when"),
    (&["what", "year"], "when"),
    (&["in", "what", "year"], "when"),
    (&["in", "which", "year"], "when"),
    (&["which", "year"], "when"),
    (&["do", "not", "have"], "without"),
    (&["does", "not", "have"], "without"),
    (&["what", "causes"], "why"),
    (&["what", "caused"], "why"),
    (&["what", "are", "the", "causes", "of"], "why"),
    (&["what", "is", "the", "cause", "of"], "why"),
    (&["what", "were", "the", "causes", "of"], "why"),
    (&["what", "leads", "to"], "why"),
    (&["what", "led", "to"], "why"),
    (&["the", "reasons", "for"], "why"),
    (&["how", "come"], "why"),
    (&["the", "reason", "for"], "why"),
    (&["the", "reason", "that"], "why"),
    (&["the", "reason"], "why"),
    (&["for", "what", "reason"], "why"),
    (&["what", "makes"], "why"),
    (&["what", "is", "making"], "why"),
    (&["what", "made"], "why"),
    (&["at", "what", "age"], "when"),
    (&["from", "what", "age"], "when"),
    (&["quick", "question"], ""),
    (&["more", "thing"], ""),
    (&["one", "more", "thing"], ""),
    (&["would", "you", "mind"], ""),
    (&["at", "the", "moment"], ""),
    (&["right", "now"], ""),
    (&["in", "simple", "terms"], ""),
    (&["in", "simple", "words"], ""),
    (&["point", "out"], ""),
    (&["a", "lot", "of"], "many"),
    (&["lots", "of"], "many"),
    (&["at", "home"], ""),
    (&["from", "now"], ""),
    (&["in", "order", "to"], ""),
    (&["as", "well"], ""),
    (&["time", "of", "year"], "time"),
    (&["time", "of", "the", "year"], "time"),
    (&["a", "day"], "day"),
    (&["each", "day"], "day"),
    (&["every", "day"], "day"),
    (&["per", "day"], "day"),
    (&["daily"], "day"),
    (&["instead", "of"], "substitute"),
    (&["speed", "up"], "faster"),
    (&["no", "longer"], "not"),
    (&["give", "up"], "quit"),
    (&["find", "out"], ""),
    (&["figure", "out"], ""),
    (&["go", "well", "with"], "suit"),
    (&["as", "if"], "like"),
];

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// Whether a word carries no subject of its own.
pub(super) fn is_function(lower: &str) -> bool {
    /// In every form that they have.
    static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        FUNCTION.split_whitespace().flat_map(|word| [word.to_owned(), inflected(word)]).collect()
    });
    WORDS.contains(lower) || WORDS.contains(inflected(lower).as_str())
}

/// The one spelling of a word.
pub(super) fn spelling(lower: &str) -> String {
    let known = SPELLINGS.iter().find(|(from, _)| *from == lower);
    known.map_or(lower, |(_, to)| to).to_owned()
}

/// Whether a word with a point in it is none of a program's.
pub(super) fn is_abbreviation(word: &str) -> bool {
    let lower = word.to_lowercase();
    listed("e.g i.e u.s u.k u.s.a a.m p.m d.c l.a no.", &lower)
        || lower.split('.').all(|part| part.chars().count() <= 1)
}

/// Units that may stand right behind a number.
pub(super) fn is_unit(lower: &str) -> bool {
    listed(
        "km m cm mm mi ft in kg g mg lb lbs oz l ml cl gal h hr hrs min s sec ms kb mb gb tb kbit mbit gbit w kw kwh mw v a \
         ah mah hz khz mhz ghz °c °f c f k % € $ £ usd eur gbp px pt bpm mph kmh",
        lower,
    )
}

/// What inflected forms and near synonyms have in common.
pub(super) fn stem(lower: &str) -> String {
    /// The stem of the first of its group, by the stem of each.
    static GROUPS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
        let groups = SAME.iter().filter_map(|group| Some((group, group.split(' ').next()?)));
        let each = groups.flat_map(|(group, first)| group.split(' ').map(move |word| (word, first)));
        each.map(|(word, first)| (inflected(word), inflected(first))).collect()
    });
    let stem = inflected(lower);
    GROUPS.get(&stem).cloned().unwrap_or(stem)
}

/// The word without its ending, and nothing else.
pub(super) fn plain_stem(lower: &str) -> String {
    inflected(lower)
}

/// The word without its ending.
fn inflected(lower: &str) -> String {
    if let Some((_, base)) = IRREGULAR.iter().find(|(form, _)| *form == lower) {
        return base.trim_end_matches('e').to_owned();
    }
    if !lower.is_ascii() || lower.len() <= 3 || lower.bytes().any(|byte| byte.is_ascii_digit()) {
        return lower.to_owned();
    }
    let base = if let Some(head) = lower.strip_suffix("ies") {
        format!("{head}y")
    } else if let Some(head) = lower.strip_suffix("ied") {
        format!("{head}y")
    } else if ["sses", "shes", "ches", "xes", "zes"].iter().any(|ending| lower.ends_with(ending)) {
        lower.strip_suffix("es").unwrap_or(lower).to_owned()
    } else if lower.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| lower.ends_with(ending)) {
        lower.strip_suffix('s').unwrap_or(lower).to_owned()
    } else {
        lower.to_owned()
    };
    if let Some((_, known)) = IRREGULAR.iter().find(|(form, _)| *form == base) {
        return known.trim_end_matches('e').to_owned();
    }
    let base = ["ing", "ed"]
        .iter()
        .find_map(|ending| base.strip_suffix(ending).filter(|head| head.len() > 2 && has_vowel(head)))
        .map_or(base.clone(), undoubled);
    base.strip_suffix('e').filter(|head| head.len() > 2).unwrap_or(&base).to_owned()
}

fn has_vowel(word: &str) -> bool {
    word.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

/// `stopp` is `stop`; `fall` and `pass` stay.
fn undoubled(head: &str) -> String {
    let mut ends = head.bytes().rev();
    let doubled = matches!((ends.next(), ends.next()), (Some(a), Some(b)) if a == b && !matches!(a, b's' | b'f' | b'z'));
    let shorter = head.get(..head.len().saturating_sub(1)).unwrap_or(head);
    if doubled { shorter.to_owned() } else { head.to_owned() }
}

/// Replaces phrases by the word they stand for.
pub(super) fn phrases(words: Vec<Word>) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(words.len());
    let mut rest = words.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        let fits = |phrase: &&(&[&str], &str)| {
            phrase.0.len() <= rest.len() && phrase.0.iter().zip(rest).all(|(part, word)| *part == word.lower)
        };
        // "How much money" is how much.
        let money = first.lower == "money" && out.last().is_some_and(|last| last.lower == "much");
        if money {
            rest = tail;
            continue;
        }
        let longest = PHRASES.iter().filter(fits).max_by_key(|(phrase, _)| phrase.len());
        match longest {
            Some((phrase, stands_for)) => {
                if !stands_for.is_empty() {
                    let lower = (*stands_for).to_owned();
                    out.push(Word { stem: stem(&lower), written: lower.clone(), lower, opens: first.opens });
                }
                rest = rest.get(phrase.len()..).unwrap_or_default();
            }
            None => {
                out.push(first.clone());
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for forms in [
            &["bake", "bakes", "baked", "baking"][..],
            &["stop", "stopped", "stopping"],
            &["city", "cities", "town"],
            &["charge", "charged", "charging"],
            &["ship", "shipping", "delivery"],
            &["buy", "bought", "purchase"],
            &["travel", "travelling", "traveling"],
            &["box", "boxes"],
            &["submit", "submitting"],
            &["differ", "difference"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{forms:?}: {stems:?}");
        }
        for (a, b) in [("bus", "bu"), ("string", "str"), ("red", "r"), ("order", "border"), ("cat", "car")] {
            assert_ne!(stem(a), stem(b));
        }
    }
}
