//! The objects of a repository by their ids: contents and folders. What an id names never changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::graphql::RepositoryResponse;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestBlob;

/// How many folders one query asks for.
const FOLDERS_PER_QUERY: usize = 50;

/// What a folder has under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FolderEntry {
    pub(crate) mode: u32,
    pub(crate) id: Oid,
}

impl FolderEntry {
    /// Returns whether the entry is a folder itself.
    pub(crate) fn is_folder(self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Returns whether the entry is a regular file.
    pub(crate) fn is_regular_file(self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }
}

/// The entries of a folder, by their names.
pub(crate) type FolderEntries = BTreeMap<String, FolderEntry>;

#[derive(Deserialize)]
struct FolderObject {
    entries: Option<Vec<FolderObjectEntry>>,
}

#[derive(Deserialize)]
struct FolderObjectEntry {
    name: String,
    mode: u32,
    oid: Oid,
}

/// Reads a file by the id of its content.
///
/// # Errors
///
/// Fails if GitHub does not send the whole of it.
pub(crate) async fn fetch_blob(
    client: &GitHubClient,
    repo: &RepositoryName,
    id: Oid,
) -> Result<Vec<u8>, GitHubFailure> {
    let path = format!("{}/git/blobs/{id}", repo.rest_path());
    let blob: RestBlob = client.fetch_json(path).await?;
    let mut packed = blob.content;
    packed.retain(|sign| !sign.is_ascii_whitespace());
    match STANDARD.decode(packed) {
        Ok(bytes) if blob.encoding == "base64" && bytes.len() == blob.size => Ok(bytes),
        _ => Err(GitHubFailure::new(format!("GitHub sent the content {} incompletely", id.short_hex()))),
    }
}

/// Reads folders by the ids of their trees.
///
/// # Errors
///
/// Fails if GitHub does not list one of them, or lists one name in it twice.
pub(crate) async fn fetch_folders(
    client: &GitHubClient,
    repo: &RepositoryName,
    ids: &BTreeSet<Oid>,
) -> Result<HashMap<Oid, FolderEntries>, GitHubFailure> {
    let ids: Vec<Oid> = ids.iter().copied().collect();
    let mut folders = HashMap::new();
    for some in ids.chunks(FOLDERS_PER_QUERY) {
        let mut variables = Map::new();
        variables.insert("owner".into(), json!(repo.owner));
        variables.insert("name".into(), json!(repo.name));
        for (index, id) in some.iter().enumerate() {
            variables.insert(format!("t{index}"), json!(id.to_string()));
        }
        let query = build_folder_query(some.len());
        let answer: RepositoryResponse<HashMap<String, Option<FolderObject>>> =
            client.run_query(&query, Value::Object(variables)).await?;
        let mut found = answer.repository.unwrap_or_default();
        for (index, id) in some.iter().enumerate() {
            let object = found.remove(&format!("t{index}")).flatten();
            let Some(FolderObject { entries: Some(listed) }) = object else {
                return Err(GitHubFailure::new(format!("GitHub has no tree {} in {repo}", id.short_hex())));
            };
            folders.insert(*id, collect_entries(*id, listed)?);
        }
    }
    Ok(folders)
}

fn collect_entries(id: Oid, listed: Vec<FolderObjectEntry>) -> Result<FolderEntries, GitHubFailure> {
    let mut entries = FolderEntries::new();
    for FolderObjectEntry { name, mode, oid } in listed {
        // Names that are no UTF-8 can look the same here.
        if entries.insert(name, FolderEntry { mode, id: oid }).is_some() {
            let why = format!("GitHub lists a name in the tree {} twice", id.short_hex());
            return Err(GitHubFailure::new(why));
        }
    }
    Ok(entries)
}

fn build_folder_query(folders: usize) -> String {
    let mut names = String::new();
    let mut fields = String::new();
    for index in 0..folders {
        names.push_str(&format!(" $t{index}: GitObjectID!"));
        fields.push_str(&format!(
            " t{index}: object(oid: $t{index}) {{ ... on Tree {{ entries {{ name mode oid }} }} }}"
        ));
    }
    format!(
        "query Folders($owner: String! $name: String!{names}) {{ \
         repository(owner: $owner, name: $name, followRenames: false) {{{fields} }} }}"
    )
}
