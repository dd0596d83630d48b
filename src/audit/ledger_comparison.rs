//! What a ledger tells of a ref against what the ref holds here: a clone can be older than the ledger that it fetched,
//! and a branch can have been moved back before a record could tell of it.

use jiff::Timestamp;

use crate::audit::completeness::CompletenessCheck;
use crate::audit::population::period::AuditPeriod;
use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::audit::ledger_history::{LandedRefMove, LedgerHistory};
use crate::verdict::format_count;

/// The most landings that a line of the completeness sheet names.
const MAX_NAMED_LANDINGS: usize = 50;

/// The newest state of a ref by its ledger, and what the ref lacks of it.
#[derive(Clone, Debug, Default)]
pub struct LedgerComparison {
    /// What the ref held last by the ledger, and the record that tells of it.
    newest: Option<(Oid, u64)>,
    /// What it holds here.
    held: Option<Oid>,
    /// How many landings of the period the ledger tells of.
    landings: usize,
    /// Those of them that the ref lacks, each with its record and its time.
    lacking: Vec<(Oid, u64, Timestamp)>,
    /// The landings of the period that the ref has lost: a later move took them away.
    lost: Vec<(Oid, u64, Timestamp)>,
    /// How many landings the ref lacks, in the period and later.
    behind: usize,
    /// True if the steps between two commits were asked for: what came later says nothing against them.
    is_range: bool,
    /// What to do about that.
    advice: String,
}

/// A ref that is compared with its ledger.
pub(crate) struct ComparedRef<'a> {
    pub(crate) repository: &'a Repository,
    /// The full name of the ref.
    pub(crate) name: &'a Text,
    /// What it holds.
    pub(crate) tip: Oid,
    /// The landings of this time are counted.
    pub(crate) period: &'a AuditPeriod,
    /// True if the steps between two commits are asked for, and not those of a time.
    pub(crate) is_range: bool,
}

impl LedgerComparison {
    /// Compares a ref with the moves of its ledger; `lacking` are the places of those that the ref lacks, and `lost` of
    /// those that a later move took away.
    pub(crate) fn compare_ref(
        compared_ref: &ComparedRef<'_>,
        history: &LedgerHistory,
        (lacking, lost): (&[usize], &[usize]),
    ) -> LedgerComparison {
        let is_asked = |one: &&LandedRefMove| {
            !compared_ref.is_range && one.moved.new.is_some() && compared_ref.period.contains(one.observed_at)
        };
        let newest = history.moves.last().and_then(|one| Some((one.moved.new?, one.record)));
        let mut compared = LedgerComparison {
            newest,
            held: Some(compared_ref.tip),
            landings: history.moves.iter().filter(is_asked).count(),
            behind: lacking.len(),
            is_range: compared_ref.is_range,
            ..LedgerComparison::default()
        };
        let moves = lacking.iter().filter_map(|number| history.moves.get(*number));
        for one in moves.filter(is_asked) {
            compared.lacking.extend(one.moved.new.map(|new| (new, one.record, one.observed_at)));
        }
        for one in lost.iter().filter_map(|number| history.moves.get(*number)).filter(is_asked) {
            compared.lost.extend(one.moved.new.map(|new| (new, one.record, one.observed_at)));
        }
        if compared.behind > 0 {
            compared.advice = find_advice(compared_ref, newest.map(|(id, _)| id));
        }
        compared
    }

    /// Returns true if the ledger tells of landings that the ref lacks, so that the report has a hole.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind > 0 && !self.is_range
    }

    /// Returns the lines of the completeness sheet; none if the ledger tells of no move.
    pub(crate) fn build_checks(&self, name: &str) -> Vec<CompletenessCheck> {
        let (Some((newest, record)), Some(held)) = (self.newest, self.held) else { return Vec::new() };
        let mut checks = Vec::new();
        if !self.is_range {
            // What a recorded move took away is told by that move, and is no hole.
            let (stayed, without) = match self.lost.len() {
                0 => (self.landings, ""),
                lost => (self.landings.saturating_sub(lost), ", less those that later moves took away"),
            };
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: landings of the period by the ledger{without}, and those of them that the ref has"),
                stayed,
                stayed.saturating_sub(self.lacking.len()),
            ));
        }
        for (landings, what) in [
            (&self.lacking, "landings of the period that the ref lacks"),
            (&self.lost, "landings of the period that a later move took away"),
        ] {
            if !landings.is_empty() && !self.is_range {
                let what = format!("{name}: {what}");
                checks.push(CompletenessCheck::state_fact(&what, name_landings(landings)));
            }
        }
        let found = match (newest == held, self.behind > 0) {
            (true, _) => held.to_string(),
            (false, true) => {
                format!("{held}, which lacks {}: {}", format_count(self.behind, "landing"), self.advice)
            }
            (false, false) => format!("{held}, of which no record tells"),
        };
        checks.push(CompletenessCheck {
            what: format!("{name}: newest state of the ref by the ledger, and by Git"),
            expected: format!("{newest} (record {record})"),
            found,
            // What came after the newest record is counted with the steps that no record tells of.
            agrees: if newest == held { Some(true) } else { self.is_behind().then_some(false) },
        });
        checks
    }

    /// Returns what the report cannot say because the ref lacks something; `None` if it lacks nothing.
    pub(crate) fn build_limit(&self, name: &str) -> Option<String> {
        let (newest, record) = self.newest.filter(|_| self.is_behind())?;
        Some(format!(
            "{name} lacks {} that the ledger tells of, up to {newest} (record {record}), so they are not here, nor what \
             they say of earlier changes: {}",
            format_count(self.behind, "landing"),
            self.advice
        ))
    }
}

/// Returns landings in words, the first 50.
fn name_landings(landings: &[(Oid, u64, Timestamp)]) -> String {
    let mut named = Vec::new();
    for (id, record, at) in landings.iter().take(MAX_NAMED_LANDINGS) {
        named.push(format!("{} of record {record} ({at:.0})", id.short_hex()));
    }
    let more = landings.len().saturating_sub(MAX_NAMED_LANDINGS);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

/// Returns what to do about a ref that is older than its ledger.
fn find_advice(compared_ref: &ComparedRef<'_>, newest: Option<Oid>) -> String {
    let name = compared_ref.name.to_lossy();
    let branch = name.strip_prefix("refs/heads/").unwrap_or(&name);
    let remote = format!("refs/remotes/origin/{branch}");
    match compared_ref.repository.resolve_ref(remote.as_bytes()).ok().and_then(|found| found.id) {
        Some(id) if Some(id) == newest => format!("this copy is behind; audit with `--ref origin/{branch}`"),
        Some(_) => format!("this copy is behind; run `git fetch`, and audit with `--ref origin/{branch}`"),
        None => {
            "fetch the branch; if it is the newest, it was moved back and no record tells of it".to_owned()
        }
    }
}
