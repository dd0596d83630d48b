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
    let Ok(target) = &context.change.target else { return SIGN_HERE.with("revision", revision) };
    let branch = target.as_bytes().strip_prefix(b"refs/heads/").unwrap_or(target.as_bytes());
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(byte);
    match std::str::from_utf8(branch) {
        Ok(branch) if branch.bytes().all(|byte| is_plain(&byte)) && !branch.starts_with('-') => {
            SIGN_FOR.with("revision", revision).with("branch", branch)
        }
        _ => SIGN_FOR_QUOTED.with("revision", revision),
    }
}
