//! What the signer has said before about a revision, as far as the clone knows it: a new word is dated after it.

use anyhow::Result;

use crate::change::{NeededFacts, Oid};
use crate::gate::signed_approvals::{APPROVAL_REF_PREFIX, ApprovalStatement, FETCHED_REF_PREFIX};
use crate::git::Repository;

/// The most approvals of the clone that are looked at, the last of each folder by name.
const MAX_READ_APPROVALS: usize = 20_000;

/// Returns the date of a new word of this signer, in seconds since 1970: `now`, or the second after the newest word that
/// they have said about the same revision for the same branch. A clock that was ahead then would make the new word look
/// like one that was held back, and in the same second the same word would be the same commit.
pub(super) fn find_word_date(
    repository: &Repository,
    statement: &ApprovalStatement,
    signer: &str,
    now: i64,
) -> Result<i64> {
    let mut date = now;
    for folder in [APPROVAL_REF_PREFIX, FETCHED_REF_PREFIX] {
        for kept in repository.list_refs(folder)?.iter().rev().take(MAX_READ_APPROVALS) {
            let Some(id) = kept.id else { continue };
            if let Some(said_at) = find_date_of_word(repository, id, statement, signer) {
                date = date.max(said_at.saturating_add(1));
            }
        }
    }
    Ok(date)
}

/// Returns the date of an approval by this signer that is about the same revision and branch; `None` for anything else.
fn find_date_of_word(
    repository: &Repository,
    id: Oid,
    statement: &ApprovalStatement,
    signer: &str,
) -> Option<i64> {
    // An approval that cannot be read here is none that the clone knows; the server has the last word.
    if repository.list_parents(id).ok()? != [statement.revision] {
        return None;
    }
    let commit = repository.read_commit(id, &NeededFacts::new()).ok()?;
    let said = ApprovalStatement::parse_message(&commit.message)?;
    let is_same = said.target == statement.target
        && said.repository == statement.repository
        && commit.author.email.as_bytes().eq_ignore_ascii_case(signer.as_bytes());
    if is_same { Some(commit.authored_at) } else { None }
}
