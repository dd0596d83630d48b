//! Judgements by how much they matter, and what each of them comes down to, point by point.
//!
//! Every format tells the same judgements. What counts as a denial, and which gaps somebody has to
//! close, is settled here once, so that no two formats can disagree about it.

use crate::change::{FactKind, Missing, Oid};
use crate::report::{Report, ReportGroup};
use crate::verdict::{
    ChangeLocation, FieldDisagreement, Finding, Judgement, RuleLevel, RuleOutcome, Sentence, Verdict,
};

/// Who closes a gap in the facts that a later stage would not close by itself.
const GATE_OPERATOR: &str = "whoever runs this gate";

/// How much a judgement matters; what comes first matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JudgementRank {
    /// It denies, because something is wrong.
    Denied,
    /// It denies, because something is not known.
    DeniedUnknown,
    /// Something is not known, and nothing is denied for that here.
    Undecided,
    /// It is told and denies nothing.
    Warning,
    /// The rule is kept against obligations.
    Owed,
    /// The rule is broken, and an exemption lets that be.
    Exempted,
    /// A later stage will ask.
    Deferred,
    /// The rule is kept.
    Passed,
    /// The rule is about other changes.
    NotApplicable,
}

impl JudgementRank {
    /// Returns the rank of a judgement, where a gap denies if and only if `enforced`.
    pub(crate) fn from_judgement(judgement: &Judgement, enforced: bool) -> Self {
        let denies = judgement.is_denying(enforced);
        match &judgement.outcome {
            RuleOutcome::Fail(_) if denies => JudgementRank::Denied,
            RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_) if denies => JudgementRank::DeniedUnknown,
            RuleOutcome::Undecided(_) if judgement.level == RuleLevel::Deny => JudgementRank::Undecided,
            RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) => JudgementRank::Warning,
            RuleOutcome::Deferred(_) => JudgementRank::Deferred,
            RuleOutcome::Owed(_) => JudgementRank::Owed,
            RuleOutcome::Exempted { .. } => JudgementRank::Exempted,
            RuleOutcome::Pass => JudgementRank::Passed,
            RuleOutcome::NotApplicable => JudgementRank::NotApplicable,
        }
    }

    /// Returns true for what denies.
    pub(crate) fn is_denying(self) -> bool {
        self <= JudgementRank::DeniedUnknown
    }

    /// Returns the rank in a word or two, for a reader who sees nothing else.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            JudgementRank::Denied => "denied",
            JudgementRank::DeniedUnknown => "denied, for what is not known",
            JudgementRank::Undecided => "undecided",
            JudgementRank::Warning => "warning",
            JudgementRank::Owed => "owed",
            JudgementRank::Exempted => "exempted",
            JudgementRank::Deferred => "asked later",
            JudgementRank::Passed => "passed",
            JudgementRank::NotApplicable => "not applicable",
        }
    }
}

/// A judgement, and where it belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RankedJudgement<'report> {
    /// The change; `None` for what is said about a ref.
    pub(crate) verdict: Option<&'report Verdict>,
    pub(crate) judgement: &'report Judgement,
    pub(crate) rank: JudgementRank,
}

impl<'report> RankedJudgement<'report> {
    /// Returns the revision that was judged, where there is one.
    pub(crate) fn revision(&self) -> Option<Oid> {
        self.verdict.and_then(|verdict| verdict.revision)
    }

    /// Returns what speaks against the rule, point by point.
    pub(crate) fn objections(&self) -> impl Iterator<Item = RuleObjection<'report>> + use<'report> {
        let (findings, gaps): (&[Finding], &[Missing]) = match &self.judgement.outcome {
            RuleOutcome::Fail(findings) => (findings, &[]),
            RuleOutcome::Undecided(gaps) | RuleOutcome::Deferred(gaps) => (&[], gaps),
            RuleOutcome::Pass
            | RuleOutcome::Owed(_)
            | RuleOutcome::Exempted { .. }
            | RuleOutcome::NotApplicable => (&[], &[]),
        };
        findings.iter().map(RuleObjection::Finding).chain(gaps.iter().map(RuleObjection::Missing))
    }
}

/// One thing that speaks against a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RuleObjection<'report> {
    /// Something is wrong.
    Finding(&'report Finding),
    /// Something is not known.
    Missing(&'report Missing),
}

impl<'report> RuleObjection<'report> {
    /// Returns what it is.
    pub(crate) fn describe_problem(&self) -> Sentence {
        match self {
            RuleObjection::Finding(finding) => finding.message.sentence(),
            RuleObjection::Missing(missing) => Sentence::from_words(format!("cannot be decided: {missing}")),
        }
    }

    /// Returns where it was said, unless that is the revision that is spoken of anyway.
    pub(crate) fn describe_location(&self, spoken_of: Option<Oid>) -> Option<Sentence> {
        match self {
            RuleObjection::Finding(finding) => describe_change_location(&finding.at, spoken_of),
            RuleObjection::Missing(_) => None,
        }
    }

    /// Returns who can mend it, or when it is asked again.
    pub(crate) fn describe_remedy(&self) -> String {
        match self {
            RuleObjection::Finding(finding) => format!("for {} to mend", finding.describe_fixers()),
            RuleObjection::Missing(Missing::NotAtThisStage(need)) => {
                format!("asked {}", describe_later_check(*need))
            }
            RuleObjection::Missing(_) => format!("for {GATE_OPERATOR} to mend"),
        }
    }

    /// Returns who can mend it.
    pub(crate) fn fixed_by(&self) -> String {
        match self {
            RuleObjection::Finding(finding) => finding.describe_fixers(),
            RuleObjection::Missing(_) => GATE_OPERATOR.to_owned(),
        }
    }

    /// Returns the point as one sentence: what, where, and who can mend it.
    pub(crate) fn describe_fully(&self, spoken_of: Option<Oid>) -> Sentence {
        let mut line = self.describe_problem().with_words(" (");
        if let Some(place) = self.describe_location(spoken_of) {
            line.0.extend(place.0);
            line = line.with_words("; ");
        }
        line.with_words(self.describe_remedy()).with_words(")")
    }
}

/// Returns where something was said, or nothing if that is the revision that is spoken of anyway.
pub(crate) fn describe_change_location(at: &ChangeLocation, spoken_of: Option<Oid>) -> Option<Sentence> {
    let mut line = Sentence::default();
    let gap = |line: &Sentence| if line.0.is_empty() { "" } else { " " };
    if let Some(path) = &at.path {
        line = line.with_words("at ").with_quote(path);
    }
    if let Some(number) = at.line {
        let of = if at.in_description { "description" } else { "message" };
        let gap = gap(&line);
        line = line.with_words(format!("{gap}on line {number} of the {of}"));
    }
    if let Some(commit) = at.commit.filter(|commit| Some(*commit) != spoken_of) {
        let gap = gap(&line);
        line = line.with_words(format!("{gap}in {}", commit.short_hex()));
    }
    (!line.0.is_empty()).then_some(line)
}

/// Returns what is stated in one place and another way in the next, and which of it counts.
pub(crate) fn describe_disagreement(one: &FieldDisagreement, spoken_of: Option<Oid>) -> Sentence {
    let mut line = Sentence::from_words(format!("`{}` is ", one.field));
    for (index, stated) in one.stated.iter().enumerate() {
        line = line.with_words(if index == 0 { "" } else { " and " }).with_quote(&stated.value);
        if let Some(place) = describe_change_location(&stated.at, spoken_of) {
            line = line.with_words(" ");
            line.0.extend(place.0);
        }
    }
    line.with_words(format!("; `{}` counts", one.counts))
}

/// Returns every judgement of a report, in its order: of each group what is said about the ref, and
/// then what is said about each change.
pub(crate) fn rank_report(report: &Report) -> impl Iterator<Item = RankedJudgement<'_>> {
    report.groups.iter().flat_map(|group| rank_refusals(group, report.enforced).chain(rank_verdicts(group)))
}

/// Returns what is said about the ref of a group.
pub(crate) fn rank_refusals(
    group: &ReportGroup,
    enforced: bool,
) -> impl Iterator<Item = RankedJudgement<'_>> {
    group.refusals.iter().map(move |judgement| RankedJudgement {
        verdict: None,
        judgement,
        rank: JudgementRank::from_judgement(judgement, enforced),
    })
}

/// Returns what is said about the changes of a group.
pub(crate) fn rank_verdicts(group: &ReportGroup) -> impl Iterator<Item = RankedJudgement<'_>> {
    group.verdicts.iter().flat_map(rank_verdict)
}

/// Returns what is said about one change.
pub(crate) fn rank_verdict(verdict: &Verdict) -> impl Iterator<Item = RankedJudgement<'_>> {
    verdict.judgements.iter().map(|judgement| RankedJudgement {
        verdict: Some(verdict),
        judgement,
        rank: JudgementRank::from_judgement(judgement, verdict.enforced),
    })
}

/// Returns when and by whom something is asked that cannot be known yet.
pub(crate) fn describe_later_check(need: FactKind) -> &'static str {
    match need {
        FactKind::Commits
        | FactKind::Paths
        | FactKind::FileKinds
        | FactKind::Lines
        | FactKind::Blobs
        | FactKind::EvilMerges
        | FactKind::Signatures => "once it is recorded, by `changegate check` and at the push",
        FactKind::Pusher | FactKind::Target | FactKind::Clock => "at the push, by the server",
        FactKind::Pull | FactKind::Checks | FactKind::Comments | FactKind::Conversations => {
            "in the pull request, by the forge"
        }
        FactKind::Approvals | FactKind::Reviews | FactKind::Tickets => {
            "at the push or the merge, by the server or the forge"
        }
    }
}
