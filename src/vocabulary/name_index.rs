//! The places of names in a list, looked up by hash once there are many.

use std::collections::HashMap;
use std::sync::OnceLock;

/// How many names are compared one after the other before they are hashed.
const MAX_LINEAR_NAMES: usize = 32;

/// Finds a name in a list that stays the same, without regard to case; what it has found out is no part of a value.
#[derive(Debug, Default)]
pub(crate) struct NameIndex(OnceLock<HashMap<String, usize>>);

impl NameIndex {
    /// Returns the place that goes with a name; the first one if there are several.
    pub(crate) fn find_place<'name>(
        &self,
        name: &str,
        count: usize,
        mut names: impl Iterator<Item = (&'name str, usize)>,
    ) -> Option<usize> {
        if count <= MAX_LINEAR_NAMES {
            return names.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, place)| place);
        }
        let places = self.0.get_or_init(|| {
            let mut places = HashMap::new();
            for (known, place) in names {
                places.entry(known.to_ascii_lowercase()).or_insert(place);
            }
            places
        });
        places.get(&name.to_ascii_lowercase()).copied()
    }
}

impl Clone for NameIndex {
    /// A copy may be changed, so that it looks again.
    fn clone(&self) -> Self {
        NameIndex::default()
    }
}

impl PartialEq for NameIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
