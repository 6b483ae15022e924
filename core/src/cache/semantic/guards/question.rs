//! What kind of answer is asked for: a person, a time, a place, a reason, a way, an amount, yes or no, a text.

use super::lexicon;
use super::text::{Text, Word};

/// What `how` may ask the degree of.
const DEGREES: &str = "long old tall high deep far big large small wide heavy fast slow hot cold early late soon strong thick \
    loud bright expensive safe dangerous difficult hard easy likely accurate good bad rich popular busy healthy clean";

/// Words before the verb of a request.
const POLITE: [&str; 16] = [
    "please", "can", "could", "would", "you", "hi", "hello", "hey", "i", "need", "a", "an", "the", "me",
    "now", "just",
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Who,
    When,
    Where,
    Why,
    /// How something is done, or works.
    How,
    /// How much of something: the word after `how`.
    Degree(String),
    /// What or which, or an explanation.
    What,
    YesNo,
    /// Something to be done: the verb.
    Do(String),
    Unknown,
}

/// Verbs that begin a request for an explanation.
const EXPLAIN: &str = "explain describe define tell show give list name";
/// Verbs that begin another request.
const DO: &str = "write compose draft create generate translate convert calculate compute suggest recommend compare list \
    count sort rewrite shorten extend plan schedule book cancel send remind add remove find make fix replace round divide \
    subtract multiply summarize schedule rename generate sing draw";

/// What the last sentence that asks for something asks for.
fn kind(text: &Text) -> Kind {
    let mut sentences: Vec<&[Word]> = Vec::new();
    let mut rest = text.words.as_slice();
    while let Some(at) = rest.iter().rposition(|word| word.opens) {
        let (before, sentence) = rest.split_at(at);
        sentences.push(sentence);
        rest = before;
    }
    sentences.push(rest);
    let kinds = sentences.into_iter().map(|sentence| asked(sentence, text));
    kinds.into_iter().find(|kind| *kind != Kind::Unknown).unwrap_or(Kind::Unknown)
}

/// What a sentence of `text` asks for.
fn asked(sentence: &[Word], text: &Text) -> Kind {
    let words: Vec<&str> = sentence.iter().map(|word| word.lower.as_str()).collect();
    if words.contains(&"how-to") {
        return Kind::How;
    }
    if words.contains(&"why") {
        return Kind::Why;
    }
    // "What is the French for it?"
    if !text.quotes.is_empty() && words.windows(3).any(|three| matches!(three, ["the", _, "for"])) {
        return Kind::Do("translate".to_owned());
    }
    // "How do you say it in French?"
    if words.windows(2).any(|pair| matches!(pair, ["you" | "i" | "we", "say"]))
        && words.windows(2).any(|pair| pair.first() == Some(&"in"))
        && words.contains(&"how")
    {
        return Kind::Do("translate".to_owned());
    }
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let near = |sought: &[&str]| words.iter().skip(at + 1).take(4).any(|word| sought.contains(word));
        match *word {
            "who" | "whom" | "whose" => return Kind::Who,
            "when" if at == 0 || !matches!(next, "i" | "my" | "the" | "a") || at < 3 => return Kind::When,
            "where" => return Kind::Where,
            "why" => return Kind::Why,
            "how" => return how(next, words.get(at + 2).copied().unwrap_or_default()),
            "what" | "which" | "whats" => {
                if (next == "time" || near(&["year", "date", "day"]))
                    && !near(&["season-time", "zone", "money"])
                {
                    return Kind::When;
                }
                if near(&["cause", "causes", "caused", "led"]) {
                    return Kind::Why;
                }
                if near(&["author", "inventor", "director", "composer", "artist", "painter"]) {
                    return Kind::Who;
                }
                return Kind::What;
            }
            _ => {}
        }
    }
    verb(&words)
}

/// After `how`.
fn how(next: &str, after: &str) -> Kind {
    match next {
        "much" if matches!(after, "is" | "are" | "does" | "do" | "did" | "was" | "would" | "will") => {
            Kind::Degree("price".to_owned())
        }
        "many" | "much" => Kind::Degree("count".to_owned()),
        "often" | "frequently" => Kind::Degree("often".to_owned()),
        degree if DEGREES.split_whitespace().any(|known| known == degree) => {
            Kind::Degree(lexicon::stem(degree))
        }
        _ => Kind::How,
    }
}

/// The verb that a request begins with, which is no part of its subject.
pub(super) fn request(text: &Text) -> Option<&Word> {
    let first = text.words.iter().find(|word| !POLITE.contains(&word.lower.as_str()))?;
    let known = |list: &str| list.split_whitespace().any(|verb| verb == first.lower);
    (known(EXPLAIN) || known(DO)).then_some(first)
}

/// Without a question word.
fn verb(words: &[&str]) -> Kind {
    // "Can I cancel it in the app?" is no request to cancel it; "can I get a translation" is one.
    if let [ask, "i", verb, ..] = words
        && matches!(*ask, "can" | "may" | "could")
        && !matches!(*verb, "get" | "have" | "ask")
    {
        return Kind::YesNo;
    }
    let Some((at, first)) = words.iter().enumerate().find(|(_, word)| !POLITE.contains(word)) else {
        return Kind::Unknown;
    };
    if EXPLAIN.split_whitespace().any(|verb| verb == *first) {
        return Kind::What;
    }
    if ["compose", "draft", "create", "generate"].contains(first) {
        return Kind::Do("write".to_owned());
    }
    if *first == "suggest" {
        return Kind::Do("recommend".to_owned());
    }
    if DO.split_whitespace().any(|verb| verb == *first) {
        return Kind::Do((*first).to_owned());
    }
    let asks = [
        "is", "are", "was", "were", "do", "does", "did", "can", "could", "should", "will", "would", "may",
        "must", "has", "have", "am",
    ];
    match words.first() {
        Some(first) if asks.contains(first) && at < 4 => Kind::YesNo,
        _ => Kind::Unknown,
    }
}

/// Whether the answer to one is no answer to the other.
fn apart(a: &Kind, b: &Kind) -> bool {
    use Kind::{Degree, Do, How, Unknown, What, When, Where, Who, Why, YesNo};
    match (a, b) {
        (Unknown, _) | (_, Unknown) => false,
        (Degree(a), Degree(b)) | (Do(a), Do(b)) => a != b,
        // The same question is often asked in both ways.
        (What, How | Degree(_) | Who | Where | Do(_) | When)
        | (How | Degree(_) | Who | Where | Do(_) | When, What) => false,
        (Why, What) | (What, Why) => true,
        (Who, Who)
        | (When, When)
        | (Where, Where)
        | (Why, Why)
        | (How, How)
        | (What, What)
        | (YesNo, YesNo) => false,
        _ => true,
    }
}

/// Subjects that a question word stands for: `what is the height` is `how tall`.
fn same_but_for_form(a: &Text, b: &Text) -> bool {
    let subject = |text: &Text| -> Vec<String> {
        let mut stems: Vec<String> = text
            .words
            .iter()
            .filter(|word| !lexicon::is_function(&word.lower))
            .map(|word| word.stem.clone())
            .collect();
        stems.sort();
        stems.dedup();
        stems
    };
    subject(a) == subject(b)
}

/// Whether one asks what something is, and the other something of the very same words: only then the form alone tells.
fn form_tells(a: &Kind, b: &Kind) -> bool {
    matches!(
        (a, b),
        (Kind::What, Kind::How | Kind::Degree(_) | Kind::Where | Kind::Who | Kind::Do(_))
            | (Kind::How | Kind::Degree(_) | Kind::Where | Kind::Who | Kind::Do(_), Kind::What)
    )
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    let (kind_a, kind_b) = (kind(a), kind(b));
    // "How deep is it" and "what is its depth": the degree is named in both.
    let named = |kind: &Kind, other: &Text| match kind {
        Kind::Degree(degree) if degree == "price" => other.has("cost") || other.has("price"),
        Kind::Degree(degree) => other.words.iter().any(|word| word.stem == *degree),
        _ => false,
    };
    let same_degree = named(&kind_a, b) || named(&kind_b, a);
    let form = form_tells(&kind_a, &kind_b) && same_but_for_form(a, b) && !explains(a, b);
    // "How can I get one" and "where can I get one" want the same told.
    let gets =
        |text: &Text| ["get", "find", "download", "buy", "enter", "see"].iter().any(|verb| text.has(verb));
    let either = matches!((&kind_a, &kind_b), (Kind::How, Kind::Where) | (Kind::Where, Kind::How));
    let obtains = either && gets(a) && gets(b) && !a.has("to") && !b.has("to");
    // "Which is harder, A or B", "is A or B harder".
    let chooses = matches!((&kind_a, &kind_b), (Kind::What, Kind::YesNo) | (Kind::YesNo, Kind::What))
        && a.has("or")
        && b.has("or");
    (apart(&kind_a, &kind_b) && !obtains && !chooses)
        || (form && !same_degree)
        || (advice(a) && state(b))
        || (advice(b) && state(a))
}

/// What should be.
fn advice(text: &Text) -> bool {
    ["should", "must", "ought"].iter().any(|word| text.has(word))
}

/// What is.
fn state(text: &Text) -> bool {
    ["currently", "presently", "at the moment", "right now"].iter().any(|now| text.plain.contains(now))
        && !advice(text)
}

/// `Explain how X works` and `how does X work`: the same, though one begins with a verb.
fn explains(a: &Text, b: &Text) -> bool {
    let explain =
        |text: &Text| text.words.iter().any(|word| EXPLAIN.split_whitespace().any(|verb| verb == word.lower));
    let differs = |text: &Text| text.words.iter().any(|word| word.stem == "differenc");
    explain(a) != explain(b) || (a.has("how") && b.has("how")) || (differs(a) && differs(b))
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::QuestionType]).is_empty()
    }

    #[test]
    fn one_question_has_many_forms() {
        assert!(!refused("How do I reset it?", "What are the steps to reset it?"));
        assert!(!refused("When was Rome founded?", "In what year was Rome founded?"));
        assert!(!refused("What is recursion?", "Explain recursion."));
        assert!(!refused("How tall is the tower?", "What is the height of the tower?"));
        assert!(!refused("Why is the sky blue?", "What makes the sky blue?"));
        assert!(!refused("Translate \"good day\" into French.", "How do you say \"good day\" in French?"));
        assert!(!refused("Which is harder, Greek or Latin?", "Is Latin or Greek harder?"));
        assert!(!refused("Can I cancel it in the app?", "Does the app let me cancel it?"));
    }

    #[test]
    fn another_question_is_refused() {
        assert!(refused("Who invented the telephone?", "When was the telephone invented?"));
        assert!(refused("How do I cook rice?", "How long do I cook rice?"));
        assert!(refused("How far is Mars?", "How big is Mars?"));
        assert!(refused("Is the store open?", "Where is the store?"));
        assert!(refused(
            "My rose got leggy. Should I prune it?",
            "My rose got leggy. When should I prune it?"
        ));
        assert!(refused("How many should I run?", "How many do I run at the moment?"));
        assert!(refused("What is inflation?", "What causes inflation?"));
        assert!(refused("Write a poem about the sea.", "Translate a poem about the sea."));
    }
}
