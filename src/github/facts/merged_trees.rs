//! The clean merge of two commits, recomputed from the objects of the repository, and what another tree has instead.
//!
//! Four trees are walked at once: that of the common ancestor, of both sides, and of what was made of them. A folder
//! that only one side has changed is settled by its id, so most of a large tree is never read. A file that both
//! sides have changed is merged as text, also where one of them has moved it. To tell where it was moved, all that
//! either side has changed is read.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::change::Oid;
use crate::git::diff::merge_row::MergeParent;
use crate::git::diff::three_way::is_clean_merge;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::objects::{FolderEntries, FolderEntry, fetch_blob, fetch_folders};
use crate::github::api::request::GitHubFailure;
use crate::github::facts::merge_moves::{MergedContents, find_side_moves, untold_move_failure};
use crate::github::facts::merged_place::MergedPlace;

/// How many folders are read of all trees together.
const MAX_WALKED_FOLDERS: usize = 4_000;

/// How many contents are read, to merge them and to find out which files were moved.
const MAX_MERGED_CONTENTS: usize = 2_000;

/// How many bytes of contents are read for that.
const MAX_MERGED_BYTES: usize = 64 * 1024 * 1024;

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

/// Returns the paths at which the result is not what a clean merge of both sides gives; none if it is that.
///
/// # Errors
///
/// Fails if GitHub does not show the trees or the contents, if they are too many, and if it cannot be told which files
/// were moved.
pub(crate) async fn find_unmerged_paths(
    client: &GitHubClient,
    repo: &RepositoryName,
    trees: MergedTrees,
) -> Result<Vec<String>, GitHubFailure> {
    let mut places = walk_trees(client, repo, trees, false).await?;
    if places.values().any(MergedPlace::may_be_moved) {
        places = walk_trees(client, repo, trees, true).await?;
    }
    let mut contents = MergedContents::default();
    loop {
        let unmerged = list_unmerged(&places, &mut contents)?;
        if contents.needed.is_empty() {
            return Ok(unmerged);
        }
        read_contents(client, repo, &mut contents).await?;
    }
}

/// Returns the paths that are not as a clean merge has them. It is of use only if no content is needed afterwards.
fn list_unmerged(
    places: &BTreeMap<String, MergedPlace>,
    contents: &mut MergedContents,
) -> Result<Vec<String>, GitHubFailure> {
    let [ours, theirs] = [
        find_side_moves(places, MergeParent::Left, contents)?,
        find_side_moves(places, MergeParent::Right, contents)?,
    ];
    let mut unmerged = BTreeSet::new();
    let mut moved = BTreeSet::new();
    for (moves, others, side) in [(&ours, &theirs, MergeParent::Left), (&theirs, &ours, MergeParent::Right)] {
        for (old, new) in moves {
            let (Some(before), Some(after)) = (places.get(old), places.get(new)) else { continue };
            moved.extend([old, new]);
            let is_merged = match others.get(old) {
                // Both sides have moved it: git merges it where they agree on the place, and stops where they do not.
                Some(other) => other == new && is_shared_move_merged(before, after, contents),
                // Git may take that for a conflict or not, which depends on more than is known here.
                None if after.ours == after.theirs => return Err(untold_move_failure(old)),
                None => is_move_merged(before, after, side, contents),
            };
            if before.merged.is_some() || !is_merged {
                unmerged.extend([old, new]);
            }
        }
    }
    for (path, place) in places {
        if moved.contains(path) || place.is_settled() {
            continue;
        }
        if !place.contents().is_some_and(|files| is_text_merged(files, contents)) {
            unmerged.insert(path);
        }
    }
    Ok(unmerged.into_iter().cloned().collect())
}

/// Returns whether a file that `side` has moved from one place to another has there what the other side made of it.
fn is_move_merged(
    before: &MergedPlace,
    after: &MergedPlace,
    side: MergeParent,
    contents: &mut MergedContents,
) -> bool {
    let other = before.entry_of(side.other());
    // Git stops where the other side has taken the file away, or has another one in the new place.
    if other.is_none() || after.entry_of(side.other()).is_some() {
        return false;
    }
    let (ours, theirs) = match side {
        MergeParent::Left => (after.ours, other),
        MergeParent::Right => (other, after.theirs),
    };
    let place = MergedPlace { ancestor: before.ancestor, ours, theirs, merged: after.merged };
    place.is_settled() || place.contents().is_some_and(|files| is_text_merged(files, contents))
}

/// Returns whether a file that both sides have moved to the same place has there what they made of it.
fn is_shared_move_merged(before: &MergedPlace, after: &MergedPlace, contents: &mut MergedContents) -> bool {
    let place = MergedPlace { ancestor: before.ancestor, ..*after };
    place.is_settled() || place.contents().is_some_and(|files| is_text_merged(files, contents))
}

/// Returns whether the last of four contents is the clean merge of the second and the third, made from the first.
fn is_text_merged(files: [Oid; 4], contents: &mut MergedContents) -> bool {
    for id in files {
        contents.read_content(id);
    }
    let [ancestor, ours, theirs, merged] = files.map(|id| contents.known.get(&id));
    match (ancestor, ours, theirs, merged) {
        (Some(ancestor), Some(ours), Some(theirs), Some(merged)) => {
            is_clean_merge(ancestor, ours, theirs, merged)
        }
        _ => false,
    }
}

/// Returns every place that is not settled by the entries of the trees alone, and of those that are also what either
/// side adds or takes away: if `is_whole`, everywhere, and else where it is met.
async fn walk_trees(
    client: &GitHubClient,
    repo: &RepositoryName,
    trees: MergedTrees,
    is_whole: bool,
) -> Result<BTreeMap<String, MergedPlace>, GitHubFailure> {
    let root = |id| Some(FolderEntry { mode: 0o040_000, id });
    let MergedTrees { ancestor, ours, theirs, merged } = trees;
    let whole = MergedPlace {
        ancestor: root(ancestor),
        ours: root(ours),
        theirs: root(theirs),
        merged: root(merged),
    };
    let mut found = BTreeMap::new();
    let mut level = if is_left_out(&whole, is_whole) { Vec::new() } else { vec![(String::new(), whole)] };
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
                sort_place(path, place, is_whole, &mut found, &mut next);
            }
        }
        level = next;
    }
    Ok(found)
}

/// Puts a place among those that are found, or among the folders that are read next, if it is needed.
fn sort_place(
    path: String,
    place: MergedPlace,
    is_whole: bool,
    found: &mut BTreeMap<String, MergedPlace>,
    next: &mut Vec<(String, MergedPlace)>,
) {
    if is_left_out(&place, is_whole) {
        return;
    }
    if place.is_folder() {
        next.push((path, place));
    } else if place.is_mixed() {
        // A file that has given its place to a folder is merged like any other, and may have been moved into that.
        next.push((path.clone(), place.keep_folders(true)));
        found.insert(path, place.keep_folders(false));
    } else {
        found.insert(path, place);
    }
}

/// Returns whether nothing in a place can matter. What both sides have changed in the same way can: one of them may have
/// moved a file that the other one has taken away.
fn is_left_out(place: &MergedPlace, is_whole: bool) -> bool {
    let MergedPlace { ancestor, ours, theirs, .. } = *place;
    let is_untouched = ours == ancestor && theirs == ancestor;
    place.is_settled() && (is_untouched || (!is_whole && (ours == ancestor || theirs == ancestor)))
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

/// Reads the contents that are needed, each once.
async fn read_contents(
    client: &GitHubClient,
    repo: &RepositoryName,
    contents: &mut MergedContents,
) -> Result<(), GitHubFailure> {
    let ids: Vec<Oid> = std::mem::take(&mut contents.needed).into_iter().collect();
    if ids.len() + contents.known.len() > MAX_MERGED_CONTENTS {
        return Err(GitHubFailure::new(format!(
            "more than {MAX_MERGED_CONTENTS} contents are to be merged; no more are read"
        )));
    }
    for some in ids.chunks(MAX_CONCURRENT_CONTENTS) {
        let read = join_all(some.iter().map(|id| fetch_blob(client, repo, *id))).await;
        for (id, text) in some.iter().zip(read) {
            contents.known.insert(*id, text?);
        }
        let bytes: usize = contents.known.values().map(Vec::len).sum();
        if bytes > MAX_MERGED_BYTES {
            return Err(GitHubFailure::new(format!(
                "more than {MAX_MERGED_BYTES} bytes are to be merged; no more are read"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::git::diff::three_way::merge_cleanly;

    /// The contents of a tree by their paths.
    type Tree = BTreeMap<String, String>;

    /// Numbers that are the same in every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % limit
        }

        fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
            let place = self.below(list.len());
            &list[place]
        }
    }

    /// The ids of contents, and what they name.
    #[derive(Default)]
    struct Objects(Vec<String>);

    impl Objects {
        fn entry(&mut self, content: &String) -> FolderEntry {
            let place = self.0.iter().position(|known| known == content).unwrap_or_else(|| {
                self.0.push(content.clone());
                self.0.len() - 1
            });
            let mut id = [1_u8; 20];
            id[..8].copy_from_slice(&u64::try_from(place).unwrap().to_be_bytes());
            FolderEntry { mode: 0o100_644, id: Oid::from_bytes(&id).unwrap() }
        }
    }

    /// Returns the paths that are not as a clean merge has them, or why that is not known.
    fn unmerged([ancestor, ours, theirs, merged]: [&Tree; 4]) -> Result<Vec<String>, String> {
        let mut objects = Objects::default();
        let paths: BTreeSet<&String> =
            [ancestor, ours, theirs, merged].into_iter().flat_map(|tree| tree.keys()).collect();
        let mut places = BTreeMap::new();
        for path in paths {
            let [ancestor, ours, theirs, merged] =
                [ancestor, ours, theirs, merged].map(|tree| tree.get(path).map(|text| objects.entry(text)));
            let place = MergedPlace { ancestor, ours, theirs, merged };
            if !is_left_out(&place, true) {
                places.insert(path.clone(), place);
            }
        }
        let mut contents = MergedContents::default();
        for _ in 0..20 {
            let found = list_unmerged(&places, &mut contents).map_err(|failure| failure.why)?;
            if contents.needed.is_empty() {
                return Ok(found);
            }
            for id in std::mem::take(&mut contents.needed) {
                let place = u64::from_be_bytes(id.as_bytes()[..8].try_into().unwrap());
                let text = &objects.0[usize::try_from(place).unwrap()];
                contents.known.insert(id, text.clone().into_bytes());
            }
        }
        panic!("contents are needed again and again");
    }

    fn git(folder: &Path, args: &[&str], input: &[u8]) -> (bool, String) {
        let mut child = Command::new("git")
            .args(args)
            .current_dir(folder)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    /// Writes commits of these trees, the first of which is the parent of the others.
    fn write_commits(folder: &Path, cases: &[[Tree; 3]]) {
        let mut stream = String::new();
        for (number, trees) in cases.iter().enumerate() {
            for (side, tree) in trees.iter().enumerate() {
                let mark = 3 * number + side + 1;
                stream += &format!("commit refs/heads/c{mark}\nmark :{mark}\n");
                stream += "committer A <a@example.com> 1700000000 +0000\ndata 0\n";
                if side > 0 {
                    stream += &format!("from :{}\ndeleteall\n", 3 * number + 1);
                }
                for (path, text) in tree {
                    stream += &format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
                }
            }
        }
        assert!(git(folder, &["fast-import", "--quiet"], stream.as_bytes()).0);
    }

    /// Returns what git's merge of both sides gives; `None` if it stops.
    fn merge_by_git(folder: &Path, number: usize) -> Option<Tree> {
        let [ours, theirs] = [2, 3].map(|side| format!("refs/heads/c{}", 3 * number + side));
        let args = ["-c", "merge.directoryRenames=false", "merge-tree", "--write-tree", &ours, &theirs];
        let (is_clean, printed) = git(folder, &args, b"");
        if !is_clean {
            return None;
        }
        let mut tree = Tree::new();
        let (_, listed) = git(folder, &["ls-tree", "-r", "--name-only", printed.trim()], b"");
        let names: Vec<String> = listed.lines().map(|path| format!("{}:{path}\n", printed.trim())).collect();
        let (_, texts) = git(folder, &["cat-file", "--batch=%(objectsize)"], names.concat().as_bytes());
        let mut rest = texts.as_str();
        for path in listed.lines() {
            let (size, after) = rest.split_once('\n').unwrap();
            let (text, after) = after.split_at(size.parse().unwrap());
            tree.insert(path.to_owned(), text.to_owned());
            rest = after.strip_prefix('\n').unwrap();
        }
        Some(tree)
    }

    const PATHS: [&str; 10] = [
        "a.rs",
        "b.rs",
        "one",
        "one/a.rs",
        "one/mod.rs",
        "two/a.rs",
        "two/b.rs",
        "two/mod.rs",
        "x/y/a.rs",
        "x/c.rs",
    ];

    fn write_text(dice: &mut Dice) -> String {
        let kind = dice.below(3);
        let mut text = String::new();
        for line in 0..10 {
            text += &format!("kind {kind} line {line}\n");
        }
        edit_text(dice, &text, 3)
    }

    fn edit_text(dice: &mut Dice, text: &str, limit: usize) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..dice.below(limit) {
            let (place, mark) = (dice.below(lines.len()), dice.below(4));
            lines[place] = format!("edited {place} {mark}");
        }
        lines.join("\n") + "\n"
    }

    fn change_tree(dice: &mut Dice, tree: &Tree, moves: bool) -> Tree {
        let mut changed = tree.clone();
        for _ in 0..=dice.below(3) {
            let paths: Vec<String> = changed.keys().cloned().collect();
            if paths.is_empty() {
                break;
            }
            let path = dice.pick(&paths).clone();
            match dice.below(if moves { 6 } else { 3 }) {
                0 => drop(changed.remove(&path)),
                1 | 2 => drop(changed.insert(path.clone(), edit_text(dice, &changed[&path], 3))),
                3 => {
                    let text = write_text(dice);
                    put_file(&mut changed, dice.pick::<&str>(&PATHS), text);
                }
                _ => {
                    let text = changed.remove(&path).unwrap();
                    let text = edit_text(dice, &text, 3);
                    put_file(&mut changed, dice.pick::<&str>(&PATHS), text);
                }
            }
        }
        changed
    }

    /// Puts a file in a place, and takes away the folder that is there, or the file that is where its folder goes.
    fn put_file(tree: &mut Tree, path: &str, text: String) {
        tree.retain(|other, _| !is_within(path, other) && !is_within(other, path));
        tree.insert(path.to_owned(), text);
    }

    fn is_within(path: &str, folder: &str) -> bool {
        path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns whether a file is where another one needs a folder.
    fn is_impossible(tree: &Tree) -> bool {
        tree.keys().any(|path| tree.keys().any(|other| is_within(path, other)))
    }

    /// Has both sides start from one move.
    fn share_move(dice: &mut Dice, base: &Tree) -> Tree {
        let mut moved = base.clone();
        let paths: Vec<String> = base.keys().cloned().collect();
        let text = moved.remove(dice.pick(&paths)).unwrap();
        put_file(&mut moved, dice.pick::<&str>(&PATHS), text);
        moved
    }

    /// Returns what a person could make of both sides by hand, to look like a merge: each file that only one side has
    /// taken away has its change from the other side in one of the files that were added.
    fn forge_merges([ancestor, ours, theirs]: &[Tree; 3]) -> Vec<Tree> {
        let mut plain = Tree::new();
        for path in ours.keys().chain(theirs.keys()) {
            let (before, one, other) = (ancestor.get(path), ours.get(path), theirs.get(path));
            let kept = if one == before { other } else { one };
            if let Some(text) = kept.filter(|_| one.is_some() || other.is_some()) {
                plain.insert(path.clone(), text.clone());
            }
        }
        let mut forged = vec![plain.clone()];
        for (side, other) in [(ours, theirs), (theirs, ours)] {
            for (old, base) in ancestor.iter().filter(|(path, _)| !side.contains_key(*path)) {
                for (new, text) in side.iter().filter(|(path, _)| !ancestor.contains_key(*path)) {
                    let Some(edited) = other.get(old) else { continue };
                    let merged = merge_cleanly(base.as_bytes(), text.as_bytes(), edited.as_bytes());
                    if let Some(merged) = merged {
                        let mut tree = plain.clone();
                        tree.remove(old);
                        tree.insert(new.clone(), String::from_utf8(merged).unwrap());
                        forged.push(tree);
                    }
                }
            }
        }
        forged
    }

    #[test]
    fn only_what_git_merges_is_taken_for_the_clean_merge() {
        let folder = tempfile::tempdir().unwrap();
        assert!(git(folder.path(), &["init", "--quiet", "--bare", "."], b"").0);
        let mut dice = Dice(12);
        let mut cases = Vec::new();
        for _ in 0..250 {
            let mut base = Tree::new();
            for _ in 0..=dice.below(4) {
                let text = write_text(&mut dice);
                put_file(&mut base, dice.pick::<&str>(&PATHS), text);
            }
            let start = if dice.below(4) == 0 { share_move(&mut dice, &base) } else { base.clone() };
            let [ours, theirs] =
                [true, dice.below(3) == 0].map(|moves| change_tree(&mut dice, &start, moves));
            cases.push(if dice.below(2) == 0 { [base, ours, theirs] } else { [base, theirs, ours] });
        }
        write_commits(folder.path(), &cases);
        let (mut accepted, mut refused, mut unknown) = (0, 0, 0);
        for (number, case) in cases.iter().enumerate() {
            let [base, ours, theirs] = case;
            let by_git = merge_by_git(folder.path(), number);
            match by_git.as_ref().map(|tree| unmerged([base, ours, theirs, tree])) {
                Some(Ok(paths)) if paths.is_empty() => accepted += 1,
                Some(Ok(paths)) => panic!("{number}: {paths:?} differ from git's merge: {case:#?}"),
                Some(Err(_)) => unknown += 1,
                None => {}
            }
            for forged in forge_merges(case) {
                if by_git.as_ref() != Some(&forged) && !is_impossible(&forged) {
                    let found = unmerged([base, ours, theirs, &forged]);
                    assert!(found != Ok(Vec::new()), "{number}: git makes {by_git:#?}, not {forged:#?}");
                    refused += 1;
                }
            }
        }
        assert!(accepted > 100 && refused > 50 && unknown < accepted / 4, "{accepted} {refused} {unknown}");
    }

    #[test]
    fn an_edit_follows_the_file_that_git_takes_for_the_moved_one() {
        let lines = |mark: &str| (0..12).map(|line| format!("{mark} {line}\n")).collect::<String>();
        let tree = |files: &[(&str, &str)]| -> Tree {
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
        };
        let text = lines("line");
        let (edited, decoy) = (text.replace("line 3\n", "fixed 3\n"), text.replace("line 9\n", "other 9\n"));
        let edited_decoy = decoy.replace("line 3\n", "fixed 3\n");
        let base = tree(&[("old.rs", &text)]);
        let theirs = tree(&[("old.rs", &edited)]);
        // The same content is nearer than one that is only alike.
        let ours = tree(&[("new.rs", &text), ("decoy.rs", &decoy)]);
        let by_git = tree(&[("new.rs", &edited), ("decoy.rs", &decoy)]);
        let forged = tree(&[("new.rs", &text), ("decoy.rs", &edited_decoy)]);
        assert_eq!(unmerged([&base, &ours, &theirs, &by_git]), Ok(Vec::new()));
        assert_ne!(unmerged([&base, &ours, &theirs, &forged]), Ok(Vec::new()));
        // Of two that are the same, it cannot be told.
        let ours = tree(&[("new.rs", &text), ("twin.rs", &text)]);
        for merged in [
            tree(&[("new.rs", &edited), ("twin.rs", &text)]),
            tree(&[("new.rs", &text), ("twin.rs", &edited)]),
        ] {
            assert!(unmerged([&base, &ours, &theirs, &merged]).unwrap_err().contains("old.rs"));
        }
        // Both moved it to the same place, and each edited it; or to different ones, where git stops.
        let far = text.replace("line 11\n", "fixed 11\n");
        let both = far.replace("line 1\n", "fixed 1\n");
        let near = text.replace("line 1\n", "fixed 1\n");
        let sides = [tree(&[("new.rs", &near)]), tree(&[("new.rs", &far)])];
        assert_eq!(unmerged([&base, &sides[0], &sides[1], &tree(&[("new.rs", &both)])]), Ok(Vec::new()));
        for (path, text) in [("new.rs", &near), ("new.rs", &far), ("old.rs", &both)] {
            assert_ne!(unmerged([&base, &sides[0], &sides[1], &tree(&[(path, text)])]), Ok(Vec::new()));
        }
        let away = tree(&[("away.rs", &far)]);
        assert_ne!(unmerged([&base, &sides[0], &away, &sides[0]]), Ok(Vec::new()));
        // One that moved a file which the other has deleted: git stops.
        let ours = tree(&[("new.rs", &text)]);
        assert_ne!(unmerged([&base, &ours, &Tree::new(), &ours]), Ok(Vec::new()));
        // An edit must not be lost on the way.
        assert_ne!(unmerged([&base, &ours, &theirs, &ours]), Ok(Vec::new()));
    }
}
