//! The policy that the hooks of a clone judge by: the one that will judge.
//!
//! A push is judged by the policy that the branch holds before it. So in a clone that is the policy of the
//! branch at the remote with the gate, as it was fetched last, or that of the last commit. A branch that is older than
//! the policy is judged by that of the remote's default branch. Where no policy is committed yet, nothing judges, and a
//! draft in the work tree is advice: no server judges the change that brings the first policy.

use std::io::Write as _;

use crate::change::Oid;
use crate::cli::context::Context;
use crate::cli::hook::clone_state::find_commit_branch;
use crate::cli::hook::git_command::GitCommand;
use crate::cli::output::{self, wrap_text};
use crate::gate::push_remote::GateBranch;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_for_hook, load_from_disk};
use crate::git::{HeadState, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, PolicyErrors};

/// The policy by which a hook of a clone judges a commit, and where it comes from.
pub(crate) struct ClonePolicy {
    pub(crate) loaded: LoadedPolicy,
    /// What the remote with the gate holds of the branch that the commit is made on.
    pub(crate) gate_branch: Option<GateBranch>,
    /// True if no policy is committed yet, so that this one is only a draft.
    pub(crate) is_draft: bool,
    /// The last commit; `None` if there is none, or no repository.
    head: Option<Oid>,
}

impl ClonePolicy {
    /// Loads the policy that will judge what is committed next.
    ///
    /// # Errors
    ///
    /// Says whether it is absent or faulty.
    pub(crate) fn load_policy(
        repository: Option<&Repository>,
        context: &Context,
    ) -> Result<ClonePolicy, UnusablePolicy> {
        let branch = repository.and_then(find_commit_branch);
        let gate_branch = match (repository, &branch) {
            // What cannot be read here is read by the server.
            (Some(repository), Some(branch)) => {
                GateBranch::find_by_name(repository, branch).unwrap_or_default()
            }
            _ => None,
        };
        let head = repository.and_then(find_head);
        if let (Some(repository), Some(branch), Some(gate)) = (repository, &branch, &gate_branch) {
            match load_for_hook(repository, gate.tip, DEFAULT_POLICY_PATH, &gate.name) {
                Ok(loaded) if loaded.policy.protects_ref(branch.as_bytes()) => {
                    return Ok(ClonePolicy { loaded, gate_branch, is_draft: false, head });
                }
                Err(UnusablePolicy::Faulty(errors)) => return Err(UnusablePolicy::Faulty(errors)),
                Ok(_) | Err(UnusablePolicy::Absent) => {}
            }
        }
        if let (Some(repository), Some(head)) = (repository, head) {
            match load_for_hook(repository, head, DEFAULT_POLICY_PATH, "HEAD") {
                Ok(loaded) => {
                    return Ok(ClonePolicy { loaded, gate_branch, is_draft: false, head: Some(head) });
                }
                Err(UnusablePolicy::Faulty(errors)) => return Err(UnusablePolicy::Faulty(errors)),
                Err(UnusablePolicy::Absent) => {}
            }
        }
        let of_default = repository.zip(gate_branch.as_ref());
        if let Some(loaded) = of_default.and_then(|(repository, gate)| gate.find_default_policy(repository)) {
            return Ok(ClonePolicy { loaded, gate_branch, is_draft: false, head });
        }
        let loaded = load_from_disk(&context.directory, DEFAULT_POLICY_PATH)?;
        // Outside of a repository nothing is ever committed, and a message is only tried.
        Ok(ClonePolicy { loaded, gate_branch, is_draft: repository.is_some(), head })
    }

    /// Says that a draft in the work tree does not judge, and what is wrong with it; nothing if there is none.
    pub(crate) fn note_draft(&self, repository: Option<&Repository>, context: &Context) {
        let (Some(repository), Some(head)) = (repository, self.head) else { return };
        if !self.loaded.is_from_commit()
            || !self.loaded.is_edited_on_disk(repository, head, &context.directory)
        {
            return;
        }
        let mut out = std::io::stderr().lock();
        if let Err(UnusablePolicy::Faulty(errors)) = load_from_disk(&context.directory, DEFAULT_POLICY_PATH) {
            // Where nothing can be written, there is no reader.
            let _ = output::write_policy_faults(&errors, context.colour, &mut out);
        }
        let note = format!(
            "judged by {}; the policy in the work tree is a draft, and judges only what comes after it has landed \
             (`changegate try` judges by it)",
            self.loaded.source
        );
        let _ = writeln!(out, "{}", wrap_text("changegate: ", 2, &note));
    }
}

/// Says what is wrong with the policy that would judge. The commit goes on: the server decides.
pub(crate) fn note_unusable_policy(errors: &PolicyErrors, consequence: &str, context: &Context) {
    let mut out = std::io::stderr().lock();
    if let Some(unread) = &errors.unread {
        let _ = writeln!(out, "{}", wrap_text("changegate: ", 2, consequence));
        let location = GitCommand::find_committing(context).map(|command| command.location);
        let why = output::describe_unread_files(unread, &location.unwrap_or_default());
        let _ = writeln!(out, "{}", output::wrap_error(&format!("changegate: {why}")));
        return;
    }
    // Where nothing can be written, there is no reader.
    let _ = output::write_policy_faults(errors, context.colour, &mut out);
    let _ = writeln!(out, "{}", wrap_text("changegate: ", 2, consequence));
}

fn find_head(repository: &Repository) -> Option<Oid> {
    match repository.read_head().ok()? {
        HeadState::Branch(branch) => branch.id,
        HeadState::Detached(id) => Some(id),
    }
}
