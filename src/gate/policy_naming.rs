//! What a policy that is judged by is called: the commit that holds it, and those of the files that it shares.

use std::collections::BTreeMap;

use crate::change::Oid;
use crate::gate::policy_source::LoadedPolicy;
use crate::report::PolicyLocation;

/// What stands before the files of other repositories in the name of a source.
const REMOTE_MARK: &str = ", with ";

impl LoadedPolicy {
    /// Returns the same policy, whose place also tells the commits at which files of other repositories were read, by
    /// their names.
    #[must_use]
    pub(crate) fn with_remote_commits(mut self, commits: &BTreeMap<String, Oid>) -> LoadedPolicy {
        for (index, (name, commit)) in commits.iter().enumerate() {
            self.source.push_str(if index == 0 { REMOTE_MARK } else { ", " });
            self.source.push_str(name);
            if !name.ends_with(&commit.to_string()) {
                self.source.push_str(&format!(" ({commit})"));
            }
        }
        self
    }

    /// Returns the same policy as another commit holds it at `path`.
    #[must_use]
    pub(crate) fn with_commit(mut self, (id, path): (Oid, &str), called: &str) -> LoadedPolicy {
        let mut source = name_commit_source(path, called, id);
        if let Some((_, remotes)) = self.source.split_once(REMOTE_MARK) {
            source.push_str(REMOTE_MARK);
            source.push_str(remotes);
        }
        self.source = source;
        self.place = PolicyLocation::Commit { id, path: path.to_owned() };
        self
    }
}

/// Returns the name of the file at `path` in a commit that is called `called`.
pub(crate) fn name_commit_source(path: &str, called: &str, commit: Oid) -> String {
    let id = commit.short_hex();
    if called == id { format!("{path} at {id}") } else { format!("{path} at {called} ({id})") }
}
