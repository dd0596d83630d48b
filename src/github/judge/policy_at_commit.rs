//! The policy, read by API at one commit: no checkout is needed, and nothing of what is proposed has
//! a say in it.
//!
//! The folder of the policy comes with the question where the base branch stands; what lies
//! elsewhere, such as a roster, is asked for file by file. Files are read as tree entries and never
//! through the contents API, which follows symbolic links.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::Oid;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_files};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName, split_folder_and_name};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest;
use crate::policy::FetchedFile;
use crate::report::PolicyLocation;
use crate::yaml::MAX_DOCUMENT_BYTES;

const POLICY_QUERY: &str = include_str!("../api/queries/policy.graphql");
const FILE_QUERY: &str = include_str!("../api/queries/file.graphql");

/// How often a policy may name files that it has not named before: bases, roster, keys.
const MAX_POLICY_ROUNDS: usize = 20;

/// The modes of regular files.
const REGULAR_FILE_MODES: [u32; 2] = [0o100_644, 0o100_755];

/// Where a pull request's base branch stands, and what is in the folder of the policy.
pub(crate) struct BaseBranch {
    /// The name of the branch.
    pub(crate) branch: String,
    /// Its tip; `None` if the branch is gone.
    pub(crate) tip: Option<Oid>,
    /// The files that are known already; one that is missing there may still exist.
    pub(crate) known_files: HashMap<String, FetchedFile>,
    /// The folder of the policy, if everything in it is known.
    pub(crate) complete_folder: Option<String>,
}

/// Why there is no policy.
pub(crate) enum PolicyFetchError {
    /// GitHub could not be asked.
    NotFetched(GitHubFailure),
    /// There is none that can be used.
    Unusable(UnusablePolicy),
}

#[derive(Deserialize)]
struct PolicyResponse {
    repository: Option<PolicyRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRepository {
    pull_request: Option<PolicyPullRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyPullRequest {
    base_ref_name: String,
    base_ref: Option<PolicyBaseRef>,
}

#[derive(Deserialize)]
struct PolicyBaseRef {
    target: Option<BaseRefTarget>,
}

#[derive(Deserialize)]
struct BaseRefTarget {
    oid: Oid,
    file: Option<PolicyFolder>,
}

#[derive(Deserialize)]
struct PolicyFolder {
    object: Option<PolicyFolderObject>,
}

#[derive(Deserialize)]
struct PolicyFolderObject {
    entries: Option<Vec<PolicyFolderEntry>>,
}

#[derive(Deserialize)]
struct PolicyFolderEntry {
    name: String,
    mode: u32,
    object: Option<GraphqlFileContent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphqlFileContent {
    oid: Option<Oid>,
    byte_size: Option<usize>,
    is_binary: Option<bool>,
    is_truncated: Option<bool>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct PolicyFileResponse {
    repository: Option<PolicyFileRepository>,
}

#[derive(Deserialize)]
struct PolicyFileRepository {
    object: Option<PolicyFileCommit>,
}

#[derive(Deserialize)]
struct PolicyFileCommit {
    oid: Option<Oid>,
    file: Option<PolicyFileEntry>,
}

#[derive(Deserialize)]
struct PolicyFileEntry {
    mode: u32,
    object: Option<GraphqlFileContent>,
}

/// Reads where the base branch of a pull request stands, with the folder of the policy at `path`.
pub(crate) async fn read_base_branch(
    client: &GitHubClient,
    pull: &PullRequestName,
    path: &str,
) -> Result<BaseBranch, GitHubFailure> {
    let folder = split_folder_and_name(path).map_or("", |(folder, _)| folder);
    let variables = json!({
        "owner": pull.repo.owner, "name": pull.repo.name, "number": pull.number, "folder": folder,
    });
    let answer: PolicyResponse = client.run_query(POLICY_QUERY, variables).await?;
    let found = answer.repository.and_then(|repository| repository.pull_request);
    let found = found.ok_or_else(|| GitHubFailure::new(format!("GitHub knows no pull request {pull}")))?;
    let mut base = BaseBranch {
        branch: found.base_ref_name,
        tip: None,
        known_files: HashMap::new(),
        complete_folder: None,
    };
    let Some(target) = found.base_ref.and_then(|base| base.target) else { return Ok(base) };
    base.tip = Some(target.oid);
    let entries = target.file.and_then(|file| file.object).and_then(|object| object.entries);
    if let Some(entries) = entries.filter(|_| !folder.is_empty()) {
        base.complete_folder = Some(folder.to_owned());
        for entry in entries {
            let path = format!("{folder}/{}", entry.name);
            match read_tree_entry(entry.mode, entry.object.as_ref()) {
                EntryContent::Inline(found) => {
                    base.known_files.insert(path, found);
                }
                // Its content is fetched if anything wants it.
                EntryContent::InBlob(_) => base.complete_folder = None,
            }
        }
    }
    Ok(base)
}

/// Loads the policy at `path` in `commit`, starting from what is known of the `base`
/// branch there.
pub(crate) async fn load_policy(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    path: &str,
    called: &str,
    base: Option<&BaseBranch>,
) -> Result<LoadedPolicy, PolicyFetchError> {
    let mut known = base.map(|base| base.known_files.clone()).unwrap_or_default();
    let complete = base.and_then(|base| base.complete_folder.as_deref());
    let source = format!("{path} at {called} ({})", commit.short_hex());
    for _ in 0..MAX_POLICY_ROUNDS {
        let mut wanted = BTreeSet::new();
        let loaded = load_from_files(path, source.clone(), &mut |path| {
            known.get(path).cloned().unwrap_or_else(|| {
                if split_folder_and_name(path).is_some_and(|(folder, _)| Some(folder) == complete) {
                    return Ok(None);
                }
                wanted.insert(path.to_owned());
                Err("it was not read".into())
            })
        });
        if wanted.is_empty() {
            // What stands in a commit can be had again from there.
            let place = PolicyLocation::Commit { id: commit, path: path.to_owned() };
            return loaded.map(|loaded| loaded.with_place(place)).map_err(PolicyFetchError::Unusable);
        }
        let files = join_all(wanted.iter().map(|path| fetch_file(client, repo, commit, path))).await;
        for (path, found) in wanted.into_iter().zip(files) {
            known.insert(path, found.map_err(PolicyFetchError::NotFetched)?);
        }
    }
    Err(PolicyFetchError::NotFetched(GitHubFailure::new("the policy names ever more files")))
}

/// Reads a file at a commit; a link, a folder or a submodule is an error in the place of its bytes.
async fn fetch_file(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    path: &str,
) -> Result<FetchedFile, GitHubFailure> {
    let variables = json!({
        "owner": repo.owner, "name": repo.name, "commit": commit.to_string(), "path": path,
    });
    let answer: PolicyFileResponse = client.run_query(FILE_QUERY, variables).await?;
    let found =
        answer.repository.and_then(|repository| repository.object).filter(|found| found.oid == Some(commit));
    let found =
        found.ok_or_else(|| GitHubFailure::new(format!("GitHub knows no commit {commit} in {repo}")))?;
    let Some(entry) = found.file else { return Ok(Ok(None)) };
    match read_tree_entry(entry.mode, entry.object.as_ref()) {
        EntryContent::Inline(found) => Ok(found),
        EntryContent::InBlob(id) => fetch_blob(client, repo, id).await.map(|bytes| Ok(Some(bytes))),
    }
}

/// Reads a file by the id of its content.
async fn fetch_blob(client: &GitHubClient, repo: &RepositoryName, id: Oid) -> Result<Vec<u8>, GitHubFailure> {
    let path = format!("{}/git/blobs/{id}", repo.rest_path());
    let blob: rest::RestBlob = client.fetch_json(path).await?;
    let packed: String = blob.content.chars().filter(|one| !one.is_ascii_whitespace()).collect();
    let bytes =
        Some(packed).filter(|_| blob.encoding == "base64").and_then(|packed| STANDARD.decode(packed).ok());
    bytes.filter(|bytes| bytes.len() == blob.size).ok_or_else(|| {
        GitHubFailure::new(format!("GitHub's answer to the content {} is not whole", id.short_hex()))
    })
}

/// What a tree entry says about a file.
enum EntryContent {
    /// All of it.
    Inline(FetchedFile),
    /// The bytes are to be had by this id.
    InBlob(Oid),
}

fn read_tree_entry(mode: u32, content: Option<&GraphqlFileContent>) -> EntryContent {
    if !REGULAR_FILE_MODES.contains(&mode) {
        let kind = match mode & 0o170_000 {
            0o040_000 => "a directory",
            0o120_000 => "a symbolic link",
            0o160_000 => "a submodule",
            _ => "something unknown",
        };
        return EntryContent::Inline(Err(format!("it is {kind}, and only a regular file can be a policy")));
    }
    let Some(content) = content else {
        return EntryContent::Inline(Err("GitHub does not say what it holds".into()));
    };
    let size = content.byte_size.unwrap_or(usize::MAX);
    if MAX_DOCUMENT_BYTES < size {
        return EntryContent::Inline(Err(format!(
            "it has {size} bytes, and at most {MAX_DOCUMENT_BYTES} are read"
        )));
    }
    let whole = content.is_binary == Some(false) && content.is_truncated == Some(false);
    match (&content.text, content.oid) {
        (Some(text), _) if whole && text.len() == size => {
            EntryContent::Inline(Ok(Some(text.clone().into_bytes())))
        }
        (_, Some(id)) => EntryContent::InBlob(id),
        _ => EntryContent::Inline(Err("GitHub does not say what it holds".into())),
    }
}
