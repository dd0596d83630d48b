//! A decision, as it is written ahead: what was asked, what was judged, and from which facts.

use sha2::{Digest as _, Sha256};

use super::ahead::Ahead;
use super::record::{Decided, Facts, PolicyUsed, RefDecided};
use crate::change::{Fact, Oid, Pusher, text};
use crate::git::{Peeled, Repository};
use crate::report::{Group, Of, Report, Update};

/// Facts of more bytes than this are not kept: their digest is.
pub const MOST_FACTS: usize = 1 << 20;

/// The version of the gate, as records name it.
pub const TOOL: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// Returns the decision of a push; `None` if it is about no ref under change control and nothing was
/// refused.
pub fn ahead(
    repository: &Repository,
    report: Report,
    pusher: &Fact<Pusher>,
    id: String,
    served_by: u32,
) -> Option<Ahead> {
    if report.groups.is_empty() {
        return None;
    }
    let (facts, text) = facts(&report.groups);
    let refs = report.groups.into_iter().filter_map(|group| of_ref(repository, group)).collect();
    let decided = Decided {
        id,
        observed_at: report.seen_at,
        stage: report.stage,
        pusher: pusher.clone(),
        decision: report.decision,
        policy: report.policy.map(|policy| PolicyUsed {
            name: policy.name,
            digest: format!("sha256:{}", policy.digest),
            source: policy.source,
        }),
        refs,
        notes: report.notes,
        facts,
        tool: TOOL.to_owned(),
    };
    Some(Ahead { decided, served_by, facts: text })
}

/// Returns the digest of all facts, and their text if it is kept.
fn facts(groups: &[Group]) -> (Facts, Option<String>) {
    let mut digest = Sha256::new();
    let lines = || groups.iter().flat_map(|group| &group.facts);
    for line in lines() {
        digest.update(line);
        digest.update("\n");
    }
    let size: usize = lines().map(|line| line.len().saturating_add(1)).sum();
    let kept = size <= MOST_FACTS;
    let text = kept.then(|| lines().flat_map(|line| [line.as_str(), "\n"]).collect());
    let digest = format!("sha256:{}", text::hex(&digest.finalize()));
    (Facts { digest, changes: lines().count(), kept }, text)
}

fn of_ref(repository: &Repository, group: Group) -> Option<RefDecided> {
    let Of::Ref { name, update } = group.of else { return None };
    let (old, new) = match update {
        Update::Create { new } => (None, Some(new)),
        Update::Move { old, new } | Update::Rewrite { old, new } => (Some(old), Some(new)),
        Update::Delete { old } => (Some(old), None),
    };
    Some(RefDecided {
        name,
        old,
        new,
        tree: new.and_then(|new| tree_of(repository, new)),
        protected: true,
        refusals: group.refusals,
        changes: group.verdicts,
        passed: group.passed,
    })
}

/// Returns the tree of the commit that an id leads to.
pub fn tree_of(repository: &Repository, id: Oid) -> Option<Oid> {
    let Ok(Peeled::Commit(commit)) = repository.peel(id) else { return None };
    let raw = repository.raw_commit(commit).ok()?;
    let digits = raw.strip_prefix(b"tree ")?.split(|byte| *byte == b'\n').next()?;
    Oid::from_hex(std::str::from_utf8(digits).ok()?)
}
