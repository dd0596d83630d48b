//! Which properties a verdict justifies.
//!
//! A property is given for what the policy asked and the change kept: not for a rule that was about
//! other changes, that an exemption let be, or that is still owed. A rule counts only if it cannot be
//! kept without the question, so that a way around it (`any`) gives nothing. What was typed and what
//! was verified are different properties. There is no level of SLSA among them: this gate is not the
//! system that the source lies in, and sees a part of what such a level takes.

use crate::change::Stage;
use crate::policy::Policy;
use crate::predicates::Predicate;
use crate::predicates::condition::Condition;
use crate::verdict::{RuleOutcome, Verdict};

/// It was judged before it landed, by the policy that the ref held, and allowed.
const GATED_PROPERTY: &str = "ORG_SOURCE_CHANGE_GATED";
/// Somebody who did not make it has reviewed it, as a forge vouches.
const REVIEWED_PROPERTY: &str = "ORG_SOURCE_CHANGE_REVIEWED";
/// Somebody typed that somebody who did not make it has reviewed it.
const REVIEW_STATED_PROPERTY: &str = "ORG_SOURCE_CHANGE_REVIEW_STATED";
/// Every commit has a good signature by a key that the policy knows.
const SIGNED_PROPERTY: &str = "ORG_SOURCE_CHANGE_SIGNED";
/// The checks that the policy asks for have passed.
const CHECKED_PROPERTY: &str = "ORG_SOURCE_CHANGE_CHECKED";
/// Its ticket is as the policy asks, as the ticket system says.
const TICKET_CONFIRMED_PROPERTY: &str = "ORG_SOURCE_CHANGE_TICKET_CONFIRMED";
/// Somebody typed the reference to a ticket.
const TICKET_STATED_PROPERTY: &str = "ORG_SOURCE_CHANGE_TICKET_STATED";

/// Returns the properties that a verdict justifies, which was allowed and has landed; without the
/// policy nobody knows what its rules asked. `seen` is where the decision was made, which on a forge is
/// another stage than that of the verdict.
pub(crate) fn list_properties(verdict: &Verdict, policy: Option<&Policy>, seen: Stage) -> Vec<&'static str> {
    // What a forge tells of has landed already.
    let is_gated = seen.is_enforcing() && seen != Stage::Landed;
    let mut found: Vec<(&'static str, bool)> = vec![(GATED_PROPERTY, is_gated)];
    for judgement in &verdict.judgements {
        let rule =
            policy.and_then(|policy| policy.rules.iter().find(|rule| rule.name.id == judgement.rule.id));
        let Some(rule) = rule.filter(|_| judgement.outcome != RuleOutcome::NotApplicable) else { continue };
        let mut asked = Vec::new();
        add_properties(&rule.require, verdict.stage, &mut asked);
        found.extend(asked.into_iter().map(|property| (property, judgement.outcome == RuleOutcome::Pass)));
    }
    let mut kept: Vec<&'static str> = found.iter().map(|(property, _)| *property).collect();
    // Of several rules that ask for the same, every one has to be kept.
    kept.retain(|property| found.iter().all(|(other, is_kept)| other != property || *is_kept));
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Adds the properties without which a condition cannot hold.
fn add_properties(condition: &Condition, stage: Stage, found: &mut Vec<&'static str>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| add_properties(part, stage, found)),
        Condition::Any(_) | Condition::Not(_) => {}
        Condition::Predicate(predicate) => found.extend(match predicate {
            // In a pull request approvals are reviews, whatever trailers say.
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
    use crate::verdict::{ExemptionId, Judgement, RuleDescription, RuleLevel};

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
            rule: Arc::new(RuleDescription { id: format!("r{place}").into(), ..RuleDescription::default() }),
            level: RuleLevel::Deny,
            outcome: outcome.clone(),
        };
        let verdict = Verdict {
            revision: None,
            commits: 1,
            subject: "x".into(),
            stage,
            enforced: true,
            class: None,
            judgements: outcomes.iter().enumerate().map(judgement).collect(),
            disagreements: Vec::new(),
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
            exemption: ExemptionId::default(),
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
