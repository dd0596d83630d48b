//! The clean merge of two commits, recomputed from the objects of the repository, and what another tree has instead.
//!
//! Four trees are walked at once: that of the common ancestor, of both sides, and of what was made of them. A folder
//! that only one side has changed is settled by its id, so most of a large tree is never read. A file that both
//! sides have changed is merged as text, also where one of them has moved it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;

use crate::change::Oid;
use crate::git::diff::renames::is_similar_content;
use crate::git::diff::three_way::is_clean_merge;
use crate::git::diff::virtual_base::merge_trivially;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::objects::{FolderEntries, FolderEntry, fetch_blob, fetch_folders};
use crate::github::api::request::GitHubFailure;

/// How many folders are read of all trees together.
const MAX_WALKED_FOLDERS: usize = 4_000;

/// How many contents are read, to merge them.
const MAX_MERGED_CONTENTS: usize = 200;

/// How many contents are asked for at the same time.
const MAX_CONCURRENT_CONTENTS: usize = 10;

/// Two commits that were merged, by the trees of them, and what was made of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergedTrees {
    pub(crate) ancestor: Oid,
    pub(crate) ours: Oid,
    pub(crate) theirs: Oid,
    pub(crate) merged: Oid,
}

/// What the ancestor, both sides and the result have in one place.
#[derive(Clone, Copy, Debug)]
struct MergedPlace {
    ancestor: Option<FolderEntry>,
    ours: Option<FolderEntry>,
    theirs: Option<FolderEntry>,
    merged: Option<FolderEntry>,
}

impl MergedPlace {
    /// Returns whether the place is as git merges it without looking into contents.
    fn is_settled(&self) -> bool {
        merge_trivially(self.ours, self.theirs, self.ancestor) == Some(self.merged)
    }

    fn entries(&self) -> [Option<FolderEntry>; 4] {
        [self.ancestor, self.ours, self.theirs, self.merged]
    }

    /// Returns whether only folders are here, and at least one.
    fn is_folder(&self) -> bool {
        let entries = self.entries();
        entries.iter().flatten().all(|entry| entry.is_folder()) && entries.iter().any(Option::is_some)
    }

    /// Returns the contents to be merged, if all four are regular files, and the mode is as it merges.
    fn contents(&self) -> Option<[Oid; 4]> {
        let (ancestor, ours, theirs, merged) = (self.ancestor?, self.ours?, self.theirs?, self.merged?);
        let files = [ancestor, ours, theirs, merged];
        let mode = merge_trivially(ours.mode, theirs.mode, ancestor.mode);
        let is_mergeable = files.iter().all(|entry| entry.is_regular_file()) && mode == Some(merged.mode);
        is_mergeable.then(|| files.map(|entry| entry.id))
    }
}

/// Returns the paths at which the result is not what a clean merge of both sides gives; none if it is that.
///
/// # Errors
///
/// Fails if GitHub does not show the trees or the contents, and if they are too many.
pub(crate) async fn find_unmerged_paths(
    client: &GitHubClient,
    repo: &RepositoryName,
    trees: MergedTrees,
) -> Result<Vec<String>, GitHubFailure> {
    let open = walk_trees(client, repo, trees).await?;
    let mut merges = Vec::new();
    for (path, place) in &open {
        if let Some(contents) = place.contents() {
            merges.push(TextMerge { paths: vec![path.clone()], contents, moved: None });
        }
    }
    merges.extend(list_moves(&open));
    let texts = read_contents(client, repo, &merges).await?;
    let mut settled: BTreeSet<&String> = BTreeSet::new();
    for TextMerge { paths, contents, moved } in &merges {
        let [ancestor, ours, theirs, merged] = contents.map(|id| texts.get(&id));
        if let (Some(ancestor), Some(ours), Some(theirs), Some(merged)) = (ancestor, ours, theirs, merged)
            // Another file under a new name is no move: an edit of the one says nothing of the other.
            && moved.is_none_or(|moved| texts.get(&moved).is_some_and(|text| is_similar_content(ancestor, text)))
            // A file is moved to one place only.
            && !paths.iter().any(|path| settled.contains(path))
            && is_clean_merge(ancestor, ours, theirs, merged)
        {
            settled.extend(paths);
        }
    }
    Ok(open.keys().filter(|path| !settled.contains(path)).cloned().collect())
}

/// Returns every place that is not settled by the entries of the trees alone.
async fn walk_trees(
    client: &GitHubClient,
    repo: &RepositoryName,
    trees: MergedTrees,
) -> Result<BTreeMap<String, MergedPlace>, GitHubFailure> {
    let root = |id| Some(FolderEntry { mode: 0o040_000, id });
    let MergedTrees { ancestor, ours, theirs, merged } = trees;
    let whole = MergedPlace {
        ancestor: root(ancestor),
        ours: root(ours),
        theirs: root(theirs),
        merged: root(merged),
    };
    let mut open = BTreeMap::new();
    let mut level = if whole.is_settled() { Vec::new() } else { vec![(String::new(), whole)] };
    let mut walked = 0;
    while !level.is_empty() {
        let folders = level.iter().flat_map(|(_, place)| place.entries());
        let ids: BTreeSet<Oid> = folders.flatten().map(|entry| entry.id).collect();
        walked += ids.len();
        if walked > MAX_WALKED_FOLDERS {
            return Err(GitHubFailure::new(format!(
                "more than {MAX_WALKED_FOLDERS} folders differ; no more are compared"
            )));
        }
        let read = fetch_folders(client, repo, &ids).await?;
        let mut next = Vec::new();
        for (folder, place) in level {
            let sides = place.entries().map(|entry| entry.and_then(|entry| read.get(&entry.id)));
            for (name, place) in join_places(sides) {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if place.is_settled() {
                    continue;
                }
                if place.is_folder() {
                    next.push((path, place));
                } else {
                    open.insert(path, place);
                }
            }
        }
        level = next;
    }
    Ok(open)
}

/// Returns what four folders have under each name.
fn join_places(sides: [Option<&FolderEntries>; 4]) -> Vec<(String, MergedPlace)> {
    let names: BTreeSet<&String> = sides.iter().flatten().flat_map(|entries| entries.keys()).collect();
    let mut places = Vec::new();
    for name in names {
        let [ancestor, ours, theirs, merged] =
            sides.map(|entries| entries.and_then(|entries| entries.get(name).copied()));
        places.push((name.clone(), MergedPlace { ancestor, ours, theirs, merged }));
    }
    places
}

/// A merge of texts that may have happened: the places that it settles, and the contents of the ancestor, both sides
/// and the result.
struct TextMerge {
    paths: Vec<String>,
    contents: [Oid; 4],
    /// The content that one side has under the new name; `None` if nothing was moved.
    moved: Option<Oid>,
}

/// Returns each way in which one side may have moved a file that the other side has edited: the former and the new
/// path, and the contents to be merged at the new one.
///
/// Which of the paths belong together is not known. Only those whose contents are alike, as git demands of a rename,
/// and merge cleanly are taken for a move.
fn list_moves(open: &BTreeMap<String, MergedPlace>) -> Vec<TextMerge> {
    let mut moves = Vec::new();
    for (old, left) in open {
        if left.merged.is_some() {
            continue;
        }
        for (new, right) in open {
            if right.ancestor.is_some() {
                continue;
            }
            let (moved, place) = match (left.ours, left.theirs, right.ours, right.theirs) {
                (None, Some(edited), Some(moved), None) => {
                    (moved.id, MergedPlace { ours: Some(moved), theirs: Some(edited), ..*right })
                }
                (Some(edited), None, None, Some(moved)) => {
                    (moved.id, MergedPlace { ours: Some(edited), theirs: Some(moved), ..*right })
                }
                _ => continue,
            };
            if let Some(contents) = (MergedPlace { ancestor: left.ancestor, ..place }).contents() {
                moves.push(TextMerge { paths: vec![old.clone(), new.clone()], contents, moved: Some(moved) });
            }
        }
    }
    moves
}

/// Reads all contents that are to be merged, each once.
async fn read_contents(
    client: &GitHubClient,
    repo: &RepositoryName,
    merges: &[TextMerge],
) -> Result<HashMap<Oid, Vec<u8>>, GitHubFailure> {
    let ids: BTreeSet<Oid> = merges.iter().flat_map(|merge| merge.contents).collect();
    if ids.len() > MAX_MERGED_CONTENTS {
        return Err(GitHubFailure::new(format!(
            "more than {MAX_MERGED_CONTENTS} contents are to be merged; no more are read"
        )));
    }
    let ids: Vec<Oid> = ids.into_iter().collect();
    let mut texts = HashMap::new();
    for some in ids.chunks(MAX_CONCURRENT_CONTENTS) {
        let read = join_all(some.iter().map(|id| fetch_blob(client, repo, *id))).await;
        for (id, text) in some.iter().zip(read) {
            texts.insert(*id, text?);
        }
    }
    Ok(texts)
}
