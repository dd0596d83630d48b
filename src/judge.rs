//! The decision.
//!
//! [`judge`] is a function of a policy and a change, and of nothing else: no clock, no repository,
//! no environment. For each rule it asks whether the rule is about this change (class and `when`),
//! then what the rule requires. Whatever cannot be known stays open, and what is open denies where
//! the gate enforces.
//!
//! Invariants: removing a fact never turns deny into allow; the order of rules changes nothing but
//! the order of the judgements; a change that no denying rule is about is denied.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::change::{Change, Missing};
use crate::policy::{Exemption, Policy, Rule};
use crate::predicates::{Seen, Trace};
use crate::verdict::{Answer, Finding, Judgement, Level, Line, Outcome, RuleName, Verdict};

/// The id of the judgement on a change that no rule is about.
pub const NO_RULE: &str = "no-rule-applies";

/// Judges `change` by `policy`; with `enforce`, a gap in the facts denies.
pub fn judge(policy: &Policy, change: &Change, enforce: bool) -> Verdict {
    let seen = Seen::new(change, &policy.people, &policy.vocabulary);
    // Of what sorts changes and rules only the answer matters.
    let sorting = Seen::without_reasons(change, &policy.people, &policy.vocabulary);
    let classes = classes(policy, &sorting);
    let today = change.seen_at.to_zoned(TimeZone::UTC).date();
    let mut judgements: Vec<Judgement> = Vec::with_capacity(policy.rules.len());
    for (place, rule) in policy.rules.iter().enumerate() {
        let outcome = match applies(rule, &classes, &sorting) {
            Applies::No => Outcome::NotApplicable,
            Applies::Yes => outcome(rule.require.ask(&seen), enforce),
            // Whether or not the rule is about this change: if it is kept, nothing is open.
            Applies::Open(missing) => match rule.require.ask(&seen) {
                Answer::Holds(owed) if owed.is_empty() => Outcome::Pass,
                Answer::Holds(owed) => Outcome::Owed(owed),
                Answer::Fails(_) => open(missing, enforce),
                Answer::Unknown(more) => open(missing.into_iter().chain(more).collect(), enforce),
            },
        };
        let outcome = match outcome {
            Outcome::Fail(_) | Outcome::Undecided(_) | Outcome::Deferred(_) => {
                exempted(policy, place, &sorting).unwrap_or(outcome)
            }
            other => other,
        };
        judgements.push(Judgement { rule: Arc::clone(&rule.name), level: rule.level_on(today), outcome });
    }
    let about = |judgement: &Judgement| {
        judgement.level == Level::Deny && !matches!(judgement.outcome, Outcome::NotApplicable)
    };
    if !judgements.iter().any(about) {
        judgements.push(nothing_applies());
    }
    let tip = change.tip();
    Verdict {
        revision: tip.and_then(|commit| commit.id),
        commits: change.commits.len(),
        subject: tip.map(|commit| commit.message.subject()).unwrap_or_default(),
        stage: change.stage,
        enforced: enforce,
        class: match classes.as_slice() {
            [(class, missing)] if missing.is_empty() => {
                policy.classes.get(*class).map(|class| class.name.clone())
            }
            _ => None,
        },
        judgements,
        disagreements: policy
            .vocabulary
            .fields()
            .iter()
            .filter_map(|field| field.disagreement(change))
            .collect(),
    }
}

/// Tells how the rule at `place` came to its outcome, question by question.
pub fn explain(policy: &Policy, change: &Change, rule: &str) -> Vec<Trace> {
    let seen = Seen::new(change, &policy.people, &policy.vocabulary);
    let rules = policy.rules.iter().filter(|known| known.name.id == rule);
    rules
        .flat_map(|rule| rule.when.iter().chain(std::iter::once(&rule.require)))
        .map(|asked| asked.trace(&seen))
        .collect()
}

/// Returns the exemptions, as places in the policy, that let a judgement of `verdict` be, or of which
/// nobody can tell whether they would.
pub fn exemptions_used(policy: &Policy, change: &Change, verdict: &Verdict) -> Vec<usize> {
    let seen = Seen::without_reasons(change, &policy.people, &policy.vocabulary);
    let mut used = Vec::new();
    for (place, exemption) in policy.exemptions.iter().enumerate() {
        let counts = match verdict.judgements.get(exemption.rule).map(|judgement| &judgement.outcome) {
            Some(Outcome::Exempted { place, .. }) => *place == exemption.place,
            Some(Outcome::Fail(_) | Outcome::Undecided(_) | Outcome::Deferred(_)) => {
                matches!(exemption.when.ask(&seen), Answer::Unknown(_))
            }
            _ => false,
        };
        if counts {
            used.push(place);
        }
    }
    used
}

/// Returns the classes that the change may be of: one, unless a missing fact leaves it open. Each
/// comes with what is missing to be sure of it.
fn classes(policy: &Policy, seen: &Seen<'_>) -> Vec<(usize, Vec<Missing>)> {
    let mut possible = Vec::new();
    let mut open: Vec<Missing> = Vec::new();
    for (place, class) in policy.classes.iter().enumerate() {
        match class.when.ask(seen) {
            Answer::Fails(_) => {}
            Answer::Unknown(missing) => {
                open.extend(missing);
                possible.push((place, open.clone()));
            }
            Answer::Holds(_) => {
                possible.push((place, open));
                break;
            }
        }
    }
    possible
}

/// Whether a rule is about a change.
enum Applies {
    Yes,
    No,
    /// It depends on these facts.
    Open(Vec<Missing>),
}

fn applies(rule: &Rule, possible: &[(usize, Vec<Missing>)], seen: &Seen<'_>) -> Applies {
    let mut open = Vec::new();
    if let Some(of) = &rule.classes {
        let ours = possible.iter().filter(|(class, _)| of.contains(class)).count();
        if ours == 0 {
            return Applies::No;
        }
        if ours < possible.len() {
            open.extend(possible.iter().flat_map(|(_, missing)| missing).cloned());
        }
    }
    match rule.when.as_ref().map(|when| when.ask(seen)) {
        None | Some(Answer::Holds(_)) => {}
        Some(Answer::Fails(_)) => return Applies::No,
        Some(Answer::Unknown(missing)) => open.extend(missing),
    }
    open.sort();
    open.dedup();
    if open.is_empty() { Applies::Yes } else { Applies::Open(open) }
}

fn outcome(answer: Answer, enforce: bool) -> Outcome {
    match answer {
        Answer::Holds(owed) if owed.is_empty() => Outcome::Pass,
        Answer::Holds(owed) => Outcome::Owed(owed),
        Answer::Fails(findings) => Outcome::Fail(findings),
        Answer::Unknown(missing) => open(missing, enforce),
    }
}

/// Returns the outcome for facts that are missing: deferred if a later stage will know them all and
/// nothing is decided here.
fn open(mut missing: Vec<Missing>, enforce: bool) -> Outcome {
    missing.sort();
    missing.dedup();
    let later = missing.iter().all(|missing| matches!(missing, Missing::NotAtThisStage(_)));
    if later && !enforce { Outcome::Deferred(missing) } else { Outcome::Undecided(missing) }
}

fn exempted(policy: &Policy, rule: usize, seen: &Seen<'_>) -> Option<Outcome> {
    let today = seen.change.seen_at.to_zoned(TimeZone::UTC).date();
    let holds = |exemption: &&Exemption| {
        exemption.rule == rule
            && today <= exemption.until
            && matches!(exemption.when.ask(seen), Answer::Holds(_))
    };
    policy.exemptions.iter().find(holds).map(|exemption| Outcome::Exempted {
        reason: exemption.reason.clone(),
        approved_by: exemption.approved_by.clone(),
        until: exemption.until.to_string(),
        place: exemption.place.clone(),
    })
}

fn nothing_applies() -> Judgement {
    let what = Line::say("no rule of the policy that denies anything is about this change");
    Judgement {
        rule: Arc::new(RuleName {
            id: NO_RULE.into(),
            title: "every change is held against at least one rule".into(),
            controls: Vec::new(),
        }),
        level: Level::Deny,
        outcome: Outcome::Fail(vec![Finding::new(what).by("whoever keeps the policy")]),
    }
}
