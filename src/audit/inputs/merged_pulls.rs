//! The pull requests that a forge says were merged, to hold the history of a branch against.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::inputs::input_file::{InputEntry, InputFile};
use crate::change::Oid;
use crate::ledger::record::digest_bytes;

/// A pull request that was merged, as the list of a forge has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListedPull {
    /// Its number.
    pub number: String,
    /// The commit that it became on its base.
    pub commit: Oid,
    /// The name of its base, without `refs/heads/`.
    pub base: String,
    /// When it was merged, by the forge's clock.
    pub merged_at: Timestamp,
}

/// The merged pull requests of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedPulls {
    /// The pull requests, in the order of the list.
    pub pulls: Vec<ListedPull>,
    /// `sha256:` and the digest of the file, or of the lines that `ListedPulls::from_forge` names.
    pub digest: String,
    /// True if the list is known to have all that were merged into the branch in the period, as the forge says now; of a
    /// file, only its first and last entries tell how far it goes.
    pub is_whole: bool,
}

/// What is known of the pull requests that a forge merged into a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenPulls {
    /// No list was asked for.
    NotAsked,
    /// A list.
    Listed(ListedPulls),
    /// There is no list of this repository on a forge that can be asked, for this reason.
    NotKept(String),
    /// A list was asked for and cannot be had, for this reason, so that something may be missing.
    NotRead(String),
}

impl GivenPulls {
    /// Returns the list, if there is one.
    pub(crate) fn list(&self) -> Option<&ListedPulls> {
        match self {
            GivenPulls::Listed(list) => Some(list),
            GivenPulls::NotAsked | GivenPulls::NotKept(_) | GivenPulls::NotRead(_) => None,
        }
    }
}

impl ListedPulls {
    /// Returns the list that a forge has answered, as far as a period asks for it. Its digest is that of a line
    /// `NUMBER,COMMIT,BASE,TIME` for each pull request, in the order of the list.
    pub(crate) fn from_forge(pulls: Vec<ListedPull>) -> ListedPulls {
        let mut lines = String::new();
        for one in &pulls {
            let ListedPull { number, commit, base, merged_at } = one;
            lines.push_str(&format!("{number},{commit},{base},{merged_at}\n"));
        }
        ListedPulls { digest: digest_bytes(lines.as_bytes()), pulls, is_whole: true }
    }
}

/// Reads what `gh pr list --state merged --json number,mergeCommit,mergedAt,baseRefName` writes, what GitHub's and
/// GitLab's lists answer, or CSV with `number`, `commit`, `base` and `merged_at`. What was closed or is open is left
/// out.
///
/// # Errors
///
/// Fails if the file cannot be read, or a pull request that was merged lacks one of these.
pub fn read_merged_pulls(path: &Path) -> Result<ListedPulls> {
    let file = InputFile::read_file(path)?;
    let mut pulls = Vec::new();
    for entry in &file.entries {
        pulls.extend(read_merged_pull(entry).with_context(|| format!("cannot use {}", path.display()))?);
    }
    Ok(ListedPulls { pulls, digest: file.digest, is_whole: false })
}

/// Reads a pull request; `None` if it was not merged.
fn read_merged_pull(entry: &InputEntry) -> Result<Option<ListedPull>> {
    let place = &entry.place;
    let Some(merged_at) = entry.find_time(&["mergedat"])? else {
        let state = entry.find_text(&["state"]).unwrap_or_default().to_ascii_lowercase();
        if matches!(state.as_str(), "open" | "opened" | "closed" | "locked") {
            return Ok(None);
        }
        bail!("{place} has no `mergedAt`");
    };
    let Some(number) = entry.find_text(&["number", "iid"]) else { bail!("{place} has no `number`") };
    // What GitLab merges by moving the branch forward has the id of its own head.
    let Some(written) =
        entry.find_text(&["commit", "mergecommit", "mergecommitsha", "squashcommitsha", "sha"])
    else {
        bail!("{place} has no `mergeCommit`");
    };
    let Some(commit) = Oid::from_hex(written) else {
        bail!("{place}: `{written}` is no whole commit id");
    };
    let Some(base) = entry.find_text(&["baserefname", "targetbranch", "base"]) else {
        bail!("{place} has no `baseRefName`");
    };
    let base = base.strip_prefix("refs/heads/").unwrap_or(base).to_owned();
    Ok(Some(ListedPull { number: number.to_owned(), commit, base, merged_at }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::inputs::input_file::parse_entries;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn read_first(written: &str) -> Result<Option<ListedPull>> {
        read_merged_pull(&parse_entries(written.replace("ID", ID).as_bytes()).unwrap()[0])
    }

    #[test]
    fn the_lists_of_forges_say_the_same() {
        let expected = ListedPull {
            number: "12".into(),
            commit: Oid::from_hex(ID).unwrap(),
            base: "main".into(),
            merged_at: "2026-06-01T10:00:00Z".parse().unwrap(),
        };
        for written in [
            r#"[{"number":12,"mergeCommit":{"oid":"ID"},"mergedAt":"2026-06-01T10:00:00Z","baseRefName":"main"}]"#,
            r#"[{"number":12,"state":"closed","merge_commit_sha":"ID","merged_at":"2026-06-01T10:00:00Z","base":{"label":"acme:main","ref":"main","sha":"f","user":{"login":"acme"}}}]"#,
            r#"[{"id":9,"iid":12,"state":"merged","merge_commit_sha":null,"squash_commit_sha":null,"sha":"ID","merged_at":"2026-06-01T10:00:00.000Z","target_branch":"main"}]"#,
            "number,commit,base,merged_at\n12,ID,refs/heads/main,2026-06-01T10:00:00Z\n",
        ] {
            assert_eq!(read_first(written).unwrap(), Some(expected.clone()), "{written}");
        }
    }

    #[test]
    fn what_was_not_merged_is_left_out_and_what_lacks_something_is_refused() {
        assert_eq!(read_first(r#"[{"number":12,"state":"closed","merged_at":null}]"#).unwrap(), None);
        assert_eq!(read_first(r#"[{"number":12,"state":"OPEN"}]"#).unwrap(), None);
        for (written, lacks) in [
            (r#"[{"number":12,"state":"MERGED"}]"#, "mergedAt"),
            (r#"[{"number":12,"mergedAt":"2026-06-01T10:00:00Z","baseRefName":"main"}]"#, "mergeCommit"),
            ("number,commit,merged_at\n12,ID,2026-06-01T10:00:00Z\n", "baseRefName"),
            ("commit,base,merged_at\nID,main,2026-06-01T10:00:00Z\n", "number"),
        ] {
            let error = read_first(written).unwrap_err().to_string();
            assert!(error.contains(&format!("has no `{lacks}`")), "{written}: {error}");
        }
        let short = "number,commit,base,merged_at\n12,abc,main,2026-06-01T10:00:00Z\n";
        assert_eq!(read_first(short).unwrap_err().to_string(), "line 2: `abc` is no whole commit id");
    }
}
