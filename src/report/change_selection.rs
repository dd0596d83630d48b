//! Which changes of a range a report holds in full.
//!
//! A report for people shows a few changes and counts the others, so it holds no more of a long range than
//! it can show; memory must not grow with history. What lists every change takes them from a spool.

use crate::predicates::support::condition::ConditionTrace;
use crate::report::content::{ReportGroup, RuleTrace};
use crate::report::left_out::LeftOutRule;
use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, rank_verdict};
use crate::verdict::{Decision, ExemptionId, RuleId, RuleOutcome, Verdict};

/// How many denied changes are held in any case, and how many of those that are allowed with remarks.
const MAX_HELD_CHANGES: usize = 1_000;

/// How many changes are held of each rule and rank, so that none is only a number.
const MAX_HELD_OF_OUTCOME: usize = 10;

/// Which changes a report holds in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldChanges {
    /// Every change.
    All,
    /// As many changes with remarks as a reader looks at; the others are counted, rule by rule.
    Sample {
        /// The number of changes from the start that are held whatever is said about them.
        first: usize,
        /// The number of findings and missing facts of each rank that are held in any case.
        objections: usize,
    },
}

/// Takes the changes of a group, oldest first, and decides which of them the report holds.
#[derive(Debug)]
pub(crate) struct ChangeSelection {
    held: HeldChanges,
    pub(crate) max_changes: usize,
    pub(crate) max_of_outcome: usize,
    changes: usize,
    denied: usize,
    remarked: usize,
    outcomes: Vec<HeldOutcome>,
}

/// How often one outcome of a rule is held.
#[derive(Debug)]
struct HeldOutcome {
    rule: RuleId,
    rank: JudgementRank,
    exemption: Option<ExemptionId>,
    changes: usize,
    objections: usize,
}

impl ChangeSelection {
    pub(crate) fn new(held: HeldChanges) -> ChangeSelection {
        ChangeSelection {
            held,
            max_changes: MAX_HELD_CHANGES,
            max_of_outcome: MAX_HELD_OF_OUTCOME,
            changes: 0,
            denied: 0,
            remarked: 0,
            outcomes: Vec::new(),
        }
    }

    /// Adds a change to the group, or to the totals of what the group does not hold.
    pub(crate) fn add_change(
        &mut self,
        group: &mut ReportGroup,
        verdict: Verdict,
        traces: Vec<(RuleId, ConditionTrace)>,
    ) {
        if let HeldChanges::Sample { first, objections } = self.held {
            let is_first = self.changes < first;
            self.changes += 1;
            if !is_first && !verdict.has_remarks() {
                group.omitted_passes += 1;
                return;
            }
            let is_sampled = self.take_for_sample(&verdict, objections);
            if !is_first && !is_sampled {
                leave_change_out(group, &verdict);
                return;
            }
        }
        group.left_out.newest_revision = None;
        let verdict_index = group.verdicts.len();
        for (rule_id, trace) in traces {
            group.traces.push(RuleTrace { verdict_index, rule_id, trace });
        }
        group.verdicts.push(verdict);
    }

    /// Returns true if the change is one to hold, and counts it then.
    fn take_for_sample(&mut self, verdict: &Verdict, max_objections: usize) -> bool {
        let is_denied = verdict.decision() == Decision::Deny;
        let is_remarked = !is_denied && (!verdict.disagreements.is_empty() || has_listed_judgement(verdict));
        let mut is_held = (is_denied && self.denied < self.max_changes)
            || (is_remarked && self.remarked < self.max_changes);
        for ranked in rank_verdict(verdict) {
            is_held |= self.is_outcome_wanted(&ranked, max_objections);
        }
        if is_held {
            self.denied += usize::from(is_denied);
            self.remarked += usize::from(is_remarked);
            for ranked in rank_verdict(verdict) {
                self.count_outcome(&ranked);
            }
        }
        is_held
    }

    fn is_outcome_wanted(&self, ranked: &RankedJudgement<'_>, max_objections: usize) -> bool {
        if is_silent(ranked.rank) {
            return false;
        }
        if !self.outcomes.iter().any(|one| one.is_of(ranked) && one.changes >= self.max_of_outcome) {
            return true;
        }
        if ranked.rank > JudgementRank::Warning || ranked.objections().is_empty() {
            return false;
        }
        let of_rank = self.outcomes.iter().filter(|one| one.rank == ranked.rank);
        of_rank.map(|one| one.objections).sum::<usize>() < max_objections
    }

    fn count_outcome(&mut self, ranked: &RankedJudgement<'_>) {
        if is_silent(ranked.rank) {
            return;
        }
        let objections = ranked.objections().len();
        if let Some(known) = self.outcomes.iter_mut().find(|one| one.is_of(ranked)) {
            known.changes += 1;
            known.objections += objections;
            return;
        }
        self.outcomes.push(HeldOutcome {
            rule: ranked.judgement.rule.id.clone(),
            rank: ranked.rank,
            exemption: find_exemption_id(ranked).cloned(),
            changes: 1,
            objections,
        });
    }
}

impl HeldOutcome {
    fn is_of(&self, ranked: &RankedJudgement<'_>) -> bool {
        self.rank == ranked.rank
            && self.rule == ranked.judgement.rule.id
            && self.exemption.as_ref() == find_exemption_id(ranked)
    }
}

/// Returns true for a rank that no report gives reasons for.
fn is_silent(rank: JudgementRank) -> bool {
    matches!(rank, JudgementRank::Passed | JudgementRank::NotApplicable)
}

fn find_exemption_id<'report>(ranked: &RankedJudgement<'report>) -> Option<&'report ExemptionId> {
    match &ranked.judgement.outcome {
        RuleOutcome::Exempted { exemption, .. } => Some(exemption),
        RuleOutcome::MaybeExempted(possible) => Some(&possible.exemption),
        _ => None,
    }
}

fn has_listed_judgement(verdict: &Verdict) -> bool {
    rank_verdict(verdict).any(|ranked| ranked.rank.is_listed())
}

/// Adds a change to the totals of what the group does not hold.
fn leave_change_out(group: &mut ReportGroup, verdict: &Verdict) {
    let left_out = &mut group.left_out;
    left_out.changes += 1;
    left_out.contradictory += usize::from(!verdict.disagreements.is_empty());
    left_out.have_merges |= verdict.commit_shapes.iter().any(|shape| shape.parents > 1);
    left_out.newest_revision = verdict.revision;
    if verdict.decision() == Decision::Deny {
        left_out.denied += 1;
    } else {
        let is_listed = has_listed_judgement(verdict);
        let is_remarked = !verdict.disagreements.is_empty()
            || rank_verdict(verdict).any(|one| one.rank.is_listed() && one.rank != JudgementRank::Owed);
        left_out.listed += usize::from(is_listed);
        left_out.remarked += usize::from(is_remarked);
        left_out.owing += usize::from(is_listed && !is_remarked);
    }
    for ranked in rank_verdict(verdict) {
        let points = match &ranked.judgement.outcome {
            RuleOutcome::Owed(owed) => owed.len(),
            _ => ranked.told_objections().len(),
        };
        let objections = ranked.objections().len();
        let rule = &ranked.judgement.rule;
        match left_out.rules.iter_mut().find(|known| known.rank == ranked.rank && known.rule.id == rule.id) {
            Some(known) => {
                known.changes += 1;
                known.points += points;
                known.objections += objections;
            }
            None => {
                let rule = rule.clone();
                left_out.rules.push(LeftOutRule { rule, rank: ranked.rank, changes: 1, points, objections });
            }
        }
    }
}
