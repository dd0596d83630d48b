//! Sets of small numbers: the choices that are left for an aspect, or the classes that a rule is for.

/// How many numbers one word of a set holds.
const WORD_BITS: usize = 64;

/// A set of numbers from 0 on; the words beyond its end are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChoiceSet {
    words: Vec<u64>,
}

impl ChoiceSet {
    /// The set of no number.
    pub(crate) const EMPTY: ChoiceSet = ChoiceSet { words: Vec::new() };

    /// Returns the set of all numbers below `size`.
    pub(crate) fn of_all(size: usize) -> Self {
        let mut set = ChoiceSet::default();
        set.insert_range(0, size);
        set
    }

    /// Returns the set of one number.
    pub(crate) fn of_one(number: usize) -> Self {
        let mut set = ChoiceSet::default();
        set.insert_number(number);
        set
    }

    /// Adds a number.
    pub(crate) fn insert_number(&mut self, number: usize) {
        let (place, bit) = (number / WORD_BITS, number % WORD_BITS);
        if self.words.len() <= place {
            self.words.resize(place + 1, 0);
        }
        if let Some(word) = self.words.get_mut(place) {
            *word |= 1 << bit;
        }
    }

    /// Adds the numbers from `first` on that are below `end`.
    pub(crate) fn insert_range(&mut self, first: usize, end: usize) {
        if first >= end {
            return;
        }
        let last_place = (end - 1) / WORD_BITS;
        if self.words.len() <= last_place {
            self.words.resize(last_place + 1, 0);
        }
        let start_place = first / WORD_BITS;
        for (place, word) in self.words.iter_mut().enumerate().take(last_place + 1).skip(start_place) {
            let low = if place == start_place { u64::MAX << (first % WORD_BITS) } else { u64::MAX };
            let high = if place == last_place {
                u64::MAX >> (WORD_BITS - 1 - (end - 1) % WORD_BITS)
            } else {
                u64::MAX
            };
            *word |= low & high;
        }
    }

    /// Takes a number out.
    pub(crate) fn remove_number(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / WORD_BITS) {
            *word &= !(1 << (number % WORD_BITS));
        }
    }

    /// Adds the numbers of another set.
    pub(crate) fn insert_all(&mut self, other: &ChoiceSet) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// Returns the numbers below `size` that are not in the set.
    pub(crate) fn list_missing(&self, size: usize) -> ChoiceSet {
        let mut missing = ChoiceSet::of_all(size);
        for (word, known) in missing.words.iter_mut().zip(&self.words) {
            *word &= !known;
        }
        missing
    }

    /// Takes the numbers of the word at `place` out whose bits are set.
    pub(crate) fn remove_bits(&mut self, place: usize, bits: u64) {
        if let Some(word) = self.words.get_mut(place) {
            *word &= !bits;
        }
    }

    /// Returns true if the number is in the set.
    pub(crate) fn contains_number(&self, number: usize) -> bool {
        self.word_at(number / WORD_BITS) >> (number % WORD_BITS) & 1 == 1
    }

    /// Returns the 64 numbers from 64 times `place` on, as bits.
    pub(crate) fn word_at(&self, place: usize) -> u64 {
        self.words.get(place).copied().unwrap_or(0)
    }

    /// Returns how many words there are.
    pub(crate) fn count_words(&self) -> usize {
        self.words.len()
    }

    /// Returns how many numbers are in the set.
    pub(crate) fn count_numbers(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Returns the numbers in their order.
    pub(crate) fn list_numbers(&self) -> Vec<usize> {
        let mut numbers = Vec::new();
        for (place, word) in self.words.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                numbers.push(place * WORD_BITS + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
        numbers
    }

    /// Returns true if the set has no number.
    pub(crate) fn is_none(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Returns true if every number of the set is in the other one.
    pub(crate) fn is_within(&self, other: &ChoiceSet) -> bool {
        self.words.iter().enumerate().all(|(place, word)| word & !other.word_at(place) == 0)
    }

    /// Returns true if the sets have no number in common.
    pub(crate) fn is_apart_from(&self, other: &ChoiceSet) -> bool {
        self.words.iter().zip(&other.words).all(|(word, other)| word & other == 0)
    }

    /// Keeps the numbers that are in the other set as well.
    pub(crate) fn keep_common(&mut self, other: &ChoiceSet) {
        for (place, word) in self.words.iter_mut().enumerate() {
            *word &= other.word_at(place);
        }
    }
}

impl FromIterator<usize> for ChoiceSet {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut set = ChoiceSet::default();
        for number in numbers {
            set.insert_number(number);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_choices_is_a_set(
            numbers in prop::collection::btree_set(0_usize..200, 0..20), (first, end) in (0_usize..200, 0_usize..200),
            others in prop::collection::btree_set(0_usize..200, 0..20),
        ) {
            let mut set: ChoiceSet = numbers.iter().copied().collect();
            let other: ChoiceSet = others.iter().copied().collect();
            prop_assert_eq!(set.is_within(&other), numbers.is_subset(&others));
            prop_assert_eq!(set.is_apart_from(&other), numbers.is_disjoint(&others));
            let mut common = set.clone();
            common.keep_common(&other);
            let expected: Vec<usize> = numbers.intersection(&others).copied().collect();
            prop_assert_eq!(common.list_numbers(), expected);
            set.insert_range(first, end);
            let mut all: BTreeSet<usize> = numbers.clone();
            all.extend(first..end);
            prop_assert_eq!(set.count_numbers(), all.len());
            prop_assert_eq!(set.list_numbers(), all.iter().copied().collect::<Vec<_>>());
            for number in 0..210 {
                prop_assert_eq!(set.contains_number(number), all.contains(&number));
            }
            for number in &others {
                set.remove_number(*number);
            }
            prop_assert!(set.is_apart_from(&other));
        }
    }
}
