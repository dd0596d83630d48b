//! Tree objects, decoded once and kept for a while.
//!
//! Neighbouring commits share nearly all of their trees, so most of the time of a diff over a
//! history would go into decoding the same ones again. A tree that git itself would not write
//! (unsorted, a name twice, a name with a slash) is refused, because two readers of it could see
//! two different sets of files.

use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;
use gix::hash::Kind;
use gix::hashtable::HashMap;

use crate::change::{Entry, EntryKind, Oid};

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Tree,
    Leaf(EntryKind),
}

/// A tree, its entries found and checked.
#[derive(Debug, Default)]
pub(super) struct Tree {
    raw: Vec<u8>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    name_at: u32,
    id_at: u32,
    mode: Mode,
}

/// One entry of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry<'a> {
    pub(super) name: &'a [u8],
    pub(super) mode: Mode,
    pub(super) id: &'a [u8],
}

impl TreeEntry<'_> {
    pub(super) fn is_tree(&self) -> bool {
        self.mode == Mode::Tree
    }

    pub(super) fn object_id(&self) -> Option<ObjectId> {
        ObjectId::try_from(self.id).ok()
    }

    /// Returns the entry as a change knows it; `None` for a tree.
    pub(super) fn leaf(&self) -> Option<Entry> {
        match self.mode {
            Mode::Tree => None,
            Mode::Leaf(kind) => Oid::from_bytes(self.id).map(|id| Entry { kind, id }),
        }
    }

    /// Compares in the order of trees, in which a directory's name ends in a slash.
    pub(super) fn order(&self, other: &TreeEntry<'_>) -> Ordering {
        let common = self.name.len().min(other.name.len());
        let (left, right) = (self.name.get(..common), other.name.get(..common));
        left.cmp(&right).then_with(|| self.byte_at(common).cmp(&other.byte_at(common)))
    }

    fn byte_at(&self, index: usize) -> u8 {
        let end = if self.is_tree() { b'/' } else { 0 };
        self.name.get(index).copied().unwrap_or(end)
    }
}

impl Tree {
    /// Decodes a tree object.
    pub(super) fn decode(raw: Vec<u8>, format: Kind) -> Result<Tree, &'static str> {
        let hash_length = format.len_in_bytes();
        let mut tree = Tree { slots: Vec::with_capacity(raw.len() / 36), raw };
        let mut at = 0;
        while at < tree.raw.len() {
            let rest = tree.raw.get(at..).unwrap_or_default();
            let space =
                rest.iter().take(8).position(|byte| *byte == b' ').ok_or("a tree entry has no mode")?;
            let mode = mode(rest.get(..space).unwrap_or_default())?;
            let name = rest.get(space + 1..).unwrap_or_default();
            let length = name.iter().position(|byte| *byte == 0).ok_or("a tree entry has no name")?;
            let name_at = at + space + 1;
            let id_at = name_at + length + 1;
            at = id_at + hash_length;
            if tree.raw.len() < at {
                return Err("a tree is cut off in the middle of an entry");
            }
            let position = |value: usize| u32::try_from(value).map_err(|_| "a tree is too large");
            tree.slots.push(Slot { name_at: position(name_at)?, id_at: position(id_at)?, mode });
            tree.check_last(format)?;
        }
        Ok(tree)
    }

    /// Refuses the entry read last if its name is impossible or breaks the order of the tree.
    fn check_last(&self, format: Kind) -> Result<(), &'static str> {
        let Some(last) = self.slots.len().checked_sub(1) else { return Ok(()) };
        let Some(entry) = self.get(last, format) else { return Err("a tree is cut off") };
        if entry.name.is_empty() || entry.name.contains(&b'/') {
            return Err("a tree entry has an impossible name");
        }
        let Some(before) = last.checked_sub(1).and_then(|index| self.get(index, format)) else {
            return Ok(());
        };
        if before.order(&entry) != Ordering::Less {
            return Err("a tree is not sorted, or has a name twice");
        }
        if entry.is_tree() {
            // `a` and `a/` can stand apart, with only names that begin with `a` between them.
            for index in (0..last).rev() {
                let Some(earlier) = self.get(index, format) else { break };
                if earlier.name == entry.name {
                    return Err("a tree has a name twice");
                }
                if !earlier.name.starts_with(entry.name) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns the entry at `index`.
    pub(super) fn get(&self, index: usize, format: Kind) -> Option<TreeEntry<'_>> {
        let slot = self.slots.get(index)?;
        let (name_at, id_at) = (slot.name_at as usize, slot.id_at as usize);
        Some(TreeEntry {
            name: self.raw.get(name_at..id_at.checked_sub(1)?)?,
            mode: slot.mode,
            id: self.raw.get(id_at..id_at + format.len_in_bytes())?,
        })
    }

    /// Returns the entry called `name`.
    pub(super) fn find(&self, name: &[u8], format: Kind) -> Option<TreeEntry<'_>> {
        (0..self.slots.len()).filter_map(|index| self.get(index, format)).find(|entry| entry.name == name)
    }

    fn weight(&self) -> usize {
        self.raw.len() + self.slots.len() * size_of::<Slot>() + 128
    }
}

/// Reads a mode as git does: of the permissions only the owner's right to execute counts.
fn mode(digits: &[u8]) -> Result<Mode, &'static str> {
    let mut value: u32 = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return Err("a tree entry has a malformed mode");
        }
        value = value * 8 + u32::from(digit - b'0');
    }
    match value & 0o170_000 {
        0o040_000 => Ok(Mode::Tree),
        0o100_000 if value & 0o100 != 0 => Ok(Mode::Leaf(EntryKind::Executable)),
        0o100_000 => Ok(Mode::Leaf(EntryKind::File)),
        0o120_000 => Ok(Mode::Leaf(EntryKind::Symlink)),
        0o160_000 => Ok(Mode::Leaf(EntryKind::Submodule)),
        _ => Err("a tree entry is of no kind that git knows"),
    }
}

/// Decoded trees by id, in two generations: when the young one is full it becomes the old one.
#[derive(Default)]
pub(super) struct TreeCache {
    young: HashMap<ObjectId, Arc<Tree>>,
    old: HashMap<ObjectId, Arc<Tree>>,
    young_weight: usize,
}

impl TreeCache {
    /// Each generation holds about this many bytes.
    const GENERATION: usize = 24 << 20;

    pub(super) fn get(&mut self, id: &ObjectId) -> Option<Arc<Tree>> {
        if let Some(tree) = self.young.get(id) {
            return Some(tree.clone());
        }
        let tree = self.old.remove(id)?;
        self.put(*id, tree.clone());
        Some(tree)
    }

    pub(super) fn put(&mut self, id: ObjectId, tree: Arc<Tree>) {
        self.young_weight += tree.weight();
        self.young.insert(id, tree);
        if Self::GENERATION < self.young_weight {
            self.old = std::mem::take(&mut self.young);
            self.young_weight = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Result<Tree, &'static str> {
        let mut raw = Vec::new();
        for (mode, name) in entries {
            raw.extend_from_slice(mode.as_bytes());
            raw.push(b' ');
            raw.extend_from_slice(name.as_bytes());
            raw.push(0);
            raw.extend_from_slice(&[7; 20]);
        }
        Tree::decode(raw, Kind::Sha1)
    }

    #[test]
    fn modes_are_read_as_git_reads_them() {
        let tree =
            tree(&[("100664", "a"), ("100755", "b"), ("40000", "c"), ("120000", "d"), ("160000", "e")]);
        let tree = tree.unwrap();
        let modes: Vec<Mode> = (0..5).map(|index| tree.get(index, Kind::Sha1).unwrap().mode).collect();
        assert_eq!(modes[0], Mode::Leaf(EntryKind::File));
        assert_eq!(modes[1], Mode::Leaf(EntryKind::Executable));
        assert_eq!(modes[2], Mode::Tree);
        assert_eq!(modes[3], Mode::Leaf(EntryKind::Symlink));
        assert_eq!(modes[4], Mode::Leaf(EntryKind::Submodule));
        assert!(tree.find(b"c", Kind::Sha1).unwrap().is_tree());
        assert!(tree.find(b"x", Kind::Sha1).is_none());
    }

    #[test]
    fn a_tree_that_could_be_read_in_two_ways_is_refused() {
        let file = "100644";
        for entries in [
            &[(file, "b"), (file, "a")][..],
            &[(file, "a"), (file, "a")],
            &[(file, "a"), (file, "a-b"), ("40000", "a")],
            &[(file, "")],
            &[(file, "a/b")],
            &[("10064x", "a")],
            &[("0", "a")],
            &[("60000", "a")],
        ] {
            assert!(tree(entries).is_err(), "{entries:?}");
        }
        assert!(tree(&[(file, "a-b"), ("40000", "a"), (file, "a0")]).is_ok());
        assert!(Tree::decode(b"100644 a\0short".to_vec(), Kind::Sha1).is_err());
        assert!(Tree::decode(b"100644".to_vec(), Kind::Sha1).is_err());
    }
}
