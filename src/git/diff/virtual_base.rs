//! The base of a merge whose sides have more than one merge base.
//!
//! Lines of history that were merged into each other have several merge bases. Git merges those first,
//! recursively, and takes the result as the base. The same is done here for each path, as far as the ids
//! alone decide it. Contents that have to be merged are left to the caller.

use anyhow::Result;
use gix::ObjectId;

use crate::git::diff::merge_base::find_merge_bases;
use crate::git::objects::reader::ObjectReader;

/// The most trees that one virtual base consists of.
const MAX_BASE_TREES: usize = 24;

/// The deepest recursion into bases of bases.
const MAX_BASE_DEPTH: usize = 8;

/// The base of a merge, in terms of a list of trees.
#[derive(Debug)]
pub(crate) enum VirtualBase {
    /// The histories are unrelated, and there is no base.
    Unrelated,
    /// The tree at this place of the list.
    Tree(usize),
    /// The clean merge of the first two, with the third as their base.
    Merged(Box<[VirtualBase; 3]>),
    /// The base would consist of too many trees.
    Unknown,
}

impl VirtualBase {
    /// Finds the base that the merge of all these `bases` gives, and appends the trees that it consists of
    /// to `trees`.
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
        if depth == MAX_BASE_DEPTH || trees.len() + bases.len() > MAX_BASE_TREES {
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

    /// Returns the value of the base, given the values of each of the trees; `None` if that cannot be
    /// decided without merging contents.
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
