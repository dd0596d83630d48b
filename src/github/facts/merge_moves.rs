//! Which files a side of a merge has moved, as git's merges decide it.
//!
//! Git pairs what a side takes away with what it adds: first what is the same, then what has the same name, then what is
//! most alike, each once. Where several are equally good, git takes the first that it meets. That depends on more than
//! the trees show here, so what was moved is then not known, and nothing is taken for the clean merge.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::change::{Oid, Text};
use crate::git::diff::merge_row::MergeParent;
use crate::git::diff::renames::{FileSpans, MovedFile, RenameBudget, pair_renames};
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::facts::merged_place::MergedPlace;

/// How much of a path is shown.
const MAX_PATH_CHARS: usize = 200;

/// The contents of files by their ids, as far as they were read, and those that are needed.
#[derive(Default)]
pub(crate) struct MergedContents {
    pub(crate) known: HashMap<Oid, Vec<u8>>,
    pub(crate) needed: BTreeSet<Oid>,
    spans: HashMap<Oid, Option<Rc<FileSpans>>>,
}

impl MergedContents {
    /// Returns a content; if it is not known yet, it is needed.
    pub(crate) fn read_content(&mut self, id: Oid) -> Option<&[u8]> {
        let content = self.known.get(&id);
        if content.is_none() {
            self.needed.insert(id);
        }
        content.map(Vec::as_slice)
    }

    /// Returns the lines of a content; `None` if it is empty or not known yet.
    fn read_spans(&mut self, id: Oid) -> Option<Rc<FileSpans>> {
        if let Some(spans) = self.spans.get(&id) {
            return spans.clone();
        }
        let content = self.read_content(id)?;
        let spans = if content.is_empty() { None } else { Some(Rc::new(FileSpans::of_content(content))) };
        self.spans.insert(id, spans.clone());
        spans
    }
}

/// The files that a side takes away and adds.
struct SideChanges {
    deleted: Vec<(Text, MergedPlace)>,
    added: Vec<(Text, MergedPlace)>,
}

/// Returns where a side has moved the files for which the merge needs to know it, by their former paths. It is of use
/// only if no content is needed afterwards.
///
/// # Errors
///
/// Fails if git would decide by the order in which it meets files, and if too much is to be compared.
pub(crate) fn find_side_moves(
    places: &BTreeMap<String, MergedPlace>,
    side: MergeParent,
    contents: &mut MergedContents,
) -> Result<BTreeMap<String, String>, GitHubFailure> {
    let mut changes = SideChanges { deleted: Vec::new(), added: Vec::new() };
    for (path, place) in places {
        if place.deleted_by(side).is_some() {
            changes.deleted.push((Text::from(path.as_str()), *place));
        } else if place.added_by(side).is_some() {
            changes.added.push((Text::from(path.as_str()), *place));
        }
    }
    let grown = list_grown_folders(places, side.other());
    let is_wanted = |_: &Text, place: &MergedPlace| place.is_moved_for(side);
    // To tell whether a folder was moved, git also looks for the files of one to which the other side adds a file.
    let is_wanted_too = |path: &Text, place: &MergedPlace| {
        place.is_moved_for(side)
            || path.as_utf8().and_then(parent_folder).is_some_and(|one| grown.contains(one))
    };
    let mut budget = RenameBudget::new();
    let mut first = None;
    for order in 0..4 {
        let found = changes.pair_in_order(side, order, &is_wanted, contents, &mut budget)?;
        let found_too = changes.pair_in_order(side, order, &is_wanted_too, contents, &mut budget)?;
        if budget.is_exceeded() {
            return Err(GitHubFailure::new(
                "too many lines are to be compared to find the files that were moved",
            ));
        }
        // Without all contents, there is nothing to compare.
        if !contents.needed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let first = first.get_or_insert_with(|| found.clone());
        for other in [&found, &found_too] {
            if let Some(path) = find_difference(first, other) {
                return Err(untold_move_failure(path));
            }
        }
    }
    Ok(first.unwrap_or_default())
}

/// Returns the failure for a file of which it depends on more than the trees and contents where git takes it to be.
pub(crate) fn untold_move_failure(path: &str) -> GitHubFailure {
    GitHubFailure::new(format!(
        "it cannot be told where {} was moved: several files are equally alike",
        printable_line(path, MAX_PATH_CHARS)
    ))
}

impl SideChanges {
    /// Pairs the files in one of four orders, and returns the moves of those that the merge needs to know.
    fn pair_in_order(
        &self,
        side: MergeParent,
        order: usize,
        is_wanted: &dyn Fn(&Text, &MergedPlace) -> bool,
        contents: &mut MergedContents,
        budget: &mut RenameBudget,
    ) -> Result<BTreeMap<String, String>, GitHubFailure> {
        let mut deleted = Vec::new();
        for (path, place) in &self.deleted {
            let Some(entry) = place.deleted_by(side) else { continue };
            deleted.push(MovedFile { path, entry, is_wanted: is_wanted(path, place) });
        }
        let mut added = Vec::new();
        for (path, place) in &self.added {
            let Some(entry) = place.added_by(side) else { continue };
            added.push(MovedFile { path, entry, is_wanted: true });
        }
        if order & 1 != 0 {
            deleted.reverse();
        }
        if order & 2 != 0 {
            added.reverse();
        }
        let mut moves = BTreeMap::new();
        if !deleted.iter().any(|file| file.is_wanted) {
            return Ok(moves);
        }
        let mut read = |id| Ok(contents.read_spans(id));
        let pairs = pair_renames(&deleted, &added, &mut read, budget)
            .map_err(|error| GitHubFailure::new(format!("{error:#}")))?;
        let wanted: BTreeSet<&Text> =
            self.deleted.iter().filter(|(_, place)| place.is_moved_for(side)).map(|(path, _)| path).collect();
        for (from, to) in pairs {
            if let (Some(old), Some(new)) = (deleted.get(from), added.get(to))
                && wanted.contains(old.path)
            {
                moves.insert(old.path.to_lossy().into_owned(), new.path.to_lossy().into_owned());
            }
        }
        Ok(moves)
    }
}

/// Returns a path that was moved to another place, or only in one of both.
fn find_difference<'a>(
    one: &'a BTreeMap<String, String>,
    other: &'a BTreeMap<String, String>,
) -> Option<&'a str> {
    one.keys().chain(other.keys()).find(|path| one.get(*path) != other.get(*path)).map(String::as_str)
}

/// Returns the folders to which a side adds a file, and those around them.
fn list_grown_folders(places: &BTreeMap<String, MergedPlace>, side: MergeParent) -> BTreeSet<&str> {
    let mut folders = BTreeSet::new();
    for (path, place) in places {
        if place.ancestor.is_some() || place.entry_of(side).is_none() {
            continue;
        }
        let mut folder = parent_folder(path);
        while let Some(path) = folder {
            folders.insert(path);
            folder = parent_folder(path);
        }
    }
    folders
}

fn parent_folder(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}
