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

/// Returns the commits of files of other repositories that the name of a source tells, by the names of the files.
pub(crate) fn find_remote_commits(source: &str) -> BTreeMap<String, Oid> {
    let mut commits = BTreeMap::new();
    let named = list_named_remotes(source).strip_prefix(REMOTE_MARK).unwrap_or_default();
    for part in named.split(", ") {
        let told = part.strip_suffix(')').and_then(|part| part.split_once(" ("));
        if let Some((name, commit)) = told
            && let Some(commit) = Oid::from_hex(commit)
        {
            commits.insert(name.to_owned(), commit);
        }
    }
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_source_tells_of_other_repositories_is_read_again() {
        let commit = Oid::from_hex(&"4e".repeat(20)).unwrap();
        let names = ["acme/policies//base.yml@main", "acme/policies//more.yml@main"];
        let commits: BTreeMap<String, Oid> = names.iter().map(|name| ((*name).to_owned(), commit)).collect();
        let mut source = name_commit_source("policies/changegate.yml", "refs/heads/main", commit);
        assert_eq!(find_remote_commits(&source), BTreeMap::new());
        add_remote_commits(&mut source, &commits);
        assert_eq!(find_remote_commits(&source), commits);
        // One that is named by its commit needs no other word.
        let pinned = BTreeMap::from([(format!("acme/policies//base.yml@{commit}"), commit)]);
        let mut source = "x at y".to_owned();
        add_remote_commits(&mut source, &pinned);
        assert_eq!(find_remote_commits(&source), BTreeMap::new());
    }
}
