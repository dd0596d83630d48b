//! What the source of a policy is called: the commit that holds it, and those of the files that it shares.

use std::collections::BTreeMap;

use crate::change::Oid;

/// What stands before the files of other repositories in the name of a source.
const REMOTE_MARK: &str = ", with ";

/// Returns the name of the file at `path` in a commit that is called `called`.
pub(crate) fn name_commit_source(path: &str, called: &str, commit: Oid) -> String {
    let id = commit.short_hex();
    if called == id { format!("{path} at {id}") } else { format!("{path} at {called} ({id})") }
}

/// Adds to the name of a source at which commits files of other repositories were read, by their names.
pub(crate) fn add_remote_commits(source: &mut String, commits: &BTreeMap<String, Oid>) {
    for (index, (name, commit)) in commits.iter().enumerate() {
        source.push_str(if index == 0 { REMOTE_MARK } else { ", " });
        source.push_str(name);
        if !name.ends_with(&commit.to_string()) {
            source.push_str(&format!(" ({commit})"));
        }
    }
}

/// Returns what the name of a source says of files of other repositories.
pub(crate) fn list_named_remotes(source: &str) -> &str {
    source.find(REMOTE_MARK).and_then(|start| source.get(start..)).unwrap_or_default()
}
