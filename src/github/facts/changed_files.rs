//! The files that a pull request changes, all of them or an error.
//!
//! GitHub lists at most 3,000, and does not tell whether one is executable, a symbolic link or a
//! submodule. Where the policy needs that, or the sizes of new contents, the trees are asked.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::change::{
    BlobSummary, FactKind, Missing, NeededFacts, Oid, PathChange, PathEntry, PathEntryKind, Text,
};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::RepositoryResponse;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestChangedFile, RestPullRequest};
use crate::github::facts::binary_lines::UncountedFile;
use crate::github::facts::content_answers::add_line_answers;
use crate::github::facts::details::PullRequestFile;

/// How many files GitHub lists of one pull request.
const MAX_LISTED_FILES: usize = 3_000;

/// How many paths one query to the trees is about.
const PATHS_PER_QUERY: usize = 100;

/// How many, where the query also asks for contents.
const CONTENTS_PER_QUERY: usize = 50;

/// How many paths the trees are asked about at all.
const MAX_TREE_PATHS: usize = 1000;

/// The files that a pull request changes.
pub(crate) struct ChangedFiles {
    /// The paths that change.
    pub(crate) paths: Vec<PathChange>,
    /// The files of which GitHub counts no lines.
    pub(crate) uncounted: Vec<UncountedFile>,
}

/// Reads every file that the pull request changes; one that was renamed leaves one path and appears at another.
///
/// # Errors
///
/// Fails if GitHub lists fewer files than it counts, one of them twice, or those of another revision.
pub(crate) async fn list_changed_files(
    client: &GitHubClient,
    name: &PullRequestName,
    pull: &RestPullRequest,
    needs: &NeededFacts,
) -> Result<ChangedFiles, GitHubFailure> {
    let path = format!("{}/pulls/{}/files?per_page=100", name.repo.rest_path(), name.number);
    let files: Vec<RestChangedFile> = client.fetch_whole_list(path).await?;
    if files.len() != pull.changed_files {
        let why = format!(
            "the pull request changes {} files, and GitHub lists {}",
            pull.changed_files,
            files.len()
        );
        // GitHub lists no more files than this of any pull request.
        return Err(match files.len() {
            MAX_LISTED_FILES.. => GitHubFailure::new(why),
            _ => GitHubFailure::contradiction(why),
        });
    }
    let mut paths = Vec::with_capacity(files.len());
    let mut uncounted = Vec::new();
    let mut names = HashSet::new();
    for file in &files {
        if !names.insert(file.filename.as_str()) {
            return Err(unusable_file_failure("twice"));
        }
        check_listed_revision(file, pull.head.sha)?;
        add_path_changes(file, &mut paths)?;
        // What was added last is what the file has now.
        if let Some(change) = paths.last_mut().filter(|change| change.after.is_some()) {
            add_line_answers(file, change, needs);
        }
        if file.changes == Some(0) {
            uncounted.push(describe_uncounted(file));
        }
    }
    Ok(ChangedFiles { paths, uncounted })
}

fn describe_uncounted(file: &RestChangedFile) -> UncountedFile {
    let name = || Some(file.filename.clone());
    match file.status.as_str() {
        "added" | "copied" => UncountedFile { before: None, after: name() },
        "removed" => UncountedFile { before: name(), after: None },
        _ => UncountedFile { before: file.previous_filename.clone().or_else(name), after: name() },
    }
}

/// Checks that a file is listed as it is in the final revision, which its address names. A list that was made
/// while another revision was the final one is of another change.
fn check_listed_revision(file: &RestChangedFile, head: Oid) -> Result<(), GitHubFailure> {
    // A file that is gone has the address of its last content.
    if file.status == "removed" {
        return Ok(());
    }
    let Some((_, query)) = file.contents_url.as_deref().and_then(|url| url.rsplit_once('?')) else {
        return Ok(());
    };
    let named = query.split('&').find_map(|part| part.strip_prefix("ref="));
    match named.and_then(Oid::from_hex) {
        Some(revision) if revision != head => {
            let (of, head) = (revision.short_hex(), head.short_hex());
            Err(GitHubFailure::contradiction(format!(
                "GitHub lists the files of {of}, and {head} is the final revision"
            )))
        }
        _ => Ok(()),
    }
}

/// Checks that two lists of one pull request name the same files; `counted` is in the same answer as the
/// final revision.
///
/// # Errors
///
/// Fails if they do not, as where a push came between the answers.
pub(crate) fn check_same_files(
    changes: &[PathChange],
    counted: &[PullRequestFile],
) -> Result<(), GitHubFailure> {
    let listed: HashSet<&[u8]> = changes.iter().map(|change| change.path.as_bytes()).collect();
    let mut named: HashSet<&[u8]> = HashSet::new();
    for file in counted {
        let path = file.path.as_bytes();
        if !named.insert(path) || !listed.contains(path) {
            return Err(GitHubFailure::contradiction(
                "GitHub names other files of the pull request each time it is asked",
            ));
        }
    }
    // A file that was renamed also leaves a path, which only one of the lists names.
    for change in changes {
        if change.after.is_some() && !named.contains(change.path.as_bytes()) {
            return Err(GitHubFailure::contradiction(
                "GitHub names other files of the pull request each time it is asked",
            ));
        }
    }
    Ok(())
}

fn add_path_changes(file: &RestChangedFile, changes: &mut Vec<PathChange>) -> Result<(), GitHubFailure> {
    // The list does not tell the id of what was there before.
    let before = Oid::from_bytes(&[0; 20]).map(unknown_entry);
    let now = match file.sha {
        Some(id) if !id.is_null() => unknown_entry(id),
        _ => return Err(unusable_file_failure("without an id")),
    };
    match file.status.as_str() {
        "added" | "copied" => changes.push(path_change(&file.filename, None, Some(now))),
        // For a file that is gone, the id is that of its last content.
        "removed" => changes.push(path_change(&file.filename, Some(now), None)),
        "modified" | "changed" | "unchanged" => {
            changes.push(path_change(&file.filename, before, Some(now)));
        }
        "renamed" => {
            let Some(old) = &file.previous_filename else {
                return Err(unusable_file_failure("renamed, without its former name"));
            };
            changes.push(path_change(old, before, None));
            changes.push(path_change(&file.filename, None, Some(now)));
        }
        _ => return Err(unusable_file_failure("with a status that this version does not know")),
    }
    Ok(())
}

fn unknown_entry(id: Oid) -> PathEntry {
    PathEntry { kind: PathEntryKind::Unknown, id }
}

fn path_change(path: &str, before: Option<PathEntry>, after: Option<PathEntry>) -> PathChange {
    let blob = Missing::Unavailable(FactKind::Blobs, "GitHub's list of files does not tell it".into());
    PathChange { path: Text::from(path), before, after, blob: Err(blob), content: None }
}

fn unusable_file_failure(what: &str) -> GitHubFailure {
    GitHubFailure::contradiction(format!("GitHub lists a changed file {what}"))
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

/// Adds what the list does not tell: kinds before and after, sizes and first bytes.
///
/// What is not found stays unknown, and leaves a rule that needs it undecided.
pub(crate) async fn complete_from_trees(
    client: &GitHubClient,
    name: &PullRequestName,
    ends: [Oid; 2],
    needs: &NeededFacts,
    changes: &mut [PathChange],
) -> Result<(), GitHubFailure> {
    // A path is a variable of the query, so nothing that contributors wrote becomes part of its text.
    if changes.len() > MAX_TREE_PATHS {
        let why = format!("more than {MAX_TREE_PATHS} files change; GitHub is asked about no more");
        return Err(GitHubFailure::new(why));
    }
    let [base, head] = ends;
    let with_blobs = needs.contains(&FactKind::Blobs);
    for part in changes.chunks_mut(if with_blobs { CONTENTS_PER_QUERY } else { PATHS_PER_QUERY }) {
        let text = build_tree_query(part.len(), with_blobs);
        let mut variables = Map::new();
        variables.insert("owner".into(), json!(name.repo.owner));
        variables.insert("name".into(), json!(name.repo.name));
        variables.insert("base".into(), json!(base.to_string()));
        variables.insert("head".into(), json!(head.to_string()));
        for (index, change) in part.iter().enumerate() {
            let path = change.path.as_utf8().unwrap_or_default();
            variables.insert(format!("p{index}"), json!(path));
        }
        let answer: RepositoryResponse<TreeRepository> =
            client.run_query(&text, Value::Object(variables)).await?;
        let Some(TreeRepository { before: Some(before), after: Some(after) }) = answer.repository else {
            return Err(GitHubFailure::new("GitHub no longer has one of the ends of the pull request"));
        };
        for (index, change) in part.iter_mut().enumerate() {
            let (old, new) = (read_tree_entry(&before, index), read_tree_entry(&after, index));
            fill_entry_kind(&mut change.before, old.as_ref());
            fill_entry_kind(&mut change.after, new.as_ref());
            if let Some(new) = &new
                && let Some(blob) = read_new_blob(new, change.after)
            {
                change.blob = Ok(blob);
            }
        }
    }
    Ok(())
}

/// Returns whether two commits have the same at each of these paths: the same mode and object, or nothing.
///
/// # Errors
///
/// Fails if GitHub does not tell, or there are more paths than it is asked about.
pub(crate) async fn has_same_entries(
    client: &GitHubClient,
    name: &PullRequestName,
    commits: [Oid; 2],
    paths: &[String],
) -> Result<bool, GitHubFailure> {
    if paths.is_empty() {
        return Ok(true);
    }
    if paths.len() > PATHS_PER_QUERY {
        return Err(GitHubFailure::new(format!("more than {PATHS_PER_QUERY} paths are to be compared")));
    }
    let [one, other] = commits;
    let mut variables = Map::new();
    variables.insert("owner".into(), json!(name.repo.owner));
    variables.insert("name".into(), json!(name.repo.name));
    variables.insert("base".into(), json!(one.to_string()));
    variables.insert("head".into(), json!(other.to_string()));
    for (index, path) in paths.iter().enumerate() {
        variables.insert(format!("p{index}"), json!(path));
    }
    let text = build_tree_query(paths.len(), false);
    let answer: RepositoryResponse<TreeRepository> =
        client.run_query(&text, Value::Object(variables)).await?;
    let Some(TreeRepository { before: Some(one), after: Some(other) }) = answer.repository else {
        return Err(GitHubFailure::new("GitHub no longer has one of two commits"));
    };
    for index in 0..paths.len() {
        let key = format!("p{index}");
        let (Some(one), Some(other)) = (one.get(&key), other.get(&key)) else { return Ok(false) };
        // The commit of a submodule is not told.
        let is_untold = !one.is_null() && one.pointer("/object/oid").and_then(Value::as_str).is_none();
        if one != other || is_untold {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_tree_entry(tree: &HashMap<String, Value>, index: usize) -> Option<GraphqlTreeEntry> {
    serde_json::from_value(tree.get(&format!("p{index}"))?.clone()).ok()
}

/// Returns the query for so many paths, at both ends.
fn build_tree_query(paths: usize, with_blobs: bool) -> String {
    let mut names = String::new();
    for index in 0..paths {
        names.push_str(&format!(" $p{index}: String!"));
    }
    let before = build_file_fields(paths, "");
    let after = build_file_fields(paths, if with_blobs { " byteSize isBinary isTruncated text" } else { "" });
    format!(
        "query Trees($owner: String! $name: String! $base: GitObjectID! $head: GitObjectID!{names}) {{ \
         repository(owner: $owner, name: $name, followRenames: false) {{ \
         before: object(oid: $base) {{ ... on Commit {{{before} }} }} \
         after: object(oid: $head) {{ ... on Commit {{{after} }} }} }} }}"
    )
}

fn build_file_fields(paths: usize, blob: &str) -> String {
    let mut fields = String::new();
    for index in 0..paths {
        fields.push_str(&format!(
            " p{index}: file(path: $p{index}) {{ mode object {{ oid ... on Blob {{ oid{blob} }} }} }}"
        ));
    }
    fields
}

/// Sets the kind of an entry, if the tree has that entry. The base branch may have moved on, so an id that is
/// known already counts more than one from there.
fn fill_entry_kind(entry: &mut Option<PathEntry>, found: Option<&GraphqlTreeEntry>) {
    let (Some(entry), Some(found)) = (entry.as_mut(), found) else { return };
    if found.mode & 0o170_000 == 0o160_000 {
        // The commit of a submodule is not an object of this repository, so it has no id here.
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

/// Returns the size and the first bytes of a new content; `None` if GitHub does not show them.
fn read_new_blob(found: &GraphqlTreeEntry, after: Option<PathEntry>) -> Option<BlobSummary> {
    let object = found.object.as_ref()?;
    if object.oid != after.map(|after| after.id) {
        return None;
    }
    let size = object.byte_size?;
    let is_long = size >= BlobSummary::MAX_START_BYTES as u64;
    let is_whole = object.is_binary == Some(false) && (object.is_truncated == Some(false) || is_long);
    // GitHub does not show content that it takes for binary; its first bytes stay unread.
    let start = match &object.text {
        Some(text) if is_whole => {
            let bytes = text.as_bytes();
            Some(Text::from(bytes.get(..BlobSummary::MAX_START_BYTES).unwrap_or(bytes)))
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
    fn a_file_is_listed_as_it_is_in_the_final_revision() {
        let head = Oid::from_bytes(&[1; 20]).unwrap();
        let check = |status: &str, url: Value| {
            let file =
                json!({ "filename": "b", "status": status, "sha": "1".repeat(40), "contents_url": url });
            check_listed_revision(&serde_json::from_value(file).unwrap(), head).is_ok()
        };
        let at = |id: &str| json!(format!("https://api.example.com/repos/a/b/contents/c%3Fref=x?ref={id}"));
        assert!(check("modified", at(&"01".repeat(20))) && check("modified", json!(null)));
        assert!(!check("modified", at(&"02".repeat(20))) && check("removed", at(&"02".repeat(20))));
    }

    #[test]
    fn two_lists_name_the_same_files() {
        let id = "1".repeat(40);
        let mut changes = Vec::new();
        for file in [
            json!({ "filename": "b", "previous_filename": "a", "status": "renamed", "sha": id }),
            json!({ "filename": "c", "status": "removed", "sha": id }),
        ] {
            add_path_changes(&serde_json::from_value(file).unwrap(), &mut changes).unwrap();
        }
        let same = |paths: &[&str]| {
            let files: Vec<_> = paths.iter().map(|path| PullRequestFile { path: (*path).into() }).collect();
            check_same_files(&changes, &files).is_ok()
        };
        assert!(same(&["b", "c"]));
        assert!(!same(&["b"; 2]) && !same(&["c"]) && !same(&["b", "c", "d"]) && !same(&["b", "b", "c"]));
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
