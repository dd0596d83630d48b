//! The entries of tree objects: their modes, names and ids, and their order.

use std::cmp::Ordering;

use gix::ObjectId;

use crate::change::{Oid, PathEntry, PathEntryKind};

/// Whether an entry of a tree is a directory, and if not, which kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TreeEntryMode {
    Tree,
    Leaf(PathEntryKind),
}

/// One entry of a tree, as slices of the tree object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecodedTreeEntry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) mode: TreeEntryMode,
    pub(crate) id: &'a [u8],
}

impl DecodedTreeEntry<'_> {
    pub(crate) fn is_tree(&self) -> bool {
        self.mode == TreeEntryMode::Tree
    }

    pub(crate) fn object_id(&self) -> Option<ObjectId> {
        ObjectId::try_from(self.id).ok()
    }

    /// Returns the entry as a change knows it; `None` for a tree.
    pub(crate) fn to_entry(self) -> Option<PathEntry> {
        match self.mode {
            TreeEntryMode::Tree => None,
            TreeEntryMode::Leaf(kind) => Oid::from_bytes(self.id).map(|id| PathEntry { kind, id }),
        }
    }

    /// Compares in the order of trees, in which a directory's name ends in a slash.
    pub(crate) fn compare_order(&self, other: &DecodedTreeEntry<'_>) -> Ordering {
        let common = self.name.len().min(other.name.len());
        let (left, right) = (self.name.get(..common), other.name.get(..common));
        left.cmp(&right).then_with(|| self.name_byte_at(common).cmp(&other.name_byte_at(common)))
    }

    /// Returns a byte of the name, or the byte that stands for its end in the order of trees.
    pub(crate) fn name_byte_at(&self, index: usize) -> u8 {
        let end = if self.is_tree() { b'/' } else { 0 };
        self.name.get(index).copied().unwrap_or(end)
    }
}

/// Splits the mode and the space after it off an entry.
pub(crate) fn split_mode(entry: &[u8]) -> Result<(TreeEntryMode, &[u8]), &'static str> {
    if let Some(rest) = entry.strip_prefix(b"100644 ") {
        return Ok((TreeEntryMode::Leaf(PathEntryKind::File), rest));
    }
    let space = entry.iter().take(8).position(|byte| *byte == b' ').ok_or("a tree entry has no mode")?;
    let (digits, rest) = entry.split_at_checked(space).ok_or("a tree entry has no mode")?;
    Ok((parse_mode(digits)?, rest.get(1..).unwrap_or_default()))
}

/// Reads a mode as git does: only the owner's permission to execute counts.
fn parse_mode(digits: &[u8]) -> Result<TreeEntryMode, &'static str> {
    let mut value: u32 = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return Err("a tree entry has a malformed mode");
        }
        value = value * 8 + u32::from(digit - b'0');
    }
    match value & 0o170_000 {
        0o040_000 => Ok(TreeEntryMode::Tree),
        0o100_000 if value & 0o100 != 0 => Ok(TreeEntryMode::Leaf(PathEntryKind::Executable)),
        0o100_000 => Ok(TreeEntryMode::Leaf(PathEntryKind::File)),
        0o120_000 => Ok(TreeEntryMode::Leaf(PathEntryKind::Symlink)),
        0o160_000 => Ok(TreeEntryMode::Leaf(PathEntryKind::Submodule)),
        _ => Err("a tree entry is of no kind that git knows"),
    }
}
