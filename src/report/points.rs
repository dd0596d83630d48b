//! Judgements by how much they matter, and what each of them comes down to, point by point.
//!
//! Every format tells the same judgements. What counts as a denial, and which gaps somebody has to
//! close, is settled here once, so that no two formats can disagree about it.

use super::{Group, Report};
use crate::change::{Missing, Need, Oid};
use crate::verdict::{Disagreement, Finding, Judgement, Level, Line, Outcome, Spot, Verdict};

/// Who closes a gap in the facts that a later stage would not close by itself.
const GATEKEEPER: &str = "whoever runs this gate";

/// How much a judgement matters; what comes first matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It denies, because something is wrong.
    Broken,
    /// It denies, because something is not known.
    Unknown,
    /// Something is not known, and nothing is denied for that here.
    Open,
    /// It is told and denies nothing.
    Warning,
    /// The rule is kept against obligations.
    Owed,
    /// The rule is broken, and an exemption lets that be.
    Exempted,
    /// A later stage will ask.
    Later,
    /// The rule is kept.
    Passed,
    /// The rule is about other changes.
    NotApplicable,
}

impl Rank {
    /// Returns the rank of a judgement, where a gap denies if and only if `enforced`.
    pub(super) fn of(judgement: &Judgement, enforced: bool) -> Self {
        let denies = judgement.denies(enforced);
        match &judgement.outcome {
            Outcome::Fail(_) if denies => Rank::Broken,
            Outcome::Undecided(_) | Outcome::Deferred(_) if denies => Rank::Unknown,
            Outcome::Undecided(_) if judgement.level == Level::Deny => Rank::Open,
            Outcome::Fail(_) | Outcome::Undecided(_) => Rank::Warning,
            Outcome::Deferred(_) => Rank::Later,
            Outcome::Owed(_) => Rank::Owed,
            Outcome::Exempted { .. } => Rank::Exempted,
            Outcome::Pass => Rank::Passed,
            Outcome::NotApplicable => Rank::NotApplicable,
        }
    }

    /// Returns true for what denies.
    pub(super) fn denies(self) -> bool {
        self <= Rank::Unknown
    }

    /// Returns the rank in a word or two, for a reader who sees nothing else.
    pub(super) fn words(self) -> &'static str {
        match self {
            Rank::Broken => "denied",
            Rank::Unknown => "denied, for what is not known",
            Rank::Open => "undecided",
            Rank::Warning => "warning",
            Rank::Owed => "owed",
            Rank::Exempted => "exempted",
            Rank::Later => "asked later",
            Rank::Passed => "passed",
            Rank::NotApplicable => "not applicable",
        }
    }
}

/// A judgement, and where it belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'report> {
    /// The change; `None` for what is said about a ref.
    pub(super) verdict: Option<&'report Verdict>,
    pub(super) judgement: &'report Judgement,
    pub(super) rank: Rank,
}

impl<'report> Told<'report> {
    /// Returns the revision that was judged, where there is one.
    pub(super) fn revision(&self) -> Option<Oid> {
        self.verdict.and_then(|verdict| verdict.revision)
    }

    /// Returns what speaks against the rule, point by point.
    pub(super) fn points(&self) -> impl Iterator<Item = Point<'report>> + use<'report> {
        let (findings, gaps): (&[Finding], &[Missing]) = match &self.judgement.outcome {
            Outcome::Fail(findings) => (findings, &[]),
            Outcome::Undecided(gaps) | Outcome::Deferred(gaps) => (&[], gaps),
            Outcome::Pass | Outcome::Owed(_) | Outcome::Exempted { .. } | Outcome::NotApplicable => {
                (&[], &[])
            }
        };
        findings.iter().map(Point::Wrong).chain(gaps.iter().map(Point::Gap))
    }
}

/// One thing that speaks against a rule.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point<'report> {
    /// Something is wrong.
    Wrong(&'report Finding),
    /// Something is not known.
    Gap(&'report Missing),
}

impl<'report> Point<'report> {
    /// Returns what it is.
    pub(super) fn what(&self) -> Line {
        match self {
            Point::Wrong(finding) => finding.what.clone(),
            Point::Gap(missing) => Line::say(format!("cannot be decided: {missing}")),
        }
    }

    /// Returns where it was said, unless that is the revision that is spoken of anyway.
    pub(super) fn place(&self, spoken_of: Option<Oid>) -> Option<Line> {
        match self {
            Point::Wrong(finding) => place(&finding.at, spoken_of),
            Point::Gap(_) => None,
        }
    }

    /// Returns who can mend it, or when it is asked again.
    pub(super) fn remedy(&self) -> String {
        match self {
            Point::Wrong(finding) => format!("for {} to mend", finding.who),
            Point::Gap(Missing::NotAtThisStage(need)) => format!("asked {}", later(*need)),
            Point::Gap(_) => format!("for {GATEKEEPER} to mend"),
        }
    }

    /// Returns who can mend it.
    pub(super) fn who(&self) -> &'report str {
        match self {
            Point::Wrong(finding) => &finding.who,
            Point::Gap(_) => GATEKEEPER,
        }
    }

    /// Returns the point as one sentence: what, where, and who can mend it.
    pub(super) fn whole(&self, spoken_of: Option<Oid>) -> Line {
        let mut line = self.what().and(" (");
        if let Some(place) = self.place(spoken_of) {
            line.0.extend(place.0);
            line = line.and("; ");
        }
        line.and(self.remedy()).and(")")
    }
}

/// Returns where something was said, or nothing if that is the revision that is spoken of anyway.
pub(super) fn place(at: &Spot, spoken_of: Option<Oid>) -> Option<Line> {
    let mut line = Line::default();
    let gap = |line: &Line| if line.0.is_empty() { "" } else { " " };
    if let Some(path) = &at.path {
        line = line.and("at ").quote(path);
    }
    if let Some(number) = at.line {
        let of = if at.in_description { "description" } else { "message" };
        let gap = gap(&line);
        line = line.and(format!("{gap}on line {number} of the {of}"));
    }
    if let Some(commit) = at.commit.filter(|commit| Some(*commit) != spoken_of) {
        let gap = gap(&line);
        line = line.and(format!("{gap}in {}", commit.short()));
    }
    (!line.0.is_empty()).then_some(line)
}

/// Returns what is stated in one place and another way in the next, and which of it counts.
pub(super) fn disagreement(one: &Disagreement, spoken_of: Option<Oid>) -> Line {
    let mut line = Line::say(format!("`{}` is ", one.field));
    for (index, stated) in one.stated.iter().enumerate() {
        line = line.and(if index == 0 { "" } else { " and " }).quote(&stated.value);
        if let Some(place) = place(&stated.at, spoken_of) {
            line = line.and(" ");
            line.0.extend(place.0);
        }
    }
    line.and(format!("; `{}` counts", one.counts))
}

/// Returns every judgement of a report, in its order: of each group what is said about the ref, and
/// then what is said about each change.
pub(super) fn told(report: &Report) -> impl Iterator<Item = Told<'_>> {
    report.groups.iter().flat_map(|group| of_ref(group, report.enforced).chain(of_changes(group)))
}

/// Returns what is said about the ref of a group.
pub(super) fn of_ref(group: &Group, enforced: bool) -> impl Iterator<Item = Told<'_>> {
    group.refusals.iter().map(move |judgement| Told {
        verdict: None,
        judgement,
        rank: Rank::of(judgement, enforced),
    })
}

/// Returns what is said about the changes of a group.
pub(super) fn of_changes(group: &Group) -> impl Iterator<Item = Told<'_>> {
    group.verdicts.iter().flat_map(of_change)
}

/// Returns what is said about one change.
pub(super) fn of_change(verdict: &Verdict) -> impl Iterator<Item = Told<'_>> {
    verdict.judgements.iter().map(|judgement| Told {
        verdict: Some(verdict),
        judgement,
        rank: Rank::of(judgement, verdict.enforced),
    })
}

/// Returns when and by whom something is asked that cannot be known yet.
pub(super) fn later(need: Need) -> &'static str {
    match need {
        Need::Commits
        | Need::Paths
        | Need::Kinds
        | Need::Lines
        | Need::Blobs
        | Need::OwnContent
        | Need::Signatures => "once it is recorded, by `changegate check` and at the push",
        Need::Pusher | Need::Target | Need::Clock => "at the push, by the server",
        Need::Pull | Need::Checks | Need::Comments | Need::Conversations => {
            "in the pull request, by the forge"
        }
        Need::Approvals | Need::Reviews | Need::Tickets => {
            "at the push or the merge, by the server or the forge"
        }
    }
}
