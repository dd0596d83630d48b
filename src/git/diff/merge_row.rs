//! What stands at one path in a merge, in its two sides and in their base, and how a rename changes that.

use crate::change::PathEntry;

/// One of the two sides of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeParent {
    Left,
    Right,
}

impl MergeParent {
    pub(crate) fn other(self) -> MergeParent {
        match self {
            MergeParent::Left => MergeParent::Right,
            MergeParent::Right => MergeParent::Left,
        }
    }
}

/// One path of a merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergeRow {
    /// In the merge that is judged.
    pub(crate) merged: Option<PathEntry>,
    pub(crate) left: Option<PathEntry>,
    pub(crate) right: Option<PathEntry>,
    pub(crate) base: Option<PathEntry>,
    /// Whether both sides had the same here before a rename was followed. Git takes the left one then.
    pub(crate) has_same_sides: bool,
    /// Whether a rename was followed from here or to here.
    pub(crate) is_renamed: bool,
    /// Whether git stops here because of a rename.
    pub(crate) has_conflict: bool,
}

impl MergeRow {
    pub(crate) fn new(merged: Option<PathEntry>, [left, right, base]: [Option<PathEntry>; 3]) -> Self {
        MergeRow {
            merged,
            left,
            right,
            base,
            has_same_sides: left.is_some() && left == right,
            is_renamed: false,
            has_conflict: false,
        }
    }

    pub(crate) fn is_untouched(&self) -> bool {
        self.left == self.base && self.right == self.base
    }

    /// Returns whether the path is not everywhere, and so could be one end of a rename.
    pub(crate) fn can_be_renamed(&self) -> bool {
        [self.left, self.right, self.base].contains(&None)
    }

    pub(crate) fn entry_of(&self, side: MergeParent) -> Option<PathEntry> {
        match side {
            MergeParent::Left => self.left,
            MergeParent::Right => self.right,
        }
    }

    pub(crate) fn set_entry(&mut self, side: MergeParent, entry: Option<PathEntry>) {
        match side {
            MergeParent::Left => self.left = entry,
            MergeParent::Right => self.right = entry,
        }
    }

    /// Takes the file away from here, since it is somewhere else.
    pub(crate) fn take_away(&mut self) {
        (self.left, self.right, self.base) = (None, None, None);
        self.is_renamed = true;
    }
}
