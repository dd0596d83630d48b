//! Tree objects, decoded once and cached.
//!
//! Neighbouring commits share nearly all of their trees, so a diff over a history would spend most of
//! its time decoding the same trees again. A tree that git itself would not write (unsorted, a name
//! twice, a name with a slash) is refused, because two readers of it could see two different sets of
//! files.

use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;
use gix::hash::Kind;

use crate::change::PathEntryKind;

use crate::git::objects::cache::GenerationCache;
use crate::git::objects::tree_entry::{DecodedTreeEntry, TreeEntryMode, split_mode};

const UNSORTED_TREE_ERROR: &str = "a tree is not sorted, or has a name twice";
const DUPLICATE_NAME_ERROR: &str = "a tree has a name twice";

/// How many bytes are compared at a time.
const COMPARED_BLOCK_BYTES: usize = 256;

/// A tree whose entries have been found and checked.
#[derive(Debug, Default)]
pub(crate) struct DecodedTree {
    raw: Arc<Vec<u8>>,
    /// Shared with the sibling next to which the tree was decoded, if all entries have the same offsets.
    slots: Arc<Vec<TreeSlot>>,
    overlap: Option<TreeOverlap>,
}

/// What a tree has in common with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreeOverlap {
    /// The id of the other tree.
    pub(crate) other_tree: ObjectId,
    /// How many entries at the beginning are the same, byte for byte.
    pub(crate) same_at_start: usize,
    /// How many entries after those, at the end, are the same.
    pub(crate) same_at_end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TreeSlot {
    name_offset: u32,
    id_offset: u32,
    mode: TreeEntryMode,
}

impl TreeSlot {
    fn name_in<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        raw.get(self.name_offset as usize..(self.id_offset as usize).saturating_sub(1)).unwrap_or_default()
    }
}

impl DecodedTree {
    /// Decodes a tree object. A `sibling`, such as an earlier version of it, makes that faster:
    /// the entries that both begin with and both end with need not be decoded again.
    pub(crate) fn decode_object(
        raw: Arc<Vec<u8>>,
        sibling: Option<(ObjectId, &DecodedTree)>,
        format: Kind,
    ) -> Result<DecodedTree, &'static str> {
        if u32::try_from(raw.len()).is_err() {
            return Err("a tree is too large");
        }
        let hash_length = format.len_in_bytes();
        // The entries that it shares with the beginning of the sibling, and its own.
        let mut beginning: &[TreeSlot] = &[];
        let mut own: Vec<TreeSlot> = Vec::with_capacity(match sibling {
            Some(_) => 0,
            None => raw.len() / (hash_length + 16),
        });
        let mut before =
            DecodedTreeEntry { name: b"", mode: TreeEntryMode::Leaf(PathEntryKind::File), id: b"" };
        let mut rest: &[u8] = &raw;
        let mut end: &[TreeSlot] = &[];
        let mut end_length = 0;
        if let Some((_, sibling)) = sibling {
            beginning = sibling.find_common_start(&raw, hash_length);
            if let Some(last) = beginning.last() {
                (before.name, before.mode) = (last.name_in(&raw), last.mode);
                rest = raw.get(last.id_offset as usize + hash_length..).unwrap_or_default();
            }
            (end, end_length) = sibling.find_common_end(rest, beginning.len(), hash_length);
        }
        let mut overlap = None;
        if let Some((other_tree, _)) = sibling {
            overlap = Some(TreeOverlap { other_tree, same_at_start: beginning.len(), same_at_end: 0 });
        }
        while !rest.is_empty() {
            if let (Some((_, sibling)), true) = (sibling, rest.len() == end_length) {
                check_seam(&raw, &before, &own, sibling, end)?;
                let slots = sibling.assemble_slots(&own, beginning.len(), end, raw.len());
                if let Some(overlap) = &mut overlap {
                    overlap.same_at_end = end.len();
                }
                return Ok(DecodedTree { slots, raw, overlap });
            }
            let (mode, after) = split_mode(rest)?;
            // The part that a name shares with the name before has no NUL and no slash, and decides
            // nothing about their order.
            let common = before.name.iter().zip(after).take_while(|(left, right)| left == right).count();
            let differing = after.get(common..).unwrap_or_default();
            let end = differing.iter().position(|byte| matches!(byte, 0 | b'/'));
            let (name, after) =
                end.and_then(|end| after.split_at_checked(common + end)).ok_or("a tree entry has no name")?;
            let (id, after) = after
                .strip_prefix(&[0])
                .ok_or("a tree entry has a name with a slash")?
                .split_at_checked(hash_length)
                .ok_or("a tree is cut off in the middle of an entry")?;
            let entry = DecodedTreeEntry { name, mode, id };
            if name.is_empty() {
                return Err("a tree entry has no name");
            }
            if entry.name_byte_at(common) <= before.name_byte_at(common) {
                return Err(UNSORTED_TREE_ERROR);
            }
            if entry.is_tree() && common == name.len() {
                check_duplicate_name(&raw, beginning, &own, name)?;
            }
            let id_at = raw.len() - after.len() - hash_length;
            own.push(TreeSlot {
                name_offset: (id_at - 1 - name.len()) as u32,
                id_offset: id_at as u32,
                mode,
            });
            before = entry;
            rest = after;
        }
        let slots = Arc::new(if beginning.is_empty() { own } else { [beginning, &own].concat() });
        Ok(DecodedTree { slots, raw, overlap })
    }

    /// Returns the slots of a tree of `length` bytes that consists of the first `beginning` entries of this
    /// tree, the entries `own`, and the entries at the `end` of this tree.
    fn assemble_slots(
        &self,
        own: &[TreeSlot],
        beginning: usize,
        end: &[TreeSlot],
        length: usize,
    ) -> Arc<Vec<TreeSlot>> {
        let replaced = self.slots.get(beginning..self.slots.len() - end.len());
        if length == self.raw.len() && replaced == Some(own) {
            return Arc::clone(&self.slots);
        }
        let beginning = self.slots.get(..beginning).unwrap_or_default();
        let mut slots = Vec::with_capacity(beginning.len() + own.len() + end.len());
        slots.extend_from_slice(beginning);
        slots.extend_from_slice(own);
        for slot in end {
            slots.push(TreeSlot {
                name_offset: (slot.name_offset as usize + length - self.raw.len()) as u32,
                id_offset: (slot.id_offset as usize + length - self.raw.len()) as u32,
                mode: slot.mode,
            });
        }
        Arc::new(slots)
    }

    /// Returns the slots of the entries with which `raw` begins as this tree does, byte for byte.
    fn find_common_start(&self, raw: &[u8], hash_length: usize) -> &[TreeSlot] {
        let blocks = self.raw.chunks(COMPARED_BLOCK_BYTES).zip(raw.chunks(COMPARED_BLOCK_BYTES));
        let same_blocks = blocks.take_while(|(left, right)| left == right).count();
        // The last block may be a short one.
        let same = (same_blocks * COMPARED_BLOCK_BYTES).min(self.raw.len()).min(raw.len());
        let entries = self.slots.partition_point(|slot| slot.id_offset as usize + hash_length <= same);
        self.slots.get(..entries).unwrap_or_default()
    }

    /// Returns the slots of the entries, not counting the first `known`, with which `rest` ends as
    /// this tree does, and how many bytes those are.
    fn find_common_end(&self, rest: &[u8], known: usize, hash_length: usize) -> (&[TreeSlot], usize) {
        let own = self.raw.get(self.entry_start(known, hash_length)..).unwrap_or_default();
        let blocks = own.rchunks(COMPARED_BLOCK_BYTES).zip(rest.rchunks(COMPARED_BLOCK_BYTES));
        let same_blocks = blocks.take_while(|(left, right)| left == right).count();
        let same = (same_blocks * COMPARED_BLOCK_BYTES).min(own.len()).min(rest.len());
        let from = self.raw.len() - same;
        // The first entry that begins in what is the same.
        let first = match from {
            0 => 0,
            _ => self.slots.partition_point(|slot| (slot.id_offset as usize + hash_length) < from) + 1,
        };
        let start = self.entry_start(first, hash_length).min(self.raw.len());
        (self.slots.get(first..).unwrap_or_default(), self.raw.len() - start)
    }

    /// Returns where the entry at `index` begins; 0 if there are fewer than that before it.
    fn entry_start(&self, index: usize, hash_length: usize) -> usize {
        match index.checked_sub(1).and_then(|last| self.slots.get(last)) {
            Some(slot) => slot.id_offset as usize + hash_length,
            None => 0,
        }
    }

    /// Returns what this tree has in common with the one that it was decoded next to.
    pub(crate) fn overlap(&self) -> Option<TreeOverlap> {
        self.overlap
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the entry at `index`.
    pub(crate) fn entry_at(&self, index: usize, format: Kind) -> Option<DecodedTreeEntry<'_>> {
        let slot = self.slots.get(index)?;
        let (name_at, id_at) = (slot.name_offset as usize, slot.id_offset as usize);
        Some(DecodedTreeEntry {
            name: self.raw.get(name_at..id_at.checked_sub(1)?)?,
            mode: slot.mode,
            id: self.raw.get(id_at..id_at + format.len_in_bytes())?,
        })
    }

    /// Returns the entry called `name`.
    pub(crate) fn find_entry(&self, name: &[u8], format: Kind) -> Option<DecodedTreeEntry<'_>> {
        for index in 0..self.slots.len() {
            let entry = self.entry_at(index, format)?;
            if entry.name == name {
                return Some(entry);
            }
        }
        None
    }

    /// Returns how many entries from `at` on are, byte for byte, those of `other` from `other_at` on.
    /// The number may be too low.
    ///
    /// Two versions of a tree mostly differ in one entry, and comparing the stored bytes of many at
    /// once is much faster than one after the other.
    pub(crate) fn count_same_entries(
        &self,
        at: usize,
        other: &DecodedTree,
        other_at: usize,
        format: Kind,
    ) -> usize {
        let mut same = 0;
        let mut length = 1;
        loop {
            let (start, other_start) = (at + same, other_at + same);
            let left = self.entry_bytes(start, start + length, format);
            let right = other.entry_bytes(other_start, other_start + length, format);
            if left.is_some() && left == right {
                same += length;
                length *= 2;
            } else if length == 1 {
                return same;
            } else {
                length /= 2;
            }
        }
    }

    /// Returns the stored bytes of the entries from `start` up to `end`; `None` if there are fewer.
    fn entry_bytes(&self, start: usize, end: usize, format: Kind) -> Option<&[u8]> {
        self.raw.get(self.entries_end(start, format)?..self.entries_end(end, format)?)
    }

    /// Returns where the first `count` entries end; `None` if there are fewer.
    fn entries_end(&self, count: usize, format: Kind) -> Option<usize> {
        match count.checked_sub(1) {
            None => Some(0),
            Some(last) => Some(self.slots.get(last)?.id_offset as usize + format.len_in_bytes()),
        }
    }

    /// Returns about how many bytes of memory the tree takes.
    pub(crate) fn weight(&self) -> usize {
        self.raw.len() + self.slots.len() * size_of::<TreeSlot>() + 128
    }
}

/// Refuses a tree whose `own` entries, of which `before` is the last, are not sorted together with the
/// entries at the `end` of its sibling that follow them.
fn check_seam(
    raw: &[u8],
    before: &DecodedTreeEntry<'_>,
    own: &[TreeSlot],
    sibling: &DecodedTree,
    end: &[TreeSlot],
) -> Result<(), &'static str> {
    let Some(first) = end.first() else { return Ok(()) };
    let first = DecodedTreeEntry { name: first.name_in(&sibling.raw), mode: first.mode, id: b"" };
    if before.compare_order(&first) != Ordering::Less {
        return Err(UNSORTED_TREE_ERROR);
    }
    for slot in own.iter().filter(|slot| slot.mode != TreeEntryMode::Tree) {
        let name = slot.name_in(raw);
        for later in end {
            match later.name_in(&sibling.raw).strip_prefix(name) {
                Some(b"") => return Err(DUPLICATE_NAME_ERROR),
                Some(_) => {}
                None => break,
            }
        }
    }
    Ok(())
}

/// Refuses a directory `name` if a file of that name precedes it. The two need not be neighbours: names that
/// begin with theirs can be between them.
fn check_duplicate_name(
    raw: &[u8],
    beginning: &[TreeSlot],
    own: &[TreeSlot],
    name: &[u8],
) -> Result<(), &'static str> {
    for slot in beginning.iter().chain(own).rev() {
        match slot.name_in(raw).strip_prefix(name) {
            Some(b"") => return Err(DUPLICATE_NAME_ERROR),
            Some(_) => {}
            None => break,
        }
    }
    Ok(())
}

/// A cache of decoded trees by their ids.
pub(crate) type TreeCache = GenerationCache<ObjectId, Arc<DecodedTree>, gix::hashtable::hash::Builder>;

/// Returns a cache of which each generation holds about 64 KiB at first, and never more than 3 MiB.
pub(crate) fn create_tree_cache() -> TreeCache {
    GenerationCache::new(64 << 10, 3 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ObjectId = ObjectId::null(Kind::Sha1);

    fn tree(entries: &[(&str, &str)]) -> Result<DecodedTree, &'static str> {
        let mut raw = Vec::new();
        for (mode, name) in entries {
            raw.extend_from_slice(mode.as_bytes());
            raw.push(b' ');
            raw.extend_from_slice(name.as_bytes());
            raw.push(0);
            raw.extend_from_slice(&[7; 20]);
        }
        DecodedTree::decode_object(Arc::new(raw), None, Kind::Sha1)
    }

    #[test]
    fn modes_are_read_as_git_reads_them() {
        let tree =
            tree(&[("100664", "a"), ("100755", "b"), ("40000", "c"), ("120000", "d"), ("160000", "e")]);
        let tree = tree.unwrap();
        let modes: Vec<TreeEntryMode> =
            (0..5).map(|index| tree.entry_at(index, Kind::Sha1).unwrap().mode).collect();
        assert_eq!(modes[0], TreeEntryMode::Leaf(PathEntryKind::File));
        assert_eq!(modes[1], TreeEntryMode::Leaf(PathEntryKind::Executable));
        assert_eq!(modes[2], TreeEntryMode::Tree);
        assert_eq!(modes[3], TreeEntryMode::Leaf(PathEntryKind::Symlink));
        assert_eq!(modes[4], TreeEntryMode::Leaf(PathEntryKind::Submodule));
        assert!(tree.find_entry(b"c", Kind::Sha1).unwrap().is_tree());
        assert!(tree.find_entry(b"x", Kind::Sha1).is_none());
    }

    #[test]
    fn a_sibling_changes_nothing_but_the_speed() {
        let names: Vec<String> = (0..60).map(|number| format!("name-{number:02}")).collect();
        let entries: Vec<(&str, &str)> = names.iter().map(|name| ("100644", name.as_str())).collect();
        let whole = tree(&entries).unwrap();
        for left_out in 0..entries.len() {
            let mut fewer = entries.clone();
            fewer.remove(left_out);
            let alone = tree(&fewer).unwrap();
            let with_sibling =
                DecodedTree::decode_object(alone.raw.clone(), Some((ID, &whole)), Kind::Sha1).unwrap();
            for index in 0..=fewer.len() {
                assert_eq!(with_sibling.entry_at(index, Kind::Sha1), alone.entry_at(index, Kind::Sha1));
            }
            let back = DecodedTree::decode_object(whole.raw.clone(), Some((ID, &alone)), Kind::Sha1).unwrap();
            assert_eq!(back.slots.len(), entries.len());
        }
        let mut twice = whole.raw.to_vec();
        twice.extend_from_slice(&whole.raw);
        assert!(DecodedTree::decode_object(Arc::new(twice), Some((ID, &whole)), Kind::Sha1).is_err());
    }

    /// Returns a tree of so many random entries, sorted or nearly so, of few and similar names.
    fn random(numbers: &mut impl Iterator<Item = u64>) -> Vec<u8> {
        let mut below = |most: u64| numbers.next().unwrap() % most;
        let names = ["a", "a-", "a-b", "a.c", "a0", "ab", "b", "b-c", "ba", "c"];
        let long = below(3) == 0;
        let mut entries = Vec::new();
        for number in 0..if long { 40 } else { 12 } {
            let name =
                names[below(10) as usize].to_owned() + ["", "x"][if long { below(2) as usize } else { 0 }];
            let name = if long { format!("{name}{}", number % 7) } else { name };
            let mode = ["100644", "100755", "40000", "120000"][below(4) as usize];
            entries.push((name.clone() + if mode == "40000" { "/" } else { "" }, name, mode, below(3) as u8));
        }
        entries.sort();
        if 0 < below(6) {
            entries.dedup_by(|left, right| left.1 == right.1);
        }
        if below(8) == 0 {
            let (left, right) = (below(entries.len() as u64), below(entries.len() as u64));
            entries.swap(left as usize, right as usize);
        }
        let mut raw = Vec::new();
        for (_, name, mode, id) in entries {
            raw.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            raw.extend_from_slice(&[id; 20]);
        }
        raw
    }

    #[test]
    fn next_to_whatever_sibling_a_tree_is_the_same() {
        let mut state = 1_u64;
        let mut numbers = std::iter::from_fn(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Some(state >> 33)
        });
        let (mut read, mut refused, mut ends) = (0, 0, 0);
        for _ in 0..8000 {
            let first = random(&mut numbers);
            let Ok(sibling) = DecodedTree::decode_object(Arc::new(first.clone()), None, Kind::Sha1) else {
                continue;
            };
            let mut second = random(&mut numbers);
            // Mostly a version of the sibling: with entries of another tree in the place of some.
            if numbers.next().unwrap() % 4 != 0 {
                let slots = &sibling.slots;
                let mut edge = || {
                    let at = numbers.next().unwrap() as usize % (slots.len() + 1);
                    at.checked_sub(1).map_or(0, |last| slots[last].id_offset as usize + 20)
                };
                let (left, right) = (edge(), edge());
                let (left, right) = (left.min(right), left.max(right));
                let cut = second.len() - second.len() / 3;
                second.drain(..if numbers.next().unwrap() % 2 == 0 { cut } else { second.len() });
                second = [&first[..left], &second, &first[right..]].concat();
                if numbers.next().unwrap() % 5 == 0 && !second.is_empty() {
                    let at = numbers.next().unwrap() as usize % second.len();
                    second[at] ^= 1 << (numbers.next().unwrap() % 8);
                }
            }
            let second = Arc::new(second);
            let alone = DecodedTree::decode_object(second.clone(), None, Kind::Sha1);
            let beside = DecodedTree::decode_object(second.clone(), Some((ID, &sibling)), Kind::Sha1);
            assert_eq!(alone.is_ok(), beside.is_ok(), "{}", second.escape_ascii());
            let (Ok(alone), Ok(beside)) = (alone, beside) else {
                refused += 1;
                continue;
            };
            read += 1;
            assert_eq!(format!("{:?}", alone.slots), format!("{:?}", beside.slots));
            let alike = beside.overlap().unwrap();
            ends += usize::from(0 < alike.same_at_end);
            assert!(alike.same_at_start + alike.same_at_end <= beside.len().min(sibling.len()));
            for index in (0..alike.same_at_start).chain(beside.len() - alike.same_at_end..beside.len()) {
                let other =
                    if index < alike.same_at_start { index } else { index + sibling.len() - beside.len() };
                assert_eq!(beside.entry_at(index, Kind::Sha1), sibling.entry_at(other, Kind::Sha1));
            }
        }
        assert!(2000 < read && 2000 < refused && 300 < ends, "{read} {refused} {ends}");
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
        assert!(DecodedTree::decode_object(Arc::new(b"100644 a\0short".to_vec()), None, Kind::Sha1).is_err());
        assert!(DecodedTree::decode_object(Arc::new(b"100644".to_vec()), None, Kind::Sha1).is_err());
    }
}
