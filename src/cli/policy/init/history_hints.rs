//! What a history and small files of the work tree hint at. What cannot be read is as if it were not there: this is a draft.

use std::path::Path;

use crate::change::NeededFacts;
use crate::cli::policy::mailmap::Mailmap;
use crate::cli::policy::roster_draft::RosterDraft;
use crate::git::Repository;
use crate::people::PeopleDirectory;

/// How many of the newest commits the roster is drafted from.
const MAX_DRAFTED_COMMITS: usize = 10_000;

/// The largest file that is read as a hint, in bytes.
const MAX_HINT_BYTES: u64 = 1 << 20;

/// Returns what the history tells about people; `None` where there is no history that can be read.
pub(super) fn draft_roster(root: &Path, known: &PeopleDirectory) -> Option<RosterDraft> {
    let repository = Repository::discover_from(root).ok()?;
    let tip = repository.resolve_revision("HEAD").ok()?;
    let mailmap = read_hint(&root.join(".mailmap")).map(|text| Mailmap::parse_mailmap(text.as_bytes()));
    let mut draft = RosterDraft::new(mailmap.unwrap_or_default());
    let needs = NeededFacts::new();
    for id in repository.list_new_commits(tip, &[]).ok()?.take(MAX_DRAFTED_COMMITS) {
        // A draft is as good as the history that can be read.
        let Ok(id) = id else { break };
        if let Ok(commit) = repository.read_commit(id, &needs) {
            draft.add_commit(&commit, known);
        }
    }
    Some(draft)
}

/// Returns a small file of the work tree; `None` if it is not there, or cannot be read as a file of text.
pub(super) fn read_hint(path: &Path) -> Option<String> {
    let found = std::fs::symlink_metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_HINT_BYTES {
        return None;
    }
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
