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
    let predicate = measure_coverage(repository, (subject.revision, subject.tree), reasons)?;
    Ok(subject.build_statement(COVERAGE_PREDICATE_TYPE, &Value::Object(predicate)))
}

/// Returns the predicate for a revision that landed, with its tree if that is here.
fn measure_coverage(
    repository: &Repository,
    (landed, tree): (Oid, Option<Oid>),
    reasons: &RecordedReasons,
) -> Result<Map<String, Value>> {
    let bound = list_bound_approvals(repository, reasons);
    let mut predicate = Map::new();
    predicate.insert("approvals".to_owned(), bound.iter().map(describe_approval).collect());
    let checks = describe_checks(repository, reasons);
    if !checks.is_empty() {
        predicate.insert("checks".to_owned(), checks.into());
    }
    let mut coverage = json!({ "result": "unverifiable" });
    let newest = bound.iter().max_by_key(|one| one.approval.given_at);
    if let (Some(newest), Some(tree)) = (newest, tree) {
        if bound.iter().any(|one| one.tree == tree) {
            coverage = json!({ "result": "identity" });
        } else if let Some((result, transform)) = replay_landing(repository, (landed, tree), newest)? {
            coverage = result;
            predicate.insert("mergeTransform".to_owned(), transform);
        }
    }
    predicate.insert("reviewCoverage".to_owned(), coverage);
    let format = if repository.object_format() == ObjectFormat::Sha1 { "sha1" } else { "sha256" };
    predicate.insert("objectFormat".to_owned(), format.into());
    Ok(predicate)
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ana").env(format!("GIT_{who}_EMAIL"), "ana@example.com");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a file of ten lines, one of which is replaced, and returns the commit.
    fn commit(folder: &Path, line: usize, word: &str) -> String {
        let path = folder.join("f");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "same\n".repeat(10));
        let mut lines: Vec<&str> = text.lines().collect();
        lines[line] = word;
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        git(folder, &["add", "f"]);
        git(folder, &["commit", "-q", "-m", word]);
        git(folder, &["rev-parse", "HEAD"])
    }

    /// Returns what is said of a commit that landed, if this revision was approved.
    fn measure(folder: &Path, landed: &str, approved: &str, trust: &str) -> Map<String, Value> {
        let reasons = json!({
            "revision": approved, "commits": 1, "subject": "x", "pull": "acme/shop#1", "class": null,
            "decision": "allow", "rules": [], "contributors": [], "fields": [], "tickets": [],
            "checks": [{ "name": "unit", "by": null, "state": "success", "tests": null, "url": "" }],
            "left-out": 0, "missing": [], "policies": [],
            "approvals": [{
                "source": "review", "trust": trust, "decision": "approved", "by": "bo", "account-number": 7,
                "person": "bo", "teams": [], "given-at": "2026-01-01T00:00:00Z", "revision": approved,
                "at": { "commit": null, "line": null, "in-description": false, "path": null },
                "uses": [{ "rule": "peer-review", "counts": true, "why-not": null }],
            }],
        });
        let reasons: RecordedReasons = serde_json::from_value(reasons).unwrap();
        let repository = Repository::discover_from(folder).unwrap();
        let id = Oid::from_hex(landed).unwrap();
        measure_coverage(&repository, (id, find_tree(&repository, id)), &reasons).unwrap()
    }

    #[test]
    fn a_review_covers_what_landed_or_what_comes_of_it_on_its_base() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        git(folder, &["init", "-q", "-b", "main"]);
        let first = commit(folder, 0, "first");
        git(folder, &["checkout", "-q", "-b", "topic"]);
        let reviewed = commit(folder, 9, "reviewed");
        git(folder, &["checkout", "-q", "main"]);
        let result = |landed: &str, approved: &str, trust: &str| {
            let told = measure(folder, landed, approved, trust);
            told["reviewCoverage"]["result"].as_str().unwrap().to_owned()
        };
        // Nothing else landed meanwhile.
        git(folder, &["merge", "-q", "--squash", "topic"]);
        git(folder, &["commit", "-q", "-m", "same tree"]);
        let same = git(folder, &["rev-parse", "HEAD"]);
        assert_eq!(result(&same, &reviewed, "verified"), "identity");
        assert_eq!(result(&same, &reviewed, "claimed"), "unverifiable", "a trailer names no tree");
        assert_eq!(result(&same, &"1".repeat(40), "verified"), "unverifiable", "it is not here");

        git(folder, &["reset", "-q", "--hard", &first]);
        let base = commit(folder, 2, "meanwhile");
        git(folder, &["merge", "-q", "--squash", "topic"]);
        git(folder, &["commit", "-q", "-m", "squash"]);
        let squashed = git(folder, &["rev-parse", "HEAD"]);
        let told = measure(folder, &squashed, &reviewed, "verified");
        let tree = git(folder, &["rev-parse", "HEAD^{tree}"]);
        assert_eq!(told["reviewCoverage"], json!({ "result": "replay" }));
        assert_eq!(told["mergeTransform"]["expectedTree"]["digest"]["gitTree"], tree);
        assert_eq!(told["mergeTransform"]["baseAtMerge"]["digest"]["gitCommit"], base);
        assert_eq!(
            (&told["mergeTransform"]["kind"], &told["objectFormat"]),
            (&json!("squash"), &json!("sha1"))
        );
        assert_eq!(told["checks"][0]["outcome"], "pass");

        // Something more is in what landed than was reviewed.
        commit(folder, 5, "slipped in");
        git(folder, &["reset", "-q", "--soft", &base]);
        git(folder, &["commit", "-q", "-m", "squash with more"]);
        let told = measure(folder, &git(folder, &["rev-parse", "HEAD"]), &reviewed, "verified");
        assert_eq!(told["reviewCoverage"]["result"], "residual");
        assert_eq!(told["reviewCoverage"]["residualBase"]["digest"]["gitTree"], tree);

        git(folder, &["reset", "-q", "--hard", &first]);
        let base = commit(folder, 9, "the same line");
        git(folder, &["merge", "-q", "-s", "ours", "-m", "resolved", "topic"]);
        let merge = git(folder, &["rev-parse", "HEAD"]);
        let objects = git(folder, &["count-objects"]);
        let told = measure(folder, &merge, &reviewed, "verified");
        assert_eq!(told["reviewCoverage"], json!({ "result": "unverifiable" }));
        let transform = &told["mergeTransform"];
        assert_eq!((&transform["kind"], &transform["replayClean"]), (&json!("mergeCommit"), &json!(false)));
        assert_eq!(transform["parents"][0]["digest"]["gitCommit"], base);
        measure(folder, &squashed, &reviewed, "verified");
        assert_eq!(git(folder, &["count-objects"]), objects, "nothing is written");
    }
}
