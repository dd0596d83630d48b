//! Compares the trees of commits, by name or by merging them again.

use anyhow::{Context as _, Result};

use crate::change::{Oid, Text};
use crate::git::repository::Repository;

impl Repository {
    /// Returns the paths at which the tree `tree` holds something else than the clean merge of the trees `sides`, both
    /// made from the tree `base`; that is what picking the difference between `base` and the second of them onto the
    /// first one gives.
    ///
    /// # Errors
    ///
    /// Fails if a tree or a file cannot be read, or if there is too much to compare.
    pub(crate) fn compare_with_pick(&self, tree: Oid, sides: [Oid; 2], base: Oid) -> Result<Vec<Text>> {
        let [left, right] = sides;
        let sides = [self.to_object_id(left)?, self.to_object_id(right)?];
        let (tree, base) = (self.to_object_id(tree)?, self.to_object_id(base)?);
        self.borrow_reader().compare_with_pick(tree, sides, base)
    }

    /// Returns the paths at which two trees differ.
    ///
    /// # Errors
    ///
    /// Fails if a tree cannot be read, or if there is too much to compare.
    pub(crate) fn list_differing_paths(&self, before: Oid, after: Oid) -> Result<Vec<Text>> {
        let (before, after) = (self.to_object_id(before)?, self.to_object_id(after)?);
        let changed = self.borrow_reader().find_changed_paths(Some(before), Some(after));
        let changed = changed.context("the trees cannot be compared")?;
        Ok(changed.into_iter().map(|change| change.path).collect())
    }
}
