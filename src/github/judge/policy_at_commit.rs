//! The policy, read by API at one commit: it needs no checkout, and nothing that is proposed can change it.
//!
//! The folder of the policy is read in the same query as the tip of the base branch; what lies elsewhere, such
//! as a roster, is read file by file. Files are read as tree entries and never through the contents
//! API, which follows symbolic links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::Oid;
use crate::gate::{LoadedPolicy, MissingPolicyAction, UnusablePolicy, load_from_files, load_from_pack};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlConnection, GraphqlObjectId, RepositoryResponse};
use crate::github::api::names::{PullRequestName, RepositoryName, split_folder_and_name};
use crate::github::api::objects::fetch_blob;
use crate::github::api::request::GitHubFailure;
use crate::github::facts::templates::TemplateRoot;
use crate::github::judge::forge_teams::look_up_teams;
use crate::github::judge::remote_commit::find_remote_commit;
use crate::policy::{self, FetchedFile, RemotePolicyFile, is_remote_name};
use crate::report::PolicyLocation;

const POLICY_QUERY: &str = include_str!("../api/queries/policy.graphql");
const FILE_QUERY: &str = include_str!("../api/queries/file.graphql");

/// How many times a policy may name files that it has not named before: bases, roster, keys.
const MAX_POLICY_ROUNDS: usize = 20;

/// The modes of regular files.
const REGULAR_FILE_MODES: [u32; 2] = [0o100_644, 0o100_755];

/// The base branch of a pull request, with what is known of the policy's folder.
pub(crate) struct BaseBranch {
    /// The name of the branch.
    pub(crate) branch: String,
    /// The tip of the branch; `None` if the branch is gone.
    pub(crate) tip: Option<Oid>,
    /// The name and the tip of the default branch; `None` if GitHub does not say.
    pub(crate) default_branch: Option<(String, Oid)>,
    /// The files that are known already; one that is missing here may still exist.
    pub(crate) known_files: HashMap<String, FetchedFile>,
    /// The folder of the policy, if everything in it is known.
    pub(crate) complete_folder: Option<String>,
    /// The pull request, as the same answer tells it.
    pub(crate) pull: PullSnapshot,
    /// Where the branch may have templates, as the same answer tells it.
    pub(crate) template_root: TemplateRoot,
}

/// What a pull request was when its base branch was read; empty where GitHub does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PullSnapshot {
    /// The final revision.
    pub(crate) head_ref_oid: Option<Oid>,
    title: Option<String>,
    body: Option<String>,
    is_draft: Option<bool>,
    state: Option<String>,
    labels: Option<GraphqlConnection<SnapshotLabel>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct SnapshotLabel {
    name: String,
}

/// Why no policy could be loaded.
pub(crate) enum PolicyFetchError {
    /// The request to GitHub failed.
    NotFetched(GitHubFailure),
    /// There is no policy, or a faulty one.
    Unusable(UnusablePolicy),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRepository {
    default_branch_ref: Option<PolicyDefaultRef>,
    pull_request: Option<PolicyPullRequest>,
}

#[derive(Deserialize)]
struct PolicyDefaultRef {
    name: String,
    target: Option<GraphqlObjectId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyPullRequest {
    base_ref_name: String,
    base_ref: Option<PolicyBaseRef>,
    #[serde(flatten)]
    snapshot: PullSnapshot,
}

#[derive(Deserialize)]
struct PolicyBaseRef {
    target: Option<BaseRefTarget>,
}

#[derive(Deserialize)]
struct BaseRefTarget {
    oid: Oid,
    #[serde(flatten)]
    templates: TemplateRoot,
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

/// Reads the tip of a pull request's base branch, with the folder of the policy at `path`.
pub(crate) async fn read_base_branch(
    client: &GitHubClient,
    pull: &PullRequestName,
    path: &str,
) -> Result<BaseBranch, GitHubFailure> {
    let folder = match split_folder_and_name(path) {
        Some((folder, _)) => folder,
        None => "",
    };
    let variables = json!({
        "owner": pull.repo.owner, "name": pull.repo.name, "number": pull.number, "folder": folder,
    });
    let answer: RepositoryResponse<PolicyRepository> = client.run_query(POLICY_QUERY, variables).await?;
    let Some(PolicyRepository { default_branch_ref, pull_request: Some(found) }) = answer.repository else {
        return Err(GitHubFailure::new(format!("GitHub has no pull request {pull}, or does not show it")));
    };
    let mut base = BaseBranch {
        branch: found.base_ref_name,
        tip: None,
        default_branch: default_branch_ref.and_then(|found| Some((found.name, found.target?.oid))),
        known_files: HashMap::new(),
        complete_folder: None,
        pull: found.snapshot,
        template_root: TemplateRoot::default(),
    };
    let Some(PolicyBaseRef { target: Some(target) }) = found.base_ref else { return Ok(base) };
    base.tip = Some(target.oid);
    base.template_root = target.templates;
    let object = target.file.and_then(|file| file.object);
    if let Some(PolicyFolderObject { entries: Some(entries) }) = object
        && !folder.is_empty()
    {
        base.complete_folder = Some(folder.to_owned());
        for entry in entries {
            let path = format!("{folder}/{}", entry.name);
            match read_tree_entry(entry.mode, entry.object.as_ref(), &path) {
                EntryContent::Inline(found) => {
                    base.known_files.insert(path, found);
                }
                // Its content is fetched when something needs it.
                EntryContent::InBlob(_) => base.complete_folder = None,
            }
        }
    }
    Ok(base)
}

/// Loads the policy at `path` in `commit`, starting from what is known of the `base` branch there, with the members of
/// the teams of GitHub that it names; `called` is the name of the commit in messages.
pub(crate) async fn load_policy(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    path: &str,
    called: &str,
    base: Option<&BaseBranch>,
) -> Result<LoadedPolicy, PolicyFetchError> {
    let mut loaded = load_policy_files(client, repo, commit, path, called, base).await?;
    look_up_teams(client, &mut loaded.policy.people).await;
    Ok(loaded)
}

/// Loads the policy at `path` in `commit` without asking for anything that it names elsewhere: one that is only proposed
/// does not decide what is read.
pub(crate) async fn load_policy_files(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    path: &str,
    called: &str,
    base: Option<&BaseBranch>,
) -> Result<LoadedPolicy, PolicyFetchError> {
    // A policy names its other files itself, so it is loaded again with those it missed until none is missing.
    let mut known = HashMap::new();
    let mut remote_commits = BTreeMap::new();
    let mut complete_folder = None;
    if let Some(base) = base {
        known = base.known_files.clone();
        complete_folder = base.complete_folder.as_deref();
    }
    let source = format!("{path} at {called} ({})", commit.short_hex());
    for _ in 0..MAX_POLICY_ROUNDS {
        let mut wanted = BTreeSet::new();
        let loaded = load_from_files(path, source.clone(), &mut |path| {
            if let Some(found) = known.get(path) {
                return found.clone();
            }
            if let Some((folder, _)) = split_folder_and_name(path)
                && complete_folder == Some(folder)
                && !is_remote_name(path)
            {
                return Ok(None);
            }
            wanted.insert(path.to_owned());
            Err("it was not read".into())
        });
        if wanted.is_empty() {
            // What a commit contains can be read from there again.
            let place = PolicyLocation::Commit { id: commit, path: path.to_owned() };
            let loaded = loaded.map_err(PolicyFetchError::Unusable)?;
            return Ok(loaded.with_place(place).with_remote_commits(&remote_commits));
        }
        let files = join_all(wanted.iter().map(|path| fetch_policy_file(client, repo, commit, path))).await;
        for (path, found) in wanted.into_iter().zip(files) {
            let (found, remote_commit) = found.map_err(PolicyFetchError::NotFetched)?;
            if let Some(remote_commit) = remote_commit {
                remote_commits.insert(path.clone(), remote_commit);
            }
            known.insert(path, found);
        }
    }
    let why = format!("the policy names new files for more than {MAX_POLICY_ROUNDS} rounds");
    Err(PolicyFetchError::NotFetched(GitHubFailure::new(why)))
}

/// As [`load_policy`]; where there is no policy, the pack that stands in for it counts, if one does.
pub(crate) async fn load_policy_or_pack(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    (path, missing): (&str, &MissingPolicyAction),
    called: &str,
    base: Option<&BaseBranch>,
) -> Result<LoadedPolicy, PolicyFetchError> {
    match (load_policy(client, repo, commit, path, called, base).await, missing) {
        (Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)), MissingPolicyAction::Pack(pack)) => {
            load_from_pack(pack).map_err(PolicyFetchError::Unusable)
        }
        (found, _) => found,
    }
}

/// Reads a file of a policy: one of the repository itself at a commit, or one of another repository, with the commit that
/// this is read at. What another repository does not have is an error in the place of its bytes.
async fn fetch_policy_file(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    path: &str,
) -> Result<(FetchedFile, Option<Oid>), GitHubFailure> {
    if !is_remote_name(path) {
        return Ok((fetch_file(client, repo, commit, path).await?, None));
    }
    let known = client.remote_policies.borrow().get(path).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let remote = match RemotePolicyFile::parse_name(path) {
        Ok(remote) => remote,
        Err(why) => return Ok((Err(why), None)),
    };
    let found = match find_remote_commit(client, &remote).await? {
        Err(why) => (Err(why), None),
        Ok((other, at)) => match fetch_file(client, &other, at, &remote.path).await? {
            Ok(Some(bytes)) => (Ok(Some(bytes)), Some(at)),
            Ok(None) => (Err(format!("{other} has no file `{}` at {}", remote.path, at.short_hex())), None),
            Err(why) => (Err(why), None),
        },
    };
    client.remote_policies.borrow_mut().insert(path.to_owned(), found.clone());
    Ok(found)
}

/// Reads a file at a commit; a link, a folder or a submodule is an error in the place of its bytes.
pub(crate) async fn fetch_file(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    path: &str,
) -> Result<FetchedFile, GitHubFailure> {
    let variables = json!({
        "owner": repo.owner, "name": repo.name, "commit": commit.to_string(), "path": path,
    });
    let answer: RepositoryResponse<PolicyFileRepository> = client.run_query(FILE_QUERY, variables).await?;
    let file = match answer.repository {
        Some(PolicyFileRepository { object: Some(found) }) if found.oid == Some(commit) => found.file,
        _ => return Err(GitHubFailure::new(format!("GitHub has no commit {commit} in {repo}"))),
    };
    let Some(entry) = file else { return Ok(Ok(None)) };
    match read_tree_entry(entry.mode, entry.object.as_ref(), path) {
        EntryContent::Inline(found) => Ok(found),
        EntryContent::InBlob(id) => Ok(Ok(Some(fetch_blob(client, repo, id).await?))),
    }
}

/// What a tree entry says about a file.
enum EntryContent {
    /// The whole content, or why it cannot be a policy.
    Inline(FetchedFile),
    /// The content can be fetched by this id.
    InBlob(Oid),
}

fn read_tree_entry(mode: u32, content: Option<&GraphqlFileContent>, path: &str) -> EntryContent {
    if !REGULAR_FILE_MODES.contains(&mode) {
        let kind = match mode & 0o170_000 {
            0o040_000 => "a directory",
            0o120_000 => "a symbolic link",
            0o160_000 => "a submodule",
            _ => "of an unknown kind",
        };
        return EntryContent::Inline(Err(format!("it is {kind}; a policy must be a regular file")));
    }
    let Some(content) = content else {
        return EntryContent::Inline(Err("GitHub does not show its content".into()));
    };
    let size = content.byte_size.unwrap_or(usize::MAX);
    let limit = policy::max_file_bytes(path);
    if size > limit {
        return EntryContent::Inline(Err(format!("it has {size} bytes; at most {limit} are read")));
    }
    let whole = content.is_binary == Some(false) && content.is_truncated == Some(false);
    match (&content.text, content.oid) {
        (Some(text), _) if whole && text.len() == size => {
            EntryContent::Inline(Ok(Some(text.clone().into_bytes())))
        }
        (_, Some(id)) => EntryContent::InBlob(id),
        _ => EntryContent::Inline(Err("GitHub does not show its content".into())),
    }
}
