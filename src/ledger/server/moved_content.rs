//! How a move without a decision relates to the signed approvals that are open: whether what came past the gate is what was
//! approved, and the lines that nobody approved.

use anyhow::{Result, bail};

use crate::change::{ContentRelation, LandedRelation, Oid, SignedDecision};
use crate::gate::signed_approvals::ReceivedApproval;
use crate::gate::signed_approvals::landed_comparison::{LandedChange, relate_landed_change};
use crate::git::Repository;
use crate::ledger::record::RecordedMove;

/// The most commits of a move that are compared with what was approved.
const MAX_COMPARED_COMMITS: usize = 500;

/// The most lines that are shown of one approval.
const MAX_SHOWN_LINES: usize = 20;

/// Returns how a move relates to the approvals of its ref, as sentences; none if no approval was open. What cannot be
/// compared is said as well.
pub(crate) fn describe_moved_content(
    repository: &Repository,
    moved: &RecordedMove,
    received: &[ReceivedApproval],
) -> Vec<String> {
    let of_ref = received.iter().filter(|one| one.target == moved.name);
    let of_ref: Vec<ReceivedApproval> = of_ref.cloned().collect();
    let (Some(old), Some(new)) = (moved.old, moved.new) else { return Vec::new() };
    if of_ref.is_empty() {
        return Vec::new();
    }
    match compare_move(repository, moved, (old, new), &of_ref) {
        Ok(lines) if lines.is_empty() => {
            vec!["what landed there is not of any revision whose signed approval is open".to_owned()]
        }
        Ok(lines) => lines,
        Err(error) => vec![format!("what landed there cannot be compared with what was approved: {error:#}")],
    }
}

fn compare_move(
    repository: &Repository,
    moved: &RecordedMove,
    (old, new): (Oid, Oid),
    received: &[ReceivedApproval],
) -> Result<Vec<String>> {
    let commits = repository.list_steps(new, &[old])?.concat();
    if commits.len() > MAX_COMPARED_COMMITS {
        bail!("it is of more than {MAX_COMPARED_COMMITS} commits");
    }
    let landed = LandedChange { target: &moved.name, tip: new, hidden: &[old], commits: &commits };
    let compared = relate_landed_change(repository, &landed, received)?;
    let mut lines = Vec::new();
    for one in received {
        if let Some(relation) = compared.find_relation(one.id) {
            lines.extend(describe_relation(one, relation));
        }
    }
    Ok(lines)
}

fn describe_relation(approval: &ReceivedApproval, landed: &LandedRelation) -> Vec<String> {
    let verb = match approval.decision {
        SignedDecision::Approved => "approved",
        SignedDecision::Rejected => "rejected",
        SignedDecision::Revoked => "revoked what they said of",
    };
    let mut what = format!(
        "{} {verb} {}; what landed is {}",
        approval.signer.to_lossy(),
        approval.revision.short_hex(),
        landed.relation.word()
    );
    match &landed.relation {
        ContentRelation::Partial { commit } => {
            what.push_str(&format!(": {} is no part of it", commit.short_hex()));
        }
        ContentRelation::Changed { commit, .. } => {
            what.push_str(&format!(": {} holds something else", commit.short_hex()));
        }
        ContentRelation::Uncompared(why) => what.push_str(&format!(": {why}")),
        _ => {}
    }
    let mut lines = vec![what];
    for path in &landed.unapproved {
        let name = path.path.to_lossy();
        match &path.without_lines {
            Some(why) => lines.push(format!("  not approved: {name}: {why}")),
            None => lines.push(format!("  not approved: {name}")),
        }
        for line in &path.lines {
            let sign = if line.has_landed { '+' } else { '-' };
            lines.push(format!("    {sign} line {}: {}", line.number, line.text.to_lossy()));
        }
    }
    if lines.len() > MAX_SHOWN_LINES {
        let left_out = lines.len() - MAX_SHOWN_LINES;
        lines.truncate(MAX_SHOWN_LINES);
        lines.push(format!("  and {left_out} further lines"));
    }
    lines
}
