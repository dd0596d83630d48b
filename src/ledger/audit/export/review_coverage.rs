//! How what landed relates to what was reviewed: the predicate `source-review-coverage`, as it was proposed to in-toto
//! (pull request 581 of in-toto/attestation).
//!
//! Only an approval that a forge vouches for, that counted, and whose revision is here names a tree: a trailer is a
//! claim, and covers nothing that others could recompute. Where the trees differ, the reviewed revision is merged again
//! onto what it landed on, by libgit2. After a conflict nobody can tell which part a person resolved how; that is told as
//! not verifiable.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::change::Oid;
use crate::git::second_reader::merge_replay::{MergeReplay, REPLAY_STRATEGY, replay_merge};
use crate::git::{ObjectFormat, Repository};
use crate::ledger::audit::export::statement::StatementSubject;
use crate::ledger::record::{
    RecordedApproval, RecordedApprovalDecision, RecordedCheckState, RecordedReasons, RecordedTrust,
};
use crate::ledger::server::decision::find_tree;

/// The type of the predicate, as its authors call it.
pub(crate) const COVERAGE_PREDICATE_TYPE: &str = "https://drvelvetfog.github.io/source-review-coverage/v0.1";

/// An approval with the tree that it is of.
struct BoundApproval<'a> {
    approval: &'a RecordedApproval,
    revision: Oid,
    tree: Oid,
}

/// Returns the statement how a change that landed relates to its approvals.
///
/// # Errors
///
/// Fails if an object cannot be read.
pub(super) fn build_coverage(
    repository: &Repository,
    subject: &StatementSubject<'_>,
    reasons: &RecordedReasons,
) -> Result<Value> {
    let bound = list_bound_approvals(repository, reasons);
    let mut predicate = Map::new();
    predicate.insert("approvals".to_owned(), bound.iter().map(describe_approval).collect());
    let checks = describe_checks(repository, reasons);
    if !checks.is_empty() {
        predicate.insert("checks".to_owned(), checks.into());
    }
    let mut coverage = json!({ "result": "unverifiable" });
    let newest = bound.iter().max_by_key(|one| one.approval.given_at);
    if let (Some(newest), Some(tree)) = (newest, subject.tree) {
        if bound.iter().any(|one| one.tree == tree) {
            coverage = json!({ "result": "identity" });
        } else if let Some((result, transform)) =
            replay_landing(repository, (subject.revision, tree), newest)?
        {
            coverage = result;
            predicate.insert("mergeTransform".to_owned(), transform);
        }
    }
    predicate.insert("reviewCoverage".to_owned(), coverage);
    let format = if repository.object_format() == ObjectFormat::Sha1 { "sha1" } else { "sha256" };
    predicate.insert("objectFormat".to_owned(), format.into());
    Ok(subject.build_statement(COVERAGE_PREDICATE_TYPE, &Value::Object(predicate)))
}

fn list_bound_approvals<'a>(repository: &Repository, reasons: &'a RecordedReasons) -> Vec<BoundApproval<'a>> {
    let mut bound = Vec::new();
    for approval in &reasons.approvals {
        let counts = approval.uses.iter().any(|one| one.counts)
            && approval.decision == RecordedApprovalDecision::Approved
            && approval.trust == RecordedTrust::Verified;
        if counts
            && let Some(revision) = approval.revision
            && let Some(tree) = find_tree(repository, revision)
        {
            bound.push(BoundApproval { approval, revision, tree });
        }
    }
    bound
}

fn describe_approval(one: &BoundApproval<'_>) -> Value {
    let by = one.approval.by.as_ref().map_or_else(|| "a deleted account".into(), |by| by.to_lossy());
    let mut described = json!({ "overTree": describe_tree(one.tree), "approver": by });
    if let (Some(at), Some(described)) = (one.approval.given_at, described.as_object_mut()) {
        described.insert("approvedAt".to_owned(), json!(at));
    }
    described
}

/// Returns the checks of the revision that was judged, as far as they ended.
fn describe_checks(repository: &Repository, reasons: &RecordedReasons) -> Vec<Value> {
    let Some(tree) = reasons.revision.and_then(|revision| find_tree(repository, revision)) else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    for check in &reasons.checks {
        let outcome = match check.state {
            RecordedCheckState::Success => "pass",
            RecordedCheckState::Failed(_) => "fail",
            _ => continue,
        };
        checks.push(json!({
            "name": check.name.to_lossy(),
            "overTree": describe_tree(tree),
            "outcome": outcome,
        }));
    }
    checks
}

/// Merges the reviewed revision again onto what the change landed on. `None` if that cannot be done here.
fn replay_landing(
    repository: &Repository,
    (landed, tree): (Oid, Oid),
    reviewed: &BoundApproval<'_>,
) -> Result<Option<(Value, Value)>> {
    let parents = repository.list_parents(landed)?;
    let Some(base) = parents.first().copied() else { return Ok(None) };
    if repository.object_format() != ObjectFormat::Sha1 {
        return Ok(None);
    }
    let Some(replayed) = replay_merge(repository, base, reviewed.revision)? else { return Ok(None) };
    let is_merge = parents.len() > 1;
    let describe_commit = |id: Oid| json!({ "digest": { "gitCommit": id } });
    let mut transform = json!({
        "kind": if is_merge { "mergeCommit" } else { "squash" },
        "reviewedHead": describe_commit(reviewed.revision),
        "baseAtMerge": describe_commit(base),
        "replayClean": matches!(replayed, MergeReplay::Clean(_)),
        "strategy": REPLAY_STRATEGY,
    });
    let result = match replayed {
        MergeReplay::Conflict => json!({ "result": "unverifiable" }),
        MergeReplay::Clean(expected) if expected == tree => json!({ "result": "replay" }),
        MergeReplay::Clean(expected) => {
            json!({ "result": "residual", "residualBase": describe_tree(expected) })
        }
    };
    if let Some(transform) = transform.as_object_mut() {
        if let MergeReplay::Clean(expected) = replayed {
            transform.insert("expectedTree".to_owned(), describe_tree(expected));
        }
        if is_merge {
            let parents: Vec<Value> = parents.into_iter().map(describe_commit).collect();
            transform.insert("parents".to_owned(), parents.into());
        }
    }
    Ok(Some((result, transform)))
}

fn describe_tree(tree: Oid) -> Value {
    json!({ "digest": { "gitTree": tree } })
}
