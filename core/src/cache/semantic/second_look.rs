//! What the guards say and what the model reads, weighed: what they object to may be said in other words, and what they let
//! pass may still mean something else. Weights by `core/evaluation/weigh.py`, from pairs that are no part of a held-back set.

use super::{Guard, are_english};

/// Nearer to the bar than this, in log-odds, both orders are read.
const MARGIN: f32 = 1.0;

/// How sure the model has to be, in log-odds ([`lockgate_embed::MiniLm::same_meaning`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SecondLook {
    /// Where no guard objects.
    pub least: f32,
    /// More, for each guard that objects.
    pub objections: [(Guard, f32); 10],
}

impl SecondLook {
    /// As they were found.
    pub const TRAINED: SecondLook = SecondLook {
        least: 0.60,
        objections: [
            (Guard::Numbers, 3.00),
            (Guard::Units, 3.00),
            (Guard::Dates, 1.00),
            (Guard::Polarity, 3.00),
            (Guard::Entities, 1.50),
            (Guard::Code, 3.00),
            (Guard::Context, 1.00),
            (Guard::QuestionType, 1.00),
            (Guard::Direction, 3.50),
            (Guard::Words, 0.00),
        ],
    };

    /// Whether the model is asked: it learned from English alone.
    #[must_use]
    pub fn asks(a: &str, b: &str) -> bool {
        are_english(a, b)
    }

    /// Whether a reading of both texts in one order is far enough from the bar to do without the other order.
    #[must_use]
    pub fn is_sure(&self, objections: &[Guard], read: f32) -> bool {
        (read - self.bar(objections)).abs() >= MARGIN
    }

    /// The guard that refuses, where `read` is what the model reads in one order and in the other.
    #[must_use]
    pub fn verdict(&self, objections: &[Guard], read: [f32; 2]) -> Option<Guard> {
        let [first, second] = read;
        let read = if self.is_sure(objections, first) { first } else { f32::midpoint(first, second) };
        let passes = read >= self.bar(objections);
        (!passes).then(|| objections.first().copied().unwrap_or(Guard::Meaning))
    }

    fn bar(&self, objections: &[Guard]) -> f32 {
        let more = self.objections.iter().filter(|(guard, _)| objections.contains(guard));
        self.least + more.map(|(_, more)| more).sum::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> SecondLook {
        let objections = SecondLook::TRAINED.objections;
        let bar = |guard| if guard == Guard::Words { 0.5 } else { 3.0 };
        SecondLook { least: 1.0, objections: objections.map(|(guard, _)| (guard, bar(guard))) }
    }

    #[test]
    fn each_objection_raises_the_bar() {
        let refused = |objections: &[Guard], read| look().verdict(objections, [read, read]);
        assert_eq!(refused(&[], 1.0), None);
        assert_eq!(refused(&[], 0.9), Some(Guard::Meaning));
        assert_eq!(refused(&[Guard::Words], 1.5), None);
        assert_eq!(refused(&[Guard::Words], 1.4), Some(Guard::Words));
        assert_eq!(refused(&[Guard::Numbers, Guard::Words], 4.4), Some(Guard::Numbers));
        assert_eq!(refused(&[Guard::Numbers, Guard::Words], 4.5), None);
        assert_eq!(refused(&[], f32::NAN), Some(Guard::Meaning));
    }

    #[test]
    fn the_other_order_counts_where_the_first_is_near_the_bar() {
        assert!(look().is_sure(&[], 2.0) && look().is_sure(&[], 0.0) && !look().is_sure(&[], 1.9));
        assert_eq!(look().verdict(&[], [1.9, -0.5]), Some(Guard::Meaning));
        assert_eq!(look().verdict(&[], [0.1, 2.5]), None);
        assert_eq!(look().verdict(&[], [2.0, -9.0]), None);
        assert_eq!(look().verdict(&[], [0.0, 9.0]), Some(Guard::Meaning));
    }

    #[test]
    fn every_rule_has_its_weight() {
        let known = SecondLook::TRAINED.objections.map(|(guard, _)| guard);
        assert!(Guard::ALL.iter().all(|guard| (*guard == Guard::Meaning) != known.contains(guard)));
    }
}
