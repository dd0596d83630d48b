//! What was used lately, in two generations: when the young one is full it becomes the old one.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};

/// Values by key; those that were not asked for while two generations filled up are forgotten.
pub(super) struct Recent<K, V, S = RandomState> {
    young: HashMap<K, (V, usize), S>,
    old: HashMap<K, (V, usize), S>,
    young_weight: usize,
    generation: usize,
}

impl<K: Hash + Eq + Copy, V: Clone, S: BuildHasher + Default> Recent<K, V, S> {
    /// Makes one each of whose generations may weigh about `generation`.
    pub(super) fn new(generation: usize) -> Self {
        Recent { young: HashMap::default(), old: HashMap::default(), young_weight: 0, generation }
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
        self.young_weight += weight;
        self.young.insert(key, (value, weight));
        if self.generation < self.young_weight {
            self.old = std::mem::take(&mut self.young);
            self.young_weight = 0;
        }
    }
}
