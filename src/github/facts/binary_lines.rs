//! The sizes of what a pull request changes and GitHub counts no lines of: content that is no text.
//!
//! As in a repository, it counts as one line for each 80 bytes, before and after the change, so that a limit of
//! lines is no way past review for a program that is stored as binary.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::change::{LineCount, Oid};
use crate::git::BYTES_PER_LINE;
use crate::github::api::GitHubClient;
use crate::github::api::graphql::RepositoryResponse;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;

/// How many files one query is about.
const FILES_PER_QUERY: usize = 50;

/// The sizes of how many files GitHub is asked for at all.
const MAX_SIZED_FILES: usize = 1000;

/// A changed file of which GitHub counts no lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UncountedFile {
    /// Its path before the change; `None` if it is new.
    pub(crate) before: Option<String>,
    /// Its path after the change; `None` if it is gone.
    pub(crate) after: Option<String>,
}

#[derive(Deserialize)]
struct SizedRepository {
    before: Option<HashMap<String, Value>>,
    after: Option<HashMap<String, Value>>,
}

#[derive(Deserialize)]
struct SizedEntry {
    object: Option<SizedBlob>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SizedBlob {
    oid: Option<Oid>,
    byte_size: Option<u64>,
    is_binary: Option<bool>,
}

/// Returns the lines that the files count for, which changed between the commits `ends`.
///
/// # Errors
///
/// Fails if GitHub does not tell the size of one.
pub(crate) async fn count_binary_lines(
    client: &GitHubClient,
    name: &PullRequestName,
    ends: [Oid; 2],
    files: &[UncountedFile],
) -> Result<LineCount, GitHubFailure> {
    // A path is a variable of the query, so nothing that contributors wrote becomes part of its text.
    if files.len() > MAX_SIZED_FILES {
        let why =
            format!("GitHub counts no lines of more than {MAX_SIZED_FILES} files; it is asked about no more");
        return Err(GitHubFailure::new(why));
    }
    let [base, head] = ends;
    let mut total = LineCount::default();
    for part in files.chunks(FILES_PER_QUERY) {
        let mut variables = Map::new();
        variables.insert("owner".into(), json!(name.repo.owner));
        variables.insert("name".into(), json!(name.repo.name));
        variables.insert("base".into(), json!(base.to_string()));
        variables.insert("head".into(), json!(head.to_string()));
        for (index, file) in part.iter().enumerate() {
            let any = file.after.as_ref().or(file.before.as_ref());
            variables.insert(format!("b{index}"), json!(file.before.as_ref().or(any)));
            variables.insert(format!("a{index}"), json!(file.after.as_ref().or(any)));
        }
        let text = build_size_query(part.len());
        let answer: RepositoryResponse<SizedRepository> =
            client.run_query(&text, Value::Object(variables)).await?;
        let Some(SizedRepository { before: Some(before), after: Some(after) }) = answer.repository else {
            return Err(GitHubFailure::new("GitHub no longer has one of the ends of the pull request"));
        };
        for (index, file) in part.iter().enumerate() {
            let old = read_sized_blob(file.before.is_some(), &before, &format!("b{index}"))?;
            let new = read_sized_blob(file.after.is_some(), &after, &format!("a{index}"))?;
            if old.oid != new.oid {
                total.removed = total.removed.saturating_add(count_blob_lines(old)?);
                total.added = total.added.saturating_add(count_blob_lines(new)?);
            }
        }
    }
    Ok(total)
}

/// Returns the query for so many files, at both ends.
fn build_size_query(files: usize) -> String {
    let mut parameters = String::new();
    let mut before = String::new();
    let mut after = String::new();
    for index in 0..files {
        parameters.push_str(&format!(" $b{index}: String! $a{index}: String!"));
        for (side, fields) in [("b", &mut before), ("a", &mut after)] {
            fields.push_str(&format!(
                " {side}{index}: file(path: ${side}{index}) {{ object {{ oid ... on Blob {{ byteSize isBinary }} }} }}"
            ));
        }
    }
    format!(
        "query Sizes($owner: String! $name: String! $base: GitObjectID! $head: GitObjectID!{parameters}) {{ \
         repository(owner: $owner, name: $name) {{ \
         before: object(oid: $base) {{ ... on Commit {{{before} }} }} \
         after: object(oid: $head) {{ ... on Commit {{{after} }} }} }} }}"
    )
}

/// Returns the content at one end; an empty one if the file is not there, or is a submodule.
fn read_sized_blob(
    is_there: bool,
    tree: &HashMap<String, Value>,
    key: &str,
) -> Result<SizedBlob, GitHubFailure> {
    if !is_there {
        return Ok(SizedBlob::default());
    }
    let entry: Option<SizedEntry> = match tree.get(key) {
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|error| GitHubFailure::new(format!("GitHub's answer cannot be read: {error}")))?,
        None => None,
    };
    Ok(entry.and_then(|entry| entry.object).unwrap_or_default())
}

fn count_blob_lines(blob: SizedBlob) -> Result<u64, GitHubFailure> {
    match blob {
        SizedBlob { oid: None, .. } => Ok(0),
        // Text of which GitHub counts nothing has only changed its mode, or is empty.
        SizedBlob { is_binary: Some(false), .. } => Ok(0),
        SizedBlob { byte_size: Some(size), .. } => {
            Ok(size.div_ceil(u64::try_from(BYTES_PER_LINE).unwrap_or(u64::MAX)))
        }
        _ => Err(GitHubFailure::new("GitHub does not tell how large a changed file is")),
    }
}
