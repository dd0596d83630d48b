//! The exceptions that a forge's list of merged pull requests shows: what the branch lacks, and what came to it otherwise.

use jiff::Timestamp;

use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::inputs::merged_pulls::ListedPull;
use crate::audit::population::step_evidence::StepEvidence;
use crate::audit::table::format_table_time;
use crate::change::Text;

/// Where the evidence of these exceptions stands.
const EVIDENCE: &str = "the forge's list of merged pull requests";

/// Returns the exception of a pull request that the branch lacks although the forge says that it was merged into it.
pub(crate) fn build_missing_exception(
    (repository, ref_name): (&str, &Text),
    pull: &ListedPull,
) -> AuditException {
    let what = format!(
        "the forge says that it merged #{} at {} as commit {}, which is no step of the branch",
        pull.number,
        format_table_time(pull.merged_at),
        pull.commit
    );
    let subject = (format!("{repository}#{}", pull.number), ref_name.clone());
    AuditException::open_exception(ExceptionKind::MissingPull, subject, (what, pull.merged_at), EVIDENCE)
}

/// Returns the exception of a step that no pull request brought.
pub(crate) fn build_direct_exception(
    id: String,
    evidence: &StepEvidence,
    happened: (String, Timestamp),
) -> AuditException {
    let facts = evidence.facts.as_ref().ok();
    let title = facts.map(|facts| facts.title.clone()).unwrap_or_default();
    AuditException {
        actor: facts.map(|facts| facts.author.name.clone()),
        ..AuditException::open_exception(ExceptionKind::WithoutPull, (id, title), happened, EVIDENCE)
    }
}
