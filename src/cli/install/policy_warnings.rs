//! What keeps the policy of a server from doing what its administrator expects, said where the server is set up.

use std::io::{self, Write};

use crate::change::Text;
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::gate::policy_findings::{find_unrelated_branch, is_setting_missing};
use crate::gate::policy_ref::leaves_own_ref_free;
use crate::gate::policy_repositories::FOLDER_KEY;
use crate::gate::{UnusablePolicy, load_from_commit};
use crate::git::Repository;
use crate::verdict::quote_for_shell;

/// Writes notes on the policy at `path` of the policy ref; returns true if every push is refused, since a setting is
/// missing by which it could be read, or since it leaves the policy ref to any push.
pub(crate) fn write_policy_warnings(
    repository: &Repository,
    (policy_ref, path): (&str, &str),
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<bool> {
    // What cannot be read is said by the next push.
    let tip = repository.resolve_ref(policy_ref.as_bytes()).ok().and_then(|found| found.id);
    let Some(tip) = tip else { return Ok(false) };
    if let Ok(Some(branch)) = find_unrelated_branch(repository, policy_ref.as_bytes(), tip) {
        let branch = branch.to_lossy();
        let note = format!(
            "`{policy_ref}`, which the policy is read from, has no commit in common with `{branch}`, so it vouches for \
             nothing: a new branch under change control is judged with its whole history. To read the policy from \
             `{branch}`, once that holds it:"
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
        let option = quote_for_shell(&branch);
        writeln!(out, "  changegate install --server --policy-ref {option}{}", context.program_location())?;
    }
    let loaded = load_from_commit(repository, tip, path, policy_ref);
    let is_missing = matches!(&loaded, Err(UnusablePolicy::Faulty(errors)) if is_setting_missing(errors));
    if is_missing {
        let note = format!(
            "the policy extends one of another repository, and `{FOLDER_KEY}` is not set, so every push is refused. \
             To name the folder that holds these repositories:"
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
        writeln!(out, "  git {}config {FOLDER_KEY} FOLDER", context.git_location())?;
    }
    let own_ref = Text::from(policy_ref);
    if let Ok(loaded) = &loaded
        && leaves_own_ref_free(repository, &own_ref, &loaded.policy).unwrap_or(false)
    {
        let branch = policy_ref.strip_prefix("refs/heads/").unwrap_or(policy_ref);
        let error = format!(
            "`protects` leaves out `{branch}`, which the policy is read from, so that any push could put another \
             policy there; every push is refused. In a clone, add `{branch}` to `protects`, and commit; then here, \
             past the hook:"
        );
        writeln!(out, "{}", wrap_text("error: ", 2, &error))?;
        let branch = quote_for_shell(branch);
        writeln!(out, "  git {}fetch CLONE {branch}:{branch}", context.git_location())?;
        return Ok(true);
    }
    Ok(is_missing)
}
