//! The files that a pull request changes, all of them or an error.
//!
//! GitHub lists at most 3,000, and tells of none whether it is executable, a symbolic link or a
//! submodule. Where the policy wants that, or the sizes of new contents, the trees are asked.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::change::{
    BlobSummary, Fact, FactKind, Missing, NeededFacts, Oid, PathChange, PathEntry, PathEntryKind, Text,
};
use crate::github::api::GitHubClient;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestChangedFile, RestPullRequest};

/// How many paths one question to the trees is about.
const PATHS_PER_QUERY: usize = 50;

/// How many paths the trees are asked about at all.
const MAX_TREE_PATHS: usize = 1000;

/// Reads every file that the pull request changes; one that was renamed is gone from one path and new
/// at another.
pub(crate) async fn list_changed_files(
    client: &GitHubClient,
    name: &PullRequestName,
    pull: &RestPullRequest,
) -> Result<Vec<PathChange>, GitHubFailure> {
    let path = format!("{}/pulls/{}/files?per_page=100", name.repo.rest_path(), name.number);
    let files: Vec<RestChangedFile> =
        client.fetch_list(path, |page: Vec<RestChangedFile>| page, |_| false).await?;
    if files.len() != pull.changed_files {
        let why = format!(
            "the pull request changes {} files, and GitHub lists {}",
            pull.changed_files,
            files.len()
        );
        return Err(GitHubFailure::new(why));
    }
    let mut changes = Vec::with_capacity(files.len());
    for file in &files {
        add_path_changes(file, &mut changes)?;
    }
    Ok(changes)
}

fn add_path_changes(file: &RestChangedFile, changes: &mut Vec<PathChange>) -> Result<(), GitHubFailure> {
    let odd = |what: &str| GitHubFailure::new(format!("GitHub's list of files is odd: {what}"));
    let blob: Fact<BlobSummary> =
        Err(Missing::Unavailable(FactKind::Blobs, "GitHub's list of files does not tell it".into()));
    // What stood there before has an id that the list does not tell.
    let before = Oid::from_bytes(&[0; 20]).map(|id| PathEntry { kind: PathEntryKind::Unknown, id });
    let id = file.sha.filter(|id| !id.is_null());
    let now = id.map(|id| PathEntry { kind: PathEntryKind::Unknown, id });
    let now = now.ok_or_else(|| odd("a file has no id"))?;
    let mut change = |path: &str, before: Option<PathEntry>, after: Option<PathEntry>| {
        changes.push(PathChange { path: Text::from(path), before, after, blob: blob.clone() });
    };
    match file.status.as_str() {
        "added" | "copied" => change(&file.filename, None, Some(now)),
        // For a file that is gone, the id is that of what stood there.
        "removed" => change(&file.filename, Some(now), None),
        "modified" | "changed" | "unchanged" => change(&file.filename, before, Some(now)),
        "renamed" => {
            let old = file.previous_filename.as_deref();
            change(old.ok_or_else(|| odd("a renamed file has no former name"))?, before, None);
            change(&file.filename, None, Some(now));
        }
        _ => return Err(odd("a file has a status that this version does not know")),
    }
    Ok(())
}

#[derive(Deserialize)]
struct TreeResponse {
    repository: Option<TreeRepository>,
}

#[derive(Deserialize)]
struct TreeRepository {
    before: Option<HashMap<String, Value>>,
    after: Option<HashMap<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
struct GraphqlTreeEntry {
    mode: u32,
    object: Option<GraphqlTreeBlob>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphqlTreeBlob {
    oid: Option<Oid>,
    byte_size: Option<u64>,
    is_binary: Option<bool>,
    is_truncated: Option<bool>,
    text: Option<String>,
}

/// Completes what the list does not tell: kinds before and after, sizes and first bytes.
///
/// What cannot be found stays as it was, so that a rule which wants it cannot tell.
pub(crate) async fn complete_from_trees(
    client: &GitHubClient,
    name: &PullRequestName,
    ends: [Oid; 2],
    needs: &NeededFacts,
    changes: &mut [PathChange],
) -> Result<(), GitHubFailure> {
    if MAX_TREE_PATHS < changes.len() {
        let why = format!("more than {MAX_TREE_PATHS} files change, and GitHub is asked about no more");
        return Err(GitHubFailure::new(why));
    }
    for part in changes.chunks_mut(PATHS_PER_QUERY) {
        let text = build_tree_query(part.len(), needs.contains(&FactKind::Blobs));
        let mut variables = Map::new();
        for (key, value) in [("owner", &name.repo.owner), ("name", &name.repo.name)] {
            variables.insert(key.into(), json!(value));
        }
        for (key, id) in ["base", "head"].into_iter().zip(ends) {
            variables.insert(key.into(), json!(id.to_string()));
        }
        for (index, change) in part.iter().enumerate() {
            let path = change.path.as_utf8().unwrap_or_default();
            variables.insert(format!("p{index}"), json!(path));
        }
        let answer: TreeResponse = client.run_query(&text, Value::Object(variables)).await?;
        let trees = answer.repository.map(|repository| (repository.before, repository.after));
        let Some((Some(before), Some(after))) = trees else {
            return Err(GitHubFailure::new("GitHub knows one of the ends of the pull request no more"));
        };
        for (index, change) in part.iter_mut().enumerate() {
            let read = |tree: &HashMap<String, Value>| -> Option<GraphqlTreeEntry> {
                serde_json::from_value(tree.get(&format!("p{index}"))?.clone()).ok()
            };
            let (was, is) = (read(&before), read(&after));
            fill_entry_kind(&mut change.before, was.as_ref());
            fill_entry_kind(&mut change.after, is.as_ref());
            if let Some(blob) = is.as_ref().and_then(|entry| read_new_blob(entry, change.after)) {
                change.blob = Ok(blob);
            }
        }
    }
    Ok(())
}

/// Returns the question for so many paths, at both ends.
fn build_tree_query(paths: usize, with_blobs: bool) -> String {
    let blob = if with_blobs { " byteSize isBinary isTruncated text" } else { "" };
    let names: String = (0..paths).map(|index| format!(" $p{index}: String!")).collect();
    let of = |blob: &str| -> String {
        (0..paths)
            .map(|index| {
                format!(
                    " p{index}: file(path: $p{index}) {{ mode object {{ oid ... on Blob {{ oid{blob} }} }} }}"
                )
            })
            .collect()
    };
    format!(
        "query Trees($owner: String! $name: String! $base: GitObjectID! $head: GitObjectID!{names}) {{ \
         repository(owner: $owner, name: $name) {{ \
         before: object(oid: $base) {{ ... on Commit {{{} }} }} \
         after: object(oid: $head) {{ ... on Commit {{{} }} }} }} }}",
        of(""),
        of(blob),
    )
}

/// Takes over the kind of an entry, if the tree has it there. The base branch may have moved on, so
/// that an id which is known is worth more than one from there.
fn fill_entry_kind(entry: &mut Option<PathEntry>, found: Option<&GraphqlTreeEntry>) {
    let (Some(entry), Some(found)) = (entry.as_mut(), found) else { return };
    if found.mode & 0o170_000 == 0o160_000 {
        // The commit of a submodule is no object of this repository, so it has no id here.
        entry.kind = PathEntryKind::Submodule;
        return;
    }
    let Some(id) = found.object.as_ref().and_then(|object| object.oid) else { return };
    if entry.id.is_null() {
        entry.id = id;
    }
    if entry.id == id {
        entry.kind = match found.mode & 0o170_000 {
            0o100_000 if found.mode & 0o111 == 0 => PathEntryKind::File,
            0o100_000 => PathEntryKind::Executable,
            0o120_000 => PathEntryKind::Symlink,
            _ => PathEntryKind::Unknown,
        };
    }
}

fn read_new_blob(found: &GraphqlTreeEntry, after: Option<PathEntry>) -> Option<BlobSummary> {
    let object = found.object.as_ref().filter(|object| object.oid == after.map(|after| after.id))?;
    let size = object.byte_size?;
    let whole = object.is_binary == Some(false)
        && (object.is_truncated == Some(false) || BlobSummary::MAX_START_BYTES as u64 <= size);
    // Content that GitHub holds for binary is not handed out; that leaves its start unread.
    let start = match &object.text {
        Some(text) if whole => {
            Some(Text::from(text.as_bytes().get(..BlobSummary::MAX_START_BYTES).unwrap_or(text.as_bytes())))
        }
        _ if size == 0 => Some(Text::default()),
        _ => return None,
    };
    Some(BlobSummary { size, start })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(json: Value) -> Result<Vec<PathChange>, GitHubFailure> {
        let mut changes = Vec::new();
        add_path_changes(&serde_json::from_value(json).unwrap(), &mut changes)?;
        Ok(changes)
    }

    #[test]
    fn a_file_that_is_renamed_leaves_one_path_and_comes_to_another() {
        let id = "1".repeat(40);
        let file = json!({ "filename": "b", "previous_filename": "a", "status": "renamed", "sha": id });
        let found = changes(file).unwrap();
        let paths: Vec<_> = found
            .iter()
            .map(|change| {
                (change.path.to_lossy().into_owned(), change.before.is_some(), change.after.is_some())
            })
            .collect();
        assert_eq!(paths, [("a".into(), true, false), ("b".into(), false, true)]);
    }

    #[test]
    fn what_is_odd_is_no_file() {
        let id = "1".repeat(40);
        for file in [
            json!({ "filename": "b", "status": "renamed", "sha": id }),
            json!({ "filename": "b", "status": "teleported", "sha": id }),
            json!({ "filename": "b", "status": "modified", "sha": null }),
            json!({ "filename": "b", "status": "modified", "sha": "0".repeat(40) }),
        ] {
            assert!(changes(file.clone()).is_err(), "{file}");
        }
    }

    #[test]
    fn a_tree_tells_the_kind_only_of_what_it_holds() {
        let one = Oid::from_bytes(&[1; 20]).unwrap();
        let two = Oid::from_bytes(&[2; 20]).unwrap();
        let found = |id: Oid, mode: u32| -> GraphqlTreeEntry {
            serde_json::from_value(json!({ "mode": mode, "object": { "oid": id } })).unwrap()
        };
        let kind = |id: Oid, found: GraphqlTreeEntry| {
            let mut entry = Some(PathEntry { kind: PathEntryKind::Unknown, id });
            fill_entry_kind(&mut entry, Some(&found));
            entry.unwrap().kind
        };
        assert_eq!(kind(one, found(one, 0o100_644)), PathEntryKind::File);
        assert_eq!(kind(one, found(one, 0o100_755)), PathEntryKind::Executable);
        assert_eq!(kind(one, found(one, 0o120_000)), PathEntryKind::Symlink);
        assert_eq!(kind(one, found(one, 0o160_000)), PathEntryKind::Submodule);
        assert_eq!(kind(one, found(two, 0o100_644)), PathEntryKind::Unknown);
    }
}
