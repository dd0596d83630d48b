//! What two sides of a merge were made from, where that is more than one commit.
//!
//! Lines of history that were merged into each other have several merge bases. Git then merges those
//! first, and so on down, and takes the result for the base. Here the same is done for each path, as
//! far as it can be told from the ids alone. Where contents have to be merged, that is the caller's.

use anyhow::Result;
use gix::ObjectId;

use super::merge_base::merge_bases;
use super::reader::Reader;

/// How many trees may take part.
const MOST_TREES: usize = 24;

/// How far down bases of bases are looked for.
const DEEPEST: usize = 8;

/// The base of a merge, in terms of a list of trees.
#[derive(Debug)]
pub(super) enum Ancestor {
    /// There is none: the histories are unrelated.
    Nothing,
    /// The tree at this place of the list.
    Tree(usize),
    /// The clean merge of two, made from a third.
    Merged(Box<[Ancestor; 3]>),
    /// Too many trees would be needed to tell.
    Unknown,
}

impl Ancestor {
    /// Finds the base for a merge of all these `bases`, and appends the trees that it rests on to
    /// `trees`.
    pub(super) fn of(
        reader: &mut Reader,
        bases: &[ObjectId],
        trees: &mut Vec<Option<ObjectId>>,
    ) -> Result<Ancestor> {
        Self::at_depth(reader, bases, trees, 0)
    }

    fn at_depth(
        reader: &mut Reader,
        bases: &[ObjectId],
        trees: &mut Vec<Option<ObjectId>>,
        depth: usize,
    ) -> Result<Ancestor> {
        let Some((first, rest)) = bases.split_first() else { return Ok(Ancestor::Nothing) };
        if depth == DEEPEST || MOST_TREES < trees.len() + bases.len() {
            return Ok(Ancestor::Unknown);
        }
        let mut merged = Self::leaf(reader, first, trees)?;
        for (index, base) in rest.iter().enumerate() {
            let earlier = bases.get(..=index).unwrap_or_default();
            let below = merge_bases(reader, earlier, base)?;
            let below = Self::at_depth(reader, &below, trees, depth + 1)?;
            let right = Self::leaf(reader, base, trees)?;
            merged = Ancestor::Merged(Box::new([merged, right, below]));
        }
        Ok(merged)
    }

    fn leaf(reader: &mut Reader, commit: &ObjectId, trees: &mut Vec<Option<ObjectId>>) -> Result<Ancestor> {
        let tree = Some(reader.tree_of(commit)?);
        let place = trees.iter().position(|known| *known == tree).unwrap_or(trees.len());
        if place == trees.len() {
            trees.push(tree);
        }
        Ok(Ancestor::Tree(place))
    }

    /// Returns what stands in the base, given what stands in each of the trees; `None` if that
    /// cannot be told without merging contents.
    pub(super) fn value<T: PartialEq + Copy>(&self, values: &[Option<T>]) -> Option<Option<T>> {
        match self {
            Ancestor::Nothing => Some(None),
            Ancestor::Tree(place) => values.get(*place).copied(),
            Ancestor::Merged(parts) => {
                let [left, right, base] = parts.as_ref();
                let (left, right) = (left.value(values)?, right.value(values)?);
                if left == right { Some(left) } else { trivial(left, right, base.value(values)?) }
            }
            Ancestor::Unknown => None,
        }
    }
}

/// Returns what a merge takes without looking at contents: what both sides agree on, or the side
/// that changed something.
pub(super) fn trivial<T: PartialEq + Copy>(left: T, right: T, base: T) -> Option<T> {
    if left == right || base == right {
        Some(left)
    } else if base == left {
        Some(right)
    } else {
        None
    }
}
