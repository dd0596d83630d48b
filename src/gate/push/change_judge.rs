//! One change of a push: its commits, completed by what is known of the push, and judged.

use jiff::Timestamp;

use crate::change::{Change, Commit, Stage, Text};
use crate::gate::obligations::ChangeObligations;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::settings::{GateSettings, LedgerMode};
use crate::gate::side_merge::SideMerge;
use crate::git::UnreadableCommit;
use crate::judge::judge_change;
use crate::policy::Policy;
use crate::push::refuse_by_rule;
use crate::verdict::{Finding, Judgement, RuleOutcome, Sentence, Verdict};

/// A verdict if there is one to tell, the change as JSON if that is kept, and what the change has to do
/// with what is owed; or what speaks against the ref because there can be no verdict.
///
/// A verdict that says nothing goes no further than the thread that made it: to hand over thousands of them
/// costs more than to judge.
pub(crate) type JudgedChange = Result<(Option<Verdict>, Option<String>, ChangeObligations), Judgement>;

/// What judging a change of a push takes, beside its commits.
pub(crate) struct ChangeJudge<'push> {
    pub(crate) loaded: &'push LoadedPolicy,
    /// The policy of the policy ref, where that of the ref is another.
    pub(crate) base: Option<&'push LoadedPolicy>,
    pub(crate) target: &'push Text,
    pub(crate) settings: &'push GateSettings,
    pub(crate) now: Timestamp,
    pub(crate) side: SideMerge,
    /// Whether a verdict that says nothing is told, too.
    pub(crate) keep_all: bool,
}

impl ChangeJudge<'_> {
    /// Judges the commits of one change.
    ///
    /// A commit that cannot be read is a judgement against the ref.
    pub(crate) fn judge_commits(&self, commits: Vec<Result<Commit, UnreadableCommit>>) -> JudgedChange {
        let commits: Result<Vec<Commit>, UnreadableCommit> = commits.into_iter().collect();
        let commits = commits.map_err(|unreadable| {
            let finding =
                Finding::new(Sentence::from_words(unreadable.to_string())).in_commit(Some(unreadable.id));
            refuse_by_rule("readable-commits", finding.fixed_by("the author"))
        })?;
        let commits = self.side.complete_paths(commits);
        let change = Change {
            stage: Stage::PreReceive,
            target: Ok(self.target.clone()),
            seen_at: self.now,
            pusher: self.settings.pusher.clone(),
            pull: Change::missing_pull(Stage::PreReceive),
            tickets: Change::missing_tickets(Stage::PreReceive),
            commits,
        };
        let verdict = judge_from_facts(&change, &self.loaded.policy, self.base.map(|base| &base.policy));
        let keeps = self.settings.ledger_mode != LedgerMode::Off;
        let facts = keeps.then(|| serde_json::to_string(&change)).transpose().map_err(|error| {
            let what = Sentence::from_words(format!("this change cannot be written down: {error}"));
            refuse_by_rule(
                "readable-commits",
                Finding::new(what).fixed_by("whoever administrates the server"),
            )
        })?;
        let base = self.base.unwrap_or(self.loaded);
        let due = ChangeObligations::from_change(&change, &self.loaded.policy, &base.policy, &verdict);
        let is_told = self.keep_all || verdict.has_remarks();
        Ok((is_told.then_some(verdict), facts, due))
    }
}

/// Judges a change of a push from its facts alone, by the policy of the ref and, where that is
/// another, by the one of the policy ref.
pub fn judge_from_facts(change: &Change, own: &Policy, base: Option<&Policy>) -> Verdict {
    let mut verdict = judge_change(own, change, true);
    if let Some(base) = base {
        add_denials(&mut verdict, judge_change(base, change, true));
    }
    verdict
}

/// Adds to a verdict what another policy denies and the first one does not, and what it lets through only
/// against something owed.
///
/// A branch can be made from any old commit, and so start under any policy that ever was. What the
/// policy ref asks today is therefore asked everywhere, beside what the branch itself asks.
fn add_denials(verdict: &mut Verdict, other: Verdict) {
    for judgement in other.judgements {
        let id = judgement.rule.id.clone();
        let denies = |known: &Judgement| known.rule.id == id && known.is_denying(true);
        if verdict.judgements.iter().any(denies) {
            continue;
        }
        let due = find_first_due(&judgement);
        if judgement.is_denying(true) {
            verdict.judgements.push(judgement);
        } else if due.is_some() {
            let owes = |known: &&mut Judgement| known.rule.id == id && find_first_due(known).is_some();
            match verdict.judgements.iter_mut().find(owes) {
                None => verdict.judgements.push(judgement),
                Some(known) if due < find_first_due(known) => *known = judgement,
                Some(_) => {}
            }
        }
    }
}

/// Returns when the first of what is owed by a judgement is due, what is due never coming last; `None` if
/// nothing is owed.
fn find_first_due(judgement: &Judgement) -> Option<Timestamp> {
    let RuleOutcome::Owed(owed) = &judgement.outcome else { return None };
    owed.iter().map(|one| one.due.unwrap_or(Timestamp::MAX)).min()
}
