//! The properties that a verdict justifies.
//!
//! A property is given for what the policy asks and the change met: not for a rule that did not apply, was
//! exempted, or is still owed. A rule counts only if it cannot pass without the question, so an alternative
//! (`any`) gives no property. What was typed and what was verified are different properties. No SLSA level is
//! among them: the gate is not the source control system, and sees only part of what a level requires.

use std::collections::BTreeSet;

use crate::change::Stage;
use crate::policy::Policy;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::{RuleOutcome, Verdict};

/// The policy of the ref allowed the change before it landed.
const GATED_PROPERTY: &str = "ORG_SOURCE_CHANGE_GATED";
/// A reviewer other than its authors approved the change, as a forge confirms.
const REVIEWED_PROPERTY: &str = "ORG_SOURCE_CHANGE_REVIEWED";
/// A trailer states that a reviewer other than its authors approved the change.
const REVIEW_STATED_PROPERTY: &str = "ORG_SOURCE_CHANGE_REVIEW_STATED";
/// Every commit has a valid signature by a key of the policy.
const SIGNED_PROPERTY: &str = "ORG_SOURCE_CHANGE_SIGNED";
/// The checks that the policy requires have passed.
const CHECKED_PROPERTY: &str = "ORG_SOURCE_CHANGE_CHECKED";
/// The ticket meets the policy, as the ticket system confirms.
const TICKET_CONFIRMED_PROPERTY: &str = "ORG_SOURCE_CHANGE_TICKET_CONFIRMED";
/// A field references a ticket, which no ticket system confirmed.
const TICKET_STATED_PROPERTY: &str = "ORG_SOURCE_CHANGE_TICKET_STATED";

/// Returns the properties that a verdict justifies for a change that was allowed and has landed. Without the
/// policy it is not known what its rules ask. `stage` is that of the decision, which on a forge is another
/// one than that of the verdict.
pub(crate) fn list_properties(verdict: &Verdict, policy: Option<&Policy>, stage: Stage) -> Vec<&'static str> {
    // Of several rules that ask for the same, each has to pass, so one that does not rejects the property.
    let mut given: BTreeSet<&'static str> = BTreeSet::new();
    let mut rejected: BTreeSet<&'static str> = BTreeSet::new();
    // What a forge reports has landed already.
    if stage.is_enforcing() && stage != Stage::Landed {
        given.insert(GATED_PROPERTY);
    }
    let rules = policy.map(|policy| policy.rules.as_slice()).unwrap_or_default();
    for judgement in &verdict.judgements {
        if judgement.outcome == RuleOutcome::NotApplicable {
            continue;
        }
        let Some(rule) = rules.iter().find(|rule| rule.description.id == judgement.rule.id) else { continue };
        let mut asked = Vec::new();
        add_properties(&rule.require, verdict.stage, &mut asked);
        let properties = if judgement.outcome == RuleOutcome::Pass { &mut given } else { &mut rejected };
        properties.extend(asked);
    }
    given.difference(&rejected).copied().collect()
}

/// Adds the properties without which a condition cannot hold.
fn add_properties(condition: &Condition, stage: Stage, found: &mut Vec<&'static str>) {
    match condition {
        Condition::All(parts) => {
            for part in parts {
                add_properties(part, stage, found);
            }
        }
        Condition::Any(_) | Condition::Not(_) => {}
        Condition::Predicate(predicate) => found.extend(match predicate {
            // In a pull request only reviews count as approvals, not trailers.
            Predicate::Approvals(asked) if asked.asks_for_reviews() => match stage {
                Stage::PullRequest => Some(REVIEWED_PROPERTY),
                _ if asked.requires_verified() => Some(REVIEWED_PROPERTY),
                _ => Some(REVIEW_STATED_PROPERTY),
            },
            Predicate::Signed(_) => Some(SIGNED_PROPERTY),
            Predicate::Checks(_) => Some(CHECKED_PROPERTY),
            Predicate::Ticket(asked) if asked.asks_ticket_system() => Some(TICKET_CONFIRMED_PROPERTY),
            Predicate::Ticket(_) => Some(TICKET_STATED_PROPERTY),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::verdict::{ExemptionId, Judgement, RuleDescription, RuleId, RuleLevel};

    fn told(require: &str, outcomes: &[RuleOutcome], stage: Stage) -> Vec<&'static str> {
        let rules: String =
            (0..outcomes.len()).map(|place| format!("  r{place}: {{ require: {require} }}\n")).collect();
        let text = format!(
            "changegate: 1\nname: t\nextends: [core]\nprotects: [main]\ntickets: {{ PAY: linear }}\nrules:\n{rules}"
        );
        let mut fetch = |file: &str| Ok((file == "p.yml").then(|| text.clone().into_bytes()));
        let policy =
            crate::policy::load_policy("p.yml", &mut fetch).unwrap_or_else(|faults| panic!("{faults:?}"));
        let judgement = |(place, outcome): (usize, &RuleOutcome)| Judgement {
            rule: Arc::new(RuleDescription {
                id: RuleId::new(format!("r{place}")),
                title: String::new(),
                controls: Vec::new(),
            }),
            level: RuleLevel::Deny,
            outcome: outcome.clone(),
        };
        let verdict = Verdict {
            revision: None,
            commits: 1,
            commit_shapes: Vec::new(),
            subject: "x".into(),
            stage,
            enforced: true,
            class: None,
            judgements: outcomes.iter().enumerate().map(judgement).collect(),
            disagreements: Vec::new(),
            reasons: None,
            plan: None,
        };
        assert_eq!(list_properties(&verdict, None, stage), [GATED_PROPERTY]);
        assert_eq!(list_properties(&verdict, None, Stage::Landed), [""; 0]);
        let mut found = list_properties(&verdict, Some(&policy), stage);
        assert!(found.iter().all(|property| property.starts_with("ORG_SOURCE_")));
        found.retain(|property| *property != GATED_PROPERTY);
        found
    }

    #[test]
    fn only_what_was_asked_and_kept_is_a_property() {
        let review = "{ approvals: { at-least: 1, trust: claimed } }";
        let passes = |require: &str| told(require, &[RuleOutcome::Pass], Stage::PreReceive);
        assert_eq!(passes(review), [REVIEW_STATED_PROPERTY]);
        assert_eq!(told(review, &[RuleOutcome::Pass], Stage::PullRequest), [REVIEWED_PROPERTY]);
        assert_eq!(passes("{ approvals: { at-least: 1 } }"), [REVIEWED_PROPERTY]);
        assert_eq!(passes("{ approvals: { field: Authorized-by, trust: claimed } }"), [""; 0]);
        assert_eq!(
            passes("{ all: [{ signed: true }, { not: { ticket: { field: Ticket } } }] }"),
            [SIGNED_PROPERTY]
        );
        assert_eq!(passes("{ any: [{ signed: true }, { branch: main }] }"), [""; 0]);
        assert_eq!(passes("{ ticket: { field: Ticket } }"), [TICKET_STATED_PROPERTY]);
        assert_eq!(passes("{ ticket: { field: Ticket, exists: true } }"), [TICKET_CONFIRMED_PROPERTY]);
        assert_eq!(passes("{ checks: ci, branch: main }"), [CHECKED_PROPERTY]);
    }

    #[test]
    fn what_is_not_kept_outright_is_none() {
        let exempted = RuleOutcome::Exempted {
            reason: String::new(),
            approved_by: String::new(),
            until: String::new(),
            exemption: ExemptionId::new("p.yml:1"),
        };
        let review = "{ approvals: { at-least: 1, trust: claimed } }";
        for outcome in [
            RuleOutcome::Fail(Vec::new()),
            RuleOutcome::Owed(Vec::new()),
            RuleOutcome::Undecided(Vec::new()),
            RuleOutcome::Deferred(Vec::new()),
            RuleOutcome::NotApplicable,
            exempted,
        ] {
            assert_eq!(
                told(review, std::slice::from_ref(&outcome), Stage::PullRequest),
                [""; 0],
                "{outcome:?}"
            );
            // One that is kept does not speak for another that is not.
            let both = told(review, &[RuleOutcome::Pass, outcome.clone()], Stage::PullRequest);
            assert_eq!(both.len(), usize::from(outcome == RuleOutcome::NotApplicable), "{outcome:?}");
        }
    }
}
