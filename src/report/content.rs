//! The content of a report: plain values, all of them decided before a byte is printed.

use std::collections::HashSet;

use crate::change::{Oid, Stage, Text};
use crate::predicates::support::condition::ConditionTrace;
use crate::report::left_out::LeftOutChanges;
use crate::report::reader_checkout::{HistoryRewrite, ReaderCheckout};
use crate::verdict::{Decision, Judgement, Message, RuleId, RuleLevel, RuleOutcome, Verdict};
use jiff::Timestamp;

/// Everything that a report says about one decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The decision about the whole of it; see [`decide_groups`].
    pub decision: Decision,
    /// The stage at which it was judged.
    pub stage: Stage,
    /// True if a missing fact denies.
    pub enforced: bool,
    /// The instant of the decision, by the clock of the machine that judged.
    pub seen_at: Timestamp,
    /// The policy; `None` if none was usable, which a refusal then explains.
    pub policy: Option<PolicyDescription>,
    /// What was judged: one group for each protected ref, or one for everything.
    pub groups: Vec<ReportGroup>,
    /// Further things to know, such as an exemption that has expired.
    pub notes: Vec<Message>,
    /// True in evaluate mode: the decision is what it would be, and blocks nothing.
    pub is_evaluation: bool,
}

impl Report {
    /// Returns the report on these groups, judged at `stage` by no policy yet, and without notes.
    pub(crate) fn from_groups(
        groups: Vec<ReportGroup>,
        stage: Stage,
        enforced: bool,
        seen_at: Timestamp,
    ) -> Report {
        let decision = decide_groups(&groups, enforced);
        let (policy, notes) = (None, Vec::new());
        Report { decision, stage, enforced, seen_at, policy, groups, notes, is_evaluation: false }
    }

    /// Returns what the decision leads to: in evaluate mode, nothing is blocked.
    pub fn effective_decision(&self) -> Decision {
        if self.is_evaluation { Decision::Allow } else { self.decision }
    }

    /// Returns true if there is something to report of a change that is not left out.
    pub(crate) fn has_remarks(&self) -> bool {
        self.groups.iter().flat_map(|group| &group.verdicts).any(Verdict::has_remarks)
    }

    /// Notes that the push which is answered lands, so that no advice rewrites what it brings.
    pub(crate) fn mark_landing(&mut self) {
        for group in &mut self.groups {
            group.is_to_land &= group.scope.pushed_tip().is_none();
        }
    }

    /// Returns true if nothing was judged, and nothing refused for want of a judgement.
    pub(crate) fn judges_nothing(&self) -> bool {
        self.groups.iter().all(|group| {
            group.refusals.is_empty()
                && group.verdicts.is_empty()
                && group.omitted_passes == 0
                && group.left_out.changes == 0
                && matches!(group.scope, GroupScope::PullRequest(_))
        })
    }

    /// Returns the line that heads a report in evaluate mode; `None` where the decision counts.
    pub(crate) fn describe_evaluation(&self) -> Option<&'static str> {
        let line = match (self.stage, self.decision) {
            (Stage::PreReceive, Decision::Deny) => {
                "evaluate mode: nothing is blocked; this push would have been refused"
            }
            (Stage::PreReceive, Decision::Allow) => {
                "evaluate mode: nothing is blocked; this push would have been accepted"
            }
            (_, Decision::Deny) => "evaluate mode: nothing is blocked; this would have been denied",
            (_, Decision::Allow) => "evaluate mode: nothing is blocked; this would have been allowed",
        };
        if self.is_evaluation { Some(line) } else { None }
    }
}

/// The policy of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDescription {
    /// The name that the policy gives itself.
    pub name: String,
    /// The SHA-256 of all files that it was read from, in hexadecimal digits.
    pub digest: String,
    /// The place that it was read from, as in `policies/changegate.yml at refs/heads/main (abc123)`.
    pub source: String,
}

/// Changes that were judged together.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportGroup {
    /// What the changes have in common.
    pub scope: GroupScope,
    /// The judgements about the ref itself, whatever changes it holds.
    pub refusals: Vec<Judgement>,
    /// The changes, oldest first.
    pub verdicts: Vec<Verdict>,
    /// The number of further changes that passed and are left out.
    pub omitted_passes: usize,
    /// The totals of the changes with remarks that are left out, which only a long range has.
    pub left_out: LeftOutChanges,
    /// How rules came to their answers; empty unless asked for.
    pub traces: Vec<RuleTrace>,
    /// For a protected ref, what it was judged as.
    pub judged_ref: Option<JudgedRef>,
    /// The commit that `git commit --amend` fixes, because nothing follows it; `None` if that is not known.
    pub amendable: Option<Oid>,
    /// The commits that stand on a protected ref already, where no history is rewritten.
    pub published: HashSet<Oid>,
    /// True if all commits are judged as one change, whose last commit is another one after each push.
    pub is_one_change: bool,
    /// True if the changes are to land on a branch that does not hold them yet, and do not land by the push that is
    /// answered.
    pub is_to_land: bool,
    /// What is checked out where the report is read, as far as that is known.
    pub checkout: ReaderCheckout,
    /// How all commits are reworded that have to be; `None` if that was not looked for.
    pub rewrite: Option<HistoryRewrite>,
}

/// The name and the policies that a protected ref was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRef {
    /// The full name of the ref, after symbolic refs have been followed.
    pub name: Text,
    /// The policies that its changes were judged by: its own, and that of the policy ref where
    /// that is another.
    pub policies: Vec<PolicyReference>,
    /// The path of its own roster, where that says something else than the one of the policy ref.
    pub own_roster: Option<String>,
}

/// A policy, and where it can be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReference {
    /// The location of the policy.
    pub place: PolicyLocation,
    /// The SHA-256 of all files that it was read from, in hexadecimal digits.
    pub digest: String,
}

/// The location of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyLocation {
    /// At a path of a commit.
    Commit {
        /// The id of the commit.
        id: Oid,
        /// The path of the policy within it.
        path: String,
    },
    /// In a file on the server.
    Disk(String),
    /// In a pack that is shipped with changegate.
    Pack(String),
    /// Somewhere else, in words.
    Elsewhere(String),
}

/// What the changes of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupScope {
    /// A push moves this ref.
    Ref {
        /// The full name of the ref.
        name: Text,
        /// What the push does to the ref.
        update: RefUpdateKind,
    },
    /// The changes of a range that was asked about.
    Range(Text),
    /// The changes of this pull request, as in `acme/shop#12`.
    PullRequest(Text),
    /// One message that is about to be committed.
    Message,
}

/// What a push does to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefUpdateKind {
    /// The ref did not exist.
    Create {
        /// The commit that it is to point to.
        new: Oid,
    },
    /// The ref moves forward.
    Move {
        /// The commit that it points to.
        old: Oid,
        /// The commit that it is to point to.
        new: Oid,
    },
    /// The ref moves to where its old place is not part of history.
    Rewrite {
        /// The commit that it points to.
        old: Oid,
        /// The commit that it is to point to.
        new: Oid,
    },
    /// The ref is deleted.
    Delete {
        /// The commit that it points to.
        old: Oid,
    },
}

/// How one rule came to its answer about one change.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTrace {
    /// The index of the change in [`ReportGroup::verdicts`], counted from 0.
    pub verdict_index: usize,
    /// The id of the rule.
    pub rule_id: RuleId,
    /// The rule's question and the questions within it.
    pub trace: ConditionTrace,
}

impl ReportGroup {
    /// Returns the group of these changes, with nothing against the ref and nothing explained.
    pub fn new(scope: GroupScope, verdicts: Vec<Verdict>) -> Self {
        let amendable = scope.pushed_tip();
        let is_one_change = matches!(scope, GroupScope::PullRequest(_));
        ReportGroup {
            scope,
            refusals: Vec::new(),
            verdicts,
            omitted_passes: 0,
            left_out: LeftOutChanges::default(),
            traces: Vec::new(),
            judged_ref: None,
            amendable,
            published: HashSet::new(),
            is_one_change,
            is_to_land: true,
            checkout: ReaderCheckout::default(),
            rewrite: None,
        }
    }

    /// Returns the decision about the group: one refusal or one denied change is enough to deny.
    pub fn decision(&self, enforced: bool) -> Decision {
        let changes = self.verdicts.iter().map(Verdict::decision).max().unwrap_or(Decision::Allow);
        if self.left_out.denied > 0 || self.is_ref_refused(enforced) { Decision::Deny } else { changes }
    }

    /// Returns the level at which a change of the group breaks the rule, or may break it; `None` if none does.
    pub(crate) fn find_broken_level(&self, rule: &RuleId) -> Option<RuleLevel> {
        let judgements = self.verdicts.iter().flat_map(|verdict| &verdict.judgements);
        let is_broken = |judgement: &&Judgement| {
            let is_met = !matches!(
                judgement.outcome,
                RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) | RuleOutcome::MaybeExempted(_)
            );
            judgement.rule.id == *rule && !is_met
        };
        let held = judgements.filter(is_broken).map(|judgement| judgement.level).next();
        held.or_else(|| self.left_out.find_broken_level(rule))
    }

    /// Returns true if the ref itself is refused, whatever changes it holds.
    pub(crate) fn is_ref_refused(&self, enforced: bool) -> bool {
        self.refusals.iter().any(|judgement| judgement.is_denying(enforced))
    }
}

impl RefUpdateKind {
    /// Returns what the ref is to point to; `None` if it is deleted.
    fn new_tip(self) -> Option<Oid> {
        match self {
            RefUpdateKind::Create { new }
            | RefUpdateKind::Move { new, .. }
            | RefUpdateKind::Rewrite { new, .. } => Some(new),
            RefUpdateKind::Delete { .. } => None,
        }
    }
}

impl GroupScope {
    /// Returns the commit that a push moves a ref to; `None` for a deletion, and for what is not pushed.
    pub(crate) fn pushed_tip(&self) -> Option<Oid> {
        match self {
            GroupScope::Ref { update, .. } => update.new_tip(),
            GroupScope::Range(_) | GroupScope::PullRequest(_) | GroupScope::Message => None,
        }
    }

    /// Returns the kind of the scope in words, as in `pull request`.
    pub(crate) fn describe_kind(&self) -> &'static str {
        match self {
            GroupScope::Ref { .. } => "ref",
            GroupScope::Range(_) => "range",
            GroupScope::PullRequest(_) => "pull request",
            GroupScope::Message => "this commit",
        }
    }

    /// Returns the name of the ref, the range or the pull request; `None` for a message.
    pub(crate) fn name(&self) -> Option<&Text> {
        match self {
            GroupScope::Ref { name, .. } | GroupScope::Range(name) | GroupScope::PullRequest(name) => {
                Some(name)
            }
            GroupScope::Message => None,
        }
    }

    /// Returns what happens to the ref, as the end of a heading; empty if it moves forward.
    pub(crate) fn describe_update(&self) -> &'static str {
        match self {
            GroupScope::Ref { update: RefUpdateKind::Create { .. }, .. } => ", to be created",
            GroupScope::Ref { update: RefUpdateKind::Rewrite { .. }, .. } => ", history to be rewritten",
            GroupScope::Ref { update: RefUpdateKind::Delete { .. }, .. } => ", to be deleted",
            GroupScope::Ref { update: RefUpdateKind::Move { .. }, .. }
            | GroupScope::Range(_)
            | GroupScope::PullRequest(_)
            | GroupScope::Message => "",
        }
    }
}

/// Returns the decision about all groups together: one that is denied denies everything.
pub fn decide_groups(groups: &[ReportGroup], enforced: bool) -> Decision {
    groups.iter().map(|group| group.decision(enforced)).max().unwrap_or(Decision::Allow)
}
