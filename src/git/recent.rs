//! What was used lately, in two generations: when the young one is full it becomes the old one.
//!
//! It starts small, because every page of memory that is touched for the first time costs more than
//! it takes to read a small object again, and most pushes never come back to what they have left. Where
//! something is asked for again that was forgotten, the generations grow by its weight.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

/// How many keys of what was forgotten are remembered.
const MOST_FORGOTTEN: usize = 4096;

/// Values by key; those that were not asked for while two generations filled up are forgotten.
pub(super) struct Recent<K, V, S = RandomState> {
    young: HashMap<K, (V, usize), S>,
    old: HashMap<K, (V, usize), S>,
    forgotten: HashSet<K, S>,
    young_weight: usize,
    generation: usize,
    largest: usize,
}

impl<K: Hash + Eq + Copy, V: Clone, S: BuildHasher + Default> Recent<K, V, S> {
    /// Makes one each of whose generations may weigh about `generation`, and `largest` once more than
    /// that is asked for again and again.
    pub(super) fn new(generation: usize, largest: usize) -> Self {
        Recent {
            young: HashMap::default(),
            old: HashMap::default(),
            forgotten: HashSet::default(),
            young_weight: 0,
            generation,
            largest,
        }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(key)?;
        self.put(*key, value.clone(), weight);
        Some(value)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        if self.forgotten.remove(&key) {
            self.generation = self.largest.min(self.generation + weight);
        }
        self.young_weight += weight;
        self.young.insert(key, (value, weight));
        if self.generation < self.young_weight {
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.young_weight = 0;
            if self.generation < self.largest {
                self.remember(old);
            }
        }
    }

    /// Remembers what is forgotten, without what it was.
    fn remember(&mut self, old: HashMap<K, (V, usize), S>) {
        if MOST_FORGOTTEN < self.forgotten.len() + old.len() {
            self.forgotten.clear();
        }
        self.forgotten.extend(old.into_keys());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent() -> Recent<u32, u32> {
        Recent::new(10, 1000)
    }

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let mut recent = recent();
        for key in 0..100 {
            recent.put(key, key, 1);
            assert_eq!(recent.get(&0), Some(0), "{key}");
        }
        assert_eq!(recent.get(&99), Some(99));
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.generation, 10);
    }

    #[test]
    fn it_grows_where_what_was_forgotten_is_asked_for_again_and_not_beyond_its_largest() {
        let mut recent = recent();
        let mut missed = 0;
        for round in 0..50 {
            missed = 0;
            for key in 0..100 {
                if recent.get(&key).is_none() {
                    missed += 1;
                    recent.put(key, key, 1);
                }
            }
            assert!(round != 0 || missed == 100);
        }
        assert_eq!(missed, 0);
        assert!((50..=1000).contains(&recent.generation), "{}", recent.generation);
        for key in (0..3000).chain(0..3000) {
            recent.put(key, key, 1);
        }
        assert_eq!(recent.generation, 1000);
        (0..20_000).for_each(|key| recent.put(key, key, 1));
        assert!(recent.forgotten.len() <= MOST_FORGOTTEN);
        assert!(recent.young.len() + recent.old.len() <= 2002);
    }
}
