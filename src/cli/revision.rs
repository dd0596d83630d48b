//! Commits and branches as they are named on a command line.

use crate::change::{Oid, Text};
use crate::cli::command_error::CommandError;
use crate::git::{HeadState, PeeledObject, Repository};
use crate::yaml::shorten_for_message;

/// Returns the commit that a revision names.
pub(crate) fn resolve_commit(repository: &Repository, spec: &str) -> Result<Oid, CommandError> {
    if spec.trim().is_empty() {
        return Err(CommandError::usage(
            "an empty text names no commit; is a variable not set? write a revision, as in `HEAD`",
        ));
    }
    let name = shorten_for_message(spec);
    let Ok(id) = repository.resolve_revision(spec) else {
        let is_unborn =
            matches!(repository.read_head(), Ok(HeadState::Branch(branch)) if branch.id.is_none());
        return Err(CommandError::Usage(if spec == "HEAD" && is_unborn {
            "HEAD has no commit yet".into()
        } else {
            format!("`{name}` does not name a commit of this repository")
        }));
    };
    match repository.peel_tags(id)? {
        PeeledObject::Commit(commit) => Ok(commit),
        PeeledObject::Missing => {
            Err(CommandError::Usage(format!("`{name}` names an object that is not in this repository")))
        }
        PeeledObject::Other(kind) => {
            Err(CommandError::Usage(format!("`{name}` names a {kind}, not a commit")))
        }
    }
}

/// Finds a branch by its name: a local one, or that of a remote, as in `origin/main`, which a fetch has brought. Returns the
/// name that it has where its changes are judged, and what it holds; `None` if there is none.
pub(crate) fn find_branch(
    repository: &Repository,
    written: &str,
) -> Result<Option<(Text, Oid)>, CommandError> {
    const REMOTES: &str = "refs/remotes/";
    let name = full_ref_name(written);
    if let Some(id) = repository.resolve_ref(name.as_bytes())?.id
        && !written.starts_with(REMOTES)
    {
        return Ok(Some((name, id)));
    }
    let bare = written.strip_prefix(REMOTES).unwrap_or(written);
    let Some((_, branch)) = bare.split_once('/') else { return Ok(None) };
    let found = repository.resolve_ref(format!("{REMOTES}{bare}").as_bytes())?.id;
    Ok(found.map(|id| (full_ref_name(branch), id)))
}

/// Returns the full name of a ref: a short name is that of a branch.
pub(crate) fn full_ref_name(name: &str) -> Text {
    if name.starts_with("refs/") {
        Text::from(name)
    } else {
        Text::from(format!("refs/heads/{name}").as_str())
    }
}
