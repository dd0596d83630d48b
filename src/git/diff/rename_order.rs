//! The order in which git's merges meet deleted and added files, which decides between files that are alike.
//!
//! Git's merges (`ort`) walk the trees in order, and put off two kinds of folders: those that only one side
//! changes, and those that only one side has. What is in them comes last, and among each other such folders
//! come in the order of a hash table of their paths.

use std::collections::{HashMap, HashSet};

use crate::change::Text;

use crate::git::diff::merge_row::{MergeParent, MergeRow};

/// The size of git's empty hash table.
const FIRST_TABLE_SIZE: usize = 64;

/// Where a path or a folder of a merge is, and where it is the same.
#[derive(Clone, Copy)]
pub(crate) struct SideStates {
    /// Whether the left side, the right one and the base have it.
    exists: [bool; 3],
    is_left_as_base: bool,
    is_right_as_base: bool,
}

impl SideStates {
    pub(crate) fn of_sides<T: PartialEq>([left, right, base]: &[Option<T>; 3]) -> Self {
        SideStates {
            exists: [left.is_some(), right.is_some(), base.is_some()],
            is_left_as_base: left == base,
            is_right_as_base: right == base,
        }
    }
}

/// A folder that was met in a walk over a merge.
pub(crate) struct WalkedFolder {
    /// With a slash at the end, so that folders and files are in the order of trees.
    path: Vec<u8>,
    states: SideStates,
}

impl WalkedFolder {
    /// Returns the side on which alone something happens in this folder, given the file that has its place
    /// in another tree.
    fn changed_side(&self, file: Option<&MergeRow>) -> Option<MergeParent> {
        let SideStates { exists, is_left_as_base, is_right_as_base } = self.states;
        let file = file.map(|row| SideStates::of_sides(&[row.left, row.right, row.base]));
        let has_file = file.map_or([false; 3], |file| file.exists);
        let in_both = |side: bool, is_file: bool, base: bool, is_base_file: bool| {
            (side || is_file) && (base || is_base_file)
        };
        let ([left, right, base], [left_file, right_file, base_file]) = (exists, has_file);
        let is_left_unchanged = is_left_as_base
            && file.is_none_or(|file| file.is_left_as_base)
            && in_both(left, left_file, base, base_file);
        let is_right_unchanged = is_right_as_base
            && file.is_none_or(|file| file.is_right_as_base)
            && in_both(right, right_file, base, base_file);
        match (is_left_unchanged, is_right_unchanged) {
            (true, false) => Some(MergeParent::Right),
            (false, true) => Some(MergeParent::Left),
            _ if file.is_some() => None,
            _ => match exists {
                [true, false, false] => Some(MergeParent::Left),
                [false, true, false] => Some(MergeParent::Right),
                _ => None,
            },
        }
    }

    /// Returns the only side that still has this folder.
    fn keeping_side(&self) -> Option<MergeParent> {
        match self.states.exists {
            [true, false, true] => Some(MergeParent::Left),
            [false, true, true] => Some(MergeParent::Right),
            _ => None,
        }
    }
}

/// The folders that were met in a walk over a merge, in the order of their paths.
#[derive(Default)]
pub(crate) struct WalkedFolders {
    folders: Vec<WalkedFolder>,
    /// The places of those whose states are known only when all that is in them was met.
    made: HashMap<Vec<u8>, usize>,
}

impl WalkedFolders {
    /// Adds a folder; its states are `None` if they are those of what is in it.
    pub(crate) fn add_folder(&mut self, path: Vec<u8>, states: Option<SideStates>) {
        match states {
            Some(states) => self.add_states(&path, states),
            None => drop(self.made.insert(path.clone(), self.folders.len())),
        }
        let nothing = SideStates { exists: [false; 3], is_left_as_base: true, is_right_as_base: true };
        self.folders.push(WalkedFolder { path, states: states.unwrap_or(nothing) });
    }

    /// Adds the states of a file, or of a folder, to those of the folders around it.
    pub(crate) fn add_states(&mut self, path: &[u8], states: SideStates) {
        if self.made.is_empty() {
            return;
        }
        for slash in memchr::memchr_iter(b'/', path) {
            let folder = path.get(..=slash).and_then(|folder| self.made.get(folder));
            let Some(folder) = folder.and_then(|place| self.folders.get_mut(*place)) else { continue };
            for (exists, is_here) in folder.states.exists.iter_mut().zip(states.exists) {
                *exists |= is_here;
            }
            folder.states.is_left_as_base &= states.is_left_as_base;
            folder.states.is_right_as_base &= states.is_right_as_base;
        }
    }
}

/// Returns the places of the rows in the order in which git meets them for one side. Rows and folders are in
/// the order of their paths.
pub(crate) fn order_rows(
    rows: &[(Text, MergeRow)],
    folders: &WalkedFolders,
    side: MergeParent,
) -> Vec<usize> {
    let put_off = find_put_off_folders(rows, folders, side);
    if put_off.is_empty() {
        return (0..rows.len()).collect();
    }
    let mut rank_of = vec![0; put_off.len()];
    for (rank, number) in order_as_hash_table(&put_off).into_iter().enumerate() {
        if let Some(slot) = rank_of.get_mut(number) {
            *slot = rank + 1;
        }
    }
    let mut keys = Vec::with_capacity(rows.len());
    for (place, (path, _)) in rows.iter().enumerate() {
        let after = put_off.partition_point(|folder| *folder <= path.as_bytes());
        let number = after.checked_sub(1);
        let folder = number.and_then(|number| put_off.get(number));
        let rank = match folder.is_some_and(|folder| path.as_bytes().starts_with(folder)) {
            true => number.and_then(|number| rank_of.get(number)).copied().unwrap_or_default(),
            false => 0,
        };
        keys.push((rank, place));
    }
    keys.sort_unstable();
    keys.into_iter().map(|(_, place)| place).collect()
}

/// Returns the folders that git puts off for one side, in the order of their paths.
fn find_put_off_folders<'a>(
    rows: &[(Text, MergeRow)],
    folders: &'a WalkedFolders,
    side: MergeParent,
) -> Vec<&'a [u8]> {
    let files: HashMap<&[u8], &MergeRow> = rows.iter().map(|(path, row)| (path.as_bytes(), row)).collect();
    let growing = find_growing_folders(rows);
    let mut put_off: Vec<&[u8]> = Vec::new();
    let mut skipped: Option<&[u8]> = None;
    // Folders around the present one that one side deletes while the other one adds a file to them: what is
    // below is needed to tell where the folder went, and is not put off.
    let mut needed: Option<&[u8]> = None;
    for folder in &folders.folders {
        let path = folder.path.as_slice();
        let is_known = [skipped, needed].into_iter().flatten().any(|above| path.starts_with(above));
        if is_known {
            continue;
        }
        let file = files.get(path.strip_suffix(b"/").unwrap_or(path)).copied();
        if let Some(changed) = folder.changed_side(file) {
            skipped = Some(path);
            if changed == side {
                put_off.push(path);
            }
        } else if let Some(keeping) = folder.keeping_side()
            && growing.contains(&(keeping == MergeParent::Left, path))
        {
            needed = Some(path);
        }
    }
    put_off
}

/// Returns the folders to which only one side adds a file, with whether that is the left side.
fn find_growing_folders(rows: &[(Text, MergeRow)]) -> HashSet<(bool, &[u8])> {
    let mut growing = HashSet::new();
    for (path, row) in rows {
        let path = path.as_bytes();
        let Some(slash) = memchr::memrchr(b'/', path) else { continue };
        if row.base.is_none()
            && row.left.is_some() != row.right.is_some()
            && let Some(folder) = path.get(..=slash)
        {
            growing.insert((row.left.is_some(), folder));
        }
    }
    growing
}

/// Returns the places of the paths in the order in which git's hash table holds them, if they were put into
/// it one after the other.
fn order_as_hash_table(paths: &[&[u8]]) -> Vec<usize> {
    let hashes: Vec<u32> = paths.iter().map(|path| hash_path(path)).collect();
    // The newest of a bucket is at its end here, and at its beginning in git's.
    let mut buckets: Vec<Vec<usize>> = vec![Vec::new(); FIRST_TABLE_SIZE];
    for number in 0..paths.len() {
        add_to_table(&mut buckets, &hashes, number);
        if number + 1 > buckets.len() * 4 / 5 {
            let order: Vec<usize> = buckets.iter().flat_map(|bucket| bucket.iter().rev().copied()).collect();
            buckets = vec![Vec::new(); buckets.len() * 4];
            for number in order {
                add_to_table(&mut buckets, &hashes, number);
            }
        }
    }
    buckets.iter().flat_map(|bucket| bucket.iter().rev().copied()).collect()
}

fn add_to_table(buckets: &mut [Vec<usize>], hashes: &[u32], number: usize) {
    let hash = hashes.get(number).copied().unwrap_or_default();
    let place = hash as usize & (buckets.len() - 1);
    if let Some(bucket) = buckets.get_mut(place) {
        bucket.push(number);
    }
}

/// Returns git's hash of a folder's path, the FNV-1 of 32 bits.
fn hash_path(path: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    for byte in path.strip_suffix(b"/").unwrap_or(path) {
        hash = hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte);
    }
    hash
}
