//! When: days, months, seasons, parts of the day, and whether it is past or to come.

use super::text::Text;

/// Each line is one time.
const TIMES: &[&str] = &[
    "today",
    "tomorrow",
    "yesterday",
    "tonight",
    "monday mon mondays",
    "tuesday tue tuesdays",
    "wednesday wed wednesdays",
    "thursday thu thursdays",
    "friday fri fridays",
    "saturday sat saturdays",
    "sunday sun-day sundays",
    "weekend weekends",
    "january jan",
    "february feb",
    "march",
    "april apr",
    "june jun",
    "july jul",
    "august aug",
    "september sep sept",
    "october oct",
    "november nov",
    "december dec",
    "spring springtime",
    "summer summers",
    "autumn",
    "winter winters",
    "morning mornings",
    "noon midday",
    "afternoon afternoons",
    "evening evenings",
    "night nights overnight",
    "midnight",
    "christmas xmas",
    "easter",
    "halloween",
    "thanksgiving",
    "ramadan",
    "hanukkah",
    "eve",
    "new-year",
    "am a.m",
    "pm p.m",
    "week weeks",
    "month months",
    "year years",
    "century",
    "decade",
    "quarter q1 q2 q3 q4",
    "early earlier",
    "late later",
    "next",
    "previous",
    "before",
    "after",
    "since",
    "until till",
    "ago",
    "upcoming",
    "recent recently latest newest",
    "ancient",
    "modern",
    "soon",
    "always",
    "sometimes",
    "beginning",
    "middle",
    "summertime",
    "wintertime",
];

/// What is named, "last" in front of a time included. A season by the name of fall is known by the word before it.
fn times(text: &Text) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = "";
    for (at, word) in text.words.iter().enumerate() {
        let lower = word.lower.as_str();
        let may = lower == "may" && !word.opens && word.written == "May";
        let fall = lower == "fall"
            && matches!(before, "the" | "in" | "this" | "next" | "last" | "every")
            && text.words.get(at + 1).is_none_or(|next| next.lower != "of");
        let place = TIMES.iter().position(|names| names.split(' ').any(|name| name == lower));
        let clock =
            matches!(lower, "am" | "a.m" | "pm" | "p.m") && !before.ends_with(|c: char| c.is_ascii_digit());
        if clock {
            // "I am": no time of the day.
        } else if may {
            found.push("may".to_owned());
        } else if fall {
            found.push("autumn".to_owned());
        } else if let Some(names) = place.and_then(|place| TIMES.get(place)) {
            let name = names.split(' ').next().unwrap_or(names);
            let pointed = matches!(before, "this" | "last" | "coming" | "past");
            found.push(if pointed { format!("{before} {name}") } else { name.to_owned() });
        }
        before = lower;
    }
    found.sort();
    found.dedup();
    found
}

/// Past, to come, or neither.
fn tense(text: &Text) -> (bool, bool) {
    let past = text.has("did") || text.has("was") || text.has("were");
    let going = text.words.windows(2).any(|pair| match pair {
        [a, b] => a.lower == "going" && b.lower == "to",
        _ => false,
    });
    (past, text.has("will") || going)
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    let ((past_a, future_a), (past_b, future_b)) = (tense(a), tense(b));
    times(a) != times(b) || (past_a && future_b && !past_b) || (past_b && future_a && !past_a)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Dates]).is_empty()
    }

    #[test]
    fn the_same_time_passes() {
        assert!(!refused("Will it rain tomorrow?", "Is it going to rain tomorrow?"));
        assert!(!refused("Why do leaves turn in the fall?", "Why do leaves turn in autumn?"));
        assert!(!refused("May I go?", "Can I go?"));
    }

    #[test]
    fn another_time_is_refused() {
        assert!(refused("Will it rain today?", "Will it rain tomorrow?"));
        assert!(refused("What did I spend last month?", "What did I spend this month?"));
        assert!(refused("What happens in May?", "What happens in March?"));
        assert!(refused("Did the price rise?", "Will the price rise?"));
    }
}
