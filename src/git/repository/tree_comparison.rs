//! Compares the trees of commits, by name or by merging them again.

use anyhow::{Context as _, Result};

use crate::change::{Oid, Text};
use crate::git::diff::path_lines::{PathComparison, PathContents};
use crate::git::objects::reader::ObjectReader;
use crate::git::repository::Repository;
use crate::git::repository::file_at_path::{FileAtPath, read_file_in_tree};

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

    /// Returns the lines by which the tree `tree` differs, at a path, from the clean merge of the trees `sides`, both made
    /// from the tree `base`; where they do not merge cleanly, from what the second of them holds.
    ///
    /// # Errors
    ///
    /// Fails if a tree or a file cannot be read.
    pub(crate) fn compare_path_with_pick(
        &self,
        path: &Text,
        tree: Oid,
        sides: [Oid; 2],
        base: Oid,
    ) -> Result<PathComparison> {
        let [left, right] = sides;
        let mut contents = Vec::with_capacity(4);
        for root in [tree, left, right, base] {
            let root = self.to_object_id(root)?;
            let limit = ObjectReader::MAX_OPENED_BLOB_BYTES;
            match read_file_in_tree(&mut self.borrow_reader(), root, path.as_bytes(), limit)? {
                FileAtPath::Absent => contents.push(None),
                FileAtPath::Found(content) => contents.push(Some(content)),
                FileAtPath::NotAFile(what) => {
                    return Ok(PathComparison::without_lines(format!("it is {what}")));
                }
                FileAtPath::TooLarge(bytes) => {
                    let why = format!("it has {bytes} bytes, which is too much to show");
                    return Ok(PathComparison::without_lines(why));
                }
            }
        }
        let mut contents = contents.into_iter();
        let mut take = || contents.next().flatten();
        let contents = PathContents { landed: take(), left: take(), right: take(), base: take() };
        Ok(contents.compare_landed())
    }
}
