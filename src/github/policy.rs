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

use super::answers;
use super::ask::Failure;
use super::client::Client;
use super::place::{PullName, RepoName, folder_and_name};
use crate::change::Oid;
use crate::gate::{Loaded, Unusable, from_files};
use crate::policy::Fetched;
use crate::report::PolicyPlace;
use crate::yaml::LARGEST;

const POLICY: &str = include_str!("queries/policy.graphql");
const FILE: &str = include_str!("queries/file.graphql");

/// How often a policy may name files that it has not named before: bases, roster, keys.
const MOST_ROUNDS: usize = 20;

/// The modes of regular files.
const FILES: [u32; 2] = [0o100_644, 0o100_755];

/// Where a pull request's base branch stands, and what is in the folder of the policy.
pub(super) struct Base {
    /// The name of the branch.
    pub(super) branch: String,
    /// Its tip; `None` if the branch is gone.
    pub(super) tip: Option<Oid>,
    /// The files that are known already; one that is missing there may still exist.
    pub(super) known: HashMap<String, Fetched>,
    /// The folder of the policy, if everything in it is known.
    pub(super) complete: Option<String>,
}

/// Why there is no policy.
pub(super) enum NoPolicy {
    /// GitHub could not be asked.
    Unread(Failure),
    /// There is none that can be used.
    Unusable(Unusable),
}

#[derive(Deserialize)]
struct PolicyAnswer {
    repository: Option<PolicyRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRepository {
    pull_request: Option<PolicyPull>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyPull {
    base_ref_name: String,
    base_ref: Option<BaseRef>,
}

#[derive(Deserialize)]
struct BaseRef {
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    oid: Oid,
    file: Option<Folder>,
}

#[derive(Deserialize)]
struct Folder {
    object: Option<FolderObject>,
}

#[derive(Deserialize)]
struct FolderObject {
    entries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    mode: u32,
    object: Option<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    oid: Option<Oid>,
    byte_size: Option<usize>,
    is_binary: Option<bool>,
    is_truncated: Option<bool>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct FileAnswer {
    repository: Option<FileRepository>,
}

#[derive(Deserialize)]
struct FileRepository {
    object: Option<FileCommit>,
}

#[derive(Deserialize)]
struct FileCommit {
    oid: Option<Oid>,
    file: Option<FileEntry>,
}

#[derive(Deserialize)]
struct FileEntry {
    mode: u32,
    object: Option<Content>,
}

/// Reads where the base branch of a pull request stands, with the folder of the policy at `path`.
pub(super) async fn base(client: &Client, pull: &PullName, path: &str) -> Result<Base, Failure> {
    let folder = folder_and_name(path).map_or("", |(folder, _)| folder);
    let variables = json!({
        "owner": pull.repo.owner, "name": pull.repo.name, "number": pull.number, "folder": folder,
    });
    let answer: PolicyAnswer = client.query(POLICY, variables).await?;
    let found = answer.repository.and_then(|repository| repository.pull_request);
    let found = found.ok_or_else(|| Failure::new(format!("GitHub knows no pull request {pull}")))?;
    let mut base = Base { branch: found.base_ref_name, tip: None, known: HashMap::new(), complete: None };
    let Some(target) = found.base_ref.and_then(|base| base.target) else { return Ok(base) };
    base.tip = Some(target.oid);
    let entries = target.file.and_then(|file| file.object).and_then(|object| object.entries);
    if let Some(entries) = entries.filter(|_| !folder.is_empty()) {
        base.complete = Some(folder.to_owned());
        for entry in entries {
            let path = format!("{folder}/{}", entry.name);
            match read_entry(entry.mode, entry.object.as_ref()) {
                Known::Is(found) => {
                    base.known.insert(path, found);
                }
                // Its content is fetched if anything wants it.
                Known::InBlob(_) => base.complete = None,
            }
        }
    }
    Ok(base)
}

/// Loads the policy at `path` in `commit`, starting from what is known of the `base`
/// branch there.
pub(super) async fn load(
    client: &Client,
    repo: &RepoName,
    commit: Oid,
    path: &str,
    called: &str,
    base: Option<&Base>,
) -> Result<Loaded, NoPolicy> {
    let mut known = base.map(|base| base.known.clone()).unwrap_or_default();
    let complete = base.and_then(|base| base.complete.as_deref());
    let source = format!("{path} at {called} ({})", commit.short());
    for _ in 0..MOST_ROUNDS {
        let mut wanted = BTreeSet::new();
        let loaded = from_files(path, source.clone(), &mut |path| {
            known.get(path).cloned().unwrap_or_else(|| {
                if folder_and_name(path).is_some_and(|(folder, _)| Some(folder) == complete) {
                    return Ok(None);
                }
                wanted.insert(path.to_owned());
                Err("it was not read".into())
            })
        });
        if wanted.is_empty() {
            // What stands in a commit can be had again from there.
            let place = PolicyPlace::Commit { id: commit, path: path.to_owned() };
            return loaded.map(|loaded| loaded.standing(place)).map_err(NoPolicy::Unusable);
        }
        let files = join_all(wanted.iter().map(|path| file(client, repo, commit, path))).await;
        for (path, found) in wanted.into_iter().zip(files) {
            known.insert(path, found.map_err(NoPolicy::Unread)?);
        }
    }
    Err(NoPolicy::Unread(Failure::new("the policy names ever more files")))
}

/// Reads a file at a commit; a link, a folder or a submodule is an error in the place of its bytes.
async fn file(client: &Client, repo: &RepoName, commit: Oid, path: &str) -> Result<Fetched, Failure> {
    let variables = json!({
        "owner": repo.owner, "name": repo.name, "commit": commit.to_string(), "path": path,
    });
    let answer: FileAnswer = client.query(FILE, variables).await?;
    let found =
        answer.repository.and_then(|repository| repository.object).filter(|found| found.oid == Some(commit));
    let found = found.ok_or_else(|| Failure::new(format!("GitHub knows no commit {commit} in {repo}")))?;
    let Some(entry) = found.file else { return Ok(Ok(None)) };
    match read_entry(entry.mode, entry.object.as_ref()) {
        Known::Is(found) => Ok(found),
        Known::InBlob(id) => blob(client, repo, id).await.map(|bytes| Ok(Some(bytes))),
    }
}

/// Reads a file by the id of its content.
async fn blob(client: &Client, repo: &RepoName, id: Oid) -> Result<Vec<u8>, Failure> {
    let path = format!("{}/git/blobs/{id}", repo.path());
    let blob: answers::Blob = client.get(path).await?;
    let packed: String = blob.content.chars().filter(|one| !one.is_ascii_whitespace()).collect();
    let bytes =
        Some(packed).filter(|_| blob.encoding == "base64").and_then(|packed| STANDARD.decode(packed).ok());
    bytes
        .filter(|bytes| bytes.len() == blob.size)
        .ok_or_else(|| Failure::new(format!("GitHub's answer to the content {} is not whole", id.short())))
}

/// What a tree entry says about a file.
enum Known {
    /// All of it.
    Is(Fetched),
    /// The bytes are to be had by this id.
    InBlob(Oid),
}

fn read_entry(mode: u32, content: Option<&Content>) -> Known {
    if !FILES.contains(&mode) {
        let kind = match mode & 0o170_000 {
            0o040_000 => "a directory",
            0o120_000 => "a symbolic link",
            0o160_000 => "a submodule",
            _ => "something unknown",
        };
        return Known::Is(Err(format!("it is {kind}, and only a regular file can be a policy")));
    }
    let Some(content) = content else { return Known::Is(Err("GitHub does not say what it holds".into())) };
    let size = content.byte_size.unwrap_or(usize::MAX);
    if LARGEST < size {
        return Known::Is(Err(format!("it has {size} bytes, and at most {LARGEST} are read")));
    }
    let whole = content.is_binary == Some(false) && content.is_truncated == Some(false);
    match (&content.text, content.oid) {
        (Some(text), _) if whole && text.len() == size => Known::Is(Ok(Some(text.clone().into_bytes()))),
        (_, Some(id)) => Known::InBlob(id),
        _ => Known::Is(Err("GitHub does not say what it holds".into())),
    }
}
