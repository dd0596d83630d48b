//! Collects what a verdict rests on, where it is to be recorded or written out.
//!
//! It asks what the judge asked, again: most verdicts are only told as allowed, and a hook has no time for
//! reasons that nobody keeps.

use std::borrow::Cow;

use crate::change::{Change, FactKind, Missing, Text};
use crate::people::ResolvedIdentity;
use crate::policy::Policy;
use crate::predicates::approvals::considered::{WeighedApproval, review_approval};
use crate::predicates::{EvaluationContext, Predicate};
use crate::verdict::reasons::{MAX_REASON_TEXT_BYTES, MAX_REASONS_OF_A_KIND};
use crate::verdict::{
    ApprovalDecision, ApprovalUse, ClassId, ConsideredApproval, ConsideredCheck, ConsideredContributor,
    ConsideredField, ConsideredTicket, IdentityKind, JudgingPolicy, Message, OutcomeWord, RuleId, RuleLevel,
    RuleOutcome, RuleResult, TicketFacts, Verdict, VerdictReasons,
};

/// Returns what `verdict` rests on: the verdict of `policies` on `change`, the policy of the ref first.
pub fn collect_reasons(policies: &[&Policy], change: &Change, verdict: &Verdict) -> VerdictReasons {
    let mut reasons = VerdictReasons {
        revision: verdict.revision,
        commits: verdict.commits,
        subject: shorten_text(&verdict.subject),
        pull: change.pull.as_ref().ok().map(|pull| pull.name.clone()),
        class: verdict.class.as_ref().map(ClassId::to_string),
        decision: verdict.decision(),
        rules: list_rule_results(verdict),
        contributors: Vec::new(),
        fields: Vec::new(),
        approvals: Vec::new(),
        tickets: Vec::new(),
        checks: Vec::new(),
        left_out: 0,
        missing: Vec::new(),
        policies: Vec::new(),
    };
    for (index, policy) in policies.iter().enumerate() {
        reasons.policies.push(JudgingPolicy {
            digest: policy.digest.clone(),
            roster_digest: policy.people.roster_digest.clone(),
        });
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        if index == 0 {
            collect_contributors(&context, &mut reasons);
        }
        collect_fields(policy, change, &mut reasons);
        collect_approvals(policy, &context, verdict, &mut reasons);
    }
    if let Some(policy) = policies.first() {
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        collect_other_reviews(&context, &mut reasons);
    }
    collect_tickets(change, &mut reasons);
    collect_checks(change, &mut reasons);
    collect_missing(policies, change, &mut reasons);
    reasons.left_out += limit_list(&mut reasons.contributors)
        + limit_list(&mut reasons.fields)
        + limit_list(&mut reasons.approvals)
        + limit_list(&mut reasons.tickets)
        + limit_list(&mut reasons.checks);
    reasons
}

fn list_rule_results(verdict: &Verdict) -> Vec<RuleResult> {
    let mut results = Vec::with_capacity(verdict.judgements.len());
    for judgement in &verdict.judgements {
        results.push(RuleResult {
            rule: judgement.rule.id.clone(),
            outcome: name_outcome(&judgement.outcome),
            is_denying: judgement.level == RuleLevel::Deny,
        });
    }
    results
}

/// Returns the word for an outcome.
pub(crate) fn name_outcome(outcome: &RuleOutcome) -> OutcomeWord {
    match outcome {
        RuleOutcome::Pass => OutcomeWord::Pass,
        RuleOutcome::Fail(_) => OutcomeWord::Fail,
        RuleOutcome::Owed(_) => OutcomeWord::Owed,
        RuleOutcome::Undecided(_) => OutcomeWord::Undecided,
        RuleOutcome::Deferred(_) => OutcomeWord::Deferred,
        RuleOutcome::Exempted { .. } => OutcomeWord::Exempted,
        RuleOutcome::MaybeExempted(possible) if possible.is_settled_later() => OutcomeWord::Deferred,
        RuleOutcome::MaybeExempted(_) => OutcomeWord::Undecided,
        RuleOutcome::NotApplicable => OutcomeWord::NotApplicable,
    }
}

fn collect_contributors(context: &EvaluationContext<'_>, reasons: &mut VerdictReasons) {
    let (participants, missing) = context.participants();
    reasons.left_out += participants.len().saturating_sub(MAX_REASONS_OF_A_KIND);
    for participant in participants.iter().take(MAX_REASONS_OF_A_KIND) {
        let (kind, person) = match &participant.identity {
            ResolvedIdentity::Human(key) => (IdentityKind::Person, Some(key.clone())),
            ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => (IdentityKind::Bot, None),
            ResolvedIdentity::Unknown => (IdentityKind::Unknown, None),
        };
        reasons.contributors.push(ConsideredContributor {
            role: Message::from(participant.role),
            name: shorten_text(&participant.name),
            address: participant.address.as_ref().map(shorten_text),
            kind,
            person,
        });
    }
    reasons.missing.extend(missing.cloned());
}

fn collect_fields(policy: &Policy, change: &Change, reasons: &mut VerdictReasons) {
    for field in policy.vocabulary.fields() {
        if reasons.fields.iter().any(|known| known.field == field.name) {
            continue;
        }
        for claim in field.find_claims(change) {
            if reasons.fields.len() >= MAX_REASONS_OF_A_KIND {
                reasons.left_out += 1;
                continue;
            }
            let checked = field.check_value(&claim.value, change, claim.source);
            let word = match (&checked, field.allowed_words()) {
                (Ok(Some(level)), Some(words)) => words.get(*level).cloned(),
                _ => None,
            };
            reasons.fields.push(ConsideredField {
                field: field.name.clone(),
                value: shorten_text(&claim.value),
                word,
                is_valid: checked.is_ok(),
                at: claim.location(change),
            });
        }
    }
}

/// Adds the approvals that the applicable rules of a policy looked at, with what each was worth.
fn collect_approvals(
    policy: &Policy,
    context: &EvaluationContext<'_>,
    verdict: &Verdict,
    reasons: &mut VerdictReasons,
) {
    // Several rules look at the same approvals.
    let mut left_out = 0;
    for rule in &policy.rules {
        let id = &rule.description.id;
        let is_applicable = verdict.judgements.iter().any(|judgement| {
            judgement.rule.id == *id && !matches!(judgement.outcome, RuleOutcome::NotApplicable)
        });
        if !is_applicable {
            continue;
        }
        let mut predicates = Vec::new();
        rule.require.add_predicates(&mut predicates);
        for predicate in predicates {
            let Predicate::Approvals(asked) = predicate else { continue };
            match asked.list_weighed_approvals(context) {
                Ok(weighed) => {
                    left_out = left_out.max(weighed.left_out);
                    weighed.kept.into_iter().for_each(|one| add_weighed(one, id, &mut reasons.approvals));
                }
                Err(missing) => reasons.missing.push(missing),
            }
        }
    }
    reasons.left_out += left_out;
}

/// Adds what an approval was worth to a rule; the same approval is kept once. Where a rule asks several
/// questions, an approval that counts for one of them counts.
fn add_weighed(weighed: WeighedApproval, rule: &RuleId, approvals: &mut Vec<ConsideredApproval>) {
    let WeighedApproval { approval, counts, acts_for, why_not } = weighed;
    let known = approvals.iter().position(|known| is_same_approval(known, &approval));
    let index = known.unwrap_or_else(|| {
        approvals.push(approval);
        approvals.len() - 1
    });
    let Some(approval) = approvals.get_mut(index) else { return };
    match approval.uses.iter_mut().find(|known| known.rule == *rule) {
        Some(known) if counts => *known = ApprovalUse { rule: rule.clone(), counts, acts_for, why_not },
        Some(_) => {}
        None => approval.uses.push(ApprovalUse { rule: rule.clone(), counts, acts_for, why_not }),
    }
}

fn is_same_approval(one: &ConsideredApproval, other: &ConsideredApproval) -> bool {
    (one.source, one.decision, one.at, one.revision)
        == (other.source, other.decision, other.at, other.revision)
        && one.by == other.by
        && one.place == other.place
}

/// Adds the reviews that no rule asked for.
fn collect_other_reviews(context: &EvaluationContext<'_>, reasons: &mut VerdictReasons) {
    let change = context.change;
    let Ok(pull) = &change.pull else { return };
    let Ok(reviews) = &pull.reviews else { return };
    for review in reviews {
        let Some(decision) = ApprovalDecision::from_review(&review.state) else { continue };
        let approval = review_approval(review, decision, context);
        if !reasons.approvals.iter().any(|known| is_same_approval(known, &approval)) {
            reasons.approvals.push(approval);
        }
    }
}

fn collect_tickets(change: &Change, reasons: &mut VerdictReasons) {
    let Ok(tickets) = &change.tickets else { return };
    for lookup in tickets {
        let found = match &lookup.found {
            Ok(Some(ticket)) => Ok(Some(TicketFacts {
                key: ticket.key.clone(),
                title: shorten_text(&first_line(&ticket.text)),
                kind: shorten_text(&ticket.kind),
                state: shorten_text(&ticket.state),
                is_closed: ticket.is_closed,
                created: ticket.created,
                assignee: ticket.assignee.as_ref().map(shorten_text),
                url: shorten_text(&ticket.url),
                source: shorten_text(&ticket.source),
            })),
            Ok(None) => Ok(None),
            Err(missing) => Err(missing.clone()),
        };
        reasons.tickets.push(ConsideredTicket { key: lookup.key.clone(), found });
    }
}

fn collect_checks(change: &Change, reasons: &mut VerdictReasons) {
    let Ok(pull) = &change.pull else { return };
    let Ok(checks) = &pull.checks else { return };
    for check in checks {
        reasons.checks.push(ConsideredCheck {
            name: shorten_text(&check.name),
            by: check.by.as_ref().map(shorten_text),
            state: check.state.clone(),
            tests: check.tests,
            url: shorten_text(&check.url),
        });
    }
}

/// Adds the facts that a policy asks about and that are missing.
fn collect_missing(policies: &[&Policy], change: &Change, reasons: &mut VerdictReasons) {
    let asks = |kind: FactKind| policies.iter().any(|policy| policy.needed_facts().contains(&kind));
    if asks(FactKind::Tickets) {
        reasons.missing.extend(change.tickets.as_ref().err().cloned());
    }
    if asks(FactKind::Checks) {
        let checks = change
            .require_pull(FactKind::Checks)
            .and_then(|pull| pull.checks.as_ref().map_err(Missing::clone));
        reasons.missing.extend(checks.err());
    }
    reasons.missing.sort();
    reasons.missing.dedup();
}

/// Makes a list as short as reasons are kept, and returns how many entries were left out.
fn limit_list<T>(list: &mut Vec<T>) -> usize {
    let left_out = list.len().saturating_sub(MAX_REASONS_OF_A_KIND);
    list.truncate(MAX_REASONS_OF_A_KIND);
    left_out
}

/// Returns a text of at most as many bytes as reasons hold; a character is not cut in two.
fn shorten_text(text: &Text) -> Text {
    text.cut_to(MAX_REASON_TEXT_BYTES)
}

fn first_line(text: &Text) -> Cow<'_, Text> {
    match text.as_bytes().iter().position(|byte| *byte == b'\n') {
        Some(end) => Cow::Owned(Text::new(text.as_bytes().get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
