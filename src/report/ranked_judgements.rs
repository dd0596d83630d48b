//! Judgements by how much they matter, and the objections of each, with who can remove them.
//!
//! Every format reports the same judgements. What counts as a denial, and which gaps need a fix, is
//! settled here once, so that no two formats can disagree about it.

use crate::change::{FactKind, Missing, Oid};
use crate::report::content::{Report, ReportGroup};
use crate::verdict::{
    ChangeLocation, Decision, FieldDisagreement, Finding, Fixer, Judgement, PossibleExemption, RuleOutcome,
    Sentence, SentencePart, Verdict, describe_fixers,
};

pub(crate) use crate::report::judgement_rank::JudgementRank;

/// A judgement with its rank, and the change that it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RankedJudgement<'report> {
    /// The change; `None` for a judgement about a ref.
    pub(crate) verdict: Option<&'report Verdict>,
    pub(crate) judgement: &'report Judgement,
    pub(crate) rank: JudgementRank,
}

/// Objections of one judgement that the same people can remove.
#[derive(Debug)]
pub(crate) struct ObjectionGroup<'report> {
    pub(crate) objections: Vec<RuleObjection<'report>>,
    /// Who can fix them, or when they are checked again, in words.
    pub(crate) remedy: String,
}

impl<'report> RankedJudgement<'report> {
    /// Returns the revision that was judged, where there is one.
    pub(crate) fn revision(&self) -> Option<Oid> {
        self.verdict.and_then(|verdict| verdict.revision)
    }

    /// Returns what speaks against the rule, point by point.
    pub(crate) fn objections(&self) -> Vec<RuleObjection<'report>> {
        match &self.judgement.outcome {
            RuleOutcome::Fail(findings) => findings.iter().map(RuleObjection::Finding).collect(),
            RuleOutcome::Undecided(gaps) | RuleOutcome::Deferred(gaps) => {
                gaps.iter().map(RuleObjection::Missing).collect()
            }
            RuleOutcome::MaybeExempted(possible) => {
                let mut objections: Vec<_> = possible.findings.iter().map(RuleObjection::Finding).collect();
                for missing in &possible.missing {
                    objections.push(RuleObjection::OpenExemption(possible, missing));
                }
                objections
            }
            RuleOutcome::Pass
            | RuleOutcome::Owed(_)
            | RuleOutcome::Exempted { .. }
            | RuleOutcome::NotApplicable => Vec::new(),
        }
    }

    /// Returns the objections without those that go away with another one, about the same line.
    pub(crate) fn told_objections(&self) -> Vec<RuleObjection<'report>> {
        let mut told = self.objections();
        told.retain(|objection| !objection.finding().is_some_and(|finding| self.is_told_elsewhere(finding)));
        told
    }

    fn is_told_elsewhere(&self, finding: &Finding) -> bool {
        if !finding.is_follow_up {
            return false;
        }
        let Some(verdict) = self.verdict else { return false };
        for judgement in &verdict.judgements {
            // What denies is not explained by what only warns.
            if let RuleOutcome::Fail(findings) = &judgement.outcome
                && judgement.is_denying(verdict.enforced)
                && findings.iter().any(|other| other.is_fixed_with(finding))
            {
                return true;
            }
        }
        false
    }

    /// Returns the facts that a later stage checks, each with when that is; none for other outcomes.
    pub(crate) fn describe_awaited_facts(&self) -> Vec<String> {
        let mut facts = Vec::new();
        if self.rank == JudgementRank::Deferred {
            for objection in self.objections() {
                if let Some(missing) = objection.missing_fact() {
                    let (when, fact) = describe_awaited_fact(missing);
                    facts.push(format!("{fact} ({when})"));
                }
            }
        }
        if let RuleOutcome::MaybeExempted(possible) = &self.judgement.outcome {
            let id = possible.exemption.as_str();
            for objection in self.told_objections() {
                if let Some(finding) = objection.finding() {
                    let problem = finding.message.to_plain_text();
                    facts.push(format!("broken unless the exemption at {id} applies: {problem}"));
                }
            }
        }
        facts
    }

    /// Returns the objections by who can remove them, in the order in which each comes first, so
    /// that a format says it once for all of a group.
    pub(crate) fn objection_groups(&self) -> Vec<ObjectionGroup<'report>> {
        let mut groups: Vec<ObjectionGroup<'report>> = Vec::new();
        for objection in self.told_objections() {
            let remedy = objection.describe_remedy();
            match groups.iter_mut().find(|group| group.remedy == remedy) {
                Some(group) => group.objections.push(objection),
                None => groups.push(ObjectionGroup { objections: vec![objection], remedy }),
            }
        }
        groups
    }
}

/// One thing that speaks against a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RuleObjection<'report> {
    /// A finding: something is wrong.
    Finding(&'report Finding),
    /// A fact that is missing.
    Missing(&'report Missing),
    /// A fact that is missing to know whether an exemption applies.
    OpenExemption(&'report PossibleExemption, &'report Missing),
}

impl<'report> RuleObjection<'report> {
    /// Returns the finding, or `None` for a missing fact.
    pub(crate) fn finding(&self) -> Option<&'report Finding> {
        match self {
            RuleObjection::Finding(finding) => Some(finding),
            RuleObjection::Missing(_) | RuleObjection::OpenExemption(..) => None,
        }
    }

    /// Returns the fact that is missing, or `None` for a finding.
    pub(crate) fn missing_fact(&self) -> Option<&'report Missing> {
        match self {
            RuleObjection::Finding(_) => None,
            RuleObjection::Missing(missing) | RuleObjection::OpenExemption(_, missing) => Some(missing),
        }
    }

    /// Returns what is wrong or missing.
    pub(crate) fn describe_problem(&self) -> Sentence {
        match self {
            RuleObjection::Finding(finding) => finding.message.sentence(),
            RuleObjection::Missing(missing) => Sentence::from_words(format!("cannot decide: {missing}")),
            RuleObjection::OpenExemption(possible, missing) => Sentence::from_words(format!(
                "cannot decide whether the exemption at {} allows it: {missing}",
                possible.exemption
            )),
        }
    }

    /// Returns the place, without what the reader knows: the revision that is spoken of anyway, and
    /// a path that the problem itself names.
    fn describe_location(&self, spoken_of: Option<Oid>) -> Option<Sentence> {
        let finding = self.finding()?;
        let mut at = finding.at.clone();
        if let Some(path) = at.path.take() {
            let named = SentencePart::Quote(path);
            if !finding.message.sentence().0.contains(&named)
                && let SentencePart::Quote(path) = named
            {
                at.path = Some(path);
            }
        }
        describe_change_location(&at, spoken_of)
    }

    /// Returns who can fix it, or when it is checked again.
    pub(crate) fn describe_remedy(&self) -> String {
        match self.missing_fact() {
            Some(Missing::NotAtThisStage(fact)) => {
                format!("checked {}", describe_later_check(*fact))
            }
            _ => format!("fix: {}", describe_fixers(self.fixers())),
        }
    }

    /// Returns the roles that can fix it, any of them.
    pub(crate) fn fixers(&self) -> &'report [Fixer] {
        match self {
            RuleObjection::Finding(finding) => &finding.fixers,
            RuleObjection::Missing(Missing::TooLarge(..))
            | RuleObjection::OpenExemption(_, Missing::TooLarge(..)) => &[Fixer::Author, Fixer::Pusher],
            RuleObjection::Missing(Missing::NotGiven(..))
            | RuleObjection::OpenExemption(_, Missing::NotGiven(..)) => &[Fixer::Author],
            // A gap that a later stage would not close is for the people who set up the gate.
            RuleObjection::Missing(_) | RuleObjection::OpenExemption(..) => &[Fixer::GateAdministrator],
        }
    }

    /// Returns what is wrong, with its place in brackets.
    pub(crate) fn describe_with_location(&self, spoken_of: Option<Oid>) -> Sentence {
        let problem = self.describe_problem();
        match self.describe_location(spoken_of) {
            Some(place) => problem.with_words(" (").with_sentence(place).with_words(")"),
            None => problem,
        }
    }

    /// Returns what is wrong, with its place and who can fix it in brackets.
    pub(crate) fn describe_fully(&self, spoken_of: Option<Oid>) -> Sentence {
        let mut sentence = self.describe_problem().with_words(" (");
        if let Some(place) = self.describe_location(spoken_of) {
            sentence = sentence.with_sentence(place).with_words("; ");
        }
        sentence.with_words(self.describe_remedy()).with_words(")")
    }
}

/// Returns a place in words, as in `line 5 of the message of 0123456789`; `None` if nothing is left
/// to say besides the revision that is spoken of anyway.
pub(crate) fn describe_change_location(at: &ChangeLocation, spoken_of: Option<Oid>) -> Option<Sentence> {
    let text = if at.in_description { "description" } else { "message" };
    let mut words = match at.line {
        Some(line) => format!("line {line} of the {text}"),
        None => String::new(),
    };
    if let Some(commit) = at.commit
        && at.commit != spoken_of
    {
        words.push_str(if words.is_empty() { "commit " } else { " of " });
        words.push_str(&commit.short_hex());
    }
    match &at.path {
        None if words.is_empty() => None,
        None => Some(Sentence::from_words(words)),
        Some(path) if words.is_empty() => Some(Sentence::default().with_quote(path)),
        Some(path) => Some(Sentence::default().with_quote(path).with_words(format!(", {words}"))),
    }
}

/// Returns the values that a field is given, each with its place, and the one that counts.
pub(crate) fn describe_disagreement(one: &FieldDisagreement, spoken_of: Option<Oid>) -> Sentence {
    let mut sentence = Sentence::from_words(format!("`{}` is ", one.field));
    for (index, stated) in one.stated.iter().enumerate() {
        sentence = sentence.with_words(if index == 0 { "" } else { " and " }).with_quote(&stated.value);
        if let Some(place) = describe_change_location(&stated.at, spoken_of) {
            sentence = sentence.with_words(" (").with_sentence(place).with_words(")");
        }
    }
    sentence.with_words(format!("; `{}` counts", one.counts))
}

/// Returns every judgement of a report, in its order: of each group the judgements about the ref, and
/// then those about each change.
pub(crate) fn rank_report(report: &Report) -> impl Iterator<Item = RankedJudgement<'_>> {
    report.groups.iter().flat_map(|group| rank_group(group, report.enforced))
}

/// Returns the judgements about the ref of a group, and then those about its changes.
pub(crate) fn rank_group(group: &ReportGroup, enforced: bool) -> impl Iterator<Item = RankedJudgement<'_>> {
    rank_refusals(group, enforced).chain(group.verdicts.iter().flat_map(rank_verdict))
}

/// Returns the judgements about the ref of a group.
pub(crate) fn rank_refusals(
    group: &ReportGroup,
    enforced: bool,
) -> impl Iterator<Item = RankedJudgement<'_>> {
    rank_judgements(None, &group.refusals, enforced)
}

/// Returns the judgements about one change.
pub(crate) fn rank_verdict(verdict: &Verdict) -> impl Iterator<Item = RankedJudgement<'_>> {
    rank_judgements(Some(verdict), &verdict.judgements, verdict.enforced)
}

fn rank_judgements<'report>(
    verdict: Option<&'report Verdict>,
    judgements: &'report [Judgement],
    enforced: bool,
) -> impl Iterator<Item = RankedJudgement<'report>> {
    judgements.iter().map(move |judgement| {
        let rank = JudgementRank::from_judgement(judgement, enforced);
        RankedJudgement { verdict, judgement, rank }
    })
}

/// Returns when, and by whom, a fact is checked that cannot be known yet.
fn describe_later_check(fact: FactKind) -> &'static str {
    match fact {
        FactKind::Commits
        | FactKind::Paths
        | FactKind::FileKinds
        | FactKind::Lines
        | FactKind::Blobs
        | FactKind::EvilMerges
        | FactKind::AddedLines
        | FactKind::Digests
        | FactKind::CodeOwners
        | FactKind::PolicyChange
        | FactKind::EarlierChange
        | FactKind::Signatures => "after the commit, by `changegate check` and at the push",
        FactKind::Pusher | FactKind::Target | FactKind::Clock => "at the push, by the server",
        FactKind::Pull
        | FactKind::Checks
        | FactKind::Comments
        | FactKind::Conversations
        | FactKind::ForgeTeams => "in the pull request, by the forge",
        FactKind::Approvals | FactKind::Reviews | FactKind::Tickets | FactKind::SignedApprovals => {
            "at the push or the merge, by the server or the forge"
        }
    }
}

/// Returns when, and by whom, a missing fact is checked, and the fact.
pub(crate) fn describe_awaited_fact(missing: &Missing) -> (&'static str, String) {
    let fact = missing.fact_kind();
    match missing {
        Missing::NotAtThisStage(_) => (describe_later_check(fact), fact.to_string()),
        Missing::NotConfigured(_) => ("where this is configured", fact.to_string()),
        Missing::Unavailable(_, why) | Missing::TooLarge(_, why) => {
            (describe_later_check(fact), format!("{fact}, which could not be read here: {why}"))
        }
        Missing::NotGiven(_, why) => {
            (describe_later_check(fact), format!("{fact}, which are not given: {why}"))
        }
    }
}

/// The counts that a summary of a report speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReportCounts {
    pub(crate) changes: usize,
    pub(crate) denied_changes: usize,
    pub(crate) refused_refs: usize,
    pub(crate) owed_obligations: usize,
    pub(crate) undecided_rules: usize,
    pub(crate) warnings: usize,
    pub(crate) used_exemptions: usize,
    pub(crate) deferred_rules: usize,
    /// The judgements that deny because a fact is missing.
    pub(crate) denied_unknown: usize,
}

impl ReportCounts {
    pub(crate) fn count_report(report: &Report) -> Self {
        let mut counts = ReportCounts::default();
        for group in &report.groups {
            counts.changes += group.verdicts.len() + group.omitted_passes + group.left_out.changes;
            counts.denied_changes += group.left_out.denied;
            for rule in &group.left_out.rules {
                counts.add_outcomes(rule.rank, rule.changes, rule.points);
            }
            for verdict in &group.verdicts {
                counts.denied_changes += usize::from(verdict.decision() == Decision::Deny);
            }
            counts.refused_refs += usize::from(group.is_ref_refused(report.enforced));
        }
        for ranked in rank_report(report) {
            counts.add_judgement(&ranked);
        }
        counts
    }

    fn add_judgement(&mut self, ranked: &RankedJudgement<'_>) {
        let obligations = match &ranked.judgement.outcome {
            RuleOutcome::Owed(owed) => owed.len(),
            _ => 0,
        };
        self.add_outcomes(ranked.rank, 1, obligations);
    }

    /// Adds this many judgements of one rank, and what is owed by all of them.
    fn add_outcomes(&mut self, rank: JudgementRank, judgements: usize, obligations: usize) {
        match rank {
            JudgementRank::DeniedUnknown => self.denied_unknown += judgements,
            JudgementRank::Undecided => self.undecided_rules += judgements,
            JudgementRank::Warning => self.warnings += judgements,
            JudgementRank::Owed => self.owed_obligations += obligations,
            JudgementRank::Exempted => self.used_exemptions += judgements,
            JudgementRank::Deferred => self.deferred_rules += judgements,
            JudgementRank::Denied | JudgementRank::Passed | JudgementRank::NotApplicable => {}
        }
    }
}
