//! A cache of two generations: when the young one is full it becomes the old one.
//!
//! It starts small, because touching a page of memory for the first time costs more than reading a
//! small object again, and most pushes never ask for the same object again. When something is asked
//! for that was forgotten, the generations grow by its weight.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

/// How many keys of forgotten values are remembered.
const MAX_FORGOTTEN_KEYS: usize = 4096;

/// Values by key; those that were not asked for while two generations filled up are forgotten.
pub(crate) struct GenerationCache<K, V, S = RandomState> {
    young: HashMap<K, (V, usize), S>,
    old: HashMap<K, (V, usize), S>,
    forgotten: HashSet<K, S>,
    young_weight: usize,
    generation_weight: usize,
    max_generation_weight: usize,
}

impl<K: Hash + Eq + Copy, V: Clone, S: BuildHasher + Default> GenerationCache<K, V, S> {
    /// Creates a cache whose generations weigh about `generation` each, and grow up to `largest` if
    /// forgotten values are asked for again.
    pub(crate) fn new(generation: usize, largest: usize) -> Self {
        GenerationCache {
            young: HashMap::default(),
            old: HashMap::default(),
            forgotten: HashSet::default(),
            young_weight: 0,
            generation_weight: generation,
            max_generation_weight: largest,
        }
    }

    /// Returns the value of a key, which makes it young again.
    pub(crate) fn find_value(&mut self, key: &K) -> Option<V> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(key)?;
        self.insert_value(*key, value.clone(), weight);
        Some(value)
    }

    /// Lets the generations weigh at least `generation`: what is inserted next will be asked for again.
    pub(crate) fn raise_weight(&mut self, generation: usize) {
        self.generation_weight = self.generation_weight.max(generation);
        self.max_generation_weight = self.max_generation_weight.max(generation);
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    pub(crate) fn insert_value(&mut self, key: K, value: V, weight: usize) {
        if self.forgotten.remove(&key) {
            self.generation_weight = self.max_generation_weight.min(self.generation_weight + weight);
        }
        self.young_weight += weight;
        self.young.insert(key, (value, weight));
        if self.young_weight > self.generation_weight {
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.young_weight = 0;
            if self.generation_weight < self.max_generation_weight {
                self.remember_keys(old);
            }
        }
    }

    /// Remembers the keys of a generation that is forgotten, without the values.
    fn remember_keys(&mut self, old: HashMap<K, (V, usize), S>) {
        if self.forgotten.len() + old.len() > MAX_FORGOTTEN_KEYS {
            self.forgotten.clear();
        }
        self.forgotten.extend(old.into_keys());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent() -> GenerationCache<u32, u32> {
        GenerationCache::new(10, 1000)
    }

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let mut recent = recent();
        for key in 0..100 {
            recent.insert_value(key, key, 1);
            assert_eq!(recent.find_value(&0), Some(0), "{key}");
        }
        assert_eq!(recent.find_value(&99), Some(99));
        assert_eq!(recent.find_value(&1), None);
        assert_eq!(recent.generation_weight, 10);
    }

    #[test]
    fn with_a_raised_weight_all_that_was_expected_stays() {
        let mut recent = recent();
        recent.raise_weight(2000);
        recent.raise_weight(5);
        (0..2000).for_each(|key| recent.insert_value(key, key, 1));
        // The other way round, as a chain of deltas is asked for that was followed to its beginning.
        for key in (0..2000).rev() {
            assert_eq!(recent.find_value(&key), Some(key));
        }
    }

    #[test]
    fn it_grows_where_what_was_forgotten_is_asked_for_again_and_not_beyond_its_largest() {
        let mut recent = recent();
        let mut missed = 0;
        for round in 0..50 {
            missed = 0;
            for key in 0..100 {
                if recent.find_value(&key).is_none() {
                    missed += 1;
                    recent.insert_value(key, key, 1);
                }
            }
            assert!(round != 0 || missed == 100);
        }
        assert_eq!(missed, 0);
        assert!((50..=1000).contains(&recent.generation_weight), "{}", recent.generation_weight);
        for key in (0..3000).chain(0..3000) {
            recent.insert_value(key, key, 1);
        }
        assert_eq!(recent.generation_weight, 1000);
        (0..20_000).for_each(|key| recent.insert_value(key, key, 1));
        assert!(recent.forgotten.len() <= MAX_FORGOTTEN_KEYS);
        assert!(recent.young.len() + recent.old.len() <= 2002);
    }
}
