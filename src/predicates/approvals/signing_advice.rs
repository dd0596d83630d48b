//! How a reviewer signs an approval of what lands, as a command that works where it is pasted.

use crate::change::Oid;
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{Message, messages};

messages! {
    SIGN_HERE = "approvals.sign-here":
        "who reviews it approves with `changegate approve {revision}`, in a clone that has this commit";
    SIGN_FOR = "approvals.sign-for":
        "who reviews it approves with `changegate approve {revision} --ref {branch}`, in a clone that has this commit";
    SIGN_FOR_QUOTED = "approvals.sign-for-quoted":
        "who reviews it approves with `changegate approve {revision}` and `--ref` with the quoted name of the branch, in a clone that has this commit";
}

/// Returns how to sign an approval of this revision for the branch of the change.
///
/// The branch is always named: which one a clone takes by default depends on the server's HEAD, of which nothing is known here.
pub(super) fn advise_signing(revision: Oid, context: &EvaluationContext<'_>) -> Message {
    let revision = revision.to_string();
    if context.change.target.is_err() {
        return SIGN_HERE.with("revision", revision);
    }
    match context.change.find_plain_branch() {
        Some(branch) => SIGN_FOR.with("revision", revision).with("branch", branch),
        None => SIGN_FOR_QUOTED.with("revision", revision),
    }
}

/// Returns what names the branch of the change in a command, after what stands before it; empty if a command cannot hold it.
pub(super) fn describe_ref_option(context: &EvaluationContext<'_>) -> String {
    context.change.find_plain_branch().map(|branch| format!(" --ref {branch}")).unwrap_or_default()
}
