//! What two sides of a merge were made from, where that is more than one commit.
//!
//! Lines of history that were merged into each other have several merge bases. Git then merges those
//! first, and so on down, and takes the result for the base. Here the same is done for each path, as
//! far as it can be told from the ids alone. Where contents have to be merged, that is the caller's.

use anyhow::Result;
use gix::ObjectId;

use crate::git::diff::merge_base::find_merge_bases;
use crate::git::objects::reader::ObjectReader;

/// How many trees may take part.
const MAX_BASE_TREES: usize = 24;

/// How far down bases of bases are looked for.
const MAX_BASE_DEPTH: usize = 8;

/// The base of a merge, in terms of a list of trees.
#[derive(Debug)]
pub(crate) enum VirtualBase {
    /// There is none: the histories are unrelated.
    Unrelated,
    /// The tree at this place of the list.
    Tree(usize),
    /// The clean merge of two, made from a third.
    Merged(Box<[VirtualBase; 3]>),
    /// Too many trees would be needed to tell.
    Unknown,
}

impl VirtualBase {
    /// Finds the base for a merge of all these `bases`, and appends the trees that it rests on to
    /// `trees`.
    pub(crate) fn find_base(
        reader: &mut ObjectReader,
        bases: &[ObjectId],
        trees: &mut Vec<Option<ObjectId>>,
    ) -> Result<VirtualBase> {
        Self::find_base_at_depth(reader, bases, trees, 0)
    }

    fn find_base_at_depth(
        reader: &mut ObjectReader,
        bases: &[ObjectId],
        trees: &mut Vec<Option<ObjectId>>,
        depth: usize,
    ) -> Result<VirtualBase> {
        let Some((first, rest)) = bases.split_first() else { return Ok(VirtualBase::Unrelated) };
        if depth == MAX_BASE_DEPTH || MAX_BASE_TREES < trees.len() + bases.len() {
            return Ok(VirtualBase::Unknown);
        }
        let mut merged = Self::add_tree(reader, first, trees)?;
        for (index, base) in rest.iter().enumerate() {
            let earlier = bases.get(..=index).unwrap_or_default();
            let below = find_merge_bases(reader, earlier, base)?;
            let below = Self::find_base_at_depth(reader, &below, trees, depth + 1)?;
            let right = Self::add_tree(reader, base, trees)?;
            merged = VirtualBase::Merged(Box::new([merged, right, below]));
        }
        Ok(merged)
    }

    fn add_tree(
        reader: &mut ObjectReader,
        commit: &ObjectId,
        trees: &mut Vec<Option<ObjectId>>,
    ) -> Result<VirtualBase> {
        let tree = Some(reader.find_root_tree(commit)?);
        let place = trees.iter().position(|known| *known == tree).unwrap_or(trees.len());
        if place == trees.len() {
            trees.push(tree);
        }
        Ok(VirtualBase::Tree(place))
    }

    /// Returns what stands in the base, given what stands in each of the trees; `None` if that
    /// cannot be told without merging contents.
    pub(crate) fn resolve_value<T: PartialEq + Copy>(&self, values: &[Option<T>]) -> Option<Option<T>> {
        match self {
            VirtualBase::Unrelated => Some(None),
            VirtualBase::Tree(place) => values.get(*place).copied(),
            VirtualBase::Merged(parts) => {
                let [left, right, base] = parts.as_ref();
                let (left, right) = (left.resolve_value(values)?, right.resolve_value(values)?);
                if left == right {
                    Some(left)
                } else {
                    merge_trivially(left, right, base.resolve_value(values)?)
                }
            }
            VirtualBase::Unknown => None,
        }
    }
}

/// Returns what a merge takes without looking at contents: what both sides agree on, or the side
/// that changed something.
pub(crate) fn merge_trivially<T: PartialEq + Copy>(left: T, right: T, base: T) -> Option<T> {
    if left == right || base == right {
        Some(left)
    } else if base == left {
        Some(right)
    } else {
        None
    }
}
