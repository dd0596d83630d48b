//! Two verdicts on one change, and the sums of many such pairs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::audit::page::period_counts::MonthCounts;
use crate::backtest::outcome_shift::{OutcomeShift, ShiftTotals};
use crate::change::{Change, FactKind, Missing, Oid, Text};
use crate::policy::Policy;
use crate::verdict::{Decision, RuleLevel, RuleOutcome, Verdict};

/// How many changes of each kind are kept for the lists; the sums are of all.
pub(crate) const MAX_LISTED_CHANGES: usize = 1_000;

/// How many groups are kept beside each other; the others are summed up.
const MAX_GROUPS: usize = 500;

/// What stands for the groups that are summed up.
const OTHER_GROUPS: &str = "(others)";

/// What a rule of the proposed policy says about the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTotals {
    /// The changes that it applies to.
    pub applies: u64,
    /// Those that break it.
    pub broken: u64,
    /// Those about which it cannot be known.
    pub open: u64,
    /// The changes that it denies, and that are allowed today.
    pub newly_denied: u64,
    /// The changes that it denies, and of which today's answer cannot be known.
    pub denied_today_open: u64,
    /// True if it only warns.
    pub is_warning: bool,
}

/// Why little is seen of a rule in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddRuleKind {
    /// No change is one that it applies to.
    NeverApplied,
    /// It applies to changes, and each of them keeps it.
    NeverBroken,
    /// Each change that it applies to breaks it.
    AlwaysBroken,
}

impl OddRuleKind {
    /// Every kind, in the order of reports.
    const ALL: [OddRuleKind; 3] =
        [OddRuleKind::NeverBroken, OddRuleKind::AlwaysBroken, OddRuleKind::NeverApplied];

    /// Returns the kind in words, which stand before the names of rules.
    pub fn describe_kind(self) -> &'static str {
        match self {
            OddRuleKind::NeverApplied => "applied to no change",
            OddRuleKind::NeverBroken => "never broken",
            OddRuleKind::AlwaysBroken => "always broken",
        }
    }
}

impl RuleTotals {
    /// Returns why little is seen of the rule; `None` if some changes keep it and some may not.
    fn find_odd_kind(&self) -> Option<OddRuleKind> {
        if self.applies == 0 {
            Some(OddRuleKind::NeverApplied)
        } else if self.broken == 0 && self.open == 0 {
            Some(OddRuleKind::NeverBroken)
        } else if self.broken == self.applies {
            Some(OddRuleKind::AlwaysBroken)
        } else {
            None
        }
    }
}

/// What two policies say about one change.
#[derive(Clone, Debug)]
pub struct ChangeShift {
    /// The change.
    pub change: ShiftedChange,
    paths: BTreeSet<String>,
    applied: Vec<(String, RuleMark)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RuleMark {
    Kept,
    Broken,
    Open,
}

/// A change and how it shifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftedChange {
    /// How it shifts.
    pub shift: OutcomeShift,
    /// Its final revision.
    pub revision: Option<Oid>,
    /// Its subject.
    pub subject: Text,
    /// When it was made, as its last commit says.
    pub at: Timestamp,
    /// Its class by the proposed policy; empty where that cannot be known or there are no classes.
    pub class: String,
    /// The rules that deny it: of the proposed policy, or, where it is newly allowed, of today's. Where it is not
    /// to be known, the rules of either policy that rest on what is missing; where it is denied today, those of the
    /// proposed one.
    pub rules: Vec<String>,
    /// The facts that are missing, where an answer is not to be known.
    pub missing: BTreeSet<FactKind>,
}

/// What came out of a backtest.
#[derive(Clone, Debug, Default)]
pub struct BacktestTotals {
    /// How the changes shift.
    pub shifts: ShiftTotals,
    /// What each rule of the proposed policy says.
    pub rules: BTreeMap<String, RuleTotals>,
    /// How many newly allowed changes each rule of today's policy denied.
    pub freed_by: BTreeMap<String, u64>,
    /// By class.
    pub classes: BTreeMap<String, ShiftTotals>,
    /// By the first folder of the paths; a change in several folders counts in each.
    pub folders: BTreeMap<String, ShiftTotals>,
    /// By the facts that are missing, how many changes have an answer that is not to be known.
    pub missing: BTreeMap<FactKind, u64>,
    /// The commits that could not be read, so that their changes are not judged.
    pub unreadable: u64,
    /// The changes of which a ledger tells who pushed them and when.
    pub recorded: u64,
    /// The records of the ledger that cannot be read.
    pub unreadable_records: u64,
    /// The first changes that shift or are not to be known, oldest first, at most 1,000 of each kind.
    pub listed: Vec<ShiftedChange>,
    pub(crate) months: MonthCounts,
    listed_counts: ShiftTotals,
}

/// Compares what two policies say about a change.
pub(crate) fn compare_verdicts(
    change: &Change,
    made_at: Timestamp,
    (current, proposed): (&Verdict, &Verdict),
) -> ChangeShift {
    let mut missing = BTreeSet::new();
    let (old, new) = (decide(current, &mut missing), decide(proposed, &mut missing));
    let shift = match (old, new) {
        (Some(Decision::Allow), Some(Decision::Deny)) => OutcomeShift::NewlyDenied,
        (Some(Decision::Deny), Some(Decision::Allow)) => OutcomeShift::NewlyAllowed,
        (Some(Decision::Deny), Some(Decision::Deny)) => OutcomeShift::StaysDenied,
        (Some(Decision::Allow), Some(Decision::Allow)) => OutcomeShift::StaysAllowed,
        // What one policy denies for certain is told, whatever the other rests on.
        (None, Some(Decision::Deny)) => OutcomeShift::DeniedTodayOpen,
        (Some(Decision::Deny), None) => OutcomeShift::OpenDeniedToday,
        (None, _) | (_, None) => OutcomeShift::Open,
    };
    let rules = match shift {
        OutcomeShift::Open => list_open_rules(&[proposed, current]),
        OutcomeShift::OpenDeniedToday => list_open_rules(&[proposed]),
        OutcomeShift::NewlyAllowed => list_denying_rules(current),
        _ => list_denying_rules(proposed),
    };
    let mut applied = Vec::new();
    for judgement in &proposed.judgements {
        let mark = match &judgement.outcome {
            RuleOutcome::NotApplicable => continue,
            RuleOutcome::Pass | RuleOutcome::Owed(_) | RuleOutcome::Exempted { .. } => RuleMark::Kept,
            RuleOutcome::Fail(_) => RuleMark::Broken,
            RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_) | RuleOutcome::MaybeExempted(_) => {
                RuleMark::Open
            }
        };
        applied.push((judgement.rule.id.to_string(), mark));
    }
    ChangeShift {
        change: ShiftedChange {
            shift,
            revision: proposed.revision,
            subject: proposed.subject.clone(),
            at: made_at,
            class: proposed.class.as_ref().map(ToString::to_string).unwrap_or_default(),
            rules,
            missing,
        },
        paths: list_folders(change),
        applied,
    }
}

fn list_denying_rules(verdict: &Verdict) -> Vec<String> {
    let denying = verdict.judgements.iter().filter(|one| one.is_denying(false));
    denying.map(|one| one.rule.id.to_string()).collect()
}

/// Returns the rules of these verdicts that could deny and cannot be decided, each once.
fn list_open_rules(verdicts: &[&Verdict]) -> Vec<String> {
    let mut rules = Vec::new();
    for judgement in verdicts.iter().flat_map(|verdict| &verdict.judgements) {
        let is_open = matches!(judgement.outcome, RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_));
        let rule = judgement.rule.id.to_string();
        if is_open && judgement.level == RuleLevel::Deny && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// Returns the decision; `None`, after adding the facts that are missing, if one of them decides.
fn decide(verdict: &Verdict, missing: &mut BTreeSet<FactKind>) -> Option<Decision> {
    if verdict.judgements.iter().any(|judgement| judgement.is_denying(false)) {
        return Some(Decision::Deny);
    }
    let mut is_open = false;
    for judgement in verdict.judgements.iter().filter(|one| one.level == RuleLevel::Deny) {
        let facts = match &judgement.outcome {
            RuleOutcome::Undecided(facts) | RuleOutcome::Deferred(facts) => facts.as_slice(),
            RuleOutcome::MaybeExempted(possible) => possible.missing.as_slice(),
            _ => continue,
        };
        is_open |= !facts.is_empty();
        missing.extend(facts.iter().map(Missing::fact_kind));
    }
    (!is_open).then_some(Decision::Allow)
}

/// Returns the first folders of the paths, as in `src/`; `/` stands for files in the root.
fn list_folders(change: &Change) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for commit in &change.commits {
        for path in commit.paths.iter().flatten() {
            let path = path.path.to_lossy();
            folders.insert(match path.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => "/".to_owned(),
            });
        }
    }
    folders
}

impl BacktestTotals {
    /// Returns the totals of no change, with every rule of the proposed policy.
    pub(crate) fn new(proposed: &Policy) -> BacktestTotals {
        let mut totals = BacktestTotals::default();
        for rule in &proposed.rules {
            let is_warning = rule.level == RuleLevel::Warn;
            let entry = totals.rules.entry(rule.description.id.to_string()).or_default();
            entry.is_warning = is_warning;
        }
        for class in &proposed.classes {
            totals.classes.entry(class.id.to_string()).or_default();
        }
        totals
    }

    /// Adds a change.
    pub(crate) fn add_shift(&mut self, shifted: ChangeShift) {
        let ChangeShift { change, paths, applied } = shifted;
        let shift = change.shift;
        self.shifts.add_one(shift);
        self.months.add_one(change.at, shift.describe_shift());
        if !change.class.is_empty() {
            self.classes.entry(change.class.clone()).or_default().add_one(shift);
        }
        for folder in paths {
            let name = if self.folders.len() < MAX_GROUPS || self.folders.contains_key(&folder) {
                folder
            } else {
                OTHER_GROUPS.to_owned()
            };
            self.folders.entry(name).or_default().add_one(shift);
        }
        for (rule, mark) in applied {
            let totals = self.rules.entry(rule.clone()).or_default();
            totals.applies += 1;
            totals.broken += u64::from(mark == RuleMark::Broken);
            totals.open += u64::from(mark == RuleMark::Open);
            let denies = mark == RuleMark::Broken && change.rules.contains(&rule);
            totals.newly_denied += u64::from(denies && shift == OutcomeShift::NewlyDenied);
            totals.denied_today_open += u64::from(denies && shift == OutcomeShift::DeniedTodayOpen);
        }
        if shift == OutcomeShift::NewlyAllowed {
            for rule in &change.rules {
                *self.freed_by.entry(rule.clone()).or_default() += 1;
            }
        }
        for kind in &change.missing {
            *self.missing.entry(*kind).or_default() += 1;
        }
        let kept = usize::try_from(self.listed_counts.count_of(shift)).unwrap_or(usize::MAX);
        if OutcomeShift::LISTED.contains(&shift) && kept < MAX_LISTED_CHANGES {
            self.listed_counts.add_one(shift);
            self.listed.push(change);
        }
    }

    /// Returns the rules of the proposed policy of which a history shows little, each kind with its words.
    pub fn list_odd_rules(&self) -> Vec<(OddRuleKind, Vec<&str>)> {
        let mut odd = Vec::new();
        for kind in OddRuleKind::ALL {
            let rules = self.rules.iter().filter(|(_, totals)| totals.find_odd_kind() == Some(kind));
            let names: Vec<&str> = rules.map(|(rule, _)| rule.as_str()).collect();
            if !names.is_empty() {
                odd.push((kind, names));
            }
        }
        odd
    }

    /// Returns how the changes of each month shift, the oldest month first; the names are as in `2026-11`. Months without a
    /// change are left out.
    pub fn list_months(&self) -> Vec<(String, ShiftTotals)> {
        let mut months = Vec::new();
        for (name, kinds) in self.months.list_months() {
            let mut totals = ShiftTotals::default();
            for shift in OutcomeShift::ALL {
                totals.add_many(shift, kinds.get(shift.describe_shift()).copied().unwrap_or_default());
            }
            months.push((name, totals));
        }
        months
    }
}
