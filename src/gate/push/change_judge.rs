//! Judges one change of a push: its commits, completed by what is known of the push.

use jiff::Timestamp;
use std::borrow::Cow;

use crate::change::{Change, Commit, Commits, NeededFacts, Stage, Text};
use crate::gate::obligations::ChangeObligations;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::unreadable::build_unreadable_finding;
use crate::gate::push_facts::KeptFacts;
use crate::gate::settings::{GateSettings, LedgerMode};
use crate::gate::swapped_parents::SwappedParents;
use crate::gate::walk_facts::WalkFacts;
use crate::git::{NewHistory, TrustedKeys, UnreadableCommit};
use crate::judge::{collect_reasons, judge_change};
use crate::policy::{ChangeUnit, Policy};
use crate::push::{GateRule, refuse_by_rule};
use crate::verdict::{
    Decision, Finding, Fixer, Judgement, Message, MessageValue, RuleOutcome, Verdict, VerdictReasons,
    messages,
};

messages! {
    COMMIT_UNREADABLE = "push.commit-unreadable":
        "cannot read commit {commit}: {detail}";
    TOO_MANY_TRAILERS = "push.too-many-trailers":
        "{count} trailers stand in one message, and at most {limit} are judged; put a long list into a file";
    TOO_MANY_CHANGE_TRAILERS = "push.too-many-change-trailers":
        "the commits of this change have more than {limit} trailers together; push it in parts";
    NO_COMMITS = "push.no-commits":
        "the change has no commits to judge";
    CHANGE_UNWRITABLE = "push.change-unwritable":
        "cannot write the facts of this change as JSON: {detail}";
}

/// The most trailers of one commit. Who is named in them is looked up one by one, for each rule that asks.
const MAX_COMMIT_TRAILERS: usize = 2_000;

/// The most trailers that the commits of one change have together.
const MAX_CHANGE_TRAILERS: usize = 200_000;

/// What judging a change of a push gives.
pub(crate) struct JudgedChange {
    /// The verdict; `None` if it has no remarks and the report only counts it. Leaving it out keeps a push
    /// of thousands of commits from passing as many verdicts between threads, which costs more than judging.
    pub(crate) verdict: Option<Verdict>,
    /// What the ledger keeps of the change, if there is one.
    pub(crate) kept: Option<KeptFacts>,
    /// What the change has to do with obligations.
    pub(crate) obligations: ChangeObligations,
    /// True if the change touches a file of the policy, so that the policy may name others afterwards.
    pub(crate) touches_policy: bool,
    /// The change, if it is denied: for the plan.
    pub(crate) denied: Option<Box<Change>>,
}

/// What judging a push to a branch rests on, beside the judge of its changes.
pub(crate) struct PromotedWalk<'walk> {
    /// What is new to the branch and was judged.
    pub(crate) new: &'walk NewHistory,
    /// The keys that signatures are verified with.
    pub(crate) trusted: Option<TrustedKeys<'walk>>,
    /// The facts that the policies ask for.
    pub(crate) needs: &'walk NeededFacts,
    /// What counts as one change.
    pub(crate) unit: ChangeUnit,
}

/// Everything that judging a change of a push takes, beside its commits.
pub(crate) struct ChangeJudge<'push> {
    pub(crate) loaded: &'push LoadedPolicy,
    /// The policy of the policy ref, if that of the ref is another.
    pub(crate) base: Option<&'push LoadedPolicy>,
    pub(crate) target: &'push Text,
    pub(crate) settings: &'push GateSettings,
    pub(crate) now: Timestamp,
    pub(crate) swapped_parents: SwappedParents,
    /// What completes each change.
    pub(crate) walk_facts: WalkFacts<'push>,
    /// True to return verdicts without remarks, too.
    pub(crate) keep_all: bool,
}

impl ChangeJudge<'_> {
    /// Judges the commits of one change.
    ///
    /// # Errors
    ///
    /// Returns the refusal of the whole ref if a commit cannot be read.
    pub(crate) fn judge_commits(
        &self,
        commits: Vec<Result<Commit, UnreadableCommit>>,
    ) -> Result<JudgedChange, Judgement> {
        let change = self.build_change(commits)?;
        let verdict = judge_from_facts(&change, &self.loaded.policy, self.base.map(|base| &base.policy));
        let kept = match self.settings.ledger_mode {
            LedgerMode::Off => None,
            LedgerMode::Require | LedgerMode::Warn => {
                let policies = (&self.loaded.policy, self.base.map(|base| &base.policy));
                let reasons = Box::new(collect_push_reasons(&change, policies, &verdict));
                Some(KeptFacts { text: write_facts(&change)?, reasons })
            }
        };
        let base = self.base.unwrap_or(self.loaded);
        let obligations =
            ChangeObligations::from_change(&change, &self.loaded.policy, &base.policy, &verdict);
        let is_denied = verdict.decision() == Decision::Deny;
        let verdict = if self.keep_all || verdict.has_remarks() { Some(verdict) } else { None };
        let touches_policy = self.touches_policy(&change);
        let denied = is_denied.then(|| Box::new(change));
        Ok(JudgedChange { verdict, kept, obligations, touches_policy, denied })
    }

    /// Returns the change that these commits are.
    ///
    /// # Errors
    ///
    /// As [`ChangeJudge::judge_commits`].
    pub(crate) fn build_change(
        &self,
        commits: Vec<Result<Commit, UnreadableCommit>>,
    ) -> Result<Change, Judgement> {
        let commits = self.swapped_parents.complete_paths(collect_commits(commits)?);
        let target = Ok(self.target.clone());
        let pusher = self.settings.pusher.clone();
        let mut change = Change::from_repository(Stage::PreReceive, target, pusher, self.now, commits);
        self.walk_facts.complete_change(&mut change);
        Ok(change)
    }

    /// Returns true if the change touches a file that the policies are made of, as far as its paths are known.
    fn touches_policy(&self, change: &Change) -> bool {
        let is_policy = |path: &Text| path.as_bytes() == self.settings.policy_path.as_bytes();
        let touches_path = change
            .list_diffs()
            .any(|diff| diff.paths.as_ref().is_ok_and(|paths| paths.iter().any(|one| is_policy(&one.path))));
        touches_path || std::iter::once(self.loaded).chain(self.base).any(|loaded| loaded.is_made_of(change))
    }
}

/// Returns the commits of a change, or the refusal if one of them cannot be read.
pub(crate) fn collect_commits(commits: Vec<Result<Commit, UnreadableCommit>>) -> Result<Commits, Judgement> {
    let mut readable = Vec::with_capacity(commits.len());
    let mut trailers = 0;
    for commit in commits {
        match commit {
            Ok(commit) => {
                trailers += commit.message.trailers().len();
                check_trailer_count(&commit, trailers)?;
                readable.push(commit);
            }
            Err(UnreadableCommit { id, reason }) => {
                let message = COMMIT_UNREADABLE.with("commit", id.short_hex());
                let message = message.with("detail", MessageValue::unrecorded(Text::from(reason.as_str())));
                let finding = build_unreadable_finding(message, &reason, Fixer::Author);
                return Err(refuse_by_rule(GateRule::ReadableCommits, finding.in_commit(Some(id))));
            }
        }
    }
    let Some(commits) = Commits::new(readable) else {
        let finding = Finding::new(Message::from(&NO_COMMITS)).fixed_by(Fixer::ServerAdministrator);
        return Err(refuse_by_rule(GateRule::ReadableCommits, finding));
    };
    Ok(commits)
}

/// Returns the refusal if a commit, or the commits of its change up to it, have more trailers than are judged.
fn check_trailer_count(commit: &Commit, change_count: usize) -> Result<(), Judgement> {
    let count = commit.message.trailers().len();
    let message = if count > MAX_COMMIT_TRAILERS {
        TOO_MANY_TRAILERS.with("count", count).with("limit", MAX_COMMIT_TRAILERS)
    } else if change_count > MAX_CHANGE_TRAILERS {
        TOO_MANY_CHANGE_TRAILERS.with("limit", MAX_CHANGE_TRAILERS)
    } else {
        return Ok(());
    };
    let finding = Finding::new(message).fixed_by(Fixer::Author).in_commit(commit.id);
    Err(refuse_by_rule(GateRule::PushSize, finding))
}

/// Returns a change as JSON, or the refusal if that fails.
fn write_facts(change: &Change) -> Result<String, Judgement> {
    serde_json::to_string(change).map_err(|error| {
        let message =
            CHANGE_UNWRITABLE.with("detail", MessageValue::unrecorded(Text::from(error.to_string())));
        let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator);
        refuse_by_rule(GateRule::ReadableCommits, finding)
    })
}

/// Judges a change of a push from its facts alone, by the policy of the ref and by the others that count there,
/// such as that of the policy ref.
pub fn judge_from_facts<'policy>(
    change: &Change,
    own: &Policy,
    others: impl IntoIterator<Item = &'policy Policy>,
) -> Verdict {
    let mut verdict = judge_change(&own.tell_recorded_teams(change), change, true);
    for other in others {
        add_denials(&mut verdict, judge_change(&other.tell_recorded_teams(change), change, true));
    }
    verdict
}

/// Returns what the verdict of [`judge_from_facts`] rests on; the policy of the ref comes first.
pub fn collect_push_reasons<'policy>(
    change: &Change,
    (own, others): (&'policy Policy, impl IntoIterator<Item = &'policy Policy>),
    verdict: &Verdict,
) -> VerdictReasons {
    let told = std::iter::once(own).chain(others).map(|policy| policy.tell_recorded_teams(change));
    let told: Vec<Cow<'_, Policy>> = told.collect();
    let policies: Vec<&Policy> = told.iter().map(|policy| &**policy).collect();
    collect_reasons(&policies, change, verdict)
}

/// Adds to a verdict what another policy denies and the first one does not, and what it lets through
/// only against an obligation.
///
/// A branch can be made from any old commit, and so start under any policy that ever was. What the
/// policy ref asks today is therefore asked everywhere, beside what the branch itself asks.
fn add_denials(verdict: &mut Verdict, other: Verdict) {
    for judgement in other.judgements {
        let mut is_denied = false;
        let mut owing: Option<&mut Judgement> = None;
        for known in &mut verdict.judgements {
            if known.rule.id != judgement.rule.id {
                continue;
            }
            if known.is_denying(true) {
                is_denied = true;
            } else if owing.is_none() && find_first_due(known).is_some() {
                owing = Some(known);
            }
        }
        if is_denied {
            continue;
        }
        if judgement.is_denying(true) {
            verdict.judgements.push(judgement);
        } else if let Some(due) = find_first_due(&judgement) {
            match owing {
                None => verdict.judgements.push(judgement),
                // The earlier due time counts.
                Some(known) if find_first_due(known).is_some_and(|known| due < known) => *known = judgement,
                Some(_) => {}
            }
        }
    }
}

/// Returns when the first obligation of a judgement is due; `None` if it has none. An obligation
/// without a due time comes last.
fn find_first_due(judgement: &Judgement) -> Option<Timestamp> {
    let RuleOutcome::Owed(owed) = &judgement.outcome else { return None };
    owed.iter().map(|one| one.due.unwrap_or(Timestamp::MAX)).min()
}
