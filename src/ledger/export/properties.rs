//! Which properties a verdict justifies.
//!
//! A property is given for what the policy asked and the change kept: not for a rule that was about
//! other changes, that an exemption let be, or that is still owed. A rule counts only if it cannot be
//! kept without the question, so that a way around it (`any`) gives nothing. What was typed and what
//! was verified are different properties. There is no level of SLSA among them: this gate is not the
//! system that the source lies in, and sees a part of what such a level takes.

use crate::change::Stage;
use crate::policy::Policy;
use crate::predicates::{Condition, Predicate};
use crate::verdict::{Outcome, Verdict};

/// It was judged before it landed, by the policy that the ref held, and allowed.
const GATED: &str = "ORG_SOURCE_CHANGE_GATED";
/// Somebody who did not make it has reviewed it, as a forge vouches.
const REVIEWED: &str = "ORG_SOURCE_CHANGE_REVIEWED";
/// Somebody typed that somebody who did not make it has reviewed it.
const REVIEW_STATED: &str = "ORG_SOURCE_CHANGE_REVIEW_STATED";
/// Every commit has a good signature by a key that the policy knows.
const SIGNED: &str = "ORG_SOURCE_CHANGE_SIGNED";
/// The checks that the policy asks for have passed.
const CHECKED: &str = "ORG_SOURCE_CHANGE_CHECKED";
/// Its ticket is as the policy asks, as the ticket system says.
const TICKET_CONFIRMED: &str = "ORG_SOURCE_CHANGE_TICKET_CONFIRMED";
/// Somebody typed the reference to a ticket.
const TICKET_STATED: &str = "ORG_SOURCE_CHANGE_TICKET_STATED";

/// Returns the properties that a verdict justifies, which was allowed and has landed; without the
/// policy nobody knows what its rules asked. `seen` is where the decision was made, which on a forge is
/// another stage than that of the verdict.
pub(super) fn of(verdict: &Verdict, policy: Option<&Policy>, seen: Stage) -> Vec<&'static str> {
    // What a forge tells of has landed already.
    let is_gated = seen.enforces() && seen != Stage::Landed;
    let mut found: Vec<(&'static str, bool)> = vec![(GATED, is_gated)];
    for judgement in &verdict.judgements {
        let rule =
            policy.and_then(|policy| policy.rules.iter().find(|rule| rule.name.id == judgement.rule.id));
        let Some(rule) = rule.filter(|_| judgement.outcome != Outcome::NotApplicable) else { continue };
        let mut asked = Vec::new();
        properties(&rule.require, verdict.stage, &mut asked);
        found.extend(asked.into_iter().map(|property| (property, judgement.outcome == Outcome::Pass)));
    }
    let mut kept: Vec<&'static str> = found.iter().map(|(property, _)| *property).collect();
    // Of several rules that ask for the same, every one has to be kept.
    kept.retain(|property| found.iter().all(|(other, is_kept)| other != property || *is_kept));
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Adds the properties without which a condition cannot hold.
fn properties(condition: &Condition, stage: Stage, found: &mut Vec<&'static str>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| properties(part, stage, found)),
        Condition::Any(_) | Condition::Not(_) => {}
        Condition::Ask(predicate) => found.extend(match predicate {
            // In a pull request approvals are reviews, whatever trailers say.
            Predicate::Approvals(asked) if asked.is_of_reviews() => match stage {
                Stage::PullRequest => Some(REVIEWED),
                _ if asked.is_verified() => Some(REVIEWED),
                _ => Some(REVIEW_STATED),
            },
            Predicate::Signed(_) => Some(SIGNED),
            Predicate::Checks(_) => Some(CHECKED),
            Predicate::Ticket(asked) if asked.looks() => Some(TICKET_CONFIRMED),
            Predicate::Ticket(_) => Some(TICKET_STATED),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::verdict::{Judgement, Level, RuleName};

    fn told(require: &str, outcomes: &[Outcome], stage: Stage) -> Vec<&'static str> {
        let rules: String =
            (0..outcomes.len()).map(|place| format!("  r{place}: {{ require: {require} }}\n")).collect();
        let text = format!(
            "changegate: 1\nname: t\nextends: [core]\nprotects: [main]\ntickets: {{ PAY: linear }}\nrules:\n{rules}"
        );
        let mut fetch = |file: &str| Ok((file == "p.yml").then(|| text.clone().into_bytes()));
        let policy = crate::policy::load("p.yml", &mut fetch).unwrap_or_else(|faults| panic!("{faults:?}"));
        let judgement = |(place, outcome): (usize, &Outcome)| Judgement {
            rule: Arc::new(RuleName { id: format!("r{place}"), ..RuleName::default() }),
            level: Level::Deny,
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
        assert_eq!(of(&verdict, None, stage), [GATED]);
        assert_eq!(of(&verdict, None, Stage::Landed), [""; 0]);
        let mut found = of(&verdict, Some(&policy), stage);
        assert!(found.iter().all(|property| property.starts_with("ORG_SOURCE_")));
        found.retain(|property| *property != GATED);
        found
    }

    #[test]
    fn only_what_was_asked_and_kept_is_a_property() {
        let review = "{ approvals: { at-least: 1, trust: claimed } }";
        let passes = |require: &str| told(require, &[Outcome::Pass], Stage::PreReceive);
        assert_eq!(passes(review), [REVIEW_STATED]);
        assert_eq!(told(review, &[Outcome::Pass], Stage::PullRequest), [REVIEWED]);
        assert_eq!(passes("{ approvals: { at-least: 1 } }"), [REVIEWED]);
        assert_eq!(passes("{ approvals: { field: Authorized-by, trust: claimed } }"), [""; 0]);
        assert_eq!(passes("{ all: [{ signed: true }, { not: { ticket: { field: Ticket } } }] }"), [SIGNED]);
        assert_eq!(passes("{ any: [{ signed: true }, { branch: main }] }"), [""; 0]);
        assert_eq!(passes("{ ticket: { field: Ticket } }"), [TICKET_STATED]);
        assert_eq!(passes("{ ticket: { field: Ticket, exists: true } }"), [TICKET_CONFIRMED]);
        assert_eq!(passes("{ checks: ci, branch: main }"), [CHECKED]);
    }

    #[test]
    fn what_is_not_kept_outright_is_none() {
        let exempted = Outcome::Exempted {
            reason: String::new(),
            approved_by: String::new(),
            until: String::new(),
            place: String::new(),
        };
        let review = "{ approvals: { at-least: 1, trust: claimed } }";
        for outcome in [
            Outcome::Fail(Vec::new()),
            Outcome::Owed(Vec::new()),
            Outcome::Undecided(Vec::new()),
            Outcome::Deferred(Vec::new()),
            Outcome::NotApplicable,
            exempted,
        ] {
            assert_eq!(
                told(review, std::slice::from_ref(&outcome), Stage::PullRequest),
                [""; 0],
                "{outcome:?}"
            );
            // One that is kept does not speak for another that is not.
            let both = told(review, &[Outcome::Pass, outcome.clone()], Stage::PullRequest);
            assert_eq!(both.len(), usize::from(outcome == Outcome::NotApplicable), "{outcome:?}");
        }
    }
}
